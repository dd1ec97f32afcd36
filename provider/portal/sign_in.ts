import type { Router } from '@koa/router';
import type { Context, Next } from 'koa';
import { localPath } from '../../views/models.ts';
import { markFromPortal, portalRequest } from '../oidc/portal_client.ts';

const SIGN_IN_PATH = '/portal/sign-in';
/** The portal's pages, and not the way to them, which would lead round in circles. */
const PORTAL_PAGE = /^\/portal(?:\/(?!sign-in)[\w.-]+)*$/;

/**
 * Where signing in to the portal begins: lets the engine answer this very request as if it were an authorization request of
 * the portal's client, so that session, card and policy are the engine's as at every relying party.
 *
 * @param issuer the hub's public URL.
 */
export function mountPortalSignIn(router: Router, issuer: string): void {
  router.get(SIGN_IN_PATH, async (ctx: Context, next: Next) => {
    const asked = { url: ctx.url, route: ctx._matchedRoute };
    const { return: returnPath, again } = ctx.query;
    markFromPortal(ctx.state);
    ctx.url = `/authorize?${portalRequest(issuer, portalPath(returnPath), again === 'yes')}`;
    await next();
    // The log and the figures are about what the browser asked for.
    ctx.url = asked.url;
    ctx._matchedRoute = asked.route;
  });
}

/**
 * The address by which somebody signs in and comes back to a page of the portal.
 *
 * @param again whether the card is asked for though there is a session.
 */
export function portalSignInPath(returnPath: string, again = false): string {
  return `${SIGN_IN_PATH}?${new URLSearchParams({ return: returnPath, ...(again && { again: 'yes' }) })}`;
}

/** The page that is named, if it is one of the portal's own; else its first. */
function portalPath(path: unknown): string {
  if (typeof path !== 'string' || localPath(path) === undefined) return '/portal';
  return PORTAL_PAGE.test(new URL(path, 'http://local.invalid').pathname) ? path : '/portal';
}
