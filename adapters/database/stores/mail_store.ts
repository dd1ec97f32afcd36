import type { MailStore, WaitingMail } from '../../../provider/notices_by_mail/mail_store.ts';
import type { Queries, Statement } from '../database.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const FIND_ADDRESS: Statement = {
  name: 'mail_find_address',
  text: `SELECT sealed_address, confirmed_at, refused_at, sealed_pending, pending_until, pending_refused FROM mail_address
    WHERE subject_id = $1`,
};
const ASK: Statement = {
  name: 'mail_ask',
  text: `INSERT INTO mail_address (subject_id, sealed_pending, pending_code, pending_until, asked, asked_since)
    VALUES ($1, $2, $3, $4, 1, $5)
    ON CONFLICT (subject_id) DO UPDATE SET sealed_pending = $2, pending_code = $3, pending_until = $4, pending_tries = 0,
      pending_refused = false,
      asked = CASE WHEN mail_address.asked_since <= $6 THEN 1 ELSE mail_address.asked + 1 END,
      asked_since = CASE WHEN mail_address.asked_since <= $6 THEN $5 ELSE mail_address.asked_since END
    WHERE mail_address.asked_since <= $6 OR mail_address.asked < $7`,
};
const CONFIRM: Statement = {
  name: 'mail_confirm',
  text: `WITH before AS (
      SELECT subject_id, sealed_address, pending_code = $2 AS is_right FROM mail_address
      WHERE subject_id = $1 AND pending_until > $3 AND pending_tries < $4 FOR UPDATE
    )
    UPDATE mail_address SET
      sealed_address = CASE WHEN is_right THEN sealed_pending ELSE mail_address.sealed_address END,
      confirmed_at = CASE WHEN is_right THEN $3 ELSE confirmed_at END,
      refused_at = CASE WHEN is_right THEN NULL ELSE refused_at END,
      sealed_pending = CASE WHEN is_right THEN NULL ELSE sealed_pending END,
      pending_code = CASE WHEN is_right THEN NULL ELSE pending_code END,
      pending_until = CASE WHEN is_right THEN NULL ELSE pending_until END,
      pending_refused = pending_refused AND NOT is_right,
      pending_tries = CASE WHEN is_right THEN 0 ELSE pending_tries + 1 END
    FROM before WHERE mail_address.subject_id = before.subject_id
    RETURNING is_right, before.sealed_address`,
};
const REMOVE_ADDRESS: Statement = {
  name: 'mail_remove_address',
  // The row stays, with how often codes were asked for.
  text: `WITH before AS (
      SELECT subject_id, sealed_address FROM mail_address
      WHERE subject_id = $1 AND (sealed_address IS NOT NULL OR sealed_pending IS NOT NULL) FOR UPDATE
    )
    UPDATE mail_address SET sealed_address = NULL, confirmed_at = NULL, refused_at = NULL, sealed_pending = NULL,
      pending_code = NULL, pending_until = NULL, pending_tries = 0, pending_refused = false
    FROM before WHERE mail_address.subject_id = before.subject_id RETURNING before.sealed_address`,
};
const SWEEP_ADDRESSES: Statement = {
  name: 'mail_sweep_addresses',
  text: `DELETE FROM mail_address WHERE subject_id IN (
      SELECT subject_id FROM mail_address
      WHERE sealed_address IS NULL AND asked_since <= $2 AND (pending_until IS NULL OR pending_until <= $1) LIMIT $3
    ) AND sealed_address IS NULL AND asked_since <= $2`,
};
const ENQUEUE: Statement = {
  name: 'mail_enqueue',
  text: `INSERT INTO mail_outbox (id, subject_id, sealed_address, sealed_content, confirms, at, next_attempt_at)
    SELECT $1, subject_id, sealed_address, $3, false, $4, $4 FROM mail_address
    WHERE subject_id = $2 AND sealed_address IS NOT NULL`,
};
const ENQUEUE_TO: Statement = {
  name: 'mail_enqueue_to',
  text: `INSERT INTO mail_outbox (id, subject_id, sealed_address, sealed_content, confirms, at, next_attempt_at)
    VALUES ($1, $2, $5, $3, $6, $4, $4)`,
};
const DROP_CONFIRMATIONS: Statement = {
  name: 'mail_drop_confirmations',
  text: 'DELETE FROM mail_outbox WHERE subject_id = $1 AND confirms',
};
const CLAIM: Statement = {
  name: 'mail_claim',
  text: `UPDATE mail_outbox SET claimed_by = $1, claimed_until = $3
    WHERE id = (
      SELECT id FROM mail_outbox
      WHERE next_attempt_at <= $2 AND (claimed_until IS NULL OR claimed_until <= $2)
      ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, subject_id, sealed_address, sealed_content, at, attempts`,
};
// An address is known again by its encryption, which is copied from row to row as it is.
const FINISH: Statement = {
  name: 'mail_finish',
  text: `WITH sent AS (
      DELETE FROM mail_outbox WHERE id = $1 AND claimed_by = $2 RETURNING subject_id, sealed_address
    )
    UPDATE mail_address SET refused_at = NULL FROM sent
    WHERE mail_address.subject_id = sent.subject_id AND mail_address.sealed_address = sent.sealed_address
      AND refused_at IS NOT NULL`,
};
const REFUSE: Statement = {
  name: 'mail_refuse',
  text: `WITH refused AS (
      DELETE FROM mail_outbox WHERE id = $1 AND claimed_by = $2 RETURNING subject_id, sealed_address
    )
    UPDATE mail_address SET
      refused_at = CASE WHEN mail_address.sealed_address = refused.sealed_address THEN coalesce(refused_at, $3)
        ELSE refused_at END,
      pending_refused = pending_refused OR coalesce(sealed_pending = refused.sealed_address, false)
    FROM refused WHERE mail_address.subject_id = refused.subject_id`,
};
const POSTPONE: Statement = {
  name: 'mail_postpone',
  text: `UPDATE mail_outbox SET claimed_by = NULL, claimed_until = NULL, attempts = attempts + 1, next_attempt_at = $3
    WHERE id = $1 AND claimed_by = $2`,
};
const DROP_OLDER: Statement = {
  name: 'mail_drop_older',
  text: `DELETE FROM mail_outbox WHERE id IN (
      SELECT id FROM mail_outbox WHERE at < $1 AND (claimed_until IS NULL OR claimed_until <= $2) LIMIT $3
      FOR UPDATE SKIP LOCKED
    )`,
};

