import { parentPort, workerData } from 'node:worker_threads';
import { HubError } from '../../provider/errors.ts';
import { createMetadataReader } from '../../provider/saml/metadata/metadata_reader.ts';
import type { ThreadAnswer, ThreadQuestion } from './threaded_reader.ts';

/** One document in a thread of its own, which ends with it. */
async function answer({ document, now, allowLoopback, pinned }: ThreadQuestion): Promise<ThreadAnswer> {
  const reader = createMetadataReader({ clock: () => now, allowLoopback });
  try {
    if (document.kind === 'feed') return { read: await reader.feed(document.octets, document.filter, pinned) };
    return { read: await reader.entity(document.octets, document.entityId, pinned) };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    const { code, status, message, details } = error;
    return { refused: { code, status, message, details: { ...details } } };
  }
}

parentPort?.postMessage(await answer(workerData));
