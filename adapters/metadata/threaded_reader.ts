import { Worker } from 'node:worker_threads';
import { HubError } from '../../provider/errors.ts';
import { createMetadataReader, type MetadataReader } from '../../provider/saml/metadata/metadata_reader.ts';
import type { ReadEntity } from '../../provider/saml/metadata/read_entity.ts';
import type { FeedFilter, ReadFeed } from '../../provider/saml/metadata/read_metadata.ts';
import type { Clock } from '../../provider/world.ts';

type Document =
  | { readonly kind: 'entity'; readonly octets: Uint8Array; readonly entityId: string | undefined }
  | { readonly kind: 'feed'; readonly octets: Uint8Array; readonly filter: FeedFilter };

export interface ThreadQuestion {
  readonly document: Document;
  readonly now: number;
  readonly allowLoopback: boolean;
  readonly pinned: readonly string[];
}

export type ThreadAnswer =
  | { readonly read: ReadEntity | ReadFeed }
  | {
      readonly refused: { code: string; status: number; message: string; details: Record<string, unknown> };
    };

/** Octets up to which a document is read at once: some tens of milliseconds, which is what a thread costs. */
const SMALL = 64 * 1024;
/** A document of 32 MB becomes ten times as much of objects, and twice that where it is signed. */
const MOST_MEGABYTES = 1_500;
/** Milliseconds, on a busy machine. */
const LONGEST = 120_000;

/**
 * Reads large metadata documents in a thread of its own: a federation's takes seconds, in which nobody could sign in. The
 * thread's memory and time are bounded, whatever is in the document.
 */
export function createThreadedReader(world: {
  readonly clock: Clock;
  readonly allowLoopback: boolean;
  /** For tests. */
  readonly mostMegabytes?: number;
}): MetadataReader {
  const { clock, allowLoopback, mostMegabytes = MOST_MEGABYTES } = world;
  const atOnce = createMetadataReader(world);
  const inThread = (document: Document, pinned: readonly string[]) =>
    askThread({ document, now: clock(), allowLoopback, pinned }, mostMegabytes);
  return {
    async entity(octets, entityId, pinned) {
      if (octets.length <= SMALL) return atOnce.entity(octets, entityId, pinned);
      return (await inThread({ kind: 'entity', octets, entityId }, pinned)) as ReadEntity;
    },
    async feed(octets, filter, pinned) {
      if (octets.length <= SMALL) return atOnce.feed(octets, filter, pinned);
      return (await inThread({ kind: 'feed', octets, filter }, pinned)) as ReadFeed;
    },
  };
}

async function askThread(question: ThreadQuestion, mostMegabytes: number): Promise<ReadEntity | ReadFeed> {
  const worker = new Worker(new URL('./metadata_thread.ts', import.meta.url), {
    workerData: question,
    resourceLimits: { maxOldGenerationSizeMb: mostMegabytes },
  });
  worker.unref();
  const { promise, resolve, reject } = Promise.withResolvers<ThreadAnswer>();
  const deadline = setTimeout(() => reject(tooCostly('takes too long to read')), LONGEST);
  worker.once('message', resolve);
  worker.once('error', (error: NodeJS.ErrnoException) => {
    reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooCostly('takes too much memory to read', error) : error);
  });
  worker.once('exit', () => reject(new Error('the thread that reads metadata has ended without a word')));
  try {
    const answer = await promise;
    if ('read' in answer) return answer.read;
    const { code, status, message, details } = answer.refused;
    throw new HubError(code, status, message, { details });
  } finally {
    clearTimeout(deadline);
    await worker.terminate();
  }
}

function tooCostly(why: string, cause?: unknown): HubError {
  return new HubError('saml_metadata_invalid', 400, `The metadata ${why}.`, { cause });
}
