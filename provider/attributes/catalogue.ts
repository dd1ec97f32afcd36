/** Where a claim's value comes from; shown on the consent page. */
export type ClaimSource = 'hub' | 'card' | 'signing_certificate';

export interface CatalogueClaim {
  /** The name in tokens (OIDC Core §5.1 where it has one). */
  name: string;
  /** The scope that asks for it. */
  scope: string;
  source: ClaimSource;
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

/** A place that holds values of some claims for a subject. */
export interface AttributeSource {
  /** Which claims of the catalogue it can hold at all. */
  readonly claims: readonly string[];
  /** Those it holds for this subject now. */
  held(subjectId: string): Promise<readonly string[]>;
  /** Values of the named claims; a claim it does not hold is left out. */
  values(subjectId: string, claims: readonly string[]): Promise<Record<string, unknown>>;
}

export interface Attributes {
  held(subjectId: string): Promise<ReadonlySet<string>>;
  values(subjectId: string, claims: readonly string[]): Promise<Record<string, unknown>>;
}

/** The sources as one; `sub` is held for everybody and its value is the resolver's. */
export function createAttributes(sources: readonly AttributeSource[]): Attributes {
  return {
    async held(subjectId) {
      const held = await Promise.all(sources.map((source) => source.held(subjectId)));
      return new Set(['sub', ...held.flat()]);
    },
    async values(subjectId, claims) {
      const asked = sources
        .map((source) => ({ source, names: claims.filter((name) => source.claims.includes(name)) }))
        .filter(({ names }) => names.length > 0);
      const values = await Promise.all(asked.map(({ source, names }) => source.values(subjectId, names)));
      return Object.assign({}, ...values);
    },
  };
}
