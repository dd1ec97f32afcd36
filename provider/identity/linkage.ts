import { HubError } from '../errors.ts';
import type { KnownLookup, LinkMethod } from './identity_store.ts';

/** Names a certificate to the authority. Neither part is for anybody else (invariant 1). */
export interface CertificateReference {
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
  /** Content octets of the serial. */
  readonly serial: Uint8Array;
}

/**
 * What the authority tells of certificates that belong together. Implemented by adapters/authority. Each question costs
 * money, and each throws as `predecessor`.
 */
export interface LinkageSource {
  /**
   * The certificate of the same kind that this one replaced, by the authority's word; undefined when it replaced none, or
   * when its line has ended.
   *
   * @throws HubError `linkage_unavailable` (503, with `retryAfter`) when the authority does not tell.
   */
  predecessor(reference: CertificateReference): Promise<CertificateReference | undefined>;
  /** The certificate of the same kind that replaced this one; undefined when none did. */
  successor(reference: CertificateReference): Promise<CertificateReference | undefined>;
  /** The certificate of kind `kind` that stands beside this one, of the other kind, now; undefined when there is none. */
  counterpart(reference: CertificateReference, kind: 'user' | 'signing'): Promise<CertificateReference | undefined>;
  /** The certificate of the same kind on the person's other device, card or phone, now; undefined when there is none. */
  otherDevice(reference: CertificateReference): Promise<CertificateReference | undefined>;
}

/** By which certificate that is known here a new one is recognised as the same person's, and how. */
export interface Recognition {
  readonly method: LinkMethod;
  readonly by: KnownLookup;
}

interface Way {
  readonly method: LinkMethod;
  /** What kind of certificate the way leads to. */
  readonly kind: KnownLookup['kind'];
  readonly first: (source: LinkageSource, reference: CertificateReference) => Promise<CertificateReference | undefined>;
}

/**
 * The ways from a user certificate to a person who is known, in the order in which they are tried. Each begins with one
 * certificate and goes on to those that it replaced, back to one that is known.
 */
const WAYS: readonly Way[] = [
  { method: 'linkage', kind: 'user', first: (source, reference) => source.predecessor(reference) },
  { method: 'other device', kind: 'user', first: (source, reference) => source.otherDevice(reference) },
  {
    method: 'signing linkage',
    kind: 'signing',
    first: (source, reference) => source.counterpart(reference, 'signing'),
  },
  {
    method: 'signing linkage',
    kind: 'signing',
    async first(source, reference) {
      const other = await source.otherDevice(reference);
      return other && source.counterpart(other, 'signing');
    },
  },
];

/** The same source; `onQuestion` hears of everything that it is asked. */
export function countedLinkage(source: LinkageSource, onQuestion: () => void): LinkageSource {
  const count = <T>(question: () => Promise<T>): Promise<T> => {
    onQuestion();
    return question();
  };
  return {
    predecessor: (reference) => count(() => source.predecessor(reference)),
    successor: (reference) => count(() => source.successor(reference)),
    counterpart: (reference, kind) => count(() => source.counterpart(reference, kind)),
    otherDevice: (reference) => count(() => source.otherDevice(reference)),
  };
}

/** A card is renewed every five years, after losses sooner: this many are more than a life. */
const MAX_CHAIN = 50;
/** For one certificate, over all ways. Who has a whole life behind them has it on one. */
const MAX_QUESTIONS = 60;

/**
 * Whose a user certificate is that the hub does not know, by nothing but the authority's word. Undefined when it leads to
 * nobody who was ever here: then it is somebody new.
 *
 * A certificate whose link an operator has undone ends the search: there the authority's word was not believed once, and a
 * second person is a smaller harm than a wrong one.
 *
 * @param find what the hub knows of a certificate.
 * @throws HubError as LinkageSource.predecessor; `certificate_superseded` (403) when a newer card replaced this one, unless
 *   its own line leads to somebody: its holder may be known by that, and must not become somebody else, nor may the old
 *   card serve beside the new one; `linkage_conflict` (403) when a line is none: it runs in a circle, has no end, or leads to
 *   a certificate that another one has replaced already, or to one of another kind.
 */