export function createMailStore(queries: Queries): MailStore {
  return {
    async findAddress(subjectId) {
      const { rows } = await queries.query<{
        sealed_address: Buffer | null;
        confirmed_at: number | null;
        refused_at: number | null;
        sealed_pending: Buffer | null;
        pending_until: number | null;
        pending_refused: boolean;
      }>(FIND_ADDRESS, [subjectId]);
      const [row] = rows;
      return (
        row && {
          sealedAddress: row.sealed_address ?? undefined,
          confirmedAt: row.confirmed_at ?? undefined,
          refusedAt: row.refused_at ?? undefined,
          sealedPending: row.sealed_pending ?? undefined,
          pendingUntil: row.pending_until ?? undefined,
          isPendingRefused: row.pending_refused,
        }
      );
    },
    async ask({ subjectId, sealedAddress, code, until, now }, most, window) {
      const values = [subjectId, sealedAddress, code, until, now, now - window, most];
      return (await queries.query(ASK, values)).count === 1;
    },
    async confirm(subjectId, code, now, mostTries) {
      const { rows } = await queries.query<{ is_right: boolean; sealed_address: Buffer | null }>(CONFIRM, [
        subjectId,
        code,
        now,
        mostTries,
      ]);
      const [row] = rows;
      if (!row) return { outcome: 'none', replaced: undefined };
      if (!row.is_right) return { outcome: 'wrong', replaced: undefined };
      return { outcome: 'confirmed', replaced: row.sealed_address ?? undefined };
    },
    async removeAddress(subjectId) {
      const { rows } = await queries.query<{ sealed_address: Buffer | null }>(REMOVE_ADDRESS, [subjectId]);
      return { removed: rows.length === 1, sealedAddress: rows[0]?.sealed_address ?? undefined };
    },
    sweepAddresses: (now, window) =>
      sweepInBatches(async (limit) => (await queries.query(SWEEP_ADDRESSES, [now, now - window, limit])).count),

    async enqueue({ id, subjectId, sealedContent, at }) {
      await queries.query(ENQUEUE, [id, subjectId, sealedContent, at]);
    },
    async enqueueTo(sealedAddress, { id, subjectId, sealedContent, at }, confirms) {
      await queries.query(ENQUEUE_TO, [id, subjectId, sealedContent, at, sealedAddress, confirms]);
    },
    async dropConfirmations(subjectId) {
      await queries.query(DROP_CONFIRMATIONS, [subjectId]);
    },

    async claim(owner, now, until) {
      const { rows } = await queries.query<{
        id: string;
        subject_id: string;
        sealed_address: Buffer;
        sealed_content: Buffer;
        at: number;
        attempts: number;
      }>(CLAIM, [owner, now, until]);
      return rows.map(
        ({ subject_id, sealed_address, sealed_content, ...mail }): WaitingMail => ({
          ...mail,
          subjectId: subject_id,
          sealedAddress: sealed_address,
          sealedContent: sealed_content,
        }),
      )[0];
    },
    async finish(id, owner) {
      await queries.query(FINISH, [id, owner]);
    },
    async refuse(id, owner, now) {
      await queries.query(REFUSE, [id, owner, now]);
    },
    async postpone(id, owner, nextAttemptAt) {
      await queries.query(POSTPONE, [id, owner, nextAttemptAt]);
    },
    dropOlder: (before, now) =>
      sweepInBatches(async (limit) => (await queries.query(DROP_OLDER, [before, now, limit])).count),
  };
}
