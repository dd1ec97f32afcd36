import { createHash } from 'node:crypto';
import type { Disclosure } from './consent_store.ts';

/*
 * The chain of one person's disclosures. Each release follows the one before it; the first follows `origin`, 32 random
 * octets that only the person is told, so that nobody can guess whose a published head is.
 *
 *   hash = SHA-256(previous hash ‖ sequence (8 octets, big-endian) ‖ entry (UTF-8))
 *
 * where the entry is JSON without white space: [at, exit, client, consent, [[claim, source], …]], `at` in milliseconds
 * since 1970 and `source` null for what the hub says itself. The database computes the same (consent_store.ts, DISCLOSE).
 */

/** What is linked: everything that a release's rows say. */
export type LinkedDisclosure = Pick<
  Disclosure,
  'sequence' | 'clientId' | 'consentId' | 'exit' | 'claims' | 'sources' | 'at'
>;

/** The beginning of an entry, up to the consent; and each claim in it. Together with the consent's id they are the entry. */
export function entryParts({ at, exit, clientId, claims, sources }: Omit<LinkedDisclosure, 'sequence' | 'consentId'>) {
  return {
    opening: `[${JSON.stringify(at)},${JSON.stringify(exit)},${JSON.stringify(clientId)}`,
    items: claims.map((claim, place) => JSON.stringify([claim, sources[place] ?? null])),
  };
}

export function hashDisclosure(previous: Uint8Array, disclosure: LinkedDisclosure): Uint8Array {
  const { opening, items } = entryParts(disclosure);
  const number = Buffer.alloc(8);
  number.writeBigInt64BE(BigInt(disclosure.sequence));
  const entry = `${opening},${JSON.stringify(disclosure.consentId)},[${items.join(',')}]]`;
  return createHash('sha256').update(previous).update(number).update(entry).digest();
}

export interface DisclosureChainFault {
  readonly sequence: number;
  readonly fault: 'gap' | 'changed';
}

/**
 * Follows the chain from its origin; the first fault, or undefined when it holds. A tail that is missing shows only
 * against a head that was published or kept elsewhere.
 *
 * @param disclosures oldest first.
 */
export function checkDisclosureChain(
  origin: Uint8Array,
  disclosures: Iterable<LinkedDisclosure & Pick<Disclosure, 'hash'>>,
): DisclosureChainFault | undefined {
  let sequence = 0;
  let hash = origin;
  for (const disclosure of disclosures) {
    sequence += 1;
    if (disclosure.sequence !== sequence) return { sequence, fault: 'gap' };
    hash = hashDisclosure(hash, disclosure);
    if (Buffer.compare(hash, disclosure.hash) !== 0) return { sequence, fault: 'changed' };
  }
  return undefined;
}
