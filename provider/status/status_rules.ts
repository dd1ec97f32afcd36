import { type CertificateWord, effectOf, type PersonState, personState } from '../identity/person_state.ts';

/**
 * What a relying party may learn about one of its own people.
 *
 * - `current`: the person can be told apart and reached as before, and the attributes, if any are held, are right.
 * - `attributes_changed`: nobody vouches any more for the attributes as they were enrolled; most often one has changed.
 * - `renewed`: the authority has issued a successor to the card; it has not been shown here yet.
 * - `contact_needed`: the card can no longer be used. A lost card, a leaked key, a card that was given up, a death and
 *   one that ran out look the same, here and in everything that comes with it.
 * - `unknown`: no identifier of this relying party. Another relying party's looks exactly so.
 */
export type Status = 'current' | 'attributes_changed' | 'renewed' | 'contact_needed' | 'unknown';

/** Whether the hub holds attributes of the person, and whether anybody vouches for them now. */
export type HeldAttributes = 'none' | 'current' | 'stale';

/** The authority's word, or that the certificate has run out, of which no list speaks (RFC 5280 §3.3). */
export type StatusWord = CertificateWord | 'expired';

/** Where an answer comes from: a list that has been followed, a responder, or what a sign-in recorded. */
export type StatusSource = 'crl' | 'ocsp' | 'recorded';

/** A current certificate of a person with what is known of it. Times are milliseconds since 1970. */
export interface KnownCertificateState {
  readonly kind: 'user' | 'signing';
  readonly notBefore: number;
  readonly notAfter: number;
  readonly word: CertificateWord;
  /** How old that word is: thisUpdate of the list or answer. */
  readonly asOf: number;
  readonly source: StatusSource;
}

/** What is told about one identifier. Of an `unknown` one nothing else is said. */
export interface SubjectStatus {
  readonly status: Status;
  readonly attributes?: HeldAttributes;
  /** How old the authority's word is (ms); of two the older one. */
  readonly asOf?: number;
  readonly source?: StatusSource;
}

/** The answer in every state of a person: what must not be told apart is one word. */
const ANSWER: Readonly<Record<PersonState, Exclude<Status, 'unknown'>>> = {
  current: 'current',
  attributes_changed: 'attributes_changed',
  renewed: 'renewed',
  held: 'contact_needed',
  ended: 'contact_needed',
  compromised: 'contact_needed',
};

/** The table (person_state.ts) as a relying party sees it, certificates that ran out included. */
export function answerTo(
  signing: StatusWord | 'none',
  user: StatusWord,
): { readonly status: Exclude<Status, 'unknown'>; readonly attributes: HeldAttributes } {
  // Of one that ran out nobody says more than of one that was revoked for no reason at all.
  const spoken = signing === 'expired' ? 'unspecified' : signing;
  const status = user === 'expired' ? 'contact_needed' : ANSWER[personState(spoken, user)];
  const { attributes } = effectOf(spoken, 'good');
  // A signing certificate that is good beside a leaked key would tell it from a death.
  return { status, attributes: status === 'contact_needed' && attributes === 'current' ? 'stale' : attributes };
}

/** `order` of source: how far an answer is from the authority. */
const DISTANCE: Readonly<Record<StatusSource, number>> = { ocsp: 0, crl: 1, recorded: 2 };

/**
 * Which certificates speak for a person, and what follows. Any good user certificate says that the person is there; where
 * none is, the newest one has the word. Of signing certificates the newest speaks, since the attributes were taken from it.
 *
 * @param certificates those that are current, in any order.
 */
export function statusOf(certificates: readonly KnownCertificateState[], now: number): SubjectStatus {
  const user = speakerOf(certificates, 'user', now);
  const signing = newest(certificates.filter(({ kind }) => kind === 'signing'));
  const { status, attributes } = answerTo(
    signing ? wordOf(signing, now) : 'none',
    // Who has no card here any more cannot be told from somebody whose card has ended.
    user ? wordOf(user, now) : 'expired',
  );
  const speakers = [user, signing].filter((speaker) => speaker !== undefined);
  if (speakers.length === 0) return { status, attributes };
  const asOf = Math.min(...speakers.map((speaker) => speaker.asOf));
  const [source] = speakers.map((speaker) => speaker.source).sort((one, two) => DISTANCE[two] - DISTANCE[one]);
  return { status, attributes, asOf, ...(source && { source }) };
}

function speakerOf(
  certificates: readonly KnownCertificateState[],
  kind: KnownCertificateState['kind'],
  now: number,
): KnownCertificateState | undefined {
  const ofKind = certificates.filter((certificate) => certificate.kind === kind);
  return newest(ofKind.filter((certificate) => wordOf(certificate, now) === 'good')) ?? newest(ofKind);
}

function newest(certificates: readonly KnownCertificateState[]): KnownCertificateState | undefined {
  return certificates.reduce<KnownCertificateState | undefined>(
    (best, one) => (best === undefined || one.notBefore > best.notBefore ? one : best),
    undefined,
  );
}

/** A reason stays when the certificate has run out: it is the last word that there will be. */
function wordOf({ word, notAfter }: KnownCertificateState, now: number): StatusWord {
  return word === 'good' && now > notAfter ? 'expired' : word;
}
