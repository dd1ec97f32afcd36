import type { Knex } from 'knex';

/** A person's decisions, kept for ever: a new one withdraws the old. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE consent (
      id uuid NOT NULL,
      subject_id uuid NOT NULL REFERENCES subject (id),
      -- No foreign key: what a person agreed to outlives the relying party's registration.
      client_id text NOT NULL,
      granted text[] NOT NULL,
      declined text[] NOT NULL,
      purpose text,
      granted_at bigint NOT NULL,
      expires_at bigint NOT NULL,
      withdrawn_at bigint,
      -- The subject comes first so that the table can be partitioned by it.
      PRIMARY KEY (subject_id, id)
    )`);
  // At most one live consent a pair; also the index that every sign-in reads.
  await knex.raw(`
    CREATE UNIQUE INDEX consent_live ON consent (subject_id, client_id) WHERE withdrawn_at IS NULL`);
  // Withdrawal names the consent alone.
  await knex.raw('CREATE INDEX consent_by_id ON consent (id)');
}
