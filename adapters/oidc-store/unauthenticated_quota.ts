import { HubError } from '../../provider/errors.ts';
import type { Clock } from '../../provider/world.ts';

/** How long a count is believed (ms). Between counts every admission adds one, so that a flood is seen at once. */
const BELIEVED_FOR = 5_000;
/** Seconds. */
const RETRY_AFTER = 30;

export interface UnauthenticatedQuota {
  /** @throws HubError `too_many_requests` (429) when as many as allowed are stored already */
  admit(model: string): Promise<void>;
}

/**
 * Bounds what strangers can make the hub store. The count is approximate: exact after each look, and each process adds
 * what it admits itself; several processes together may pass the cap by what they admit in five seconds.
 *
 * @param caps live rows a model; a model without a cap is always admitted
 * @param count counts live rows of a model, and may stop at `limit`
 */
export function createUnauthenticatedQuota(world: {
  caps: Readonly<Record<string, number>>;
  count: (model: string, limit: number) => Promise<number>;
  clock: Clock;
}): UnauthenticatedQuota {
  const seen = new Map<string, { count: number; at: number }>();

  return {
    async admit(model) {
      const cap = world.caps[model];
      if (cap === undefined) return;
      const now = world.clock();
      let entry = seen.get(model);
      if (!entry || now - entry.at >= BELIEVED_FOR || now < entry.at) {
        // Whoever comes meanwhile goes by the old count.
        entry = { count: entry?.count ?? 0, at: now };
        seen.set(model, entry);
        entry.count = await world.count(model, cap);
      }
      if (entry.count >= cap) {
        throw new HubError('too_many_requests', 429, 'Too many requests are open. Please try again shortly.', {
          retryAfter: RETRY_AFTER,
          details: { model, cap },
        });
      }
      entry.count++;
    },
  };
}
