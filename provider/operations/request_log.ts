import type { Context, Middleware } from 'koa';
import type { Clock, Random } from '../world.ts';
import type { Logger } from './logger.ts';
import { requestReference } from './request_reference.ts';
import { routeOf } from './route_of.ts';

/**
 * One entry a request: method, route pattern, status, duration and reference. Not the address itself, which holds
 * interaction ids, codes and tokens, and not the client's.
 *
 * `ctx.state.refusal` (an object), where a handler put it, is added; its `code` says why the request was refused.
 */
export function requestLog(world: {
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
}): Middleware {
  const { log, clock, random } = world;
  return async (ctx, next) => {
    const startedAt = clock();
    const reference = requestReference(ctx, random);
    let error: unknown;
    try {
      await next();
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      const status = error === undefined ? ctx.status : 500;
      const entry = {
        reference,
        method: ctx.method,
        route: routeOf(ctx),
        status,
        durationMs: clock() - startedAt,
        ...relyingPartyOf(ctx),
        ...(ctx.state.refusal ? { refusal: ctx.state.refusal } : {}),
        ...(error === undefined ? {} : { err: error }),
      };
      if (status >= 500) log.error(entry, 'request');
      else log.info(entry, 'request');
    }
  };
}

/** Which relying party a request came from, once the engine, or a guard of our own, has found it. */
function relyingPartyOf(ctx: Context): { relyingParty?: string } {
  const { oidc } = ctx as Context & { oidc?: { client?: { clientId?: string } } };
  const clientId: string | undefined = oidc?.client?.clientId ?? ctx.state.relyingParty;
  return clientId === undefined ? {} : { relyingParty: clientId };
}
