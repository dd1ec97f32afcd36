import { AsyncLocalStorage } from 'node:async_hooks';
import type { Middleware } from 'koa';
import { errors } from 'oidc-provider';
import type { Queries, Statement } from '../database/database.ts';
import { saveTogether } from './artefact_statements.ts';

/** A row to be saved: what the columns of oidc_artefact take. */
export interface ArtefactRow {
  readonly key: Buffer;
  readonly model: string;
  readonly grantKey: Buffer | null;
  readonly uidKey: Buffer | null;
  readonly sessionKey: Buffer | null;
  readonly userCodeKey: Uint8Array | null;
  /** The payload as JSON. */
  readonly content: string;
  /** Called when the row is sent: one that is deleted before that is never sealed. */
  seal(): Uint8Array;
  /** Milliseconds. */
  readonly expiresAt: number;
  /** It may not be there already (see artefact_models.ts). */
  readonly once: boolean;
}

/** A row that came along with the one that was asked for, since the engine asks for it next. */
export interface ReadAhead {
  readonly key: Buffer;
  readonly sealedPayload: Buffer;
  readonly expiresAt: number;
}

/** What one request writes and has read ahead. */
export interface RequestBatch {
  save(row: ArtefactRow): void;
  /** For rows that need no marker: an interaction that has ended. */
  delete(key: Buffer): void;
  /** What this request has saved under the key and not sent yet. */
  pending(key: Buffer): ArtefactRow | undefined;
  /** Sends what is waiting, in one statement. Before everything that reads or decides. */
  flush(now: number): Promise<void>;
  /** The grant that the last token or code names. */
  grant: ReadAhead | undefined;
  /** The session that it is bound to; found by its uid. */
  session: (ReadAhead & { readonly uidKey: Buffer }) | undefined;
}

const running = new AsyncLocalStorage<RequestBatch>();

/**
 * Collects a request's writes and sends them in one statement before the answer leaves: code, grant and session of a
 * sign-in are stored together or not at all, and a sign-in costs five round trips less. When they cannot be stored, the
 * request fails: nothing that was not stored is ever answered.
 */
export function batchWrites(database: Queries, clock: () => number): Middleware {
  return (_ctx, next) => {
    const batch = createBatch(database);
    return running.run(batch, async () => {
      await next();
      await batch.flush(clock());
    });
  };
}

/** The batch of the request that is being answered, if there is one. */
export function currentBatch(): RequestBatch | undefined {
  return running.getStore();
}

function createBatch(database: Queries): RequestBatch {
  const saves = new Map<string, ArtefactRow>();
  const deletes = new Map<string, Buffer>();

  return {
    grant: undefined,
    session: undefined,

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

    pending: (key) => (saves.size === 0 ? undefined : saves.get(key.toString('base64'))),

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
      row.sessionKey,
      row.userCodeKey,
      row.seal(),
      row.expiresAt,
    ]),
  ]);
  const refused = rows.some((row) => row.once && !saved.some(({ key }) => key.equals(row.key)));
  if (refused) throw new errors.InvalidRequest('this has been used already');
}
