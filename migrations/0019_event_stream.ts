import type { Knex } from 'knex';

/** Security events for relying parties (OpenID Shared Signals Framework 1.0): who wants them, and what is to be sent. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE event_stream (
      stream_id text PRIMARY KEY,
      -- No reference: a client is changed by removing it and adding it again, and keeps its streams.
      client_id text NOT NULL,
      -- Whose identifiers it is told of. Beside the client, so that one statement finds everybody to be told.
      sector text NOT NULL,
      method text NOT NULL CHECK (method IN ('push', 'poll')),
      endpoint_url text CHECK ((endpoint_url IS NOT NULL) = (method = 'push')),
      -- The receiver's own secret, sent along with each push.
      sealed_authorization bytea,
      events_requested text[] NOT NULL,
      description text,
      status text NOT NULL CHECK (status IN ('enabled', 'paused', 'disabled')),
      status_reason text,
      -- More is waiting than is kept: nothing is added until the receiver enables it again.
      is_full boolean NOT NULL DEFAULT false,
      created_at bigint NOT NULL,
      -- When the receiver was last heard of.
      active_at bigint NOT NULL,
      verified_at bigint,
      -- Of a push: failures in a row, when it is tried again, and which process is at it until when. It may be dead.
      failures integer NOT NULL DEFAULT 0,
      next_attempt_at bigint NOT NULL DEFAULT 0,
      claimed_by text,
      claimed_until bigint,
      CONSTRAINT event_stream_claimed CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
    -- Written at every delivery.
    ) WITH (fillfactor = 70)`);
  // From a person's pairwise identifiers to whoever is to be told.
  await knex.raw('CREATE INDEX event_stream_by_sector ON event_stream (sector)');
  await knex.raw('CREATE INDEX event_stream_by_client ON event_stream (client_id)');
  await knex.raw(`
    CREATE TABLE event_outbox (
      -- Their order.
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      stream_id text NOT NULL REFERENCES event_stream (stream_id) ON DELETE CASCADE,
      -- A receiver tells repetitions by it (RFC 8417 §2.2).
      jti text NOT NULL UNIQUE,
      -- Encrypted and of few lengths: an event may come of a death.
      sealed_event bytea NOT NULL,
      at bigint NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      -- Given up, and why: kept for the operator.
      dead_at bigint,
      dead_reason text,
      CONSTRAINT event_outbox_dead CHECK ((dead_at IS NULL) = (dead_reason IS NULL))
    )`);
  await knex.raw('CREATE INDEX event_outbox_waiting ON event_outbox (stream_id, id) WHERE dead_at IS NULL');
  await knex.raw('CREATE INDEX event_outbox_dead ON event_outbox (dead_at) WHERE dead_at IS NOT NULL');
}
