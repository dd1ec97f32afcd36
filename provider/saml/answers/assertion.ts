import { NAMESPACES } from '../names.ts';
import { attribute, dateTime, text } from './canonical.ts';
import type { Unsigned } from './sign.ts';

/** A name identifier to be sent (SAML Core §2.2.3). */
export interface AnsweredNameId {
  readonly value: string;
  /** Undefined where a query named the person without one: the answer names them as it did (SAML Core §3.3.4). */
  readonly format: string | undefined;
  readonly nameQualifier?: string | undefined;
  readonly spNameQualifier?: string | undefined;
}

/** SAML Core §2.7.3.1. Values are sent as text without xsi:type, which is what service providers take them for. */
export interface AnsweredAttribute {
  readonly name: string;
  readonly nameFormat: string;
  readonly friendlyName?: string | undefined;
  readonly values: readonly string[];
}

/** How and when a person signed in (SAML Core §2.7.2); times in milliseconds since 1970. */
export interface AnsweredSignIn {
  readonly authnInstant: number;
  readonly sessionIndex: string;
  readonly sessionNotOnOrAfter?: number | undefined;
  readonly authnContextClass: string;
}

/** Who may present the assertion, where and until when (SAML Profiles §4.1.4.2). */
export interface BearerConfirmation {
  readonly recipient: string;
  readonly inResponseTo: string | undefined;
}

export interface AssertionContent {
  readonly id: string;
  /** Entity id of the hub. */
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Entity id of the one service provider that may rely on it. */
  readonly audience: string;
  readonly nameId: AnsweredNameId;
  /** Undefined in the answer to a query, which nobody presents. */
  readonly bearer: BearerConfirmation | undefined;
  readonly signIn: AnsweredSignIn | undefined;
  readonly attributes: readonly AnsweredAttribute[];
}

/** How long an assertion may be presented (ms): SAML Profiles §4.1.4.2 wants it short; replays are stopped by the receiver. */
export const ASSERTION_LIFETIME = 5 * 60 * 1000;

/** How far a service provider's clock may be behind the hub's (ms): some allow for nothing. */
const CLOCK_SKEW = 30 * 1000;

const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

/** An assertion in canonical form, without signature, with every namespace that it uses declared on itself. */
export function writeAssertion(content: AssertionContent): Unsigned {
  const { id, issuer, now, audience, bearer, signIn, attributes } = content;
  const notOnOrAfter = dateTime(now + ASSERTION_LIFETIME);
  return {
    id,
    head:
      `<saml:Assertion xmlns:saml="${NAMESPACES.assertion}" ID="${id}" IssueInstant="${dateTime(now)}" Version="2.0">` +
      `<saml:Issuer>${text(issuer)}</saml:Issuer>`,
    tail:
      `<saml:Subject>${nameIdElement(content.nameId)}${bearer ? confirmation(bearer, notOnOrAfter) : ''}</saml:Subject>` +
      `<saml:Conditions NotBefore="${dateTime(now - CLOCK_SKEW)}" NotOnOrAfter="${notOnOrAfter}">` +
      `<saml:AudienceRestriction><saml:Audience>${text(audience)}</saml:Audience></saml:AudienceRestriction>` +
      `</saml:Conditions>${signIn ? authnStatement(signIn) : ''}${attributeStatement(attributes)}</saml:Assertion>`,
  };
}

/** For a parent that has declared `saml`, unless `declaration` does. */
export function nameIdElement(nameId: AnsweredNameId, declaration = ''): string {
  const { value, format, nameQualifier, spNameQualifier } = nameId;
  const qualifiers = attribute('NameQualifier', nameQualifier) + attribute('SPNameQualifier', spNameQualifier);
  return `<saml:NameID${declaration}${attribute('Format', format)}${qualifiers}>${text(value)}</saml:NameID>`;
}

function confirmation({ inResponseTo, recipient }: BearerConfirmation, notOnOrAfter: string): string {
  const bounds = `${attribute('InResponseTo', inResponseTo)} NotOnOrAfter="${notOnOrAfter}"`;
  return (
    `<saml:SubjectConfirmation Method="${BEARER}">` +
    `<saml:SubjectConfirmationData${bounds}${attribute('Recipient', recipient)}></saml:SubjectConfirmationData>` +
    '</saml:SubjectConfirmation>'
  );
}

function authnStatement({
  authnInstant,
  sessionIndex,
  sessionNotOnOrAfter,
  authnContextClass,
}: AnsweredSignIn): string {
  const until = sessionNotOnOrAfter === undefined ? undefined : dateTime(sessionNotOnOrAfter);
  const session = attribute('SessionIndex', sessionIndex) + attribute('SessionNotOnOrAfter', until);
  return (
    `<saml:AuthnStatement AuthnInstant="${dateTime(authnInstant)}"${session}><saml:AuthnContext>` +
    `<saml:AuthnContextClassRef>${text(authnContextClass)}</saml:AuthnContextClassRef>` +
    '</saml:AuthnContext></saml:AuthnStatement>'
  );
}

/** Nothing when there is nothing to state: an empty statement is not allowed (SAML Core §2.7.3). */
function attributeStatement(attributes: readonly AnsweredAttribute[]): string {
  if (attributes.length === 0) return '';
  return `<saml:AttributeStatement>${attributes.map(attributeElement).join('')}</saml:AttributeStatement>`;
}

function attributeElement({ friendlyName, name, nameFormat, values }: AnsweredAttribute): string {
  const names = attribute('FriendlyName', friendlyName) + attribute('Name', name) + attribute('NameFormat', nameFormat);
  const contents = values.map((value) => `<saml:AttributeValue>${text(value)}</saml:AttributeValue>`).join('');
  return `<saml:Attribute${names}>${contents}</saml:Attribute>`;
}
