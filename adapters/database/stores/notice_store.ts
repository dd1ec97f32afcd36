import type { Notice, NoticeStore } from '../../../provider/identity/notices.ts';
import type { Queries, Statement } from '../database.ts';

const ADD: Statement = {
  name: 'notice_add',
  text: `INSERT INTO notice (id, subject_id, kind, caused_by, created_at) VALUES ($1, $2, $3, $4, $5)`,
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
interface Row {
  kind: Notice['kind'];
  created_at: number;
}

const fromRow = ({ kind, created_at: at }: Row): Notice => ({ kind, at });

export function createNoticeStore(queries: Queries): NoticeStore {
  return {
    async add({ id, subjectId, kind, causedBy, at }) {
      await queries.query(ADD, [id, subjectId, kind, causedBy ?? null, at]);
    },

    async takeUnseen(subjectId, lookup, now) {
      return (await queries.query<Row>(TAKE_UNSEEN, [subjectId, lookup, now])).rows.map(fromRow);
    },

    async list(subjectId, limit) {
      return (await queries.query<Row>(LIST, [subjectId, limit])).rows.map(fromRow);
    },
  };
}
