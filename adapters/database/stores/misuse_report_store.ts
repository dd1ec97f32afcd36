import type { KeptReport, MisuseReportStore } from '../../../provider/portal/misuse_reports.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

// The subject's row is held, so that reports of one moment count each other.
const HOLD: Statement = {
  name: 'misuse_report_hold_subject',
  text: 'SELECT id FROM subject WHERE id = $1 FOR NO KEY UPDATE',
};
const ADD: Statement = {
  name: 'misuse_report_insert',
  text: `INSERT INTO misuse_report (id, reference, subject_id, kind, client_id, sealed_text, reported_at)
    SELECT $1, $2, $3, $4, $5, $6, $7
    WHERE (SELECT count(*) FROM misuse_report WHERE subject_id = $3 AND reported_at > $8) < $9`,
};
const COLUMNS = 'id, reference, subject_id, kind, client_id, sealed_text, reported_at';
const LIST: Statement = {
  name: 'misuse_report_list',
  text: `SELECT ${COLUMNS} FROM misuse_report ORDER BY reported_at DESC LIMIT $1`,
};
const LIST_OF: Statement = {
  name: 'misuse_report_list_of_subject',
  text: `SELECT ${COLUMNS} FROM misuse_report WHERE subject_id = $1 ORDER BY reported_at DESC LIMIT $2`,
};

interface Row {
  id: string;
  reference: string;
  subject_id: string;
  kind: KeptReport['kind'];
  client_id: string | null;
  sealed_text: Buffer;
  reported_at: number;
}

function fromRow({ id, reference, subject_id, kind, client_id, sealed_text, reported_at }: Row): KeptReport {
  return {
    ...{ id, reference, kind, subjectId: subject_id, clientId: client_id ?? undefined },
    ...{ sealedText: sealed_text, reportedAt: reported_at },
  };
}

/** Adding is for a transaction. */
export function createMisuseReportStore(queries: Queries): MisuseReportStore {
  return {
    async add({ id, reference, subjectId, kind, clientId, sealedText, reportedAt }, since, most) {
      if (clientId !== undefined && !storable(clientId)) return false;
      await queries.query(HOLD, [subjectId]);
      const values = [id, reference, subjectId, kind, clientId ?? null, sealedText, reportedAt, since, most];
      return (await queries.query(ADD, values)).count === 1;
    },

    async list(limit) {
      return (await queries.query<Row>(LIST, [limit])).rows.map(fromRow);
    },

    async listOf(subjectId, limit) {
      return (await queries.query<Row>(LIST_OF, [subjectId, limit])).rows.map(fromRow);
    },
  };
}
