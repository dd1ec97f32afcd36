import type { Knex } from 'knex';

/** Which certificate belongs to which subject, for ever, without a readable serial number. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE certificate (
      -- HMAC over (issuer, serial): a stolen table cannot be searched for a serial.
      -- As the primary key it is also the promise that one certificate has one subject.
      lookup bytea PRIMARY KEY CHECK (octet_length(lookup) = 32),
      kind text NOT NULL CHECK (kind IN ('user', 'signing')),
      subject_id uuid NOT NULL REFERENCES subject (id),
      sealed_serial bytea NOT NULL,
      issuer_hash bytea NOT NULL CHECK (octet_length(issuer_hash) = 32),
      fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 8),
      not_before bigint NOT NULL,
      not_after bigint NOT NULL CHECK (not_after > not_before),
      status text NOT NULL CHECK (status IN ('current', 'superseded', 'unlinked')),
      -- UNIQUE: a certificate has one successor, whoever claims the renewal first.
      predecessor bytea UNIQUE REFERENCES certificate (lookup) CHECK (predecessor <> lookup),
      bound_at bigint NOT NULL,
      checked_at bigint NOT NULL,
      check_source text NOT NULL,
      check_as_of bigint NOT NULL
    -- Every sign-in updates the check: room on the page keeps that away from the indexes.
    ) WITH (fillfactor = 85)`);
  // From a subject to their certificates: the last card check, and later the linked signing certificate.
  await knex.raw('CREATE INDEX certificate_by_subject ON certificate (subject_id)');
}
