import { readdirSync } from 'node:fs';
import type { Knex } from 'knex';
import type { Database } from './database.ts';

/** One file of migrations/: forward only. */
interface Migration {
  up(knex: Knex): Promise<void>;
}

export interface MigrationStatus {
  /** Names in the order they ran or will run. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

const FOLDER = new URL('../../migrations/', import.meta.url);
const TABLE = 'knex_migrations';
/** Any number, as long as every hub uses the same one. */
const ADVISORY_LOCK = 7_305_480_301;

const source: Knex.MigrationSource<string> = {
  getMigrations: async () => migrationNames(),
  getMigrationName: (name) => name,
  // Forward only: knex asks for `down` in its type, and never calls it on the way up.
  getMigration: async (name) => {
    const { up }: Migration = await import(new URL(name, FOLDER).href);
    return { up, down: refuseDown };
  },
};

/**
 * Brings the database to the newest schema; returns the names of what ran. All of it in one transaction: a migration
 * that fails leaves nothing behind. Any number of hubs may start at once: the first migrates, the others wait and find
 * nothing to do.
 */
export async function migrate(database: Database): Promise<readonly string[]> {
  if ((await migrationStatus(database)).pending.length === 0) return [];
  const knex = await database.knex();
  return knex.transaction(async (transaction) => {
    // Waiting for another hub, or building an index on a large table, takes longer than a person's request may.
    await transaction.raw('SET LOCAL statement_timeout = 0');
    await transaction.raw('SELECT pg_advisory_xact_lock(?::bigint)', [ADVISORY_LOCK]);
    const [, ran]: [number, string[]] = await transaction.migrate.latest({
      migrationSource: source,
      tableName: TABLE,
      // A migration's own transaction would be a savepoint in ours.
      disableTransactions: true,
    });
    return ran;
  });
}

/** What has run and what would. Costs two short queries and does not load knex. */
export async function migrationStatus(database: Database): Promise<MigrationStatus> {
  const names = migrationNames();
  const { rows: found } = await database.query<{ present: boolean }>({
    name: 'migrations_table',
    text: `SELECT to_regclass('${TABLE}') IS NOT NULL AS present`,
  });
  if (!found[0]?.present) return { applied: [], pending: names };
  const { rows } = await database.query<{ name: string }>({
    name: 'migrations_applied',
    text: `SELECT name FROM ${TABLE} ORDER BY id`,
  });
  const applied = rows.map(({ name }) => name);
  return { applied, pending: names.filter((name) => !applied.includes(name)) };
}

function migrationNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => /^\d{4}_[a-z_]+\.ts$/.test(name))
    .sort();
}

async function refuseDown(): Promise<never> {
  throw new Error('migrations go forward only');
}
