/** Small enough that a batch holds its locks, and the embedded engine the event loop, for milliseconds only. */
const BATCH = 500;
/** The rest waits for the next sweep: one call stays bounded however much has piled up. */
const MAX_BATCHES = 200;

/** Repeats `deleteUpTo` until a batch is not full; returns how many rows went. */
export async function sweepInBatches(deleteUpTo: (limit: number) => Promise<number>): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const deleted = await deleteUpTo(BATCH);
    total += deleted;
    if (deleted < BATCH) break;
  }
  return total;
}
