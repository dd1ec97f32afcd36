import { HubError } from '../errors.ts';
import type { Arrival } from './bindings/arrival.ts';
import { malformed, senderUnknown, stale, wrongDestination } from './errors.ts';
import { type MessageHead, readHead } from './messages/message_head.ts';
import { readMessage } from './messages/read_message.ts';
import type { MessageKind, SamlMessage } from './messages.ts';
import type { ServiceProvider } from './service_provider.ts';
import { verifyRedirect } from './signature/redirect_signature.ts';
import { signingKeysOf } from './signature/signing_keys.ts';
import { countSignatures, verifyEnveloped } from './signature/verify_enveloped.ts';
import type { XmlElement } from './xml/xml_element.ts';

/** Milliseconds that a message may have been on its way: a person who is asked something in between is none of this. */
const MAX_AGE = 5 * 60_000;

/** A message of one of these kinds. */
export type MessageOf<Kind extends MessageKind> = Extract<SamlMessage, { kind: Kind }>;

/** Where a message arrives, and what may arrive there. */
export interface Door<Kind extends MessageKind = MessageKind> {
  /** Its exact address, as in the hub's metadata: what Destination must be. */
  readonly address: string;
  readonly kinds: readonly Kind[];
}

export interface Circumstances<Kind extends MessageKind = MessageKind> {
  readonly door: Door<Kind>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds by which clocks may differ. */
  readonly tolerance: number;
}

/**
 * Who an arrival claims to be from. Nothing but a look-up may rest on it.
 *
 * @param kinds what may arrive there
 * @throws HubError 400 `saml_malformed`
 */
export function claimedIssuer({ unverifiedRoot, parameter }: Arrival, kinds: readonly MessageKind[]): string {
  const head = readHead(unverifiedRoot);
  const { kind, issuer } = head;
  if (!isOneOf(head, kinds)) throw otherKind();
  if (parameter !== undefined && (parameter === 'SAMLResponse') !== (kind === 'LogoutResponse')) {
    throw malformed('a request came as a response, or the other way round');
  }
  return issuer;
}

/**
 * Judges an arrival by what is known of the sender that it claims, and reads it out of the octets that were signed. The
 * order matters: until the sender is proved, everything that is wrong looks as if nobody knew the sender.
 *
 * @throws HubError 400 `saml_service_unknown`, `saml_wrong_destination`, `saml_request_stale`, `saml_malformed`,
 *   `saml_encrypted`
 */
export function judgeArrival<Kind extends MessageKind>(
  arrival: Arrival,
  provider: ServiceProvider,
  circumstances: Circumstances<Kind>,
): MessageOf<Kind> {
  const { root, isSigned } = proveSender(arrival, provider);
  const head = readHead(root);
  if (head.issuer !== provider.metadata.entityId) throw senderUnknown('what was signed names another sender');
  checkDestination(head, arrival, isSigned, circumstances.door);
  checkTime(head, circumstances);
  const message = readMessage(root, head, isSigned);
  if (!isOneOf(message, circumstances.door.kinds)) throw otherKind();
  return message;
}

function isOneOf<Kind extends MessageKind, Subject extends { readonly kind: MessageKind }>(
  subject: Subject,
  kinds: readonly Kind[],
): subject is Extract<Subject, { kind: Kind }> {
  return (kinds as readonly MessageKind[]).includes(subject.kind);
}

function otherKind(): HubError {
  return malformed('a message of this kind is not taken here');
}

function proveSender(arrival: Arrival, provider: ServiceProvider): { root: XmlElement; isSigned: boolean } {
  const { binding, unverifiedRoot, ancestors, redirectSignature } = arrival;
  const embedded = countSignatures(unverifiedRoot);
  // SAML Bindings §3.4.4.1: a message is sent by redirect without it, so that nobody can take one for the other.
  if (binding === 'redirect' && embedded > 0) throw senderUnknown('a signature came inside of a message by redirect');
  if (!redirectSignature && embedded === 0) {
    if (mustBeSigned(arrival, provider)) throw senderUnknown('it is not signed and must be');
    return { root: unverifiedRoot, isSigned: false };
  }
  const keys = signingKeysOf(provider.metadata.signingCertificates);
  try {
    if (!redirectSignature) return { root: verifyEnveloped(unverifiedRoot, keys, { ancestors }), isSigned: true };
    // The root was read from the octets that this signature covers.
    verifyRedirect(redirectSignature, keys);
    return { root: unverifiedRoot, isSigned: true };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    throw senderUnknown(String(error.details.why), error);
  }
}

/** A request to sign in may be anybody's: what comes of it goes to the sender's address only. Everything else acts. */
function mustBeSigned({ unverifiedRoot }: Arrival, { metadata, settings }: ServiceProvider): boolean {
  return unverifiedRoot.local !== 'AuthnRequest' || metadata.authnRequestsSigned || settings.requireSignedRequests;
}

/** SAML Bindings §3.4.5.2, §3.5.5.2: or a message that was signed for another hub would be taken here. */
function checkDestination(
  { destination }: MessageHead,
  { binding }: Arrival,
  isSigned: boolean,
  { address }: Door,
): void {
  if (destination === undefined) {
    if (isSigned && binding !== 'soap') throw wrongDestination('it is signed and has no destination');
  } else if (destination !== address) throw wrongDestination('its destination is another address');
}

function checkTime({ issueInstant, notOnOrAfter }: MessageHead, { now, tolerance }: Circumstances): void {
  if (issueInstant < now - MAX_AGE) throw stale('it was issued too long ago');
  if (issueInstant > now + tolerance) throw stale('it was issued in the future');
  if (notOnOrAfter !== undefined && notOnOrAfter <= now - tolerance) throw stale('its sender had it end before now');
}
