import { NAMESPACES, STATUS } from '../names.ts';
import { type AnsweredNameId, nameIdElement } from './assertion.ts';
import { attribute, dateTime, text } from './canonical.ts';
import type { Unsigned } from './sign.ts';

/** What every message begins with (SAML Core §3.2). */
export interface Envelope {
  readonly id: string;
  /** Entity id of the hub. */
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Where it is sent to; undefined for the answer to a call. */
  readonly destination: string | undefined;
  readonly inResponseTo?: string | undefined;
}

/** SAML Core §3.2.2.1. */
export interface Status {
  /** From the top-level code to the last one below it; at least one. */
  readonly codes: readonly string[];
  /** For the engineer at the other end: a sentence that holds nothing of a person. */
  readonly message?: string | undefined;
}

export const SUCCESS: Status = { codes: [STATUS.success] };

const SAML = ` xmlns:saml="${NAMESPACES.assertion}"`;

/** @param assertion in canonical form, signed or encrypted; '' for none. */
export function writeResponse(envelope: Envelope, status: Status, assertion: string): Unsigned {
  return message('Response', envelope, '', `${statusElement(status)}${assertion}`);
}

/** SAML Core §3.7.2. */
export function writeLogoutResponse(envelope: Envelope, status: Status): Unsigned {
  return message('LogoutResponse', envelope, '', statusElement(status));
}

/** SAML Core §3.7.1. @param notOnOrAfter milliseconds since 1970. */
export function writeLogoutRequest(
  envelope: Envelope,
  nameId: AnsweredNameId,
  sessionIndexes: readonly string[],
  notOnOrAfter: number,
): Unsigned {
  const sessions = sessionIndexes.map((index) => `<samlp:SessionIndex>${text(index)}</samlp:SessionIndex>`).join('');
  return message(
    'LogoutRequest',
    envelope,
    ` NotOnOrAfter="${dateTime(notOnOrAfter)}"`,
    `${nameIdElement(nameId, SAML)}${sessions}`,
  );
}

function message(name: string, envelope: Envelope, furtherAttributes: string, content: string): Unsigned {
  const { id, issuer, now, destination, inResponseTo } = envelope;
  return {
    id,
    head:
      `<samlp:${name} xmlns:samlp="${NAMESPACES.protocol}"${attribute('Destination', destination)} ID="${id}"` +
      `${attribute('InResponseTo', inResponseTo)} IssueInstant="${dateTime(now)}"${furtherAttributes} Version="2.0">` +
      `<saml:Issuer${SAML}>${text(issuer)}</saml:Issuer>`,
    tail: `${content}</samlp:${name}>`,
  };
}

function statusElement({ codes, message }: Status): string {
  const code = codes.reduceRight(
    (below, value) => `<samlp:StatusCode${attribute('Value', value)}>${below}</samlp:StatusCode>`,
    '',
  );
  const sentence = message === undefined ? '' : `<samlp:StatusMessage>${text(message)}</samlp:StatusMessage>`;
  return `<samlp:Status>${code}${sentence}</samlp:Status>`;
}
