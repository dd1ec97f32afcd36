import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { Clock } from '../world.ts';
import { faultOfClaimPurposes } from './asked_claims.ts';
import { CLAIMS_DELIVERY, faultOfClaimsDelivery } from './carried_claims.ts';
import { isRegisteredFor, OWN_RESOURCES } from './own_resources.ts';
import { PORTAL_CLIENT_ID } from './portal_client.ts';

/** Client metadata of ours beside RFC 7591's: registered with the client, validated below. */
export const CLIENT_METADATA = [
  'client_name#ja',
  'client_name#en',
  'purpose',
  'purpose#ja',
  'purpose#en',
  'claim_purposes',
  CLAIMS_DELIVERY,
  'require_pkce',
  'introspection_resource',
  'musubi_revocation_policy',
  'status_check',
  'person_notices',
  'verifier',
  'saml_sector',
] as const;

const TEXT_LIMIT = 200;

/** Defaults for what a registration leaves out. ES256 signs 30 times cheaper than RS256 and verifies everywhere that matters. */
export const CLIENT_DEFAULTS = {
  id_token_signed_response_alg: 'ES256',
  subject_type: 'pairwise',
  require_auth_time: true,
} as const;

/** The engine calls this for each of `CLIENT_METADATA`; throws `invalid_client_metadata`. */
export function validateClientMetadata(
  key: string,
  value: unknown,
  metadata: Record<string, unknown>,
  policies: Pick<RevocationPolicies, 'has'>,
  catalogue: Catalogue,
): void {
  if (key === 'status_check' || key === 'verifier') {
    validateOwnResource(key, value, metadata);
    return;
  }
  if (key === 'saml_sector') {
    assertInternalClient(value, metadata);
    return;
  }
  if (value === undefined) return;
  if (key === 'person_notices') {
    if (typeof value !== 'boolean') throw new errors.InvalidClientMetadata('person_notices must be true or false');
    if (value && metadata.status_check !== true) {
      throw new errors.InvalidClientMetadata('person_notices needs status_check: it is heard on a stream of events');
    }
    return;
  }
  if (key === 'claim_purposes' || key === CLAIMS_DELIVERY) {
    const fault =
      key === CLAIMS_DELIVERY
        ? faultOfClaimsDelivery(catalogue, value, metadata)
        : faultOfClaimPurposes(catalogue, value);
    if (fault) throw new errors.InvalidClientMetadata(fault);
    return;
  }
  if (key === 'require_pkce') {
    if (typeof value !== 'boolean') throw new errors.InvalidClientMetadata('require_pkce must be true or false');
    if (value === false && metadata.token_endpoint_auth_method === 'none') {
      throw new errors.InvalidClientMetadata('a public client cannot be exempted from PKCE');
    }
    return;
  }
  if (typeof value !== 'string' || value.length === 0 || value.length > TEXT_LIMIT) {
    throw new errors.InvalidClientMetadata(`${key} must be a text of 1 to ${TEXT_LIMIT} characters`);
  }
  if (key === 'introspection_resource' && !URL.canParse(value)) {
    throw new errors.InvalidClientMetadata('introspection_resource must be an absolute URI');
  }
  if (key === 'musubi_revocation_policy' && !policies.has(value)) {
    throw new errors.InvalidClientMetadata('musubi_revocation_policy names no policy of this hub');
  }
}

/**
 * `saml_sector` marks the client that stands for a SAML service provider, whose people it names. It asks for nothing by
 * itself: `none` is how its requests look inside the hub, and is for it and for the hub's own portal, since nobody else has
 * a use for an answer without code and tokens.
 */
function assertInternalClient(sector: unknown, metadata: Record<string, unknown>): void {
  const { response_types: types, grant_types: grants, token_endpoint_auth_method: method } = metadata;
  const isNone = Array.isArray(types) && types.length === 1 && types[0] === 'none';
  if (sector === undefined) {
    if (metadata.client_id === PORTAL_CLIENT_ID) return;
    if (Array.isArray(types) && types.includes('none')) {
      throw new errors.InvalidClientMetadata('the response type none is for SAML service providers');
    }
    return;
  }
  if (!isNone || !Array.isArray(grants) || grants.length > 0 || method !== 'none') {
    throw new errors.InvalidClientMetadata('saml_sector is for SAML service providers');
  }
}

/** Secrets are typed into configurations and sent along; whoever asks about many people proves possession of a key. */
const KEY_METHODS = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];

const VERIFIER_PROOFS = ['challenge', 'tls_statement'];

