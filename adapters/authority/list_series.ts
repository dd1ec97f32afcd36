import { createHash } from 'node:crypto';

/**
 * Names a series of lists: the authority's key and the scope, so that the same list at another address is the same one.
 * Also the key under which the highest number is remembered, and the first part of the file's name.
 */
export type ListSeries = `${string}:${string}`;

/** @param scope DER of the issuingDistributionPoint; empty for a list without one. */
export function seriesOf(anchorId: string, scope: Uint8Array): ListSeries {
  return `${anchorId}:${scope.length === 0 ? 'full' : createHash('sha256').update(scope).digest('hex')}`;
}
