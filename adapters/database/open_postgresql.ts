import pg from 'pg';
import { createPoolDatabase } from './create_pool_database.ts';
import type { Database } from './database.ts';
import type { DatabaseOptions, DatabaseSettings } from './open_database.ts';
import { typeParsers } from './type_parsers.ts';

/** A person is waiting: after this long without a connection an honest 503 is better (ms). */
const CONNECT_TIMEOUT = 5_000;
/** No statement of ours needs a tenth of this; a runaway must not hold a connection (ms). */
const STATEMENT_TIMEOUT = 10_000;
/** A process that stopped half way through a transaction must not hold its locks for ever (ms). */
const IDLE_IN_TRANSACTION_TIMEOUT = 15_000;
/** Firewalls forget silent connections after some minutes (ms). */
const KEEP_ALIVE_DELAY = 30_000;
const IDLE_TIMEOUT = 60_000;

export async function openPostgresql(
  settings: Extract<DatabaseSettings, { kind: 'postgresql' }>,
  options: DatabaseOptions,
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.poolSize,
    application_name: 'musubi',
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    idleTimeoutMillis: IDLE_TIMEOUT,
    statement_timeout: STATEMENT_TIMEOUT,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT,
    // The server's own timeout does not fire when the network has gone.
    query_timeout: STATEMENT_TIMEOUT + CONNECT_TIMEOUT,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY,
    allowExitOnIdle: true,
    types: typeParsers,
  });
  const database = createPoolDatabase('postgresql', pool, options);
  try {
    await database.query({ name: 'hello', text: 'SELECT 1' });
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}
