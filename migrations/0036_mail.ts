import type { Knex } from 'knex';

/** Mail to people: the address that each has given and confirmed, and what is still to be sent. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE mail_address (
      -- One a person.
      subject_id uuid PRIMARY KEY REFERENCES subject (id),
      -- Encrypted, all of one length.
      sealed_address bytea,
      confirmed_at bigint,
      -- What the person has entered and not confirmed: an HMAC of the code that was sent there, until when, wrong codes so far.
      sealed_pending bytea,
      pending_code bytea CHECK (octet_length(pending_code) = 32),
      pending_until bigint,
      pending_tries integer NOT NULL DEFAULT 0,
      -- Codes sent since: nobody has the hub write to strangers without end.
      asked integer NOT NULL,
      asked_since bigint NOT NULL,
      CONSTRAINT mail_address_confirmed CHECK ((sealed_address IS NULL) = (confirmed_at IS NULL)),
      CONSTRAINT mail_address_pending
        CHECK ((sealed_pending IS NULL) = (pending_code IS NULL) AND (pending_code IS NULL) = (pending_until IS NULL))
    )`);
  // Those to look through for what is over.
  await knex.raw('CREATE INDEX mail_address_asked ON mail_address (asked_since) WHERE sealed_address IS NULL');
  await knex.raw(`
    CREATE TABLE mail_outbox (
      -- Also the Message-ID: whoever gets a mail twice can tell.
      id uuid PRIMARY KEY,
      subject_id uuid NOT NULL REFERENCES subject (id),
      -- Where to, as it was when it happened. Encrypted, all of one length.
      sealed_address bytea NOT NULL,
      -- What of, encrypted and of few lengths.
      sealed_content bytea NOT NULL,
      -- Asks for a confirmation: worth nothing once another code was asked for.
      confirms boolean NOT NULL,
      at bigint NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at bigint NOT NULL,
      -- Which process is at it, until when. It may be dead.
      claimed_by text,
      claimed_until bigint,
      CONSTRAINT mail_outbox_claimed CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
    -- Written at every attempt.
    ) WITH (fillfactor = 70)`);
  await knex.raw('CREATE INDEX mail_outbox_due ON mail_outbox (next_attempt_at)');
  // What has waited too long, and the confirmations that another one replaces.
  await knex.raw('CREATE INDEX mail_outbox_by_age ON mail_outbox (at)');
  await knex.raw('CREATE INDEX mail_outbox_confirming ON mail_outbox (subject_id) WHERE confirms');
}
