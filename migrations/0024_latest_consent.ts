import type { Knex } from 'knex';

/**
 * Consents, signed with the signing certificate, by which one relying party is told somebody's latest attributes. The
 * values themselves are stored nowhere: they are fetched from the authority, passed on and dropped.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE latest_consent (
      id uuid PRIMARY KEY,
      subject_id uuid NOT NULL REFERENCES subject (id),
      -- No foreign key, as with consent: what a person agreed to outlives the relying party's registration.
      client_id text NOT NULL,
      items text[] NOT NULL CHECK (cardinality(items) > 0),
      -- The authority's name for it, encrypted: whoever knows it could ask for the values.
      sealed_reference bytea NOT NULL,
      -- The signed consent, whole and encrypted: it names its signer.
      sealed_document bytea NOT NULL,
      consented_at bigint NOT NULL,
      expires_at bigint NOT NULL,
      ended_at bigint,
      ended_by text CHECK (ended_by IN ('person', 'replaced', 'authority', 'consent_withdrawn', 'client_removed')),
      -- When the authority was last tried to be told that it has ended, and since when it knows.
      tried_at bigint,
      told_at bigint,
      CHECK ((ended_at IS NULL) = (ended_by IS NULL))
    )`);
  // At most one that goes on for a pair; also the look-up of every release of attributes that have changed.
  await knex.raw(
    'CREATE UNIQUE INDEX latest_consent_live ON latest_consent (subject_id, client_id) WHERE ended_at IS NULL',
  );
  // A relying party that is removed ends all of its own.
  await knex.raw('CREATE INDEX latest_consent_live_by_client ON latest_consent (client_id) WHERE ended_at IS NULL');
  // Looked through each minute; nearly always empty.
  await knex.raw(`
    CREATE INDEX latest_consent_untold ON latest_consent (tried_at NULLS FIRST)
    WHERE ended_at IS NOT NULL AND told_at IS NULL`);
  await knex.raw(`
    CREATE TRIGGER latest_consent_kept BEFORE DELETE OR TRUNCATE ON latest_consent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
}
