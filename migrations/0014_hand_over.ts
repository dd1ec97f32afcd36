import type { Knex } from 'knex';

/**
 * What the listener for client certificates has decided and the main origin has not fetched yet: gone within a minute,
 * or with the first use of its code.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE hand_over (
      code_hash bytea PRIMARY KEY CHECK (octet_length(code_hash) = 32),
      sealed bytea NOT NULL,
      expires_at bigint NOT NULL
    )`);
  // For the sweep.
  await knex.raw('CREATE INDEX hand_over_by_expiry ON hand_over (expires_at)');
}
