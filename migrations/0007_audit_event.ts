import type { Knex } from 'knex';

/** The hash-chained record of what changed. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE audit_event (
      sequence bigint PRIMARY KEY CHECK (sequence > 0),
      at bigint NOT NULL,
      kind text NOT NULL,
      actor text NOT NULL,
      subject_id uuid,
      client_id text,
      data jsonb,
      -- UNIQUE: an event has one successor, so the chain cannot fork.
      previous_hash bytea NOT NULL UNIQUE CHECK (octet_length(previous_hash) = 32),
      hash bytea NOT NULL CHECK (octet_length(hash) = 32)
    )`);
  // The chain's tail, one row. Appending locks it, so that events queue up and numbers have no gaps.
  await knex.raw(`
    CREATE TABLE audit_head (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      sequence bigint NOT NULL,
      previous_hash bytea NOT NULL,
      hash bytea NOT NULL
    ) WITH (fillfactor = 10)`);
  await knex.raw(`
    INSERT INTO audit_head (sequence, previous_hash, hash)
    VALUES (0, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'))`);
}
