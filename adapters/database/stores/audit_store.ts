import { canonicalAuditEvent } from '../../../provider/audit/audit_chain.ts';
import type { AuditEvent, AuditLog } from '../../../provider/audit/audit_log.ts';
import type { Queries, Statement } from '../database.ts';

/**
 * One statement: it takes the tail's row lock (events of other transactions wait for this one's end), moves the tail,
 * and inserts under the number and hash that came out. The hash is computed here and not before, because only the
 * holder of the lock knows what the event follows; `hashAuditEvent` is the same computation.
 */
const APPEND: Statement = {
  name: 'audit_append',
  text: `WITH tail AS (
      UPDATE audit_head SET
        sequence = sequence + 1,
        previous_hash = hash,
        hash = sha256(hash || int8send(sequence + 1) || convert_to($1, 'UTF8'))
      RETURNING sequence, previous_hash, hash
    )
    INSERT INTO audit_event (sequence, at, kind, actor, subject_id, client_id, data, previous_hash, hash)
    SELECT sequence, $2, $3, $4, $5, $6, $7, previous_hash, hash FROM tail`,
};
const READ: Statement = {
  name: 'audit_read',
  text: `SELECT sequence, at, kind, actor, subject_id, client_id, data, previous_hash, hash FROM audit_event
    WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
};

export function createAuditStore(queries: Queries): AuditLog {
  return {
    async append(event, now) {
      const canonical = canonicalAuditEvent(event, now);
      // The columns hold exactly what was hashed.
      const { kind, actor, subjectId, clientId, data }: AuditEvent = JSON.parse(canonical);
      await queries.query(APPEND, [
        canonical,
        now,
        kind,
        actor,
        subjectId ?? null,
        clientId ?? null,
        data === undefined ? null : JSON.stringify(data),
      ]);
    },

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
