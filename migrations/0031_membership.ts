import type { Knex } from 'knex';

/** Who is whose customer, by the provider's own confirmation, and answers that may be kept for a while. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE membership (
      id uuid PRIMARY KEY,
      subject_id uuid NOT NULL REFERENCES subject (id),
      provider_id text NOT NULL REFERENCES attribute_provider (id) ON DELETE CASCADE,
      -- HMAC over the provider and its reference of the customer.
      customer bytea NOT NULL CHECK (octet_length(customer) = 32),
      sealed_reference bytea NOT NULL,
      bound_at bigint NOT NULL,
      ended_at bigint,
      ended_by text CHECK (ended_by IN ('person', 'replaced', 'operator')),
      CHECK ((ended_at IS NULL) = (ended_by IS NULL))
    )`);
  // Somebody is one customer of a provider, and a customer is one person.
  await knex.raw(`
    CREATE UNIQUE INDEX membership_live_of_subject ON membership (subject_id, provider_id) WHERE ended_at IS NULL`);
  await knex.raw(
    `CREATE UNIQUE INDEX membership_live_of_customer ON membership (provider_id, customer) WHERE ended_at IS NULL`,
  );
  await knex.raw(`
    CREATE TABLE provider_answer (
      membership_id uuid NOT NULL REFERENCES membership (id) ON DELETE CASCADE,
      claim text NOT NULL,
      -- The value with its times.
      sealed bytea NOT NULL,
      obtained_at bigint NOT NULL,
      kept_until bigint NOT NULL,
      PRIMARY KEY (membership_id, claim)
    )`);
  await knex.raw('CREATE INDEX provider_answer_kept_until ON provider_answer (kept_until)');
}
