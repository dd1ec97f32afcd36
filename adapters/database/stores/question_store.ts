import type { QuestionStore } from '../../../provider/status/question_store.ts';
import type { Queries, Statement } from '../database.ts';

const ADD: Statement = {
  name: 'question_add',
  text: `INSERT INTO authority_question AS counted (client_id, day, ocsp_asked, ocsp_remembered, linkage_asked, attributes_asked)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
      AS news (client_id, day, ocsp_asked, ocsp_remembered, linkage_asked, attributes_asked)
    -- In one order, so that two processes do not wait for each other in a circle.
    ORDER BY client_id, day
    ON CONFLICT (client_id, day) DO UPDATE SET ocsp_asked = counted.ocsp_asked + excluded.ocsp_asked,
      ocsp_remembered = counted.ocsp_remembered + excluded.ocsp_remembered,
      linkage_asked = counted.linkage_asked + excluded.linkage_asked,
      attributes_asked = counted.attributes_asked + excluded.attributes_asked`,
};
const ENSURE: Statement = {
  name: 'question_ensure',
  text: 'INSERT INTO authority_question (client_id, day) VALUES ($1, $2) ON CONFLICT DO NOTHING',
};
const RESERVE: Statement = {
  name: 'question_reserve',
  text: `UPDATE authority_question SET reserved = reserved + room.granted
    FROM (
      SELECT least($3::bigint, greatest(0, $4::bigint - reserved)) AS granted FROM authority_question
      WHERE client_id = $1 AND day = $2 FOR UPDATE
    ) AS room
    WHERE client_id = $1 AND day = $2 RETURNING room.granted`,
};
const GIVE_BACK: Statement = {
  name: 'question_give_back',
  text: 'UPDATE authority_question SET reserved = greatest(0, reserved - $3::bigint) WHERE client_id = $1 AND day = $2',
};
const SINCE: Statement = {
  name: 'question_since',
  text: `SELECT client_id, day, ocsp_asked, ocsp_remembered, linkage_asked, attributes_asked FROM authority_question
    WHERE day >= $1 ORDER BY day DESC, client_id`,
};

export function createQuestionStore(queries: Queries): QuestionStore {
  return {
    async add(counts) {
      const column = (pick: (one: (typeof counts)[number]) => number | string) =>
        counts.map((one) => String(pick(one)));
      await queries.query(ADD, [
        column(({ clientId }) => clientId),
        column(({ day }) => day),
        column(({ ocspAsked }) => ocspAsked),
        column(({ ocspRemembered }) => ocspRemembered),
        column(({ linkageAsked }) => linkageAsked),
        column(({ attributesAsked }) => attributesAsked),
      ]);
    },
    async reserve(clientId, day, wanted, budget) {
      await queries.query(ENSURE, [clientId, day]);
      const { rows } = await queries.query<{ granted: number }>(RESERVE, [clientId, day, wanted, budget]);
      return rows[0]?.granted ?? 0;
    },
    async giveBack(clientId, day, count) {
      await queries.query(GIVE_BACK, [clientId, day, count]);
    },
    async since(day) {
      const { rows } = await queries.query<{
        client_id: string;
        day: string;
        ocsp_asked: number;
        ocsp_remembered: number;
        linkage_asked: number;
        attributes_asked: number;
      }>(SINCE, [day]);
      return rows.map((row) => ({
        clientId: row.client_id,
        day: row.day,
        ocspAsked: row.ocsp_asked,
        ocspRemembered: row.ocsp_remembered,
        linkageAsked: row.linkage_asked,
        attributesAsked: row.attributes_asked,
      }));
    },
  };
}
