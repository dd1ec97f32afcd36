import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { createPoolDatabase } from '../create_pool_database.ts';
import type { Database } from '../database.ts';
import type { DatabaseOptions, DatabaseSettings } from '../open_database.ts';
import { typeParsers } from '../type_parsers.ts';
import { createInChildProcess } from './create_in_child_process.ts';
import { lockFolder } from './lock_folder.ts';
import { PgliteStream } from './pglite_stream.ts';
import { startPglite } from './start_pglite.ts';

/** Longer than any burst should wait for the one connection; then an honest 503 (ms). */
const CONNECT_TIMEOUT = 10_000;

/** Where in the folder PGlite keeps its files; beside it lies the lock. */
export const DATA = 'data';

export async function openEmbedded(
  { folder }: Extract<DatabaseSettings, { kind: 'embedded' }>,
  options: DatabaseOptions,
): Promise<Database> {
  const unlock = lockFolder(folder);
  try {
    const data = join(folder, DATA);
    if (!existsSync(data)) await createInChildProcess(data);
    return await openData(data, options, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Opens PGlite's own folder, which nobody else has open. `afterClose` runs once it is closed. */
export async function openData(data: string, options: DatabaseOptions, afterClose = () => {}): Promise<Database> {
  const pglite = await startPglite(data);
  const pool = new pg.Pool({
    // PGlite is one session: a second connection would join the first one's transaction.
    max: 1,
    user: 'postgres',
    database: 'postgres',
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    idleTimeoutMillis: 0,
    types: typeParsers,
    // @types/pg wants a function of no arguments returning a Duplex, which this is; Pool's own type leaves it out.
    ...{ stream: () => new PgliteStream(pglite) },
  });
  return createPoolDatabase('embedded', pool, options, async () => {
    await pglite.close();
    afterClose();
  });
}
