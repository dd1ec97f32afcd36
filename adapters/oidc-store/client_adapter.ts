import type { Adapter } from 'oidc-provider';
import type { ClientStore } from '../../provider/oidc/oidc_stores.ts';
import type { Clock } from '../../provider/world.ts';
import { isPossibleId } from './artefact_key.ts';

/** A client removed by the command line is gone everywhere after this long (ms). */
const LIFETIME = 2_000;
const MAX_ENTRIES = 1_000;

/**
 * Clients as the engine reads them; adding and removing is the command line's. What was found is remembered for two
 * seconds, because one sign-in asks five times; what was not found is not remembered, so that a new client works at once.
 */
export function createClientAdapter(clients: ClientStore, clock: Clock): Adapter {
  const cache = new Map<string, { metadata: Record<string, unknown>; until: number }>();

  return {
    async find(id) {
      if (!isPossibleId(id)) return undefined;
      const now = clock();
      const cached = cache.get(id);
      if (cached && cached.until > now) return cached.metadata;
      cache.delete(id);
      const metadata = await clients.find(id);
      if (!metadata) return undefined;
      if (cache.size >= MAX_ENTRIES) cache.clear();
      cache.set(id, { metadata, until: now + LIFETIME });
      return metadata;
    },
    findByUid: refuse,
    findByUserCode: refuse,
    upsert: refuse,
    consume: refuse,
    destroy: refuse,
    revokeByGrantId: refuse,
  };
}

async function refuse(): Promise<never> {
  throw new Error('clients are only read through the engine');
}
