import type { JWK } from 'jose';
import { type Client, errors } from 'oidc-provider';
import type { ClaimWish } from '../attributes/attributes.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { DELIVERIES, isOneOf, sealingKey } from '../attributes/delivery.ts';
import type { StatedClaim } from '../consent/carried_statement.ts';
import { claimWishes, requestParts } from './requested_claims.ts';

/** Client metadata of ours: the form in which single claims of attribute providers come, `{ "health_insurance": "sealed" }`. */
export const CLAIMS_DELIVERY = 'claims_delivery';

/**
 * The wishes of a request with what is registered: a claim that is registered as sealed stays sealed, whatever somebody has
 * made of the request on its way through a browser.
 */
export function withRegisteredDelivery(
  wishes: Readonly<Record<string, ClaimWish>>,
  client: Client | undefined,
): Readonly<Record<string, ClaimWish>> {
  const registered = Object.entries((client?.[CLAIMS_DELIVERY] ?? {}) as Readonly<Record<string, string>>);
  if (registered.length === 0) return wishes;
  const merged = registered.map(([name, delivery]) => [name, { ...wishes[name], delivery }] as const);
  return { ...wishes, ...Object.fromEntries(merged) };
}

/** Of what a request asks for, the claims that reach the relying party sealed, by whichever way they leave. */
export function sealedClaims(
  catalogue: Catalogue,
  params: { scope?: unknown; claims?: unknown },
  client: Client,
): ReadonlySet<string> {
  const scopes = typeof params.scope === 'string' ? params.scope.split(' ') : [];
  const parts = requestParts(params).map((part) => ({
    part,
    wishes: withRegisteredDelivery(claimWishes(part), client),
  }));
  const registered = withRegisteredDelivery({}, client);
  const names = catalogue.claims.flatMap(({ name, scope }) => {
    const named = parts.flatMap(({ part, wishes }) => (Object.hasOwn(part, name) ? [wishes[name]?.delivery] : []));
    const ways = [...named, ...(scopes.includes(scope) ? [registered[name]?.delivery] : [])];
    return ways.length > 0 && ways.every((way) => way === 'sealed') ? [name] : [];
  });
  return new Set(names);
}

/** Whether client metadata `claims_delivery` is as it has to be; a text for whoever registers it where it is not. */
export function faultOfClaimsDelivery(
  catalogue: Catalogue,
  value: unknown,
  { jwks, jwks_uri: jwksUri }: Record<string, unknown>,
): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'claims_delivery must be an object';
  for (const [name, delivery] of Object.entries(value)) {
    if (catalogue.find(name)?.source !== 'provider') {
      return `claims_delivery names ${JSON.stringify(name.slice(0, 50))}, which is no claim of attribute providers`;
    }
    if (!isOneOf(DELIVERIES, delivery)) return `claims_delivery.${name} must be one of ${DELIVERIES.join(', ')}`;
    if (delivery === 'sealed' && jwks === undefined && jwksUri === undefined) {
      return 'claims_delivery with sealed needs jwks or jwks_uri';
    }
  }
  return undefined;
}

/** The key that claims are sealed for: of what the relying party publishes now. Undefined when none can be had for that. */
export async function sealingKeyOf(client: Client | undefined): Promise<JWK | undefined> {
  // Left out of the engine's type declarations.
  const { asymmetricKeyStore: keys } = (client ?? {}) as {
    asymmetricKeyStore?: Iterable<JWK> & { refresh(): Promise<void> };
  };
  try {
    await keys?.refresh();
  } catch (error) {
    // Its own keys that do not answer cost it the sealed claims and nothing else.
    if (error instanceof errors.OIDCProviderError) return undefined;
    throw error;
  }
  return keys && sealingKey(keys);
}

/** `_claim_names` and `_claim_sources` (OIDC Core §5.6.2): one source a claim, so that each stands or falls alone. */
export function claimSources(carried: readonly StatedClaim[]): Readonly<Record<string, unknown>> {
  if (carried.length === 0) return {};
  return {
    _claim_names: Object.fromEntries(carried.map(({ claim }) => [claim, claim])),
    _claim_sources: Object.fromEntries(carried.map((each) => [each.claim, sourceOf(each)])),
  };
}

/** `sealed` and `statement` are ours: whoever does not know them sees an aggregated or distributed claim as the standard has it. */
function sourceOf({ form, token, endpoint, statement }: StatedClaim): Readonly<Record<string, unknown>> {
  if (form === 'distributed') return { endpoint, access_token: token, statement };
  return form === 'aggregated' ? { JWT: token, statement } : { sealed: token, statement };
}
