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
      seen_at bigint,
      -- For the operator's hook: when it is to be told next; null when it was, or when there is no hook.
      hook_due_at bigint,
      hook_attempts integer NOT NULL DEFAULT 0
    )`);
  // Each sign-in looks for unseen ones, of which there are few.
  await knex.raw('CREATE INDEX notice_unseen ON notice (subject_id) WHERE seen_at IS NULL');
  await knex.raw('CREATE INDEX notice_by_subject ON notice (subject_id, created_at)');
  await knex.raw('CREATE INDEX notice_hook_due ON notice (hook_due_at) WHERE hook_due_at IS NOT NULL');
}
