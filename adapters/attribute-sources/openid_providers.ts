import * as oidc from 'openid-client';
import { type KeptFresh, keepFresh } from '../../provider/attributes/providers/kept_fresh.ts';
import {
  type GivenTokens,
  type OpenIdProvider,
  type OpenIdProviders,
  type ProviderCredentials,
  REFUSED,
  RefusedByProvider,
  type VisitedProvider,
} from '../../provider/attributes/providers/openid_providers.ts';
import { MAX_ANSWER } from '../../provider/attributes/providers/provider_messages.ts';
import { ProviderSilent } from '../../provider/attributes/providers/provider_questions.ts';
import type { Clock, Random } from '../../provider/world.ts';
import { CircuitBreaker } from '../circuit_breaker.ts';
import { createGuardedFetch, OutboundError } from '../outbound/guarded_fetch.ts';
import { BREAKER, type ProviderTransportSettings } from './provider_transport.ts';

export interface OpenIdProviderSettings extends ProviderTransportSettings {
  /** Where a provider's metadata may lead though it is not public (its issuer may be anywhere). */
  readonly allowedNetworks: readonly string[];
}

const MINUTE = 60_000;
/** As metadata is looked at now and then, and while it cannot be had. */
const FRESHNESS = { freshFor: 60 * MINUTE, retryAfter: MINUTE, usableFor: 24 * 60 * MINUTE };
/** Of ID Tokens and userinfo: what interface A takes, too. Never `none`, and no secret that could sign in the hub's name. */
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'];
/** Seconds by which clocks may differ. */
const TOLERANCE = 60;
/** Providers whose metadata is kept ready; registrations that were changed are among them. */
const MAX_WAYS = 200;

interface Way {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  readonly breaker: CircuitBreaker;
  readonly metadata: KeptFresh<oidc.ServerMetadata>;
  jwks: oidc.ExportedJWKSCache | undefined;
}

/**
 * HTTP to providers that run an OpenID Provider, with openid-client. Whatever is fetched goes through the guarded fetch: what an
 * issuer says of its endpoints is followed to public addresses only, those at the issuer's own origin excepted.
 */
export function createOpenIdProviders(
  settings: OpenIdProviderSettings,
  world: { credentials: ProviderCredentials; clock: Clock; random: Random },
): OpenIdProviders {
  const { clock, random, credentials } = world;
  const ways = new Map<string, Way>();

  function wayTo({ id, url }: VisitedProvider): Way {
    const name = `${id} ${url}`;
    const known = ways.get(name);
    if (known) return known;
    if (ways.size >= MAX_WAYS) ways.clear();
    const limits = { ...settings, maxBody: MAX_ANSWER };
    const issuer = new URL(url);
    const { clientCertificate } = settings;
    const own = createGuardedFetch({
      ...limits,
      places: { configured: [issuer.origin], allowed: [], clientCertificate },
    });
    const others = createGuardedFetch(limits);
    const fetch: Way['fetch'] = (address, init) =>
      (new URL(address).origin === issuer.origin ? own : others)(address, init);
    const way: Way = {
      fetch,
      breaker: new CircuitBreaker({ ...BREAKER, probeTime: settings.timeout }, random),
      metadata: keepFresh(() => discover(issuer, fetch, settings), FRESHNESS, clock),
      jwks: undefined,
    };
    ways.set(name, way);
    return way;
  }

  /** One for each visit: its time-out is its own, and the hub's clock may be held. */
  function configurationFor(
    { id, userinfo }: VisitedProvider,
    metadata: oidc.ServerMetadata,
    { way, end }: { way: Way; end: AbortSignal },
  ): oidc.Configuration {
    const client = {
      [oidc.clockSkew]: Math.round((clock() - Date.now()) / 1000),
      [oidc.clockTolerance]: TOLERANCE,
    };
    const authentication = authenticationOf(id, userinfo, credentials);
    const configuration = new oidc.Configuration(metadata, userinfo.clientId, client, authentication);
    // The guarded fetch and the visit have time-outs already; the library's own may not end before them.
    configuration.timeout = 0;
    configuration[oidc.customFetch] = (url, init) => way.fetch(url, { ...init, signal: end } as RequestInit);
    // TLS says who answered; signatures are checked nevertheless.
    oidc.enableNonRepudiationChecks(configuration);
    if (settings.allowPlainHttp) oidc.allowInsecureRequests(configuration);
    if (way.jwks) oidc.setJwksCache(configuration, way.jwks);
    return configuration;
  }

  return {
    async visit(provider, work) {
      const way = wayTo(provider);
      if (way.breaker.admit(clock()) !== undefined) throw new ProviderSilent('left_alone');
      const end = AbortSignal.timeout(settings.timeout);
      try {
        const configured = async () => configurationFor(provider, await way.metadata.get(), { way, end });
        const result = await work(openIdProvider(provider, configured, way, clock));
        way.breaker.succeeded();
        return result;
      } catch (error) {
        if (error instanceof RefusedByProvider) way.breaker.succeeded();
        else way.breaker.failed(clock());
        throw error;
      }
    },
  };
}

