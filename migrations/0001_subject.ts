import type { Knex } from 'knex';

/**
 * One natural person as the hub knows them. The id never leaves the hub, and nothing about the person is here: what
 * is known hangs on it in tables keyed by subject first, so that they can be partitioned or distributed by it.
 *
 * Times are milliseconds since the epoch in every table: one representation in code, wire and rows.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE subject (
      id uuid PRIMARY KEY,
      created_at bigint NOT NULL
    )`);
}
