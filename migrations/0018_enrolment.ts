import type { Knex } from 'knex';

/** What enrolment keeps: the four attributes that a person's signing certificate states, and the application they signed. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE identity_attributes (
      -- One set a person: the newest. What was stated before stands in the applications only.
      subject_id uuid PRIMARY KEY REFERENCES subject (id),
      sealed bytea NOT NULL,
      -- The signing certificate that vouches for them, as long as it is good.
      certificate bytea NOT NULL REFERENCES certificate (lookup),
      obtained_at bigint NOT NULL,
      -- HMAC over the attributes in one form: finds who was registered before, and cannot be searched without the key.
      -- Null where one of them is not wholly known.
      match bytea CHECK (octet_length(match) = 32)
    )`);
  // Two people may well share all four.
  await knex.raw('CREATE INDEX identity_attributes_match ON identity_attributes (match)');
  await knex.raw(`
    CREATE TABLE enrolment (
      id uuid PRIMARY KEY,
      subject_id uuid NOT NULL REFERENCES subject (id),
      certificate bytea NOT NULL REFERENCES certificate (lookup),
      -- The signed application, whole and encrypted: it names its signer.
      sealed_document bytea NOT NULL,
      terms_version text NOT NULL,
      enrolled_at bigint NOT NULL
    )`);
  await knex.raw('CREATE INDEX enrolment_by_subject ON enrolment (subject_id, enrolled_at)');
}
