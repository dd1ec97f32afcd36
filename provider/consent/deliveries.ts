import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, Middleware } from 'koa';
import type { Logger } from '../operations/logger.ts';
import type { Clock } from '../world.ts';
import type { ConsentStore, DisclosureKey } from './consent_store.ts';

/**
 * Notes which releases were answered with. A row of the disclosure is written before anything leaves; that its answer was
 * handed to the network is written afterwards, together with others'. Whatever stops the hub in between leaves a release
 * that the person sees as prepared and not confirmed: never the other way round.
 */
export interface Deliveries {
  /** Around a request. */
  readonly confirm: Middleware;
  /** Says that the answer of the request at hand will hold this release. */
  note(disclosure: DisclosureKey): void;
  /** Writes what is waiting. */
  flush(): Promise<void>;
}

/** How long confirmations wait for company (ms): one statement for all of them, and none is in a hurry. */
const TOGETHER_WITHIN = 200;
/** Nor do more than this wait. */
const MOST_WAITING = 500;

export function createDeliveries(world: {
  store: Pick<ConsentStore, 'confirmDelivery'>;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
}): Deliveries {
  const { store, clock, log } = world;
  const running = new AsyncLocalStorage<{ ctx: Context; made: DisclosureKey[] }>();
  let waiting: DisclosureKey[] = [];
  let timer: NodeJS.Timeout | undefined;
  let underway: Promise<void> = Promise.resolve();

  function write(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    underway = underway
      .then(() => store.confirmDelivery(batch, clock()))
      .catch((err: unknown) => log.warn({ err, count: batch.length }, 'deliveries could not be confirmed'));
  }

  function sent(made: readonly DisclosureKey[]): void {
    waiting.push(...made);
    if (waiting.length >= MOST_WAITING) write();
    else timer ??= setTimeout(write, TOGETHER_WITHIN).unref();
  }

  return {
    confirm: (ctx, next) => running.run({ ctx, made: [] }, next),

    note(disclosure) {
      const request = running.getStore();
      if (!request) return;
      const { ctx, made } = request;
      if (made.push(disclosure) > 1) return;
      // An error in place of the answer holds nothing of it.
      ctx.res.once('finish', () => {
        if (ctx.res.statusCode < 400) sent(made);
      });
    },

    async flush() {
      write();
      await underway;
    },
  };
}
