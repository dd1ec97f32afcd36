import type { Knex } from 'knex';

/** OIDC clients as the command line registered them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE relying_party (
      client_id text PRIMARY KEY,
      -- RFC 7591 names, as the engine validated them; never the secret.
      metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object' AND metadata -> 'client_secret' IS NULL),
      sealed_client_secret bytea,
      created_at bigint NOT NULL
    )`);
}
