import type { Clock } from '../../world.ts';
import { signingKeysOf } from '../signature/signing_keys.ts';
import type { ReadEntity } from './read_entity.ts';
import { ENTITY_LIMITS, FEED_LIMITS, type FeedFilter, type ReadFeed, readFeed, readMetadata } from './read_metadata.ts';

/**
 * Reads metadata, wherever that is done: a large document keeps a thread busy for seconds. Rejects as `readMetadata` and
 * `readFeed` throw.
 */
export interface MetadataReader {
  /** @param pinned certificates (base64 of DER) of which one must have signed the document, if there are any */
  entity(octets: Uint8Array, entityId: string | undefined, pinned: readonly string[]): Promise<ReadEntity>;
  feed(octets: Uint8Array, filter: FeedFilter, pinned: readonly string[]): Promise<ReadFeed>;
}

/** Reads at once, in the thread of whoever calls. */
export function createMetadataReader(world: { clock: Clock; allowLoopback: boolean }): MetadataReader {
  const { clock, allowLoopback } = world;
  const rules = (pinned: readonly string[]) => ({
    ...{ now: clock(), allowLoopback },
    // Where keys are pinned and none is of use, nothing passes.
    pinnedKeys: pinned.length > 0 ? signingKeysOf(pinned) : undefined,
  });
  return {
    async entity(octets, entityId, pinned) {
      // One that is named may stand in the document of a federation.
      const limits = entityId === undefined ? ENTITY_LIMITS : FEED_LIMITS;
      return readMetadata(octets, entityId, { ...rules(pinned), limits });
    },
    feed: async (octets, filter, pinned) => readFeed(octets, filter, { ...rules(pinned), limits: FEED_LIMITS }),
  };
}
