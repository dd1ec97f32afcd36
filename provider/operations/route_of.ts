import type { Context } from 'koa';

/** Asset paths are many; they count as one. */
const ASSETS = '/assets/';

/**
 * The pattern that answered a request, `/interaction/:uid` or the engine's `token`: few values, and none that a caller
 * chooses. `unmatched` when nothing did.
 */
export function routeOf(ctx: Context): string {
  const { oidc, _matchedRoute } = ctx as Context & { oidc?: { route?: string }; _matchedRoute?: unknown };
  if (typeof _matchedRoute === 'string') return _matchedRoute;
  if (typeof oidc?.route === 'string') return oidc.route;
  if (ctx.path.startsWith(ASSETS) && ctx.status < 400) return `${ASSETS}*`;
  return 'unmatched';
}
