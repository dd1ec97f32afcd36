import type { Knex } from 'knex';

/** Keys that sign tokens, and secrets that sign cookies; both sealed. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE signing_key (
      kid text PRIMARY KEY,
      alg text NOT NULL CHECK (alg IN ('ES256', 'RS256', 'PS256')),
      sealed_jwk bytea NOT NULL,
      created_at bigint NOT NULL,
      active_from bigint NOT NULL,
      retired_from bigint
    )`);
  await knex.raw(`
    CREATE TABLE cookie_secret (
      id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
      sealed_secret bytea NOT NULL,
      created_at bigint NOT NULL
    )`);
}
