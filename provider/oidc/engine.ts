import type { JWK } from 'jose';
import {
  type AdapterFactory,
  type Client,
  type ClientMetadata,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider';
import { type Catalogue, claimsByScope } from '../attributes/catalogue/catalogue.ts';
import { ACR_VALUES } from '../authentication/acr.ts';
import type { RevocationPolicies } from '../authentication/revocation_policy.ts';
import type { Consents } from '../consent/consents.ts';
import type { Identity } from '../identity/identity.ts';
import type { Clock } from '../world.ts';
import { createAccountFinder } from './account.ts';
import {
  CLIENT_DEFAULTS,
  CLIENT_METADATA,
  CLOCK_TOLERANCE,
  createAssertionPolicy,
  pkceRequired,
  validateClientMetadata,
} from './client_policy.ts';
import { createCookieSigner } from './cookie_signer.ts';
import type { EnginePages } from './engine_pages.ts';
import { interactionChecks } from './interaction_policy.ts';
import { createIntrospectionPolicy } from './introspection_policy.ts';
import { createGrantLoader, isOffline } from './load_grant.ts';
import { certificateAuthorized, certificateSubjectMatches, clientCertificate } from './mutual_tls.ts';
import { audienceOf, isRegisteredFor, OWN_RESOURCES, OWN_TOKEN_LIFETIME } from './own_resources.ts';
import { assertFromPortal, portalClient, portalResponseMode } from './portal_client.ts';
import { decideReplaysBySaving } from './replay_detection.ts';
import { isFromSamlDoor, type ResponseMode } from './saml_parameter.ts';
import { type AssuranceSettings, assuranceMetadata } from './verified_claims.ts';

export interface ResourceServerSettings {
  /** Absolute URI, the `resource` parameter's value (RFC 8707). */
  identifier: string;
  scopes: readonly string[];
  accessTokenFormat: 'jwt' | 'opaque';
  /** Seconds. */
  accessTokenLifetime: number;
}

export interface EngineSettings {
  issuer: string;
  /** Origin of the mutual-TLS listener, when there is one (RFC 8705 §5). */
  mutualTlsOrigin: string | undefined;
  /** Seconds. */
  lifetimes: { session: number; interaction: number; accessToken: number; refreshToken: number; consent: number };
  resources: readonly ResourceServerSettings[];
  assurance: AssuranceSettings;
  /** What the sign-in page calls the person's own portal. */
  portalNames: Readonly<Record<'ja' | 'en', string>>;
  /** Cookies are `__Host-` wherever the hub is reached by https. */
  secureCookies: boolean;
}

export interface EngineWorld {
  settings: EngineSettings;
  jwks: JWK[];
  cookieSecrets: readonly string[];
  adapter: AdapterFactory;
  /** Stores what the request has to store so far; throws the engine's error when it is not to go on. */
  settle(): Promise<void>;
  identity: Identity;
  catalogue: Catalogue;
  consents: Consents;
  policies: RevocationPolicies;
  pages: EnginePages;
  /** How the engine answers a SAML service provider, in the place of a redirect. */
  samlResponseMode: ResponseMode;
  /** The guarded outbound client: `jwks_uri`, `sector_identifier_uri`, back-channel logout. */
  fetch: typeof fetch;
  clock: Clock;
}

const SIGNING = ['ES256', 'RS256', 'PS256'] as const;
export const CLIENT_SIGNING = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const;
/** No RSA1_5 and no PBES2 (unbounded work): what is left are the standard's recommended algorithms. */
const KEY_ENCRYPTION = ['ECDH-ES', 'RSA-OAEP-256', 'RSA-OAEP', 'A256KW', 'dir'] as const;
const CONTENT_ENCRYPTION = ['A256GCM', 'A128GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const;

/** Seconds. */
export const CODE_LIFETIME = 60;

const MUTUAL_TLS_METHODS = ['tls_client_auth', 'self_signed_tls_client_auth'] as const;

/** Bytes of a fetched `jwks_uri` or `sector_identifier_uri`. */
const FETCH_LIMIT = 512 * 1024;

/** Configures oidc-provider; everything it is certified for that a relying party of this hub can use is on. */
export function createEngine(world: EngineWorld): Provider {
  const { settings } = world;
  const engine = new Provider(settings.issuer, configuration(world));
  decideReplaysBySaving(engine);
  engine.registerResponseMode('saml', world.samlResponseMode as never); // its declarations lack a promise as the result
  engine.registerResponseMode('portal', portalResponseMode(world.pages) as never);
  engine.proxy = true; // the host guard has removed what a client sent and set what is true
  return engine;
}

function configuration(world: EngineWorld): Configuration {
  const { settings, pages, identity, consents, policies, clock } = world;
  const { lifetimes } = settings;
  const assertions = createAssertionPolicy(clock);
  const mayBeTold = createIntrospectionPolicy(consents);
  const subjectFor = (subjectId: string, client: Client) => identity.pairwiseIdentifier(subjectId, sectorOf(client));
  return {
    adapter: world.adapter,
    jwks: { keys: world.jwks as never }, // jose's JWK and the engine's differ only in optional members
    fetch: world.fetch as never, // the same standard function, typed by two versions of the platform's types
    fetchResponseBodyLimits: { jwks_uri: FETCH_LIMIT, sector_identifier_uri: FETCH_LIMIT },
    clockTolerance: CLOCK_TOLERANCE,

    routes: {
      authorization: '/authorize',
      token: '/token',
      userinfo: '/userinfo',
      jwks: '/jwks',
      end_session: '/sign-out',
      introspection: '/introspect',
      revocation: '/revoke',
      pushed_authorization_request: '/par',
    },
    cookies: {
      keys: createCookieSigner(world.cookieSecrets) as never, // the engine takes a Keygrip too; its type says a list only
      names: cookieNames(settings.secureCookies),
      long: { httpOnly: true, sameSite: 'lax', secure: settings.secureCookies, path: '/' },
      short: { httpOnly: true, sameSite: 'lax', secure: settings.secureCookies },
    },
    discovery: {
      ui_locales_supported: ['ja', 'en'],
      claims_locales_supported: ['ja', 'en'],
      claim_types_supported: ['normal', 'aggregated', 'distributed'],
      ...assuranceMetadata(settings.assurance),
      ...mutualTlsAliases(settings.mutualTlsOrigin),
    },

    acrValues: [...ACR_VALUES, ...policies.acrValues],
    claims: engineClaims(world.catalogue),
    scopes: ['openid', 'offline_access'],
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (_ctx, subjectId, client) => subjectFor(subjectId, client),
    findAccount: createAccountFinder({
      ...{ catalogue: world.catalogue, consents, settle: world.settle, clock },
      assurance: settings.assurance,
    }),
    loadExistingGrant: createGrantLoader({ catalogue: world.catalogue, consents, policies, clock }),
    interactions: {
      policy: interactionChecks(subjectFor, policies, clock),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },

    clients: [portalClient(settings.issuer, settings.portalNames)],
    clientDefaults: { ...CLIENT_DEFAULTS },
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      ...(settings.mutualTlsOrigin ? MUTUAL_TLS_METHODS : []),
      'none',
    ],
    extraClientMetadata: {
      properties: [...CLIENT_METADATA],
      validator: (_ctx, key, value, metadata) =>
        validateClientMetadata(
          key,
          value,
          metadata as ClientMetadata as Record<string, unknown>,
          policies,
          world.catalogue,
        ),
    },
    pkce: { required: pkceRequired },
    // `none` is for the clients that stand for SAML service providers (`saml_sector`), and for the portal's.
    responseTypes: ['code', 'none'],
    extraParams: { saml: assertFromSamlDoor, portal: assertFromPortal },
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header) =>
      assertions.assertClientAssertion(claims, header),
    rotateRefreshToken: () => true,
    allowOmittingSingleRegisteredRedirectUri: false,
    enabledJWA: algorithms(),

    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      encryption: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => mayBeTold(client, token as Parameters<typeof mayBeTold>[1]),
      },
      jwtIntrospection: { enabled: true },
      jwtResponseModes: { enabled: true },
      jwtUserinfo: { enabled: true },
      mTLS: {
        enabled: settings.mutualTlsOrigin !== undefined,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: clientCertificate,
        certificateAuthorized,
        certificateSubjectMatches,
      },
      pushedAuthorizationRequests: { enabled: true },
      requestObjects: {
        enabled: true,
        assertJwtClaimsAndHeader: async (_ctx, claims, header) => assertions.assertRequestObject(claims, header),
      },
      resourceIndicators: resourceIndicators(settings),
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: pages.confirmSignOut,
        postLogoutSuccessSource: pages.signedOut,
      },
      userinfo: { enabled: true },
    },
    renderError: pages.error,

    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessToken,
      AuthorizationCode: CODE_LIFETIME,
      ClientCredentials: OWN_TOKEN_LIFETIME,
      // A refresh token starts its time again at each use, and nothing that hangs on a Grant outlives it.
      Grant: (_ctx, grant) =>
        isOffline(grant) ? Math.max(lifetimes.consent, lifetimes.refreshToken) : lifetimes.refreshToken,
      IdToken: lifetimes.accessToken,
      Interaction: lifetimes.interaction,
      RefreshToken: lifetimes.refreshToken,
      Session: lifetimes.session,
    },
  };
}

