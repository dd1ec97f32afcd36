import type { Knex } from 'knex';

/** Insurers, card issuers and the like, and what members hold, offer and accept (保有・提供可否・受入可否). */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE attribute_provider (
      id text PRIMARY KEY,
      kind text NOT NULL,
      -- In every language of the pages.
      names jsonb NOT NULL,
      -- Below it are the addresses of its interface; it names the provider in what it signs.
      url text NOT NULL,
      -- Public keys that its answers are signed with: they are pinned, not fetched.
      keys jsonb NOT NULL,
      -- What a person enters so that it can find them among its customers.
      entries jsonb NOT NULL,
      is_active boolean NOT NULL,
      created_at bigint NOT NULL
    )`);
  await knex.raw(`
    CREATE TABLE member_attribute (
      provider_id text REFERENCES attribute_provider (id) ON DELETE CASCADE,
      client_id text REFERENCES relying_party (client_id) ON DELETE CASCADE,
      claim text NOT NULL,
      holds boolean NOT NULL,
      offers boolean NOT NULL,
      accepts boolean NOT NULL,
      CHECK (num_nonnulls(provider_id, client_id) = 1),
      CHECK (holds OR NOT offers)
    )`);
  await knex.raw(`
    CREATE UNIQUE INDEX member_attribute_of_provider ON member_attribute (provider_id, claim)
      WHERE provider_id IS NOT NULL`);
  await knex.raw(`
    CREATE UNIQUE INDEX member_attribute_of_client ON member_attribute (client_id, claim) WHERE client_id IS NOT NULL`);
}
