import type { Knex } from 'knex';

/** Challenges that a card may answer, for minutes. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE challenge (
      nonce_hash bytea PRIMARY KEY CHECK (octet_length(nonce_hash) = 32),
      origin text NOT NULL,
      session text NOT NULL,
      purpose text NOT NULL,
      expires_at bigint NOT NULL,
      spent_at bigint
    -- Each row is updated once, when it is spent: room on the page keeps that away from the indexes.
    ) WITH (fillfactor = 70)`);
  // For the sweep.
  await knex.raw('CREATE INDEX challenge_by_expiry ON challenge (expires_at)');
}
