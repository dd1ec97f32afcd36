import { HubError } from '../errors.ts';
import type { KnownLookup } from './identity_store.ts';

/** Names a certificate to the authority. Neither part is for anybody else (invariant 1). */
export interface CertificateReference {
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
  /** Content octets of the serial. */
  readonly serial: Uint8Array;
}

/** What the authority tells of certificates that belong together. Implemented by adapters/authority. */
export interface LinkageSource {
  /**
   * The certificate of the same kind that this one replaced, by the authority's word; undefined when it replaced none, or
   * when its line has ended.
   *
   * @throws HubError `linkage_unavailable` (503, with `retryAfter`) when the authority does not tell.
   */
  predecessor(reference: CertificateReference): Promise<CertificateReference | undefined>;
  /** The certificate of the same kind that replaced this one; undefined when none did. Throws as `predecessor`. */
  successor(reference: CertificateReference): Promise<CertificateReference | undefined>;
}

/** A card is renewed every five years, after losses sooner: this many are more than a life. */
const MAX_CHAIN = 50;

/**
 * Follows the line of a certificate that the hub does not know back to one that it knows, however many renewals the hub
 * has not seen. Undefined when nobody in the line was ever here.
 *
 * @param find what the hub knows of a certificate.
 * @throws HubError as `predecessor`; `certificate_superseded` (403) when nobody is found and a newer card replaced this
 *   one: its holder may be known by that, and must not become somebody else; `linkage_conflict` (403) when the line is none: it runs in a circle, has no end, or
 *   leads to a certificate that another one has replaced already, or to one that is not for signing in.
 */
export async function traceOrigin(
  source: LinkageSource,
  reference: CertificateReference,
  find: (reference: CertificateReference) => Promise<KnownLookup | undefined>,
): Promise<KnownLookup | undefined> {
  const seen = new Set([keyOf(reference)]);
  let current = reference;
  for (;;) {
    const before = await source.predecessor(current);
    if (before === undefined) return await refuseReplaced(source, reference);
    if (seen.has(keyOf(before)) || seen.size >= MAX_CHAIN) throw conflict('the line has no end');
    seen.add(keyOf(before));
    const known = await find(before);
    // Where an operator has undone a link the authority's word was not believed once, and is not followed further.
    if (known?.status === 'unlinked') return await refuseReplaced(source, reference);
    if (known !== undefined) return usable(known);
    current = before;
  }
}

/** The lists say so too, but not in the minutes before the hub has the next one. */
async function refuseReplaced(source: LinkageSource, reference: CertificateReference): Promise<undefined> {
  if ((await source.successor(reference)) === undefined) return undefined;
  throw new HubError('certificate_superseded', 403, 'This card has been renewed; use the new one.');
}

function usable(known: KnownLookup): KnownLookup {
  if (known.kind !== 'user') throw conflict('the line leads to a certificate of another kind');
  if (known.status === 'superseded') throw conflict('the line leads to a certificate that has a successor already');
  return known;
}

export function conflict(reason: string): HubError {
  return new HubError('linkage_conflict', 403, 'This card cannot be matched to its predecessor.', {
    details: { reason },
  });
}

function keyOf({ issuer, serial }: CertificateReference): string {
  return `${Buffer.from(issuer).toString('hex')}:${Buffer.from(serial).toString('hex')}`;
}