/** The catalogue by scope, and the protocol's own claims. How the person was authenticated is told to everybody. */
function engineClaims(catalogue: Catalogue) {
  const { openid = [], ...scopes } = claimsByScope(catalogue);
  return {
    ...{ acr: null, amr: null, auth_time: null, iss: null, sid: null, verified_claims: null },
    openid: [...openid, 'acr', 'amr', 'claims_provenance', 'claims_unavailable'],
    ...scopes,
  };
}

/**
 * A SAML service provider is a client of the engine that only the SAML front door may speak for: the parameter that says
 * where its answer goes is taken from nobody else, and without it there is no sign-in for it.
 */
function assertFromSamlDoor({ state }: KoaContextWithOIDC, value: unknown, client: Client | undefined): void {
  const isService = client?.saml_sector !== undefined;
  if (isFromSamlDoor(state) ? !isService : isService || value !== undefined) {
    throw new errors.InvalidRequest('this client signs people in by SAML only');
  }
}

/**
 * The host of the redirect URIs or of `sector_identifier_uri`: who is "one relying party" (OIDC Core §8.1). The engine
 * keeps the port with it; a relying party that moves to another port must not lose its people.
 */
export function sectorOf(client: Client): string {
  if (typeof client.saml_sector === 'string') return client.saml_sector;
  const { sectorIdentifier } = client as Client & { sectorIdentifier?: string }; // not in its type declarations
  return sectorIdentifier?.replace(/:\d+$/, '') ?? client.clientId;
}

