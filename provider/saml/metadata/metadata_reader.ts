import type { ReadEntity } from './read_entity.ts';
import type { FeedFilter, ReadFeed } from './read_metadata.ts';

/**
 * Reads metadata, wherever that is done: a large document keeps a thread busy for seconds. Rejects as `readMetadata` and
 * `readFeed` throw.
 */
export interface MetadataReader {
  /** @param pinned certificates (base64 of DER) of which one must have signed the document, if there are any */
  entity(octets: Uint8Array, entityId: string | undefined, pinned: readonly string[]): Promise<ReadEntity>;
  feed(octets: Uint8Array, filter: FeedFilter, pinned: readonly string[]): Promise<ReadFeed>;
}
