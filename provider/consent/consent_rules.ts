import type { HeldClaims } from '../attributes/attributes.ts';
import type { Bilingual } from '../attributes/catalogue/claim_type.ts';
import type { ClaimTerms, Consent, ConsentPeriod } from './consent_store.ts';

/** What a relying party asks for: claims of the catalogue in its order, each with its terms. */
export type AskedClaims = Readonly<Record<string, ClaimTerms>>;

/** What a relying party asks for, seen against what the hub holds and what the person decided before. */
export interface ConsentNeed {
  /** Asked, known to the catalogue and held for this person, in the catalogue's order. */
  askable: readonly string[];
  /** Asked and known, but nothing is held for this person: shown as not available, never released. */
  unavailable: readonly string[];
  /** Askable claims that their source no longer vouches for: given as of their date, and marked so. */
  stale: readonly string[];
  /** Askable claims on which the person has not decided yet as they are asked for now: when empty, no page is shown. */
  undecided: readonly string[];
  /** Who would answer, by claim, for what comes from an attribute provider. */
  providers: Readonly<Record<string, Bilingual>>;
}

export interface ConsentCircumstances {
  readonly isSensitive: (claim: string) => boolean;
  /** The consent that was given for the very request at hand: what it holds for one sign-in counts for this one. */
  readonly givenNow: string | undefined;
}

export function consentNeed(
  asked: AskedClaims,
  held: HeldClaims,
  live: Consent | undefined,
  { isSensitive, givenNow }: ConsentCircumstances,
): ConsentNeed {
  const requested = Object.keys(asked);
  const askable = requested.filter((claim) => held.names.includes(claim));
  const isUndecided = (claim: string) => !isDecided(claim, asked[claim], live, givenNow, isSensitive(claim));
  // One more sensitive claim, or another purpose of one, puts the others into another light.
  const sensitiveChanged = askable.some((claim) => isSensitive(claim) && isUndecided(claim));
  return {
    askable,
    unavailable: requested.filter((claim) => !held.names.includes(claim)),
    stale: held.stale,
    undecided: askable.filter((claim) => isUndecided(claim) || (sensitiveChanged && isSensitive(claim))),
    providers: held.providers ?? {},
  };
}

/** Decided as it is asked for now: for the same purpose, and not refused while it was a choice and needed now. */
function isDecided(
  claim: string,
  now: ClaimTerms | undefined,
  live: Consent | undefined,
  givenNow: string | undefined,
  isSensitive: boolean,
): boolean {
  if (!live || (live.passing.includes(claim) && live.id !== givenNow)) return false;
  const isGranted = live.granted.includes(claim);
  if (!isGranted && !live.declined.includes(claim)) return false;
  const then = live.terms[claim];
  // Decisions from before terms were kept.
  if (!then || !now) return true;
  if (then.purpose !== now.purpose) return false;
  if (isSensitive && then.required !== now.required) return false;
  return isGranted || then.required || !now.required;
}

/**
 * What the page shows as a choice: what is new; everything, where the relying party wants all decided again or nothing is
 * new. What was decided before is shown beside it, and stays.
 */
export function claimsToDecide(need: ConsentNeed, decidesAll: boolean): readonly string[] {
  return decidesAll || need.undecided.length === 0 ? need.askable : need.undecided;
}

/**
 * The decision to store after the page was answered. Only what was shown can be agreed to: a widened form changes
 * nothing. Earlier decisions on claims that this page did not show stay as they were.
 *
 * @param shown see claimsToDecide.
 */
export function decide(
  asked: AskedClaims,
  shown: readonly string[],
  { agreed, period }: { agreed: readonly string[]; period: ConsentPeriod },
  live: Consent | undefined,
): Pick<Consent, 'granted' | 'declined' | 'passing' | 'period' | 'terms'> {
  // `sub` is what agreeing means: without it there is no sign-in to agree to.
  const granted = shown.filter((claim) => claim === 'sub' || agreed.includes(claim));
  const declined = shown.filter((claim) => !granted.includes(claim));
  // What was agreed to once ends with the next decision at the latest.
  const isKept = (claim: string) => !shown.includes(claim) && !live?.passing.includes(claim);
  const earlier = (claims: readonly string[] = []) => claims.filter(isKept);
  const kept = [...earlier(live?.granted), ...earlier(live?.declined)];
  return {
    granted: [...earlier(live?.granted), ...granted],
    declined: [...earlier(live?.declined), ...declined],
    // What was left out once is asked again with the rest.
    passing: period === 'lasting' ? [] : shown,
    period,
    terms: Object.fromEntries([
      ...kept.flatMap((claim) => (live?.terms[claim] ? [[claim, live.terms[claim]]] : [])),
      ...shown.flatMap((claim) => (asked[claim] ? [[claim, asked[claim]]] : [])),
    ]),
  };
}
