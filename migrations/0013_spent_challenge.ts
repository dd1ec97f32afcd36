import type { Knex } from 'knex';

/**
 * A challenge carries its binding and its end under a MAC; what is left to store is that it was answered, until it is
 * refused by its age. Sign-ins that are open while this runs begin again.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('DROP TABLE challenge');
  await knex.raw(`
    CREATE TABLE spent_challenge (
      nonce_hash bytea PRIMARY KEY CHECK (octet_length(nonce_hash) = 32),
      expires_at bigint NOT NULL
    )`);
  // For the sweep.
  await knex.raw('CREATE INDEX spent_challenge_by_expiry ON spent_challenge (expires_at)');
}
