import { HubError } from '../errors.ts';
import type { Logger } from '../operations/logger.ts';
import type { Storage, Stores } from '../storage.ts';
import type { Clock } from '../world.ts';
import { metadataError } from './metadata/metadata_error.ts';
import type { ReadFeed } from './metadata/read_metadata.ts';
import { changedParts, type RegistrationWorld, register, renewMetadata, unregister } from './registration.ts';
import type { ServiceProviderMetadata } from './service_provider.ts';
import type { MetadataSource } from './service_provider_store.ts';

export interface FeedTakingWorld {
  readonly storage: Pick<Storage, 'serviceProviders' | 'transaction'>;
  readonly registration: RegistrationWorld;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

/** Entities that one transaction takes: the embedded database serves nobody else meanwhile. */
const BATCH = 25;

/** An entity and what the feed says of it now; undefined: nothing any more. */
interface Step {
  readonly entityId: string;
  readonly metadata: ServiceProviderMetadata | undefined;
}

/**
 * Registers who is new in a feed, takes over what has changed and removes who is gone. One that fits and cannot be read
 * any more stays as it is until it expires; one that cannot be registered is logged and keeps nobody else out.
 *
 * @param holdOn is called in each transaction, and throws when the feed is somebody else's to take by now
 * @returns whether anything has changed
 * @throws HubError `saml_metadata_invalid` where nobody would be left; what `holdOn` throws
 */
export async function takeFeed(
  world: FeedTakingWorld,
  source: MetadataSource,
  read: ReadFeed,
  holdOn: (stores: Stores) => Promise<void>,
): Promise<boolean> {
  const unusable = new Map(read.refused);
  const steps = await stepsOf(world, source, read);
  let changed = false;
  for (let start = 0; start < steps.length; start += BATCH) {
    await world.storage.transaction(async (stores) => {
      await holdOn(stores);
      for (const step of steps.slice(start, start + BATCH)) {
        try {
          if (await take(world, stores, source, step)) changed = true;
        } catch (error) {
          if (!(error instanceof HubError) || error.code === 'storage_unavailable') throw error;
          unusable.set(step.entityId, error.message);
        }
      }
    });
  }
  if (unusable.size > 0) {
    const [first] = unusable;
    world.log.warn({ source: source.sourceId, count: unusable.size, first }, 'entities of a feed are not taken');
  }
  return changed;
}

async function stepsOf({ storage }: FeedTakingWorld, source: MetadataSource, read: ReadFeed): Promise<Step[]> {
  const { entities, refused } = read;
  const records = await storage.serviceProviders.ofSource(source.sourceId);
  const known = new Map(records.map(({ metadata }) => [metadata.entityId, metadata]));
  const gone = [...known.keys()].filter((entityId) => !entities.has(entityId) && !refused.has(entityId));
  if (gone.length === known.size && known.size > 1) {
    // A publisher's accident is likelier than that everybody left at once, and would cut everybody off.
    throw metadataError('saml_metadata_invalid', 'has none of the entities that came from it before');
  }
  const news = [...entities].filter(([entityId, { metadata }]) => {
    const before = known.get(entityId);
    return before === undefined || changedParts(before, metadata).length > 0;
  });
  return [
    ...gone.map((entityId) => ({ entityId, metadata: undefined })),
    ...news.map(([entityId, { metadata }]) => ({ entityId, metadata })),
  ];
}

/** What nothing is stored of before it throws, so that the transaction can go on. */
async function take(
  { registration, clock }: FeedTakingWorld,
  stores: Stores,
  { sourceId, settings }: MetadataSource,
  { entityId, metadata }: Step,
): Promise<boolean> {
  const by = { actor: 'hub', now: clock() } as const;
  const current = await stores.serviceProviders.findLocked(entityId);
  const isOurs = current?.sourceId === sourceId;
  if (metadata === undefined) {
    if (isOurs) await unregister(stores, entityId, by);
    return isOurs;
  }
  if (isOurs) return renewMetadata(stores, registration, current, metadata, by);
  if (settings) await register(stores, registration, { metadata, settings }, { sourceId, ...by });
  return true;
}