async function discover(
  issuer: URL,
  fetch: Way['fetch'],
  { allowPlainHttp }: OpenIdProviderSettings,
): Promise<oidc.ServerMetadata> {
  // The client's id plays no part in it.
  const found = await oidc.discovery(issuer, 'metadata', undefined, undefined, {
    [oidc.customFetch]: (url, init) => fetch(url, init as RequestInit),
    execute: allowPlainHttp ? [oidc.allowInsecureRequests] : [],
  });
  const { supportsPKCE: _helper, ...metadata } = found.serverMetadata();
  return {
    ...metadata,
    // A provider that does not say how it signs says so in the token; either way it is one of these.
    id_token_signing_alg_values_supported: among(metadata.id_token_signing_alg_values_supported),
    userinfo_signing_alg_values_supported: among(metadata.userinfo_signing_alg_values_supported),
  };
}

function among(algorithms: readonly string[] = ALGORITHMS): string[] {
  return algorithms.filter((algorithm) => ALGORITHMS.includes(algorithm));
}

function openIdProvider(
  { userinfo: { scope } }: VisitedProvider,
  configured: () => Promise<oidc.Configuration>,
  way: Way,
  clock: Clock,
): OpenIdProvider {
  /** Keys that were fetched on the way are kept for the next visit. */
  async function there<T>(step: (configuration: oidc.Configuration) => Promise<T>): Promise<T> {
    const configuration = await configured().catch((error) => {
      throw translate(error);
    });
    try {
      return await step(configuration);
    } catch (error) {
      throw translate(error);
    } finally {
      way.jwks = oidc.getJwksCache(configuration) ?? way.jwks;
    }
  }

  /** An access token that does not say how long it lasts is used for this visit only. */
  const given = ({ access_token, expires_in = 0, refresh_token }: oidc.TokenEndpointResponse): GivenTokens => ({
    ...{ accessToken: access_token, expiresAt: clock() + expires_in * 1000, refreshToken: refresh_token },
  });

  return {
    authorizationUrl: ({ redirectUri, state, nonce, codeVerifier }, language) =>
      there(async (configuration) => {
        const url = oidc.buildAuthorizationUrl(configuration, {
          ...{ redirect_uri: redirectUri, scope, state, nonce, ui_locales: language },
          code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
          // Whoever is signed in there in this browser may be somebody else; and offline access is the person's own decision
          // (OpenID Connect Core §11).
          prompt: 'login consent',
        });
        return url.href;
      }),

    redeem: (answer, { redirectUri, state, nonce, codeVerifier }) =>
      there(async (configuration) => {
        const callback = new URL(redirectUri);
        callback.search = answer.toString();
        const tokens = await oidc
          .authorizationCodeGrant(configuration, callback, {
            ...{ expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier, idTokenExpected: true },
          })
          .catch((error) => {
            throw aboutTheSignIn(error);
          });
        return { subject: tokens.claims()?.sub ?? '', tokens: given(tokens) };
      }),

    refresh: (refreshToken, subject) =>
      there(async (configuration) => {
        const tokens = await oidc.refreshTokenGrant(configuration, refreshToken);
        const claims = tokens.claims();
        // OpenID Connect Core §12.2.
        if (claims && claims.sub !== subject) throw new ProviderSilent('answer_about_another');
        return given(tokens);
      }),

    userinfo: (accessToken, subject) =>
      there((configuration) => oidc.fetchUserInfo(configuration, accessToken, subject)),

    revoke: (refreshToken) =>
      there(async (configuration) => {
        if (configuration.serverMetadata().revocation_endpoint === undefined) return;
        await oidc.tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
      }),
  };
}

