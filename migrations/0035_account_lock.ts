import type { Knex } from 'knex';

/** Accounts that are locked by their person, and what people report. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE account_lock (
      -- Nothing is let in or out for this subject while the row is there.
      subject_id uuid PRIMARY KEY REFERENCES subject (id),
      -- What the person tells the operator to have it ended.
      reference text NOT NULL UNIQUE,
      locked_at bigint NOT NULL
    )`);
  await knex.raw(`
    CREATE TABLE misuse_report (
      id uuid PRIMARY KEY,
      reference text NOT NULL UNIQUE,
      subject_id uuid NOT NULL REFERENCES subject (id),
      kind text NOT NULL CHECK (kind IN ('sign_in', 'disclosure', 'card', 'other')),
      -- No foreign key: the report stays when the relying party goes.
      client_id text,
      -- What the person wrote, encrypted: it may name anybody.
      sealed_text bytea NOT NULL,
      reported_at bigint NOT NULL
    )`);
  // How many somebody has sent lately, and the newest of all.
  await knex.raw('CREATE INDEX misuse_report_by_subject ON misuse_report (subject_id, reported_at)');
  await knex.raw('CREATE INDEX misuse_report_newest ON misuse_report (reported_at)');
}
