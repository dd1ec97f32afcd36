import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { HubError } from '../../errors.ts';
import { type Bilingual, bilingualSchema, type ClaimType, claimTypeSchema } from './claim_type.ts';

/** Where a claim's value comes from. `provider`: from an attribute provider, an insurer or a card issuer. */
export type ClaimSource = 'hub' | 'card' | 'signing_certificate' | 'provider';

/** How the names of SAML attributes are chosen: the setting of a service provider. */
export type SamlProfile = 'uri' | 'basic' | 'eidas';

export interface SamlName {
  readonly name: string;
  readonly friendlyName?: string | undefined;
  /** In which form this name wants the value; unless given, as its text. */
  readonly form?: 'basic_date' | 'iso_5218' | 'eidas_gender' | undefined;
}

export interface CatalogueClaim {
  /** The name in tokens (OIDC Core §5.1 where it has one). */
  readonly name: string;
  /** The scope that asks for it: of its own name, save `sub`. */
  readonly scope: string;
  readonly source: ClaimSource;
  readonly type: ClaimType;
  readonly label: Bilingual;
  /** What a person should know who decides on it. */
  readonly explanation: Bilingual;
  /** A sensitive claim is asked for again whenever the request changes. */
  readonly sensitivity: 'ordinary' | 'sensitive';
  /** Seconds that a provider's answer may be kept; 0: not at all. */
  readonly keepSeconds: number;
  /** Whether it can be asked for as of a day (`target_date` in the claims parameter). */
  readonly targetDate: boolean;
  /** By profile; a claim that is not named in one keeps its own name there. */
  readonly saml: Readonly<Partial<Record<SamlProfile, SamlName>>>;
}

/** Every claim that the hub can release, in the order in which they are always named. */
export interface Catalogue {
  readonly claims: readonly CatalogueClaim[];
  find(name: string): CatalogueClaim | undefined;
  /** By the name of a SAML attribute in any profile, or the claim's own. */
  findBySamlName(name: string): CatalogueClaim | undefined;
}

/** Octets of a catalogue file. */
const MAX_FILE = 1_048_576;
const MAX_CLAIMS = 500;

/** Names that the protocols use themselves. */
const TAKEN = new Set([
  ...['iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'azp', 'nonce', 'sid', 'acr', 'amr', 'auth_time', 'at_hash', 'c_hash'],
  ...['s_hash', 'cnf', 'client_id', 'scope', 'active', 'username', 'token_type', 'events', 'sub_id', 'openid'],
  ...['offline_access', 'profile', 'email', 'phone', 'verified_claims', 'claims_provenance', 'claims_unavailable'],
  ...['_claim_names', '_claim_sources', 'delivery', 'sealed'],
]);

const samlNameSchema = z.strictObject({
  name: z.string().min(1).max(256),
  friendlyName: z.string().min(1).max(64).optional(),
  form: z.enum(['basic_date', 'iso_5218', 'eidas_gender']).optional(),
});

const claimSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be of a-z, 0-9 and _'),
  scope: z.string().min(1).max(64).optional(),
  source: z.enum(['hub', 'card', 'signing_certificate', 'provider']),
  type: claimTypeSchema,
  label: bilingualSchema,
  explanation: bilingualSchema,
  sensitivity: z.enum(['ordinary', 'sensitive']).default('ordinary'),
  keepSeconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(0),
  targetDate: z.boolean().default(false),
  saml: z
    .strictObject({
      uri: samlNameSchema.optional(),
      basic: samlNameSchema.optional(),
      eidas: samlNameSchema.optional(),
    })
    .default({}),
});

const fileSchema = z.strictObject({ claims: z.array(claimSchema).max(MAX_CLAIMS) });

/**
 * The claims of the hub itself, with those of an operator's file behind them. A file adds claims of attribute providers: what
 * the card and the hub say is not its to change.
 *
 * @param file path of a catalogue file, in the format of claims.json beside this module; none unless given.
 * @throws HubError `catalogue_invalid` (500) with what is wrong and where.
 */
export function openCatalogue(file?: string): Catalogue {
  const added = file === undefined ? [] : readFile(file);
  for (const { name, scope, source, saml } of added) {
    if (builtIn.some((claim) => claim.name === name)) throw invalid(file, `${name} is a claim of the hub itself`);
    if (TAKEN.has(name)) throw invalid(file, `${name} is a name of the protocol`);
    if (source !== 'provider') throw invalid(file, `${name} must be of the source provider`);
    if (scope !== name) throw invalid(file, `the scope of ${name} must have its name`);
    for (const { name: samlName } of Object.values(saml)) {
      if (samlNames(builtIn).has(samlName)) throw invalid(file, `${samlName} is the SAML name of another claim`);
    }
  }
  const claims = [...builtIn, ...added];
  const names = claims.map(({ name }) => name);
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw invalid(file, `${twice} is there twice`);
  return catalogueOf(claims);
}

/** Scope → names of its claims. */
export function claimsByScope({ claims }: Catalogue): Record<string, string[]> {
  const scopes: Record<string, string[]> = {};
  for (const { name, scope } of claims) {
    scopes[scope] ??= [];
    scopes[scope].push(name);
  }
  return scopes;
}

function catalogueOf(claims: readonly CatalogueClaim[]): Catalogue {
  const byName = new Map(claims.map((claim) => [claim.name, claim]));
  const bySamlName = new Map(
    claims.flatMap((claim) => Object.values(claim.saml).map(({ name }) => [name, claim] as const)),
  );
  return {
    claims,
    find: (name) => byName.get(name),
    findBySamlName: (name) => bySamlName.get(name) ?? byName.get(name),
  };
}

function samlNames(claims: readonly CatalogueClaim[]): ReadonlySet<string> {
  return new Set(claims.flatMap(({ saml }) => Object.values(saml).map(({ name }) => name)));
}

function readFile(file: string): readonly CatalogueClaim[] {
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (cause) {
    throw invalid(file, 'it cannot be read', cause);
  }
  if (octets.length > MAX_FILE) throw invalid(file, `it is larger than ${MAX_FILE} octets`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
  } catch (cause) {
    throw invalid(file, 'it is not JSON', cause);
  }
  return readClaims(file, json);
}

function readClaims(file: string, json: unknown): readonly CatalogueClaim[] {
  const read = fileSchema.safeParse(json);
  if (!read.success) {
    const { path, message } = read.error.issues[0] ?? { path: [], message: 'it is not as it must be' };
    throw invalid(file, `${path.join('.')}: ${message}`, read.error);
  }
  return read.data.claims.map(({ scope, ...claim }) => ({ ...claim, scope: scope ?? claim.name }));
}

function invalid(file: string | undefined, what: string, cause?: unknown): HubError {
  return new HubError('catalogue_invalid', 500, `The catalogue ${file ?? ''} cannot be used: ${what}.`, { cause });
}

const BUILT_IN = new URL('claims.json', import.meta.url);
const builtIn = readClaims('claims.json', JSON.parse(readFileSync(BUILT_IN, 'utf8')));

/** The claims that every hub has. */
export const builtInCatalogue: Catalogue = catalogueOf(builtIn);
