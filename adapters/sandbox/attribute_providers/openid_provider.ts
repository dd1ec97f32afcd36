import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';
import type { Context } from 'koa';
import type { ClientMetadata, Configuration, Provider } from 'oidc-provider';
import { providerCallbackPath } from '../../../provider/attributes/providers/provider_sign_ins.ts';
import type { Clock } from '../../../provider/world.ts';
import { readBody, today } from './attribute_provider.ts';
import { recordOf } from './customer_records.ts';
import type { Customer, OpenIdOffer, SandboxProvider } from './sandbox_providers.ts';
import { signInPage } from './sign_in_page.ts';

/** How such a provider can be on request. */
export const OPENID_BEHAVIOURS = [
  'ordinary',
  'slow',
  'down',
  'wrong_subject',
  'oversized',
  'wrong_type',
  'silent',
  'forgetful',
] as const;
export type OpenIdBehaviour = (typeof OPENID_BEHAVIOURS)[number];

export interface RunningOpenIdProvider {
  /** The issuer. */
  readonly url: string;
  /** How many times its userinfo was told. */
  readonly answered: number;
  /** How many times it has heard that a token will not be used any more. */
  readonly revoked: number;
  behave(as: OpenIdBehaviour): void;
  close(): Promise<void>;
}

export interface OpenIdProviderOptions {
  readonly provider: SandboxProvider & { readonly openId: OpenIdOffer };
  /** The hub. */
  readonly issuer: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly privateKey: JWK;
  readonly clock: Clock;
  /** Seconds that an access token lasts. */
  readonly accessTokenLifetime?: number;
  /** Over the hub's registration there. */
  readonly client?: Partial<ClientMetadata>;
}

const ROUTES = { authorization: '/authorize', token: '/token', userinfo: '/userinfo', revocation: '/revoke' } as const;
const SIGN_IN_PATH = '/sign-in/';
const BEHAVIOUR_PATH = '/sandbox/behaviour';
const DAY = 86_400;
/** More than the hub takes of an answer. */
const TOO_MUCH = 'x'.repeat(300_000);

/**
 * A simulated card issuer on loopback that is asked by its own OpenID Provider (interface B): nothing in it is made for the hub but
 * the hub's registration. Instead of a password its sign-in asks which customer one is.
 *
 * It listens at once and loads oidc-provider with the first request, which most runs of the sandbox never see.
 *
 * @throws the system's error when the port is taken
 */
