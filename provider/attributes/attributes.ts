import type { JWK } from 'jose';
import type { Bilingual } from './catalogue/claim_type.ts';
import type { CarriedClaim } from './delivery.ts';

/** Where a value is from, told together with it. */
export interface Provenance {
  source: string;
  /** Milliseconds since 1970. */
  obtainedAt: number;
  /** Whether the source still vouches for it, as far as the hub has heard. */
  isCurrent: boolean;
  /** As of when the source says it, where that is not when it was obtained; milliseconds since 1970. */
  asOf?: number | undefined;
  /** Until when the source vouches for it, where it says so; milliseconds since 1970. */
  validUntil?: number | undefined;
  /** `YYYY-MM-DD`: the day that it is about, where one was asked for. */
  targetDate?: string | undefined;
}

export interface AttributeValue {
  value: unknown;
  /** Undefined for what the hub says itself. */
  provenance?: Provenance;
}

/**
 * Why a claim that is held could not be had now. `not_available`: whoever holds it did not answer, or not in a way that
 * can be believed. `not_told`: they answered, without it. `not_fresh`: what they have is older than was asked for.
 * `not_possible`: it cannot be asked for in this way, such as for this day.
 */
export type UnavailableReason = 'not_available' | 'not_told' | 'not_fresh' | 'not_possible';

export interface UnavailableClaim {
  readonly unavailable: UnavailableReason;
  /** Who was asked. */
  readonly source: string;
}

/** What a relying party says about one claim, beside that it wants it. */
export interface ClaimWish {
  /** `YYYY-MM-DD`: the day that it is about, for a claim that has one. As it came: not judged. */
  readonly targetDate?: unknown;
  /** Seconds that it may be old. As it came: not judged. */
  readonly maxAge?: unknown;
  /** How it is to come; plain unless said. As it came: not judged. */
  readonly delivery?: unknown;
}

/** For whom values are fetched. */
export interface Asking {
  /** Some are told one relying party and not another. */
  readonly clientId: string;
  /** The decision that it rests on. */
  readonly consent: { readonly id: string; readonly purpose: string | undefined };
  readonly wishes?: Readonly<Record<string, ClaimWish>> | undefined;
  /** The key that sealed claims are for, as the relying party publishes it now; undefined when it has none. */
  readonly sealFor?: (() => Promise<JWK | undefined>) | undefined;
}

export interface HeldClaims {
  readonly names: readonly string[];
  /** Of these, the ones that their source vouches for no longer. */
  readonly stale: readonly string[];
  /** Of these, who would answer, for what comes from an attribute provider. */
  readonly providers?: Readonly<Record<string, Bilingual>>;
}

export interface FetchedValues {
  readonly values: Readonly<Record<string, AttributeValue>>;
  /** Of what was asked for and is held, what could not be had now. */
  readonly unavailable: Readonly<Record<string, UnavailableClaim>>;
  /** What comes in a form that the hub hands on as it is. */
  readonly carried: readonly CarriedClaim[];
}

/** What a source says of one claim. */
export type SourceAnswer = AttributeValue | UnavailableClaim | { readonly carried: CarriedClaim };

/** A place that holds values of some claims for a subject. */
export interface AttributeSource {
  /** Which claims of the catalogue it can hold at all. */
  readonly claims: readonly string[];
  /** Whether it knows other forms than plain values; else a claim that is asked for in one is not possible. */
  readonly carries?: boolean;
  /** Those of `claims` that it holds for this subject and would tell this relying party now. */
  held(subjectId: string, claims: readonly string[], clientId: string): Promise<HeldClaims>;
  /** Values of the named claims; a claim it does not hold is left out. */
  values(subjectId: string, claims: readonly string[], asking: Asking): Promise<Readonly<Record<string, SourceAnswer>>>;
}

export interface Attributes {
  /** Of `claims` those that are held for this subject; sources that are not asked for cost nothing. */
  held(subjectId: string, claims: readonly string[], clientId: string): Promise<HeldClaims>;
  /** All sources are asked at once; what one cannot tell leaves the others' as it is. */
  values(subjectId: string, claims: readonly string[], asking: Asking): Promise<FetchedValues>;
}

const NOTHING: Readonly<Record<string, SourceAnswer>> = {};
/** What the hub itself vouches for comes plain. */
const HUB_CARRIES_NOTHING: UnavailableClaim = { unavailable: 'not_possible', source: 'hub' };

/** The sources as one; `sub` is held for everybody and its value is the resolver's. */
export function createAttributes(sources: readonly AttributeSource[]): Attributes {
  const asked = (claims: readonly string[]) =>
    sources
      .map((source) => ({ source, names: claims.filter((name) => source.claims.includes(name)) }))
      .filter(({ names }) => names.length > 0);
  return {
    async held(subjectId, claims, clientId) {
      const held = await Promise.all(asked(claims).map(({ source, names }) => source.held(subjectId, names, clientId)));
      const isAsked = (name: string) => claims.includes(name);
      return {
        names: ['sub', ...held.flatMap(({ names }) => names)].filter(isAsked),
        stale: held.flatMap(({ stale }) => stale).filter(isAsked),
        providers: Object.assign({}, ...held.map(({ providers }) => providers)),
      };
    },
    async values(subjectId, claims, asking): Promise<FetchedValues> {
      const values: Record<string, AttributeValue> = {};
      const unavailable: Record<string, UnavailableClaim> = {};
      const carried: CarriedClaim[] = [];
      const isPlain = (name: string) => [undefined, 'plain'].includes(asking.wishes?.[name]?.delivery as undefined);
      const told = await Promise.all(
        asked(claims).map(({ source, names }) => {
          const possible = source.carries ? names : names.filter(isPlain);
          for (const name of names) if (!possible.includes(name)) unavailable[name] = HUB_CARRIES_NOTHING;
          return possible.length > 0 ? source.values(subjectId, possible, asking) : NOTHING;
        }),
      );
      for (const [name, answer] of told.flatMap((each) => Object.entries(each))) {
        if ('unavailable' in answer) unavailable[name] = answer;
        else if ('carried' in answer) carried.push(answer.carried);
        else values[name] = answer;
      }
      return { values, unavailable, carried };
    },
  };
}
