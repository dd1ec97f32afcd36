import { AsyncLocalStorage } from 'node:async_hooks';
import type { Middleware } from 'koa';
import { errors } from 'oidc-provider';
import { SavedTwice } from '../../provider/oidc/replay_detection.ts';
import type { Queries } from '../database/database.ts';
import { CONSUME, saveTogether } from './artefact_statements.ts';

/** A row to be saved: what the columns of oidc_artefact take. */
export interface ArtefactRow {
  readonly key: Buffer;
  readonly model: string;
  readonly grantKey: Buffer | null;
  readonly uidKey: Buffer | null;
  readonly sessionKey: Buffer | null;
  readonly userCodeKey: Uint8Array | null;
  readonly subjectKey: Uint8Array | null;
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
  /**
   * Uses up a code or token with what is saved from here on. `lost` is called when somebody else was first: then nothing
   * of that is saved. It throws what the request is to be refused with.
   */
  use(key: Buffer, lost: () => Promise<never>): void;
  /** What this request has saved under the key and not sent yet. */
  pending(key: Buffer): ArtefactRow | undefined;
  /** Sends what is waiting, in one statement. Before everything that reads, decides or releases. */
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
  return (ctx, next) => {
    const batch = createBatch(database);
    return running.run(batch, async () => {
      await next();
      try {
        await batch.flush(clock());
      } catch (error) {
        if (!(error instanceof errors.OIDCProviderError)) throw error;
        // The engine has no more to say: its own form of a refusal (RFC 6749 §5.2) is ours to give.
        ctx.status = error.statusCode;
        ctx.body = { error: error.error, error_description: error.error_description };
      }
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
  let used: { key: Buffer; lost: () => Promise<never> } | undefined;

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

    use(key, lost) {
      used = { key, lost };
    },

    pending: (key) => (saves.size === 0 ? undefined : saves.get(key.toString('base64'))),

    async flush(now) {
      if (saves.size === 0 && deletes.size === 0 && !used) return;
      const rows = [...saves.values()];
      const gone = [...deletes.values()];
      const using = used;
      saves.clear();
      deletes.clear();
      used = undefined;
      if (!using) return saveRows(database, rows, gone, now);
      if (!(await useAndSave(database, using.key, rows, gone, now))) await using.lost();
    },
  };
}

/** @throws SavedTwice when a row that may be saved once was there already */
export async function saveRows(
  database: Queries,
  rows: readonly ArtefactRow[],
  gone: readonly Buffer[],
  now: number,
): Promise<void> {
  const statement = saveTogether(rows.length, gone.length);
  const { rows: saved } = await database.query<{ key: Buffer }>(statement, [now, ...gone, ...rows.flatMap(columns)]);
  refuseSavedTwice(rows, saved);
}

/** False, and nothing has changed, when somebody else has used up the code or token. */
async function useAndSave(
  database: Queries,
  key: Buffer,
  rows: readonly ArtefactRow[],
  gone: readonly Buffer[],
  now: number,
): Promise<boolean> {
  if (rows.length === 0) {
    if ((await database.query(CONSUME, [key, now])).count !== 1) return false;
    if (gone.length > 0) await saveRows(database, [], gone, now);
    return true;
  }
  const statement = saveTogether(rows.length, gone.length, true);
  const values = [now, key, ...gone, ...rows.flatMap(columns)];
  const { rows: saved } = await database.query<{ key: Buffer }>(statement, values);
  if (saved.length === 0) return false;
  refuseSavedTwice(rows, saved);
  return true;
}

function columns(row: ArtefactRow): unknown[] {
  const { key, model, grantKey, uidKey, sessionKey, userCodeKey, subjectKey, expiresAt } = row;
  return [key, model, grantKey, uidKey, sessionKey, userCodeKey, subjectKey, row.seal(), expiresAt];
}

function refuseSavedTwice(rows: readonly ArtefactRow[], saved: readonly { key: Buffer }[]): void {
  const refused = rows.some((row) => row.once && !saved.some(({ key }) => key.equals(row.key)));
  if (refused) throw new SavedTwice();
}
