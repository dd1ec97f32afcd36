import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { EnginePages } from './engine_pages.ts';
import type { ResponseMode } from './saml_parameter.ts';

/**
 * The client by which the engine knows the person's own portal (portal/): sign-in, session and sign-out are the engine's
 * there too. Nothing is given to anybody by it, so that nothing has to be agreed to. No registration may have this id.
 */
export const PORTAL_CLIENT_ID = 'musubi:portal';
/** Where the engine believes that it sends its answer; nobody is ever sent there with anything. */
const ANSWER_PATH = '/portal/signed-in';

/** Set by the portal for the one request that it has turned into an authorization request. */
const FROM_PORTAL = Symbol('from the portal');

/**
 * @param issuer the hub's public URL.
 * @param names what the sign-in page calls the portal.
 */
export function portalClient(issuer: string, names: Readonly<Record<'ja' | 'en', string>>) {
  return {
    client_id: PORTAL_CLIENT_ID,
    client_name: names.ja,
    'client_name#ja': names.ja,
    'client_name#en': names.en,
    response_types: ['none' as const],
    grant_types: [],
    redirect_uris: [new URL(ANSWER_PATH, issuer).href],
    token_endpoint_auth_method: 'none' as const,
  };
}

/**
 * The authorization request by which somebody signs in to the portal.
 *
 * @param returnPath the page to come back to.
 * @param again whether the card is asked for though there is a session.
 */
export function portalRequest(issuer: string, returnPath: string, again: boolean): URLSearchParams {
  return new URLSearchParams({
    client_id: PORTAL_CLIENT_ID,
    response_type: 'none',
    response_mode: 'portal',
    redirect_uri: new URL(ANSWER_PATH, issuer).href,
    scope: 'openid',
    ...(again && { prompt: 'login' }),
    portal: returnPath,
  });
}

/** @param state of the HTTP request: nothing that arrives with it can set this. */
export function markFromPortal(state: object): void {
  Object.defineProperty(state, FROM_PORTAL, { value: true });
}

export function isPortal(client: Client | undefined): boolean {
  return client?.clientId === PORTAL_CLIENT_ID;
}

/** The parameter that says where the person goes is taken from the portal alone, and nobody else signs in to it. */
export function assertFromPortal({ state }: KoaContextWithOIDC, value: unknown, client: Client | undefined): void {
  if (FROM_PORTAL in state ? !isPortal(client) : isPortal(client) || value !== undefined) {
    throw new errors.InvalidRequest('this client signs people in to the portal only');
  }
}

/**
 * How the engine answers the portal: the browser goes on to the page that the person wanted, or, when they have changed
 * their mind, to the hub's front page.
 */
export function portalResponseMode(pages: Pick<EnginePages, 'error'>): ResponseMode {
  return async (ctx, _redirectUri, payload) => {
    const { client, params, route } = ctx.oidc;
    // A browser that sends this response mode to the engine itself is answered to no address of its choice.
    const isOurs = isPortal(client) && (FROM_PORTAL in ctx.state || route === 'resume');
    const returnPath = params?.portal;
    if (!isOurs || typeof returnPath !== 'string' || (payload.error && payload.error !== 'access_denied')) {
      pages.error(ctx, { error: payload.error ?? 'invalid_request' }, new errors.InvalidRequest('refused'));
      return;
    }
    ctx.status = 303;
    ctx.redirect(payload.error ? '/' : returnPath);
  };
}
