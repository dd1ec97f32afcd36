import type { Knex } from 'knex';

/** The highest CRL number accepted of each list: a list never moves backwards, not over a restart either. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE crl_number (
      list_id text PRIMARY KEY,
      -- Up to 20 octets (RFC 5280 §5.2.3).
      number numeric(49, 0) NOT NULL CHECK (number >= 0)
    )`);
}
