import type { Knex } from 'knex';

/** For how long and for what each claim was agreed to, and a signed receipt of every decision. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE consent
      ADD COLUMN period text NOT NULL DEFAULT 'lasting' CHECK (period IN ('lasting', 'once', 'every_time')),
      -- Granted claims that were agreed to for one sign-in only, and until when what that gave may still use them.
      ADD COLUMN passing text[] NOT NULL DEFAULT '{}',
      ADD COLUMN passing_until bigint,
      -- By claim: as what, and for what, it was asked for when the person decided.
      ADD COLUMN terms jsonb NOT NULL DEFAULT '{}',
      ADD CONSTRAINT consent_passing CHECK ((cardinality(passing) > 0) = (passing_until IS NOT NULL))`);
  await knex.raw(`
    CREATE TABLE consent_receipt (
      id uuid NOT NULL,
      subject_id uuid NOT NULL REFERENCES subject (id),
      consent_id uuid NOT NULL,
      event text NOT NULL CHECK (event IN ('granted', 'changed', 'withdrawn')),
      -- The signed receipt (JWS), encrypted: it tells whom the person deals with, and why.
      sealed_receipt bytea NOT NULL,
      at bigint NOT NULL,
      PRIMARY KEY (subject_id, id)
    )`);
  await knex.raw('CREATE INDEX consent_receipt_by_consent ON consent_receipt (subject_id, consent_id, at)');
  await knex.raw(`
    -- Receipts that the person signed, too. The document names its signer: encrypted, and for nobody outside.
    CREATE TABLE consent_receipt_signature (
      subject_id uuid NOT NULL,
      id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
      receipt_id uuid NOT NULL,
      sealed_document bytea NOT NULL,
      at bigint NOT NULL,
      PRIMARY KEY (subject_id, id),
      FOREIGN KEY (subject_id, receipt_id) REFERENCES consent_receipt (subject_id, id)
    )`);
  await knex.raw(`
    CREATE TRIGGER consent_receipt_signature_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_receipt_signature
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
  await knex.raw(`
    CREATE TRIGGER consent_receipt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
}