function cookieNames(secure: boolean) {
  const names = { session: 'musubi_session', interaction: 'musubi_interaction', resume: 'musubi_resume' };
  // `__Host-` demands Path=/; the two interaction cookies are narrowed to a path instead.
  return secure
    ? {
        ...names,
        session: '__Host-musubi_session',
        interaction: '__Secure-musubi_interaction',
        resume: '__Secure-musubi_resume',
      }
    : names;
}

function mutualTlsAliases(origin: string | undefined) {
  if (!origin) return {};
  const at = (path: string) => new URL(path, origin).href;
  return {
    mtls_endpoint_aliases: {
      token_endpoint: at('/token'),
      userinfo_endpoint: at('/userinfo'),
      introspection_endpoint: at('/introspect'),
      revocation_endpoint: at('/revoke'),
      pushed_authorization_request_endpoint: at('/par'),
    },
  };
}

function resourceIndicators({ issuer, resources }: EngineSettings) {
  const byIdentifier = new Map(resources.map((resource) => [resource.identifier, resource]));
  const ownByAudience = new Map(OWN_RESOURCES.map((resource) => [audienceOf(issuer, resource), resource]));
  return {
    enabled: true,
    defaultResource: async () => undefined as never, // no resource named: the token is for userinfo
    useGrantedResource: async () => true,
    getResourceServerInfo: async (ctx: KoaContextWithOIDC, identifier: string, client: Client) => {
      const isInOwnName = ctx.oidc.params?.grant_type === 'client_credentials';
      const own = ownByAudience.get(identifier);
      if (own && isInOwnName && isRegisteredFor(client, own)) {
        return {
          scope: own.scopes.join(' '),
          audience: identifier,
          accessTokenFormat: 'opaque' as const,
          accessTokenTTL: OWN_TOKEN_LIFETIME,
        };
      }
      const resource = byIdentifier.get(identifier);
      // What a person may agree to at other servers is not for machines, and our own is not for people.
      if (!resource || own || isInOwnName) throw new errors.InvalidTarget();
      return {
        scope: resource.scopes.join(' '),
        audience: resource.identifier,
        accessTokenFormat: resource.accessTokenFormat,
        accessTokenTTL: resource.accessTokenLifetime,
        jwt: { sign: { alg: 'ES256' as const } },
      };
    },
  };
}

function algorithms(): Configuration['enabledJWA'] {
  const key = [...KEY_ENCRYPTION];
  const content = [...CONTENT_ENCRYPTION];
  return {
    clientAuthSigningAlgValues: [...CLIENT_SIGNING],
    requestObjectSigningAlgValues: [...CLIENT_SIGNING],
    dPoPSigningAlgValues: [...CLIENT_SIGNING],
    idTokenSigningAlgValues: [...SIGNING],
    userinfoSigningAlgValues: [...SIGNING],
    introspectionSigningAlgValues: [...SIGNING],
    authorizationSigningAlgValues: [...SIGNING],
    idTokenEncryptionAlgValues: key,
    idTokenEncryptionEncValues: content,
    userinfoEncryptionAlgValues: key,
    userinfoEncryptionEncValues: content,
    introspectionEncryptionAlgValues: key,
    introspectionEncryptionEncValues: content,
    authorizationEncryptionAlgValues: key,
    authorizationEncryptionEncValues: content,
    requestObjectEncryptionAlgValues: key,
    requestObjectEncryptionEncValues: content,
  };
}
