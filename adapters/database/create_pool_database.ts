import type { Knex } from 'knex';
import type pg from 'pg';
import type { Database, Queries, Statement } from './database.ts';
import { isRepeatable, translateError } from './database_errors.ts';
import type { DatabaseOptions } from './open_database.ts';
import { PreparedQuery, type QueryResult } from './prepared_query.ts';

/** Deadlocks among our short transactions resolve at once; more failures than this mean something else is wrong. */
const MAX_ATTEMPTS = 5;

/** Knex would print statements on the console; its errors reach the caller anyway. */
const SILENT = { warn() {}, error() {}, deprecate() {}, debug() {} };

/** A Database over a pool of PostgreSQL connections, wherever they lead. `afterEnd` runs once they are closed. */
export function createPoolDatabase(
  engine: Database['engine'],
  pool: pg.Pool,
  options: DatabaseOptions,
  afterEnd: () => Promise<void> = async () => {},
): Database {
  // Without a listener, a connection that breaks while idle would end the process.
  pool.on('error', (error: Error & { code?: string }) => {
    options.log?.('database.connection_lost', { reason: error.code ?? error.name });
  });
  let knex: Promise<Knex> | undefined;
  let closing: Promise<void> | undefined;

  return {
    engine,
    query: queriesOn(pool).query,

    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await runTransaction(pool, work);
        } catch (error) {
          if (attempt === MAX_ATTEMPTS || !isRepeatable(error)) throw error;
        }
      }
    },

    knex() {
      knex ??= import('knex').then(({ default: createKnex }) =>
        createKnex({ client: 'pg', connectionPool: pool, log: SILENT }),
      );
      return knex;
    },

    close() {
      closing ??= pool.end().then(afterEnd);
      return closing;
    },
  };
}

async function runTransaction<T>(pool: pg.Pool, work: (queries: Queries) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translateError(error);
  });
  let broken: Error | undefined;
  try {
    await run(client, { name: 'begin', text: 'BEGIN' }, []);
    const result = await work(queriesOn(client));
    const { command } = await run(client, { name: 'commit', text: 'COMMIT' }, []);
    // COMMIT of a transaction in which a statement failed answers ROLLBACK and no error: `work` swallowed something.
    if (command === 'ROLLBACK') throw new Error('a failed statement was ignored inside a transaction');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

function queriesOn(target: pg.Pool | pg.PoolClient): Queries {
  return {
    query: <Row>(statement: Statement, values: readonly unknown[] = []) =>
      run(target, statement, values) as Promise<QueryResult & { rows: Row[] }>, // the caller knows what it selects
  };
}

/** What pg's pools and connections do with a Submittable; their types know a callback for pg's own queries only. */
interface Target {
  query(query: PreparedQuery, callback: (error: Error | null, result: QueryResult) => void): void;
}

/** One promise and no async function around it: a sign-in waits for ten of these. */
function run(target: pg.Pool | pg.PoolClient, statement: Statement, values: readonly unknown[]): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    (target as unknown as Target).query(new PreparedQuery(statement, values), (error, result) =>
      error ? reject(translateError(error)) : resolve(result),
    );
  });
}
