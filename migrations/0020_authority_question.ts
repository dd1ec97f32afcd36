import type { Knex } from 'knex';

/** Questions to the authority, for whom they were asked: they cost money. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE authority_question (
      -- Empty: on nobody's behalf.
      client_id text NOT NULL,
      -- In Japan, where the bill comes from: 2026-11-24.
      day text NOT NULL CHECK (day ~ '^\\d{4}-\\d{2}-\\d{2}$'),
      ocsp_asked bigint NOT NULL DEFAULT 0,
      ocsp_remembered bigint NOT NULL DEFAULT 0,
      linkage_asked bigint NOT NULL DEFAULT 0,
      -- Of the first, what status checks have taken of their budget.
      reserved bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (client_id, day)
    -- Counted up and up.
    ) WITH (fillfactor = 50)`);
  await knex.raw('CREATE INDEX authority_question_by_day ON authority_question (day)');
}
