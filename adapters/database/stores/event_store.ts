import type { DeadLetter, EventStore, StreamOverview, StreamRecord } from '../../../provider/events/event_store.ts';
import type { Queries, Statement } from '../database.ts';
import { octetsArray } from '../octets_array.ts';
import { storable } from '../storable_text.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const COLUMNS = `stream_id, client_id, sector, method, endpoint_url, sealed_authorization, events_requested, description,
  status, status_reason, is_full, failures`;

const TARGETS: Statement = {
  name: 'event_targets',
  // Only whom the operator still allows, since the registration may have changed, and to whom the person's consent lives.
  text: `SELECT stream.stream_id, stream.client_id, known.identifier, stream.events_requested
    FROM pairwise_identifier AS known
    JOIN event_stream AS stream ON stream.sector = known.sector
    JOIN relying_party AS party ON party.client_id = stream.client_id
    JOIN consent ON consent.subject_id = known.subject_id AND consent.client_id = stream.client_id
      AND consent.withdrawn_at IS NULL AND consent.expires_at > $2
    WHERE known.subject_id = $1 AND stream.status <> 'disabled' AND NOT stream.is_full
      AND party.metadata -> 'status_check' = 'true'::jsonb`,
};
const ENQUEUE: Statement = {
  name: 'event_enqueue',
  text: `INSERT INTO event_outbox (stream_id, jti, sealed_event, at)
    SELECT stream_id, jti, sealed_event, at
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[]) WITH ORDINALITY
      AS event (stream_id, jti, sealed_event, at, place)
    ORDER BY place`,
};
const LOCK_CLIENT: Statement = {
  name: 'event_lock_client',
  text: 'SELECT client_id FROM relying_party WHERE client_id = $1 FOR UPDATE',
};
const INSERT_STREAM: Statement = {
  name: 'event_stream_insert',
  text: `INSERT INTO event_stream (${COLUMNS}, created_at, active_at)
    SELECT $1, $2, $3, $4, $5, $6, $7::text[], $8, $9, $10, false, 0, $11, $11
    WHERE (SELECT count(*) FROM event_stream WHERE client_id = $2) < $12`,
};
const STREAMS_OF: Statement = {
  name: 'event_streams_of',
  text: `SELECT ${COLUMNS} FROM event_stream WHERE client_id = $1 ORDER BY created_at, stream_id`,
};
const FIND_STREAM: Statement = {
  name: 'event_stream_find',
  text: `SELECT ${COLUMNS} FROM event_stream WHERE stream_id = $2 AND client_id = $1`,
};
const UPDATE_STREAM: Statement = {
  name: 'event_stream_update',
  text: `UPDATE event_stream SET method = $2, endpoint_url = $3, sealed_authorization = $4, events_requested = $5::text[],
      description = $6, failures = 0, next_attempt_at = 0, active_at = $7
    WHERE stream_id = $1`,
};
const SET_STATUS: Statement = {
  name: 'event_stream_set_status',
  // Enabled again, it has its chance at once, and takes events again if what waits is few enough (the next look).
  text: `WITH forgotten AS (
      DELETE FROM event_outbox WHERE stream_id = $1 AND $2 = 'disabled' AND dead_at IS NULL
    )
    UPDATE event_stream SET status = $2, status_reason = $3, active_at = $4, failures = 0, next_attempt_at = 0,
      is_full = CASE WHEN $2 = 'paused' THEN is_full ELSE false END
    WHERE stream_id = $1 AND status <> $2`,
};
const REMOVE_STREAM: Statement = {
  name: 'event_stream_remove',
  text: 'DELETE FROM event_stream WHERE stream_id = $2 AND client_id = $1',
};
const MAY_VERIFY: Statement = {
  name: 'event_stream_may_verify',
  text: `UPDATE event_stream SET verified_at = $2, active_at = $2
    WHERE stream_id = $1 AND (verified_at IS NULL OR verified_at <= $3)`,
};
const TOUCH: Statement = {
  name: 'event_stream_touch',
  text: 'UPDATE event_stream SET active_at = $2 WHERE stream_id = $1 AND active_at < $2',
};
const WAITING: Statement = {
  name: 'event_waiting',
  text: `SELECT stream_id, jti, sealed_event, at, attempts FROM event_outbox
    WHERE stream_id = $1 AND dead_at IS NULL ORDER BY id LIMIT $2`,
};
const ACKNOWLEDGE: Statement = {
  name: 'event_acknowledge',
  text: 'DELETE FROM event_outbox WHERE stream_id = $1 AND jti = ANY($2::text[]) AND dead_at IS NULL',
};
const BURY: Statement = {
  name: 'event_bury',
  text: `UPDATE event_outbox SET dead_at = $4, dead_reason = $3, attempts = attempts + 1
    WHERE stream_id = $1 AND jti = $2 AND dead_at IS NULL`,
};
const CLAIM: Statement = {
  name: 'event_claim',
  text: `UPDATE event_stream SET claimed_by = $1, claimed_until = $3
    WHERE stream_id = (
      SELECT stream_id FROM event_stream AS due
      WHERE method = 'push' AND status = 'enabled' AND next_attempt_at <= $2
        AND (claimed_until IS NULL OR claimed_until <= $2)
        AND EXISTS (SELECT FROM event_outbox WHERE event_outbox.stream_id = due.stream_id AND dead_at IS NULL)
      ORDER BY next_attempt_at, stream_id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING ${COLUMNS}`,
};
const EXTEND: Statement = {
  name: 'event_extend',
  text: 'UPDATE event_stream SET claimed_until = $3 WHERE stream_id = $1 AND claimed_by = $2',
};
const RELEASE: Statement = {
  name: 'event_release',
  text: `UPDATE event_stream SET claimed_by = NULL, claimed_until = NULL, failures = 0
    WHERE stream_id = $1 AND claimed_by = $2`,
};
const FAILED: Statement = {
  name: 'event_failed',
  text: `WITH attempt AS (
      UPDATE event_outbox SET attempts = attempts + 1 WHERE stream_id = $1 AND jti = $3
    )
    UPDATE event_stream SET claimed_by = NULL, claimed_until = NULL, failures = failures + 1, next_attempt_at = $4
    WHERE stream_id = $1 AND claimed_by = $2`,
};
const BURY_OLDER: Statement = {
  name: 'event_bury_older',
  text: `UPDATE event_outbox SET dead_at = $2, dead_reason = 'waited too long' WHERE id IN (
      SELECT id FROM event_outbox WHERE dead_at IS NULL AND at < $1 LIMIT $3
    )`,
};
const OVERDUE: Statement = {
  name: 'event_overdue',
  text: `SELECT stream_id, 'full' AS cause FROM event_stream
      WHERE NOT is_full AND status <> 'disabled' AND EXISTS (
        SELECT FROM event_outbox WHERE event_outbox.stream_id = event_stream.stream_id AND dead_at IS NULL
        ORDER BY id OFFSET $1 LIMIT 1
      )
    UNION ALL SELECT stream_id, 'inactive' FROM event_stream
      WHERE method = 'poll' AND status = 'enabled' AND active_at < $2`,
};
const MARK_FULL: Statement = {
  name: 'event_mark_full',
  text: 'UPDATE event_stream SET is_full = true WHERE stream_id = $1',
};
const SWEEP_DEAD: Statement = {
  name: 'event_sweep_dead',
  text: 'DELETE FROM event_outbox WHERE id IN (SELECT id FROM event_outbox WHERE dead_at < $1 LIMIT $2)',
};
const OVERVIEW: Statement = {
  name: 'event_overview',
  text: `SELECT stream_id, client_id, method, status, status_reason,
      count(event.id) FILTER (WHERE event.dead_at IS NULL) AS waiting, count(event.dead_at) AS dead,
      min(event.at) FILTER (WHERE event.dead_at IS NULL) AS oldest
    FROM event_stream LEFT JOIN event_outbox AS event USING (stream_id)
    GROUP BY stream_id ORDER BY client_id, created_at`,
};
const DEAD_LETTERS: Statement = {
  name: 'event_dead_letters',
  text: `SELECT jti, stream_id, client_id, at, attempts, dead_at, dead_reason
    FROM event_outbox JOIN event_stream USING (stream_id)
    WHERE dead_at IS NOT NULL ORDER BY dead_at DESC, id DESC LIMIT $1`,
};
const REVIVE: Statement = {
  name: 'event_revive',
  // Whoever waits from now on has not waited too long.
  text: `UPDATE event_outbox SET dead_at = NULL, dead_reason = NULL, attempts = 0, at = $2
    WHERE dead_at IS NOT NULL AND ($1::text IS NULL OR stream_id = $1)`,
};

interface StreamRow {
  stream_id: string;
  client_id: string;
  sector: string;
  method: StreamRecord['method'];
  endpoint_url: string | null;
  sealed_authorization: Buffer | null;
  events_requested: string[];
  description: string | null;
  status: StreamRecord['status'];
  status_reason: string | null;
  is_full: boolean;
  failures: number;
}

export function createEventStore(
  queries: Queries,
  transact: <T>(work: (queries: Queries) => Promise<T>) => Promise<T>,
): EventStore {
  const changed = async (statement: Statement, values: readonly unknown[]) =>
    (await queries.query(statement, values)).count === 1;

  return {
    async targets(subjectId, now) {
      const { rows } = await queries.query<{
        stream_id: string;
        client_id: string;
        identifier: string;
        events_requested: string[];
      }>(TARGETS, [subjectId, now]);
      return rows.map(
        ({ stream_id: streamId, client_id: clientId, identifier, events_requested: eventsRequested }) => ({
          streamId,
          clientId,
          identifier,
          eventsRequested,
        }),
      );
    },
    async enqueue(events) {
      await queries.query(ENQUEUE, [
        events.map(({ streamId }) => streamId),
        events.map(({ jti }) => jti),
        octetsArray(events.map(({ sealedEvent }) => sealedEvent)),
        events.map(({ at }) => String(at)),
      ]);
    },

    insertStream(stream, now, most) {
      return transact(async (inside) => {
        // One at a time for each client, so that the count is right.
        await inside.query(LOCK_CLIENT, [stream.clientId]);
        const { count } = await inside.query(INSERT_STREAM, [
          stream.streamId,
          stream.clientId,
          stream.sector,
          stream.method,
          stream.endpointUrl ?? null,
          stream.sealedAuthorization ?? null,
          stream.eventsRequested,
          stream.description ?? null,
          stream.status,
          stream.statusReason ?? null,
          now,
          most,
        ]);
        return count === 1;
      });
    },
    async streamsOf(clientId) {
      return (await queries.query<StreamRow>(STREAMS_OF, [clientId])).rows.map(fromRow);
    },
    async findStream(clientId, streamId) {
      if (!storable(streamId)) return undefined;
      const [row] = (await queries.query<StreamRow>(FIND_STREAM, [clientId, streamId])).rows;
      return row && fromRow(row);
    },
    async updateStream(stream, now) {
      await queries.query(UPDATE_STREAM, [
        stream.streamId,
        stream.method,
        stream.endpointUrl ?? null,
        stream.sealedAuthorization ?? null,
        stream.eventsRequested,
        stream.description ?? null,
        now,
      ]);
    },
    setStatus: (streamId, status, reason, now) => changed(SET_STATUS, [streamId, status, reason ?? null, now]),
    removeStream: async (clientId, streamId) =>
      storable(streamId) && (await changed(REMOVE_STREAM, [clientId, streamId])),
    mayVerify: (streamId, now, interval) => changed(MAY_VERIFY, [streamId, now, now - interval]),
    async touch(streamId, now) {
      await queries.query(TOUCH, [streamId, now]);
    },

    async waiting(streamId, limit) {
      const { rows } = await queries.query<{
        stream_id: string;
        jti: string;
        sealed_event: Buffer;
        at: number;
        attempts: number;
      }>(WAITING, [streamId, limit]);
      return rows.map(({ stream_id, sealed_event, ...rest }) => ({
        streamId: stream_id,
        sealedEvent: sealed_event,
        ...rest,
      }));
    },
    async acknowledge(streamId, jtis) {
      const possible = jtis.filter(storable);
      return possible.length === 0 ? 0 : (await queries.query(ACKNOWLEDGE, [streamId, possible])).count;
    },
    bury: async (streamId, jti, reason, now) => storable(jti) && (await changed(BURY, [streamId, jti, reason, now])),

    async claim(owner, now, until) {
      const [row] = (await queries.query<StreamRow>(CLAIM, [owner, now, until])).rows;
      return row && fromRow(row);
    },
    extend: (streamId, owner, until) => changed(EXTEND, [streamId, owner, until]),
    async release(streamId, owner) {
      await queries.query(RELEASE, [streamId, owner]);
    },
    async failed(streamId, owner, jti, nextAttemptAt) {
      await queries.query(FAILED, [streamId, owner, jti, nextAttemptAt]);
    },

    buryOlder: (before, now) =>
      sweepInBatches(async (limit) => (await queries.query(BURY_OLDER, [before, now, limit])).count),
    async overdue(most, inactiveSince) {
      const { rows } = await queries.query<{ stream_id: string; cause: 'full' | 'inactive' }>(OVERDUE, [
        most,
        inactiveSince,
      ]);
      return rows.map(({ stream_id: streamId, cause }) => ({ streamId, cause }));
    },
    async markFull(streamId) {
      await queries.query(MARK_FULL, [streamId]);
    },
    sweepDead: (before) => sweepInBatches(async (limit) => (await queries.query(SWEEP_DEAD, [before, limit])).count),

    async overview() {
      const { rows } = await queries.query<{
        stream_id: string;
        client_id: string;
        method: StreamRecord['method'];
        status: StreamRecord['status'];
        status_reason: string | null;
        waiting: number;
        dead: number;
        oldest: number | null;
      }>(OVERVIEW);
      return rows.map(
        ({ stream_id, client_id, status_reason, oldest, ...rest }): StreamOverview => ({
          streamId: stream_id,
          clientId: client_id,
          statusReason: status_reason ?? undefined,
          oldest: oldest ?? undefined,
          ...rest,
        }),
      );
    },
    async deadLetters(limit) {
      const { rows } = await queries.query<{
        jti: string;
        stream_id: string;
        client_id: string;
        at: number;
        attempts: number;
        dead_at: number;
        dead_reason: string;
      }>(DEAD_LETTERS, [limit]);
      return rows.map(
        ({ stream_id, client_id, dead_at, dead_reason, ...rest }): DeadLetter => ({
          streamId: stream_id,
          clientId: client_id,
          deadAt: dead_at,
          reason: dead_reason,
          ...rest,
        }),
      );
    },
    async revive(streamId, now) {
      return (await queries.query(REVIVE, [streamId ?? null, now])).count;
    },
  };
}

function fromRow(row: StreamRow): StreamRecord {
  return {
    streamId: row.stream_id,
    clientId: row.client_id,
    sector: row.sector,
    method: row.method,
    endpointUrl: row.endpoint_url ?? undefined,
    sealedAuthorization: row.sealed_authorization ?? undefined,
    eventsRequested: row.events_requested,
    description: row.description ?? undefined,
    status: row.status,
    statusReason: row.status_reason ?? undefined,
    isFull: row.is_full,
    failures: row.failures,
  };
}