function authenticationOf(
  providerId: string,
  { clientId, authentication }: VisitedProvider['userinfo'],
  credentials: ProviderCredentials,
): oidc.ClientAuth {
  // The library waits for what they return, though its types do not say so (oauth4webapi's do).
  const waited = (authenticate: (...args: Parameters<oidc.ClientAuth>) => Promise<void>) =>
    authenticate as oidc.ClientAuth;
  if (authentication === 'private_key_jwt') {
    return waited(async (as, _client, body) => {
      body.set('client_id', clientId);
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      body.set('client_assertion', await credentials.assertion(clientId, as.issuer));
    });
  }
  return waited(async (...args) => {
    const secret = await credentials.secret(providerId);
    const method = authentication === 'client_secret_basic' ? oidc.ClientSecretBasic : oidc.ClientSecretPost;
    method(secret)(...args);
  });
}

/**
 * What does not fit in an answer that a browser brought is nobody's failure but this attempt's: no number of forged ones may
 * have the provider left alone. Silence underway is the provider's.
 */
function aboutTheSignIn(error: unknown): unknown {
  const failure = translate(error);
  if (!(failure instanceof ProviderSilent) || failure.code !== NOT_VERIFIED) return failure;
  return new RefusedByProvider(NOT_VERIFIED, { cause: error });
}

const NOT_VERIFIED = 'answer_not_verified';

/** The library's errors in the words of the room. */
function translate(error: unknown): unknown {
  if (error instanceof ProviderSilent) return error;
  if (error instanceof OutboundError) return new ProviderSilent(error.code, { cause: error });
  if (error instanceof oidc.AuthorizationResponseError) return refused(error.error, error);
  if (error instanceof oidc.ResponseBodyError) {
    return error.status < 500 ? refused(error.error, error) : ofStatus(error.status, error);
  }
  if (error instanceof oidc.WWWAuthenticateChallengeError) return ofStatus(error.status, error);
  if (error instanceof oidc.ClientError) {
    if (error.code === 'OAUTH_TIMEOUT') return new ProviderSilent('outbound_timeout', { cause: error });
    if (error.cause instanceof Response) return ofStatus(error.cause.status, error);
    return new ProviderSilent(NOT_VERIFIED, { cause: error });
  }
  return isOfLibrary(error) ? new ProviderSilent(NOT_VERIFIED, { cause: error }) : error;
}

/** Of what an answer holds it throws TypeError, too, and errors of the library below it, which it does not hand on. */
function isOfLibrary(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof TypeError || (typeof code === 'string' && code.startsWith('OAUTH_'));
}

function ofStatus(status: number, cause: unknown): ProviderSilent {
  return status === 401 || status === 403
    ? new RefusedByProvider(REFUSED.access, { cause })
    : new ProviderSilent(status === 200 ? NOT_VERIFIED : `status_${status}`, { cause });
}

/** @param error as the provider named it: nothing else of what it writes gets into the log. */
function refused(error: string, cause: unknown): RefusedByProvider {
  return new RefusedByProvider(`refused_${error.replace(/[^a-z_]/g, '').slice(0, 60)}`, { cause });
}
