import type { Clock } from '../world.ts';
import { isEntityId } from './metadata/read_entity.ts';
import type { ServiceProviders } from './service_provider.ts';
import type { ServiceProviderRecord, ServiceProviderStore } from './service_provider_store.ts';

/** What an operator or a refresh has changed holds everywhere after this long (ms). */
const LIFETIME = 2_000;
const MAX_ENTRIES = 1_000;

/**
 * Service providers as the flows look them up. What was found is remembered for two seconds, because one sign-in asks
 * several times; and while it does not change it stays one object, by which others remember what they have made of it
 * (imported keys). What was not found is not remembered, so that a new one works at once.
 */
export function createServiceProviders(world: {
  store: Pick<ServiceProviderStore, 'find'>;
  clock: Clock;
}): ServiceProviders {
  const { store, clock } = world;
  const cache = new Map<string, { record: ServiceProviderRecord; until: number }>();

  async function lookUp(entityId: string): Promise<ServiceProviderRecord | undefined> {
    const cached = cache.get(entityId);
    if (cached && cached.until > clock()) return cached.record;
    const found = await store.find(entityId);
    if (!found) {
      cache.delete(entityId);
      return undefined;
    }
    const isSame = cached?.record.version === found.version && cached.record.addedAt === found.addedAt;
    const record = isSame ? cached.record : found;
    if (!cached && cache.size >= MAX_ENTRIES) cache.clear();
    cache.set(entityId, { record, until: clock() + LIFETIME });
    return record;
  }

  return {
    async find(entityId) {
      if (!isEntityId(entityId)) return undefined;
      const record = await lookUp(entityId);
      const { validUntil } = record?.metadata ?? {};
      return validUntil !== undefined && validUntil <= clock() ? undefined : record;
    },
  };
}
