import type { Context, Middleware } from 'koa';
import { HubError } from '../errors.ts';
import type { Clock } from '../world.ts';
import { addressGroup } from './client_address.ts';

export interface RateLimitSettings {
  /** Requests that one address group may send in a window. */
  readonly requests: number;
  /** Milliseconds. */
  readonly window: number;
  /** Address groups that are counted separately at the same time. */
  readonly trackedAddresses: number;
}

export interface RateLimit {
  /** Counts one request. Undefined when it may go on; otherwise the seconds after which trying again can help. */
  count(key: string): number | undefined;
  /** How many keys are held in memory. */
  readonly size: number;
}

/** Counts that latecomers share while the memory is full: spread, so that one flood does not lock out everybody. */
const SHARED_COUNTS = 64;

interface Count {
  requests: number;
  readonly endsAt: number;
}

/**
 * Fixed windows, counted in this process. Several processes allow several times as much between them: that bounds the
 * work of each, which is what the limit is for; a count shared through PostgreSQL would cost a write for every request
 * that it is there to ward off.
 *
 * Memory is bounded: beyond `trackedAddresses` new keys share `SHARED_COUNTS` counts until old windows end.
 */
export function createRateLimit(settings: RateLimitSettings, clock: Clock): RateLimit {
  // All windows are equally long, so a Map's order of insertion is also the order in which they end.
  const counts = new Map<string, Count>();

  function dropEnded(now: number): void {
    for (const [key, { endsAt }] of counts) {
      if (endsAt > now) return;
      counts.delete(key);
    }
  }

  return {
    get size() {
      return counts.size;
    },
    count(key) {
      const now = clock();
      dropEnded(now);
      const isFull = counts.size >= settings.trackedAddresses;
      const used = counts.has(key) || !isFull ? key : `shared:${spread(key)}`;
      const current = counts.get(used) ?? { requests: 0, endsAt: now + settings.window };
      current.requests += 1;
      counts.set(used, current);
      if (current.requests <= settings.requests) return undefined;
      return Math.max(1, Math.ceil((current.endsAt - now) / 1000));
    },
  };
}

/**
 * Refuses with HubError `too_many_requests` (429, `retryAfter` in seconds) when the client's address group has had its
 * share. Needs `ctx.state.clientAddress` from the host guard, and an error page around it.
 *
 * @param applies which requests are counted; all unless given
 */
export function rateLimit(limit: RateLimit, applies: (ctx: Context) => boolean = () => true): Middleware {
  return async (ctx, next) => {
    if (applies(ctx)) {
      const retryAfter = limit.count(addressGroup(String(ctx.state.clientAddress)));
      if (retryAfter !== undefined) throw tooMany(retryAfter);
    }
    await next();
  };
}

/**
 * The same for a caller that has said who it is.
 *
 * @throws HubError `too_many_requests`.
 */
export function countCall(limit: RateLimit, key: string): void {
  const retryAfter = limit.count(key);
  if (retryAfter !== undefined) throw tooMany(retryAfter);
}

function tooMany(retryAfter: number): HubError {
  return new HubError('too_many_requests', 429, 'Too many requests. Please wait a little.', { retryAfter });
}

/** FNV-1a: which of the shared counts a key goes to. */
function spread(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash % SHARED_COUNTS;
}
