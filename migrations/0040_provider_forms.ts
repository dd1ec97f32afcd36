import type { Knex } from 'knex';

/** In which forms beside plain values a provider can make claims for relying parties. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`ALTER TABLE attribute_provider ADD COLUMN forms jsonb NOT NULL DEFAULT '[]'`);
}