export async function recognise(
  source: LinkageSource,
  reference: CertificateReference,
  find: (reference: CertificateReference) => Promise<KnownLookup | undefined>,
): Promise<Recognition | undefined> {
  for (const { method, kind, first } of WAYS) {
    const start = await first(source, reference);
    const known = start && (await firstKnown(source, start, reference, find));
    if (known === undefined) continue;
    if (known.status === 'unlinked') break;
    if (known.kind !== kind) throw conflict('the line leads to a certificate of another kind');
    if (known.status === 'superseded' && isTakenOver(method, known)) {
      throw conflict('the line leads to a certificate that has a successor already');
    }
    if (method !== 'linkage') await refuseReplaced(source, reference);
    return { method, by: known };
  }
  await refuseReplaced(source, reference);
  return undefined;
}

/**
 * Whether a superseded certificate contradicts the way that led to it: then two are said to have replaced it. What stands
 * beside a certificate may have been renewed since the authority looked. A signing certificate is superseded by an enrolment
 * with another one, which says nothing of its line, and tells whose it is as well as before.
 */
function isTakenOver(method: LinkMethod, { kind, isFirst }: FoundInLine): boolean {
  return kind === 'user' && (method === 'linkage' || !isFirst);
}

interface FoundInLine extends KnownLookup {
  /** The line begins with it. */
  readonly isFirst: boolean;
}

/** The first certificate that is known, of this one, the one that it replaced, and so on. */
async function firstKnown(
  source: LinkageSource,
  start: CertificateReference,
  origin: CertificateReference,
  find: (reference: CertificateReference) => Promise<KnownLookup | undefined>,
): Promise<FoundInLine | undefined> {
  const seen = new Set([keyOf(origin)]);
  let current: CertificateReference | undefined = start;
  while (current !== undefined) {
    if (seen.has(keyOf(current)) || seen.size >= MAX_CHAIN) throw conflict('the line has no end');
    seen.add(keyOf(current));
    const known = await find(current);
    if (known !== undefined) return { ...known, isFirst: current === start };
    current = await source.predecessor(current);
  }
  return undefined;
}

/** The lists say so too, but not in the minutes before the hub has the next one. */
async function refuseReplaced(source: LinkageSource, reference: CertificateReference): Promise<void> {
  if ((await source.successor(reference)) === undefined) return;
  throw new HubError('certificate_superseded', 403, 'This card has been renewed; use the new one.');
}

/**
 * The same source for the length of one sign-in: asked the same thing twice it repeats itself, and it is asked a bounded
 * number of things.
 *
 * @throws HubError `linkage_conflict` (403) for the question that is one too many.
 */
export function askedOnce(source: LinkageSource): LinkageSource {
  const answers = new Map<string, Promise<CertificateReference | undefined>>();
  const ask = (
    what: string,
    reference: CertificateReference,
    question: () => Promise<CertificateReference | undefined>,
  ) => {
    const key = `${what} ${keyOf(reference)}`;
    const known = answers.get(key);
    if (known) return known;
    if (answers.size >= MAX_QUESTIONS) throw conflict('the line has no end');
    const answer = question();
    answers.set(key, answer);
    return answer;
  };
  return {
    predecessor: async (reference) => ask('predecessor', reference, () => source.predecessor(reference)),
    successor: async (reference) => ask('successor', reference, () => source.successor(reference)),
    counterpart: async (reference, kind) => ask(kind, reference, () => source.counterpart(reference, kind)),
    otherDevice: async (reference) => ask('other device', reference, () => source.otherDevice(reference)),
  };
}

export function conflict(reason: string): HubError {
  return new HubError('linkage_conflict', 403, 'This card cannot be matched to its predecessor.', {
    details: { reason },
  });
}

function keyOf({ issuer, serial }: CertificateReference): string {
  return `${Buffer.from(issuer).toString('hex')}:${Buffer.from(serial).toString('hex')}`;
}
