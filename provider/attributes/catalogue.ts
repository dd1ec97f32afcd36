/** Where a claim's value comes from; shown on the consent page. */
export type ClaimSource = 'hub' | 'card' | 'signing_certificate';

export interface CatalogueClaim {
  /** The name in tokens (OIDC Core §5.1 where it has one). */
  name: string;
  /** The scope that asks for it. */
  scope: string;
  source: ClaimSource;
  /** Ordinary unless said otherwise. What is sensitive is decided on again whenever what is asked of such claims changes. */
  sensitivity?: 'ordinary' | 'sensitive';
}

/**
 * Every claim that the hub can release. Labels and explanations are words of views/words, keyed by the name.
 * `sub` is the pairwise identifier: to be recognised again is itself something that a person agrees to.
 */
export const catalogue: readonly CatalogueClaim[] = [
  { name: 'sub', scope: 'openid', source: 'hub' },
  { name: 'card_status', scope: 'card_status', source: 'card' },
  { name: 'name', scope: 'name', source: 'signing_certificate' },
  { name: 'address', scope: 'address', source: 'signing_certificate' },
  { name: 'birthdate', scope: 'birthdate', source: 'signing_certificate' },
  { name: 'gender', scope: 'gender', source: 'signing_certificate' },
];

const byName = new Map(catalogue.map((claim) => [claim.name, claim]));

export function findClaim(name: string): CatalogueClaim | undefined {
  return byName.get(name);
}

/** The engine's `claims` setting: scope → claim names, and the protocol's own claims that need no consent. */
export function claimsByScope(): Record<string, string[]> {
  const scopes: Record<string, string[]> = {};
  for (const { name, scope } of catalogue) {
    scopes[scope] ??= [];
    scopes[scope].push(name);
  }
  return scopes;
}

/** Where a value is from, told together with it. */
export interface Provenance {
  source: string;
  /** Milliseconds since 1970. */
  obtainedAt: number;
  /** Whether the source still vouches for it, as far as the hub has heard. */
  isCurrent: boolean;
}

export interface AttributeValue {
  value: unknown;
  /** Undefined for what the hub says itself. */
  provenance?: Provenance;
}

export interface HeldClaims {
  readonly names: readonly string[];
  /** Of these, the ones that their source vouches for no longer. */
  readonly stale: readonly string[];
}

/** A place that holds values of some claims for a subject. */
export interface AttributeSource {
  /** Which claims of the catalogue it can hold at all. */
  readonly claims: readonly string[];
  /** Those it holds for this subject now. */
  held(subjectId: string): Promise<HeldClaims>;
  /**
   * Values of the named claims; a claim it does not hold is left out.
   *
   * @param clientId whom they are for: some are told one relying party and not another.
   */
  values(subjectId: string, claims: readonly string[], clientId: string): Promise<Record<string, AttributeValue>>;
}

export interface Attributes {
  /** Of `claims` those that are held for this subject; sources that are not asked for cost nothing. */
  held(subjectId: string, claims: readonly string[]): Promise<HeldClaims>;
  values(subjectId: string, claims: readonly string[], clientId: string): Promise<Record<string, AttributeValue>>;
}

/** The sources as one; `sub` is held for everybody and its value is the resolver's. */
export function createAttributes(sources: readonly AttributeSource[]): Attributes {
  const asked = (claims: readonly string[]) =>
    sources
      .map((source) => ({ source, names: claims.filter((name) => source.claims.includes(name)) }))
      .filter(({ names }) => names.length > 0);
  return {
    async held(subjectId, claims) {
      const held = await Promise.all(asked(claims).map(({ source }) => source.held(subjectId)));
      const isAsked = (name: string) => claims.includes(name);
      return {
        names: ['sub', ...held.flatMap(({ names }) => names)].filter(isAsked),
        stale: held.flatMap(({ stale }) => stale).filter(isAsked),
      };
    },
    async values(subjectId, claims, clientId) {
      const sourced = asked(claims).map(({ source, names }) => source.values(subjectId, names, clientId));
      const values = await Promise.all(sourced);
      return Object.assign({}, ...values);
    },
  };
}
