import type { KeyObject } from 'node:crypto';
import type { Clock, Random } from '../../world.ts';
import type { SamlKeySet } from '../key_set.ts';
import {
  type AnsweredAttribute,
  type AnsweredNameId,
  type AnsweredSignIn,
  type AssertionContent,
  writeAssertion,
} from './assertion.ts';
import { type MessageField, writeRedirectUrl } from './bindings.ts';
import { encryptAssertion } from './encrypt.ts';
import {
  type Envelope,
  type Status,
  SUCCESS,
  writeLogoutRequest,
  writeLogoutResponse,
  writeResponse,
} from './protocol_message.ts';
import { signEnveloped, type Unsigned } from './sign.ts';

/** A message with its signature in it: for HTTP-POST and SOAP. */
export interface SignedMessage {
  /** Value of its ID attribute. */
  readonly id: string;
  readonly xml: string;
}

/** A message that may go by any binding: each signs it in its own way. */
export interface Draft {
  readonly id: string;
  readonly field: MessageField;
  readonly destination: string | undefined;
  readonly unsigned: Unsigned;
}

export interface SignInResponse extends AnsweredSignIn {
  /** ID of the AuthnRequest; undefined when there was none (SAML Profiles §4.1.5). */
  readonly inResponseTo: string | undefined;
  /** The assertion consumer service that it is sent to: Destination of the response and Recipient of the assertion. */
  readonly destination: string;
  /** Entity id of the service provider. */
  readonly audience: string;
  readonly nameId: AnsweredNameId;
  readonly attributes: readonly AnsweredAttribute[];
  /** RSA key of the service provider, for which the assertion is encrypted; undefined: it is sent in the clear. */
  readonly encryptFor: KeyObject | undefined;
}

export interface AttributeResponse {
  /** ID of the AttributeQuery. */
  readonly inResponseTo: string;
  /** Entity id of the service provider that asked. */
  readonly audience: string;
  /** As the query had it. */
  readonly nameId: AnsweredNameId;
  readonly attributes: readonly AnsweredAttribute[];
  readonly encryptFor: KeyObject | undefined;
}

export interface StatusResponse extends Status {
  readonly inResponseTo: string | undefined;
  /** Undefined for the answer to a SOAP call. */
  readonly destination: string | undefined;
}

export interface LogoutAsked {
  /** Where the request is sent to. */
  readonly destination: string;
  readonly nameId: AnsweredNameId;
  /** Of the assertions by which the person is signed in there. */
  readonly sessionIndexes: readonly string[];
}

/** The messages that the hub sends. Each has an ID of its own, the time of now and the key of now. */
export interface Answers {
  /** Somebody has signed in (SAML Core §3.3.3): assertion signed, encrypted if asked for, and the response signed around it. */
  response(content: SignInResponse): Promise<SignedMessage>;
  /** The answer to an AttributeQuery (SAML Core §3.3.2.3), with the same two signatures. */
  attributeResponse(content: AttributeResponse): Promise<SignedMessage>;
  /** A response without assertion (SAML Core §3.2.2.2). */
  errorResponse(answer: StatusResponse): Promise<SignedMessage>;
  logoutRequest(content: LogoutAsked): Draft;
  logoutResponse(answer: StatusResponse): Draft;
  /** For HTTP-POST and SOAP. */
  sign(draft: Draft): Promise<SignedMessage>;
  /** For HTTP-Redirect. @param relayState as received. @throws TypeError when the draft has no destination. */
  redirectUrl(draft: Draft, relayState: string | undefined): Promise<string>;
}

/** How long a LogoutRequest may be acted on (ms): as long as a browser may take from one site to the next. */
const LOGOUT_REQUEST_LIFETIME = 5 * 60 * 1000;

/** @param world.keys the set of now, which a rotation replaces. */
export function createAnswers(world: {
  entityId: string;
  keys: () => SamlKeySet;
  clock: Clock;
  random: Random;
}): Answers {
  const { entityId: issuer, keys, clock, random } = world;

  const begin = (destination: string | undefined, inResponseTo: string | undefined): Envelope => ({
    id: createId(random),
    issuer,
    now: clock(),
    destination,
    inResponseTo,
  });

  async function sign(unsigned: Unsigned): Promise<SignedMessage> {
    return { id: unsigned.id, xml: await signEnveloped(unsigned, keys().signing) };
  }

  async function respondWith(
    envelope: Envelope,
    content: Omit<AssertionContent, 'id' | 'issuer' | 'now'>,
    encryptFor: KeyObject | undefined,
  ): Promise<SignedMessage> {
    const { now } = envelope;
    const { xml } = await sign(writeAssertion({ ...content, id: createId(random), issuer, now }));
    const assertion = encryptFor === undefined ? xml : encryptAssertion(xml, encryptFor, random);
    return sign(writeResponse(envelope, SUCCESS, assertion));
  }

  return {
    response({ inResponseTo, destination, audience, nameId, attributes, encryptFor, ...signIn }) {
      const bearer = { recipient: destination, inResponseTo };
      const content = { audience, nameId, bearer, signIn, attributes };
      return respondWith(begin(destination, inResponseTo), content, encryptFor);
    },

    attributeResponse({ inResponseTo, audience, nameId, attributes, encryptFor }) {
      const content = { audience, nameId, bearer: undefined, signIn: undefined, attributes };
      return respondWith(begin(undefined, inResponseTo), content, encryptFor);
    },

    errorResponse: ({ destination, inResponseTo, ...status }) =>
      sign(writeResponse(begin(destination, inResponseTo), status, '')),

    logoutRequest({ destination, nameId, sessionIndexes }) {
      const envelope = begin(destination, undefined);
      const notOnOrAfter = envelope.now + LOGOUT_REQUEST_LIFETIME;
      const unsigned = writeLogoutRequest(envelope, nameId, sessionIndexes, notOnOrAfter);
      return { id: unsigned.id, field: 'SAMLRequest', destination, unsigned };
    },

    logoutResponse({ destination, inResponseTo, ...status }) {
      const unsigned = writeLogoutResponse(begin(destination, inResponseTo), status);
      return { id: unsigned.id, field: 'SAMLResponse', destination, unsigned };
    },

    sign: ({ unsigned }) => sign(unsigned),

    async redirectUrl({ destination, field, unsigned: { head, tail } }, relayState) {
      if (destination === undefined) throw new TypeError('a message without destination cannot be sent by redirect');
      return writeRedirectUrl(destination, field, head + tail, relayState, keys().signing);
    },
  };
}

/** 160 random bits (SAML Core §1.3.4), in a form that xs:ID allows. */
function createId(random: Random): string {
  return `_${Buffer.from(random(20)).toString('hex')}`;
}
