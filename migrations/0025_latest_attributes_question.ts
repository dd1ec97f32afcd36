import type { Knex } from 'knex';

/** Questions for somebody's latest attributes cost money as well. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('ALTER TABLE authority_question ADD COLUMN attributes_asked bigint NOT NULL DEFAULT 0');
}
