import type { Knex } from 'knex';

/** What a person is told of that happened to their registration without them, or may have. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE notice (
      id uuid PRIMARY KEY,
      subject_id uuid NOT NULL REFERENCES subject (id),
      kind text NOT NULL,
      -- The certificate that was shown when it happened: whoever holds that one knows, and must not be the only one told.
      caused_by bytea REFERENCES certificate (lookup),
      created_at bigint NOT NULL,
      seen_at bigint
    )`);
  // Each sign-in looks for unseen ones, of which there are few.
  await knex.raw('CREATE INDEX notice_unseen ON notice (subject_id) WHERE seen_at IS NULL');
  await knex.raw('CREATE INDEX notice_by_subject ON notice (subject_id, created_at)');
}