/** Tokens in a relying party's own name are for the hub's own resources, and those are for whom the operator allows them. */
function validateOwnResource(
  key: 'status_check' | 'verifier',
  value: unknown,
  metadata: Record<string, unknown>,
): void {
  const { grant_types: grants, token_endpoint_auth_method: method } = metadata;
  const hasGrant = Array.isArray(grants) && grants.includes('client_credentials');
  if (hasGrant && !OWN_RESOURCES.some((resource) => isRegisteredFor(metadata, resource))) {
    throw new errors.InvalidClientMetadata('client_credentials is for clients with status_check or verifier only');
  }
  if (value === undefined) return;
  if (key === 'status_check' && typeof value !== 'boolean') {
    throw new errors.InvalidClientMetadata('status_check must be true or false');
  }
  if (value === false) return;
  if (key === 'verifier') validateVerifier(value, metadata);
  if (!hasGrant) throw new errors.InvalidClientMetadata(`${key} needs the grant type client_credentials`);
  if (!KEY_METHODS.includes(String(method))) {
    throw new errors.InvalidClientMetadata(`${key} needs one of ${KEY_METHODS.join(', ')}`);
  }
}

/** `{ "proof": "challenge" }`, or `tls_statement` for one whose word about its own handshakes the operator trusts. */
function validateVerifier(value: unknown, { jwks, jwks_uri: jwksUri }: Record<string, unknown>): void {
  const { proof, ...others } = Object(value);
  if (Array.isArray(value) || !VERIFIER_PROOFS.includes(proof) || Object.keys(others).length > 0) {
    throw new errors.InvalidClientMetadata(`verifier must be {"proof": "${VERIFIER_PROOFS.join('" or "')}"}`);
  }
  if (proof === 'tls_statement' && jwks === undefined && jwksUri === undefined) {
    throw new errors.InvalidClientMetadata('verifier with tls_statement needs jwks or jwks_uri');
  }
}

/**
 * PKCE for everybody (RFC 9700 §2.1.1). The one exemption is a confidential client that is registered with
 * `require_pkce: false` because its library has no PKCE, and that sends a nonce, which guards against code injection in
 * its place.
 */
export function pkceRequired(ctx: KoaContextWithOIDC, client: Client): boolean {
  const exempt = client.require_pkce === false && client.tokenEndpointAuthMethod !== 'none';
  return !(exempt && ctx.oidc.params?.nonce);
}

/** An assertion is for one exchange: minutes, and one audience, so that it cannot be replayed at another server. */
const ASSERTION_LIFETIME = 5 * 60;
const REQUEST_OBJECT_LIFETIME = 10 * 60;
/** Seconds by which clocks may differ; the engine's `clockTolerance`. */
export const CLOCK_TOLERANCE = 15;

interface Claims {
  aud?: unknown;
  exp?: unknown;
}

export interface AssertionPolicy {
  /** RFC 7523 §3 as tightened by RFC 9700 §2.5: short-lived, single audience. Throws `invalid_client`. */
  assertClientAssertion(claims: Claims, header: Record<string, unknown>): void;
  /** RFC 9101 §10.2–10.8. Throws `invalid_request_object`. */
  assertRequestObject(claims: Claims, header: Record<string, unknown>): void;
}

export function createAssertionPolicy(clock: Clock): AssertionPolicy {
  return {
    assertClientAssertion(claims, header) {
      const refuse = (detail: string) => new errors.InvalidClientAuth(detail);
      assertShortLived(claims, clock(), ASSERTION_LIFETIME, refuse);
      assertSingleAudience(claims, refuse);
      assertPlainHeader(header, ['jwt', 'client-authentication+jwt'], refuse);
    },

    assertRequestObject(claims, header) {
      const refuse = (detail: string) => new errors.InvalidRequestObject(detail);
      assertShortLived(claims, clock(), REQUEST_OBJECT_LIFETIME, refuse);
      assertSingleAudience(claims, refuse);
      assertPlainHeader(header, ['jwt', 'oauth-authz-req+jwt'], refuse);
    },
  };
}

type Refuse = (detail: string) => Error;

function assertShortLived(claims: Claims, now: number, lifetime: number, refuse: Refuse): void {
  if (typeof claims.exp !== 'number' || claims.exp > now / 1000 + lifetime + CLOCK_TOLERANCE) {
    throw refuse(`exp is required and must be at most ${lifetime} seconds ahead`);
  }
}

function assertSingleAudience(claims: Claims, refuse: Refuse): void {
  const { aud } = claims;
  if (typeof aud === 'string' || (Array.isArray(aud) && aud.length === 1)) return;
  throw refuse('aud must name exactly one audience');
}

function assertPlainHeader(header: Record<string, unknown>, types: readonly string[], refuse: Refuse): void {
  if (header.crit !== undefined || header.b64 !== undefined) throw refuse('crit and b64 are not supported');
  const { typ } = header;
  if (typ === undefined) return;
  const name = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (name === undefined || !types.includes(name)) throw refuse('typ names another kind of token');
}

/**
 * Who may introspect a token: the client it was issued to, and the resource server it is for (RFC 7662 §4). The
 * engine's default would answer any confidential client about anybody's token.
 */
export function mayIntrospect(client: Client, token: { clientId?: string; aud?: string | string[] }): boolean {
  if (token.clientId === client.clientId) return true;
  const resource = client.introspection_resource;
  return typeof resource === 'string' && [token.aud].flat().includes(resource);
}
