import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import { HubError } from './errors.ts';
import { writeSoapFault } from './saml/answers/bindings.ts';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpAppParts {
  /** In this order, before everything: security headers, health, log, metrics, host guard, assets. */
  before: readonly Middleware[];
  /** Inside the error pages, so that what they refuse is told on one: preferences, rate limits. */
  inside: readonly Middleware[];
  /** Directly around the engine. */
  around: readonly Middleware[];
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
  engine.use(refuseHostileJson);
  engine.use(router.routes());
  for (const middleware of parts.around) engine.use(middleware);
  engine.on('server_error', (ctx, error) => {
    if (isHostileJson(error)) ctx.state.isHostileJson = true;
    else parts.onBug(ctx, error);
  });
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
      answerError(ctx, hubError ?? new HubError('server_error', 500, 'Something went wrong.'), errorPage);
      return;
    }
    if (ctx.status === 404 && ctx.body == null) {
      const notFound = new HubError('not_found', 404, 'There is no such page.');
      if (OWN_INTERFACES.test(ctx.path) || SOAP_CALLS.test(ctx.path)) answerError(ctx, notFound, errorPage);
      else errorPage(ctx, notFound);
    }
  };
}

/** Endpoints that programs call: they get an error in the protocol's own form (RFC 6749 §5.2), not a page. */
const FOR_PROGRAMS = /^\/(token|userinfo|par|introspect|revoke|jwks|\.well-known\/.*)$/i;

/** The hub's own interfaces for relying parties' servers: an error is JSON with the code itself. */
const OWN_INTERFACES = /^\/(status-check|verifier|openapi|ssf)(\/|$)/i;

/** Calls of SAML service providers' servers: an error is a SOAP fault. */
const SOAP_CALLS = /^\/saml\/soap(\/|$)/i;

/** By status, where the request itself is not at fault. */
const PROTOCOL_ERRORS: Readonly<Record<number, string>> = {
  429: 'temporarily_unavailable',
  500: 'server_error',
  503: 'temporarily_unavailable',
};

function answerError(ctx: Context, error: HubError, errorPage: HttpAppParts['errorPage']): void {
  const isOwn = OWN_INTERFACES.test(ctx.path);
  const isSoap = SOAP_CALLS.test(ctx.path);
  if (!isOwn && !isSoap && !FOR_PROGRAMS.test(ctx.path)) {
    errorPage(ctx, error);
    return;
  }
  ctx.status = error.status;
  if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
  ctx.set('Cache-Control', 'no-store');
  if (isSoap) {
    // With the status that says whose mistake it was, where SOAP 1.1 §6.2 would have 500 for all: strangers must not be
    // able to write what looks like failures of the hub into its log and figures.
    ctx.type = 'text/xml';
    ctx.body = writeSoapFault(error.status < 500 ? 'Client' : 'Server', `${error.code}: ${error.message}`);
    return;
  }
  ctx.body = {
    error: isOwn ? error.code : (PROTOCOL_ERRORS[error.status] ?? 'invalid_request'),
    error_description: error.message,
  };
}

/**
 * The engine walks what a request object or an assertion says before it looks at the signature: by recursion, which some
 * thousand levels of JSON bring to its end, and by String(), which a member named `toString` breaks. A stranger's doing
 * and not a bug.
 */
const refuseHostileJson: Middleware = async (ctx, next) => {
  await next();
  if (ctx.state.isHostileJson) throw new HubError('bad_request', 400, 'The request holds JSON of an impossible shape.');
};

function isHostileJson(error: unknown): boolean {
  if (error instanceof RangeError) return error.message === 'Maximum call stack size exceeded';
  return error instanceof TypeError && error.message === 'Cannot convert object to primitive value';
}
