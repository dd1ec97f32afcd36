import type { HeldClaims } from '../attributes/catalogue.ts';
import type { Consent } from './consent_store.ts';

/** What a relying party asks for, seen against what the hub holds and what the person decided before. */
export interface ConsentNeed {
  /** Asked, known to the catalogue and held for this person, in the catalogue's order. */
  askable: readonly string[];
  /** Asked and known, but nothing is held for this person: shown as not available, never released. */
  unavailable: readonly string[];
  /** Askable claims that their source no longer vouches for: given as of their date, and marked so. */
  stale: readonly string[];
  /** Askable claims on which the person has not decided yet: when empty, no page is shown. */
  undecided: readonly string[];
}

export function consentNeed(requested: readonly string[], held: HeldClaims, live: Consent | undefined): ConsentNeed {
  const decided = new Set([...(live?.granted ?? []), ...(live?.declined ?? [])]);
  const askable = requested.filter((claim) => held.names.includes(claim));
  return {
    askable,
    unavailable: requested.filter((claim) => !held.names.includes(claim)),
    stale: held.stale,
    undecided: askable.filter((claim) => !decided.has(claim)),
  };
}

/**
 * The decision to store after the page was answered. Only what was shown can be agreed to: a widened form changes
 * nothing. Earlier decisions on claims that this page did not show stay as they were.
 */
export function decide(
  need: ConsentNeed,
  agreed: readonly string[],
  live: Consent | undefined,
): { granted: readonly string[]; declined: readonly string[] } {
  const shown = new Set(need.askable);
  // `sub` is what agreeing means: without it there is no sign-in to agree to.
  const granted = need.askable.filter((claim) => claim === 'sub' || agreed.includes(claim));
  const declined = need.askable.filter((claim) => !granted.includes(claim));
  return {
    granted: [...(live?.granted ?? []).filter((claim) => !shown.has(claim)), ...granted],
    declined: [...(live?.declined ?? []).filter((claim) => !shown.has(claim)), ...declined],
  };
}
