import { findClaim } from '../attributes/catalogue.ts';

/** Whether a claim is one that the person decides on again whenever what is asked about such claims changes. */
export function isSensitive(claim: string): boolean {
  return findClaim(claim)?.sensitivity === 'sensitive';
}
