import { canonicalAuditEvent } from '../../../provider/audit/audit_chain.ts';
import type { AuditEvent, AuditLog, DatedAuditEvent } from '../../../provider/audit/audit_log.ts';
import type { Queries, Statement } from '../database.ts';

/** The columns are read from what was hashed. */
const COLUMNS = 'sequence, at, kind, actor, subject_id, client_id, data, previous_hash, hash';
const EVENT = `event (at bigint, kind text, actor text, "subjectId" uuid, "clientId" text, data jsonb)`;

/**
 * Takes the tail's row lock (events of other transactions wait for this one's end), moves the tail on by one event, and
 * inserts the event under the number and hash that came out. The hash is computed here and not before, because only the
 * holder of the lock knows what the event follows; `hashAuditEvent` is the same computation.
 */
const APPEND_ONE: Statement = {
  name: 'audit_append_one',
  text: `WITH tail AS (
      UPDATE audit_head SET sequence = sequence + 1, previous_hash = hash,
        hash = sha256(hash || int8send(sequence + 1) || convert_to($1, 'UTF8'))
      RETURNING sequence, previous_hash, hash
    )
    INSERT INTO audit_event (${COLUMNS})
    SELECT sequence, at, kind, actor, "subjectId", "clientId", data, previous_hash, hash
    FROM tail CROSS JOIN jsonb_to_record($1::jsonb) AS ${EVENT}`,
};
/** The same for any number of events, which the chain is followed through; for one it takes half as long again. */
const APPEND: Statement = {
  name: 'audit_append',
  text: `WITH RECURSIVE tail AS MATERIALIZED (
      SELECT sequence, hash FROM audit_head FOR UPDATE
    ), chain (place, sequence, previous_hash, hash) AS (
      SELECT 0, sequence, NULL::bytea, hash FROM tail
      UNION ALL
      SELECT place + 1, sequence + 1, hash,
        sha256(hash || int8send(sequence + 1) || convert_to(($1::text[])[place + 1], 'UTF8'))
      FROM chain WHERE place < cardinality($1::text[])
    ), moved AS (
      UPDATE audit_head SET sequence = chain.sequence, previous_hash = chain.previous_hash, hash = chain.hash
      FROM chain WHERE chain.place = cardinality($1::text[])
    )
    INSERT INTO audit_event (${COLUMNS})
    SELECT sequence, at, kind, actor, "subjectId", "clientId", data, previous_hash, hash
    FROM chain CROSS JOIN LATERAL jsonb_to_record(($1::text[])[place]::jsonb) AS ${EVENT}
    WHERE place > 0 ORDER BY place`,
};
/** Postgres keeps an array's elements one after the other: longer ones would be searched through too often. */
const MAX_APPENDED_AT_ONCE = 500;
const READ: Statement = {
  name: 'audit_read',
  text: `SELECT ${COLUMNS} FROM audit_event
    WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
};

export function createAuditStore(queries: Queries): AuditLog {
  async function appendAll(events: readonly DatedAuditEvent[]): Promise<void> {
    for (let first = 0; first < events.length; first += MAX_APPENDED_AT_ONCE) {
      const some = events.slice(first, first + MAX_APPENDED_AT_ONCE);
      const texts = some.map(({ event, at }) => canonicalAuditEvent(event, at));
      if (texts.length === 1) await queries.query(APPEND_ONE, texts);
      else await queries.query(APPEND, [texts]);
    }
  }

  return {
    append: (event, now) => appendAll([{ event, at: now }]),
    appendAll,

    async read(after, limit) {
      const { rows } = await queries.query<{
        sequence: number;
        at: number;
        kind: AuditEvent['kind'];
        actor: string;
        subject_id: string | null;
        client_id: string | null;
        data: Record<string, unknown> | null;
        previous_hash: Buffer;
        hash: Buffer;
      }>(READ, [after, limit]);
      return rows.map((row) => ({
        sequence: BigInt(row.sequence),
        at: row.at,
        kind: row.kind,
        actor: row.actor,
        ...(row.subject_id === null ? {} : { subjectId: row.subject_id }),
        ...(row.client_id === null ? {} : { clientId: row.client_id }),
        ...(row.data === null ? {} : { data: row.data }),
        previousHash: row.previous_hash,
        hash: row.hash,
      }));
    },
  };
}
