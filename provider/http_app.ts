import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { Client, Provider } from 'oidc-provider';
import { HubError } from './errors.ts';
import { formTarget } from './web/security_headers.ts';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpAppParts {
  /** In this order, before everything: security headers, health, log, metrics, host guard, assets. */
  before: readonly Middleware[];
  /** Inside the error pages, so that what they refuse is told on one: preferences, rate limits. */
  inside: readonly Middleware[];
  /** Our own routes; what they do not know goes to the engine. */
  routes(router: Router): void;
  /** Shows a refusal or a mishap as a page. */
  errorPage(ctx: Context, error: HubError): void;
  /** A bug: logged with the reference that the page shows. */
  onBug(ctx: Context, error: unknown): void;
}

/**
 * One Koa application: ours in front, the engine behind. It is built anew when the signing keys change, since the
 * engine takes its keys at birth; requests in flight finish on the one they began with.
 */
export function createHttpApp(engine: Provider, parts: HttpAppParts): RequestHandler {
  const router = new Router();
  parts.routes(router);
  for (const middleware of parts.before) engine.use(middleware);
  engine.use(errorPages(parts));
  for (const middleware of parts.inside) engine.use(middleware);
  engine.use(allowFormPost);
  engine.use(router.routes());
  engine.on('server_error', (ctx, error) => parts.onBug(ctx, error));
  // Without a listener Koa writes errors of broken connections to the console.
  (engine as EventEmitter).on('error', (error: unknown, ctx: Context) => parts.onBug(ctx, error));
  return engine.callback();
}

/** The one place where an error becomes an answer. */
function errorPages({ errorPage, onBug }: HttpAppParts): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const hubError = error instanceof HubError ? error : undefined;
      if (hubError) ctx.state.refusal = { code: hubError.code, ...hubError.details };
      else onBug(ctx, error);
      errorPage(ctx, hubError ?? new HubError('server_error', 500, 'Something went wrong.'));
      return;
    }
    if (ctx.status === 404 && ctx.body == null)
      errorPage(ctx, new HubError('not_found', 404, 'There is no such page.'));
  };
}

/**
 * `response_mode=form_post`: the engine's page sends a form to the relying party, which our content policy must allow.
 * Only to an address that this relying party registered: what a request merely names must not end up in a policy.
 */
const allowFormPost: Middleware = async (ctx, next) => {
  await next();
  const { oidc } = ctx as Context & { oidc?: EngineContext };
  const redirectUri = oidc?.params?.redirect_uri;
  const isFormPost = oidc?.params && ctx.response.is('html') && oidc.responseMode?.startsWith('form_post');
  if (isFormPost && typeof redirectUri === 'string' && oidc.client?.redirectUriAllowed(redirectUri)) {
    const policy = ctx.response.get('Content-Security-Policy');
    ctx.set(
      'Content-Security-Policy',
      policy.replace("form-action 'self'", `form-action 'self' ${formTarget(redirectUri)}`),
    );
  }
};

/** What the engine knows about a request, each part from the step on that finds it out. */
interface EngineContext {
  params?: { redirect_uri?: unknown };
  client?: Pick<Client, 'redirectUriAllowed'>;
  /** Throws before there are params. */
  readonly responseMode?: string;
}