export async function startOpenIdProvider(options: OpenIdProviderOptions): Promise<RunningOpenIdProvider> {
  const state: State = { behaviour: 'ordinary', answered: 0, revoked: 0 };
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let engine: Promise<RequestListener> | undefined;
  server.on('request', async (request, response) => {
    try {
      engine ??= loadEngine(url, options, state);
      (await engine)(request, response);
    } catch {
      response.writeHead(500).end();
    }
  });
  return {
    url,
    get answered() {
      return state.answered;
    },
    get revoked() {
      return state.revoked;
    },
    behave(as) {
      state.behaviour = as;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface State {
  behaviour: OpenIdBehaviour;
  answered: number;
  revoked: number;
}

async function loadEngine(url: string, options: OpenIdProviderOptions, state: State): Promise<RequestListener> {
  const { Provider } = await import('oidc-provider');
  const engine = new Provider(url, configurationOf(options, state));
  engine.use((ctx, next) => behave(ctx, next, state));
  engine.use((ctx, next) => signIn(ctx, next, engine, options));
  return engine.callback();
}

function configurationOf(options: OpenIdProviderOptions, state: State): Configuration {
  const { provider, issuer, privateKey, clock, accessTokenLifetime = 300, client = {} } = options;
  const { scope, clientId, claimsOf } = provider.openId;
  const [, , ...ownScopes] = scope.split(' ');
  const told = (customer: Customer) =>
    claimsOf((claim) => changed(recordOf(provider, customer, claim, today(clock())), state), customer);
  return {
    clients: [
      {
        ...{ client_id: clientId, redirect_uris: [new URL(providerCallbackPath(provider.id), issuer).href] },
        ...{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: new URL('/jwks', issuer).href },
        ...{ grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: 'ES256' },
        ...client,
      },
    ],
    findAccount(_ctx, id) {
      const customer = provider.customers.find(({ reference }) => reference === id);
      return customer && { accountId: id, claims: async () => ({ sub: id, ...told(customer) }) };
    },
    claims: { openid: ['sub'], ...Object.fromEntries(ownScopes.map((name) => [name, provider.openId.claims])) },
    scopes: ['openid', 'offline_access', ...ownScopes],
    enabledJWA: { userinfoSigningAlgValues: ['ES256'] },
    features: {
      devInteractions: { enabled: false },
      jwtUserinfo: { enabled: true },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: { enabled: false },
    },
    // The hub's keys are on this machine, where the engine's own guard does not let it go.
    fetch: (address, init) => fetch(address, { ...init, dispatcher: undefined } as RequestInit),
    interactions: { url: (_ctx, { uid }) => SIGN_IN_PATH + uid },
    jwks: { keys: [privateKey as never] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    routes: ROUTES,
    rotateRefreshToken: true,
    ttl: {
      ...{ AccessToken: accessTokenLifetime, AuthorizationCode: 60, IdToken: 300, Interaction: 600 },
      ...{ RefreshToken: 90 * DAY, Grant: 90 * DAY, Session: DAY },
    },
  };
}

function changed(record: unknown, { behaviour }: State): unknown {
  if (behaviour === 'silent') return undefined;
  return behaviour === 'wrong_type' ? { lies: record } : record;
}

async function behave(ctx: Context, next: () => Promise<void>, state: State): Promise<void> {
  const { behaviour } = state;
  if (ctx.method === 'PUT' && ctx.path === BEHAVIOUR_PATH) {
    const body = await readBody(ctx.req);
    const wanted = OPENID_BEHAVIOURS.find((each) => each === body);
    if (wanted) state.behaviour = wanted;
    ctx.status = wanted ? 204 : 400;
    return;
  }
  const isBackChannel = ctx.path === ROUTES.token || ctx.path === ROUTES.userinfo;
  if (isBackChannel && behaviour === 'slow') {
    // Whoever asks gives up, or is stopped by `close`.
    ctx.respond = false;
    return;
  }
  if (isBackChannel && behaviour === 'down') {
    ctx.status = 503;
    return;
  }
  if (ctx.path === ROUTES.token && behaviour === 'forgetful') {
    ctx.status = 400;
    ctx.body = { error: 'invalid_grant' };
    return;
  }
  await next();
  if (ctx.path === ROUTES.revocation && ctx.status === 200) state.revoked += 1;
  if (ctx.path !== ROUTES.userinfo || ctx.status !== 200) return;
  state.answered += 1;
  if (behaviour === 'wrong_subject') ctx.body = { ...(ctx.body as object), sub: 'somebody-else' };
  if (behaviour === 'oversized') ctx.body = { ...(ctx.body as object), padding: TOO_MUCH };
}

/** The page where one says who one is, and in the same breath that the hub may be told. */
async function signIn(
  ctx: Context,
  next: () => Promise<void>,
  engine: Provider,
  { provider, issuer }: OpenIdProviderOptions,
): Promise<void> {
  // Nobody stays signed in: the browser of somebody who tries the sandbox is everybody's.
  const cookies = ctx.get('cookie').split(/;\s*/);
  ctx.req.headers.cookie = cookies.filter((cookie) => !cookie.startsWith('_session')).join('; ');
  if (!ctx.path.startsWith(SIGN_IN_PATH)) return next();
  const { params } = await engine.interactionDetails(ctx.req, ctx.res);
  if (ctx.method !== 'POST') {
    const language = String(params.ui_locales ?? 'ja').startsWith('en') ? 'en' : 'ja';
    ctx.type = 'html';
    ctx.set('Cache-Control', 'no-store');
    ctx.set(
      'Content-Security-Policy',
      `default-src 'none'; style-src 'unsafe-inline'; form-action 'self' ${new URL(issuer).origin}; frame-ancestors 'none'`,
    );
    ctx.body = signInPage(provider, ctx.path, language);
    return;
  }
  const chosen = new URLSearchParams(await readBody(ctx.req)).get('customer');
  const customer = provider.customers.find(({ reference }) => reference === chosen);
  ctx.respond = false;
  if (!customer) {
    const refusal = { error: 'access_denied', error_description: 'the customer did not want to' };
    return engine.interactionFinished(ctx.req, ctx.res, refusal);
  }
  const accountId = customer.reference;
  const grant = new engine.Grant({ accountId, clientId: String(params.client_id) });
  grant.addOIDCScope(String(params.scope));
  await engine.interactionFinished(ctx.req, ctx.res, {
    login: { accountId },
    consent: { grantId: await grant.save() },
  });
}
