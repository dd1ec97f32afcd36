import type { DueNotice, Notice, NoticeStore } from '../../../provider/identity/notices.ts';
import type { Queries, Statement } from '../database.ts';

const ADD: Statement = {
  name: 'notice_add',
  text: `INSERT INTO notice (id, subject_id, kind, caused_by, created_at, hook_due_at) VALUES ($1, $2, $3, $4, $5, $6)`,
};
const TAKE_UNSEEN: Statement = {
  name: 'notice_take_unseen',
  text: `WITH taken AS (
      UPDATE notice SET seen_at = $3 WHERE subject_id = $1 AND seen_at IS NULL AND caused_by IS DISTINCT FROM $2
      RETURNING kind, created_at
    )
    SELECT kind, created_at FROM taken ORDER BY created_at`,
};
const LIST: Statement = {
  name: 'notice_list',
  text: 'SELECT kind, created_at FROM notice WHERE subject_id = $1 ORDER BY created_at DESC LIMIT $2',
};
const TAKE_DUE: Statement = {
  name: 'notice_take_due',
  text: `WITH due AS (
      SELECT id FROM notice WHERE hook_due_at <= $1 ORDER BY hook_due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    UPDATE notice SET hook_due_at = $2, hook_attempts = hook_attempts + 1 FROM due WHERE notice.id = due.id
    RETURNING notice.id, notice.subject_id, notice.kind, notice.created_at, notice.hook_attempts`,
};
const SET_DUE: Statement = { name: 'notice_set_due', text: 'UPDATE notice SET hook_due_at = $2 WHERE id = $1' };

interface Row {
  kind: Notice['kind'];
  created_at: number;
}

const fromRow = ({ kind, created_at: at }: Row): Notice => ({ kind, at });

export function createNoticeStore(queries: Queries): NoticeStore {
  return {
    async add({ id, subjectId, kind, causedBy, at }, isForHook) {
      await queries.query(ADD, [id, subjectId, kind, causedBy ?? null, at, isForHook ? at : null]);
    },

    async takeUnseen(subjectId, lookup, now) {
      return (await queries.query<Row>(TAKE_UNSEEN, [subjectId, lookup, now])).rows.map(fromRow);
    },

    async list(subjectId, limit) {
      return (await queries.query<Row>(LIST, [subjectId, limit])).rows.map(fromRow);
    },

    async takeDue(now, leasedUntil, limit) {
      const { rows } = await queries.query<Row & { id: string; subject_id: string; hook_attempts: number }>(TAKE_DUE, [
        now,
        leasedUntil,
        limit,
      ]);
      return rows.map((row): DueNotice => {
        const { id, subject_id: subjectId, hook_attempts: attempts } = row;
        return { id, subjectId, attempts, ...fromRow(row) };
      });
    },

    async setDue(id, nextAttemptAt) {
      await queries.query(SET_DUE, [id, nextAttemptAt ?? null]);
    },
  };
}
