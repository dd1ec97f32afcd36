import type { Middleware } from 'koa';
import type { Clock } from '../world.ts';

export interface Readiness {
  /** Names of what is not ready, in the order of the checks; empty when all is well. */
  notReady(): Promise<readonly string[]>;
  /** From now on `stopping` is not ready, so that a load balancer sends nobody here any more. */
  stop(): void;
}

export interface ReadinessWorld {
  /** By name (`database`, `keys`, `revocation`): whether it is ready. A check that throws or hangs is not ready. */
  readonly checks: Readonly<Record<string, () => boolean | Promise<boolean>>>;
  readonly clock: Clock;
  /** Milliseconds after which a check counts as failed. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT = 2_000;
/** Milliseconds for which an answer is given again: anybody may ask, and each check costs a query. */
const REMEMBERED_FOR = 1_000;

export function createReadiness({ checks, clock, timeout = DEFAULT_TIMEOUT }: ReadinessWorld): Readiness {
  let isStopping = false;
  let latest: { readonly at: number; readonly failed: Promise<readonly string[]> } | undefined;

  async function runChecks(): Promise<readonly string[]> {
    const names = Object.keys(checks);
    const results = await Promise.all(names.map((name) => settles(checks[name], timeout)));
    return names.filter((_, index) => !results[index]);
  }

  return {
    async notReady() {
      if (isStopping) return ['stopping'];
      const now = clock();
      if (!latest || now - latest.at >= REMEMBERED_FOR) latest = { at: now, failed: runChecks() };
      const failed = await latest.failed;
      return isStopping ? ['stopping'] : failed;
    },
    stop() {
      isStopping = true;
    },
  };
}

/**
 * `GET /healthz`: the process answers. `GET /readyz`: it can sign people in; 503 with the list of what is missing
 * otherwise. Stands before the host guard, since whoever probes knows an address and no name.
 */
export function health(readiness: Readiness): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/healthz' && ctx.path !== '/readyz') return next();
    ctx.set('Cache-Control', 'no-store');
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.status = 405;
      ctx.set('Allow', 'GET, HEAD');
      return;
    }
    if (ctx.path === '/healthz') {
      ctx.body = { status: 'live' };
      return;
    }
    const notReady = await readiness.notReady();
    ctx.status = notReady.length === 0 ? 200 : 503;
    ctx.body = notReady.length === 0 ? { status: 'ready' } : { status: 'not ready', notReady };
  };
}

async function settles(check: (() => boolean | Promise<boolean>) | undefined, timeout: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeout);
    timer.unref();
  });
  try {
    return await Promise.race([Promise.resolve().then(() => check?.() ?? false), tooLate]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
