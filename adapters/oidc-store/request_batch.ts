import type { Middleware } from 'koa';
import { errors, Provider } from 'oidc-provider';
import type { Queries, Statement } from '../database/database.ts';
import { saveTogether } from './artefact_statements.ts';

/** A row to be saved: what the columns of oidc_artefact take. */
export interface ArtefactRow {
  readonly key: Buffer;
  readonly model: string;
  readonly grantKey: Buffer | null;
  readonly uidKey: Buffer | null;
  readonly userCodeKey: Uint8Array | null;
  readonly sealedPayload: Uint8Array;
  /** Milliseconds. */
  readonly expiresAt: number;
  /** It may not be there already (see artefact_models.ts). */
  readonly once: boolean;
}

/** What one request writes and has read ahead. */
export interface RequestBatch {
  save(row: ArtefactRow): void;
  /** For rows that need no marker: an interaction that has ended. */
  delete(key: Buffer): void;
  /** Sends what is waiting, in one statement. Before a read, so that a request sees what it wrote. */
  flush(now: number): Promise<void>;
  /** The grant that the last token or code names, read in the same statement; saves the engine's next look-up. */
  grantReadAhead: { readonly key: Buffer; readonly sealedPayload: Buffer; readonly expiresAt: number } | undefined;
}

const BATCH = Symbol('artefact batch');

/**
 * Collects a request's writes and sends them in one statement before the answer leaves: code, grant and session of a
 * sign-in are stored together or not at all, and a sign-in costs four round trips less. When they cannot be stored, the
 * request fails: nothing that was not stored is ever answered.
 */
export function batchWrites(database: Queries, clock: () => number): Middleware {
  return async (ctx, next) => {
    const batch = createBatch(database);
    (ctx.state as { [BATCH]?: RequestBatch })[BATCH] = batch;
    await next();
    await batch.flush(clock());
  };
}

/** The batch of the request that the engine is answering, if there is one. */
export function currentBatch(): RequestBatch | undefined {
  return (Provider.ctx?.state as { [BATCH]?: RequestBatch } | undefined)?.[BATCH];
}

function createBatch(database: Queries): RequestBatch {
  const saves = new Map<string, ArtefactRow>();
  const deletes = new Map<string, Buffer>();

  return {
    grantReadAhead: undefined,

    save(row) {
      const id = row.key.toString('base64');
      deletes.delete(id);
      saves.set(id, row);
    },

    delete(key) {
      const id = key.toString('base64');
      saves.delete(id);
      deletes.set(id, key);
    },

    async flush(now) {
      if (saves.size === 0 && deletes.size === 0) return;
      const rows = [...saves.values()];
      const gone = [...deletes.values()];
      saves.clear();
      deletes.clear();
      await saveRows(database, rows, gone, now);
    },
  };
}

/** @throws InvalidRequest when a row that may be saved once was there already */
export async function saveRows(
  database: Queries,
  rows: readonly ArtefactRow[],
  gone: readonly Buffer[],
  now: number,
): Promise<void> {
  const statement: Statement = saveTogether(rows.length, gone.length);
  const { rows: saved } = await database.query<{ key: Buffer }>(statement, [
    now,
    ...gone,
    ...rows.flatMap((row) => [
      row.key,
      row.model,
      row.grantKey,
      row.uidKey,
      row.userCodeKey,
      row.sealedPayload,
      row.expiresAt,
    ]),
  ]);
  const refused = rows.some((row) => row.once && !saved.some(({ key }) => key.equals(row.key)));
  if (refused) throw new errors.InvalidRequest('this has been used already');
}
