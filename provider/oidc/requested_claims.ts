import type { ClaimWish } from '../attributes/attributes.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { samlExchangeOf } from './saml_parameter.ts';
import { claimsToVerify } from './verified_claims.ts';

interface ClaimsRequest {
  userinfo?: Record<string, unknown> | null;
  id_token?: Record<string, unknown> | null;
}

/**
 * Claims of the catalogue that an authorization request asks for, by scope or by the claims parameter (OIDC Core §5.5),
 * plain or to be verified, or by a SAML service provider's metadata; in the catalogue's order. The protocol's own claims (`acr`, `auth_time`, `sid` …) are not in the catalogue.
 */
export function requestedClaims(
  catalogue: Catalogue,
  params: { scope?: unknown; claims?: unknown; saml?: unknown },
): readonly string[] {
  const scopes = new Set(typeof params.scope === 'string' ? params.scope.split(' ') : []);
  const named = new Set([...claimNames(params.claims), ...Object.keys(samlExchangeOf(params)?.claims ?? {})]);
  return catalogue.claims.filter(({ name, scope }) => scopes.has(scope) || named.has(name)).map(({ name }) => name);
}

/** Claims that the relying party marked `essential`: shown as needed, not as a choice. */
export function essentialClaims(params: { claims?: unknown; saml?: unknown }): ReadonlySet<string> {
  const request = parse(params.claims);
  const byMetadata = Object.entries(samlExchangeOf(params)?.claims ?? {});
  const essential = new Set(byMetadata.flatMap(([name, isEssential]) => (isEssential ? [name] : [])));
  for (const part of [request.userinfo, request.id_token]) {
    for (const [name, want] of Object.entries({ ...part, ...claimsToVerify(part?.verified_claims) })) {
      if (isEssential(want)) essential.add(name);
    }
  }
  return essential;
}

/** As long as the standard lets a purpose be (OIDC4IDA, `purpose`). */
const PURPOSE_LIMIT = 300;

/** What the request itself says that single claims are for: the member `purpose` in the claims parameter. */
export function claimPurposes(params: { claims?: unknown }): Readonly<Record<string, string>> {
  const { userinfo, id_token: idToken } = parse(params.claims);
  const purposes: [string, string][] = [];
  for (const part of [userinfo, idToken]) {
    for (const [name, want] of Object.entries({ ...part, ...claimsToVerify(part?.verified_claims) })) {
      const purpose = typeof want === 'object' && want !== null && 'purpose' in want ? want.purpose : undefined;
      if (typeof purpose === 'string' && purpose !== '') purposes.push([name, purpose.slice(0, PURPOSE_LIMIT)]);
    }
  }
  return Object.fromEntries(purposes);
}

/**
 * What is said about single claims beside that they are wanted: `target_date`, `max_age` and `delivery`, members of the request for
 * a claim (OIDC Core §5.5.1 leaves room for further ones).
 *
 * @param named the part of the claims parameter that an answer is made for.
 */
export function claimWishes(named: Readonly<Record<string, unknown>>): Readonly<Record<string, ClaimWish>> {
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, want]) => {
      if (typeof want !== 'object' || want === null) return [];
      const { target_date: targetDate, max_age: maxAge, delivery } = want as Readonly<Record<string, unknown>>;
      const isSaid = [targetDate, maxAge, delivery].some((each) => each !== undefined);
      return isSaid ? [[name, { targetDate, maxAge, delivery }]] : [];
    }),
  );
}

/** The parts of the claims parameter that are there: for userinfo, and for the id_token. */
export function requestParts({ claims }: { claims?: unknown }): readonly Record<string, unknown>[] {
  const { userinfo, id_token: idToken } = parse(claims);
  return [userinfo, idToken].flatMap((part) => (part ? [part] : []));
}

function claimNames(claims: unknown): ReadonlySet<string> {
  const { userinfo, id_token: idToken } = parse(claims);
  return new Set(
    [userinfo, idToken].flatMap((part) => [
      ...Object.keys(part ?? {}),
      ...Object.keys(claimsToVerify(part?.verified_claims)),
    ]),
  );
}

/** Whether the relying party asks for verified claims (OIDC4IDA): a claim of the protocol, made of others that need consent. */
export function wantsVerifiedClaims({ claims }: { claims?: unknown }): boolean {
  const { userinfo, id_token: idToken } = parse(claims);
  return [userinfo, idToken].some((part) => part?.verified_claims !== undefined);
}

/** The engine has validated the parameter before it stored it; here it is JSON text or absent. */
function parse(claims: unknown): ClaimsRequest {
  return typeof claims === 'string' ? (JSON.parse(claims) as ClaimsRequest) : {};
}

function isEssential(want: unknown): boolean {
  return typeof want === 'object' && want !== null && 'essential' in want && want.essential === true;
}
