import type { LatestConsentStore } from '../../../provider/attributes/latest_consent_store.ts';
import type { AttributeName } from '../../../provider/identity/four_attributes.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

const FIND_LIVE: Statement = {
  name: 'latest_consent_find_live',
  text: `SELECT id, items, sealed_reference, consented_at, expires_at FROM latest_consent
    WHERE subject_id = $1 AND client_id = $2 AND ended_at IS NULL AND expires_at > $3`,
};
// Two consents of one person queue up here, so that the second sees the first. NO KEY: others may still refer to the
// subject meanwhile.
const LOCK_SUBJECT: Statement = {
  name: 'latest_consent_lock_subject',
  text: 'SELECT id FROM subject WHERE id = $1 FOR NO KEY UPDATE',
};
const END_LIVE: Statement = {
  name: 'latest_consent_end_live',
  text: `UPDATE latest_consent SET ended_at = $3, ended_by = 'replaced'
    WHERE subject_id = $1 AND client_id = $2 AND ended_at IS NULL`,
};
const INSERT: Statement = {
  name: 'latest_consent_insert',
  text: `INSERT INTO latest_consent
      (id, subject_id, client_id, items, sealed_reference, sealed_document, consented_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
};
const END: Statement = {
  name: 'latest_consent_end',
  text: `UPDATE latest_consent SET ended_at = $3, ended_by = $2::text,
      told_at = CASE WHEN $2::text = 'authority' THEN $3::bigint END
    WHERE id = $1 AND ended_at IS NULL`,
};
const END_ALL: Statement = {
  name: 'latest_consent_end_all',
  text: `UPDATE latest_consent SET ended_at = $2, ended_by = 'client_removed' WHERE client_id = $1 AND ended_at IS NULL`,
};
// Hubs that look at the same moment take different ones.
const TAKE_UNTOLD: Statement = {
  name: 'latest_consent_take_untold',
  text: `UPDATE latest_consent SET tried_at = $1 WHERE id IN (
      SELECT id FROM latest_consent
      WHERE ended_at IS NOT NULL AND told_at IS NULL AND (tried_at IS NULL OR tried_at <= $2)
      ORDER BY tried_at NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED
    ) RETURNING id, sealed_reference`,
};
const NOTE_TOLD: Statement = {
  name: 'latest_consent_note_told',
  text: 'UPDATE latest_consent SET told_at = $2 WHERE id = $1 AND told_at IS NULL',
};

/** `transact` as for createConsentStore. */
export function createLatestConsentStore(
  queries: Queries,
  transact: <T>(work: (queries: Queries) => Promise<T>) => Promise<T>,
): LatestConsentStore {
  return {
    async findLive(subjectId, clientId, now) {
      if (!storable(clientId)) return undefined;
      const { rows } = await queries.query<{
        id: string;
        items: AttributeName[];
        sealed_reference: Buffer;
        consented_at: number;
        expires_at: number;
      }>(FIND_LIVE, [subjectId, clientId, now]);
      const [row] = rows;
      return (
        row && {
          ...{ id: row.id, subjectId, clientId, items: row.items, sealedReference: row.sealed_reference },
          ...{ consentedAt: row.consented_at, expiresAt: row.expires_at },
        }
      );
    },

    async replace({ id, subjectId, clientId, items, sealedReference, sealedDocument, consentedAt, expiresAt }) {
      await transact(async (inside) => {
        await inside.query(LOCK_SUBJECT, [subjectId]);
        await inside.query(END_LIVE, [subjectId, clientId, consentedAt]);
        const values = [id, subjectId, clientId, items, sealedReference, sealedDocument, consentedAt, expiresAt];
        await inside.query(INSERT, values);
      });
    },

    async end(id, by, now) {
      const { count } = await queries.query(END, [id, by, now]);
      return count === 1;
    },

    async endAllOf(clientId, now) {
      return (await queries.query(END_ALL, [clientId, now])).count;
    },

    async takeUntold(now, triedBefore, limit) {
      const { rows } = await queries.query<{ id: string; sealed_reference: Buffer }>(TAKE_UNTOLD, [
        now,
        triedBefore,
        limit,
      ]);
      return rows.map((row) => ({ id: row.id, sealedReference: row.sealed_reference }));
    },

    async noteTold(id, now) {
      await queries.query(NOTE_TOLD, [id, now]);
    },
  };
}
