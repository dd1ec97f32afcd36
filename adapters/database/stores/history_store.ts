import type { HistoryStore, Publication } from '../../../provider/consent/history_store.ts';
import type { Queries, Statement } from '../database.ts';

const CHAIN: Statement = {
  name: 'history_chain',
  text: 'SELECT origin, CASE WHEN published_head IS NOT NULL THEN leaf END AS leaf FROM disclosure_chain WHERE subject_id = $1',
};
const PUBLICATIONS: Statement = {
  name: 'history_publications',
  text: 'SELECT number, statement, at FROM disclosure_publication ORDER BY number DESC LIMIT $1',
};
// One statement, and so one moment: a publication changes both together.
const PUBLISHED_HEADS: Statement = {
  name: 'history_published_heads',
  text: `SELECT (SELECT max(number) FROM disclosure_publication) AS number,
      (SELECT string_agg(published_head, ''::bytea ORDER BY leaf) FROM disclosure_chain
       WHERE published_head IS NOT NULL) AS heads`,
};
const BEGIN: Statement = {
  name: 'history_begin_publishing',
  text: `UPDATE disclosure_publishing SET owner = $1, until = $3 WHERE owner IS NULL OR until <= $2`,
};
const GIVE_LEAVES: Statement = {
  name: 'history_give_leaves',
  text: `UPDATE disclosure_chain AS chain SET leaf = next.leaf FROM (
      SELECT subject_id, (SELECT count(leaf) FROM disclosure_chain) + row_number() OVER (ORDER BY head) - 1 AS leaf
      FROM disclosure_chain WHERE leaf IS NULL
    ) AS next WHERE chain.subject_id = next.subject_id`,
};
const STAGE: Statement = {
  name: 'history_stage_heads',
  text: `UPDATE disclosure_chain SET staged_head = head WHERE leaf IS NOT NULL AND staged_head IS DISTINCT FROM head`,
};
const STAGED: Statement = {
  name: 'history_staged_heads',
  text: `SELECT string_agg(staged_head, ''::bytea ORDER BY leaf) AS heads FROM disclosure_chain WHERE leaf IS NOT NULL`,
};
const END: Statement = {
  name: 'history_end_publishing',
  text: 'UPDATE disclosure_publishing SET owner = NULL, until = 0 WHERE owner = $1',
};
const COPY: Statement = {
  name: 'history_publish_heads',
  text: `UPDATE disclosure_chain SET published_head = staged_head
    WHERE leaf IS NOT NULL AND published_head IS DISTINCT FROM staged_head`,
};
const INSERT: Statement = {
  name: 'history_publish',
  text: 'INSERT INTO disclosure_publication (number, statement, at) VALUES ($1, $2, $3)',
};

/** `transact` runs its work in a transaction: a new one, or the one that these queries already belong to. */
export function createHistoryStore(
  queries: Queries,
  transact: <T>(work: (queries: Queries) => Promise<T>) => Promise<T>,
): HistoryStore {
  return {
    async chain(subjectId) {
      const [row] = (await queries.query<{ origin: Buffer; leaf: number | null }>(CHAIN, [subjectId])).rows;
      return row && { origin: row.origin, leaf: row.leaf ?? undefined };
    },
    async publications(limit) {
      return (await queries.query<Publication>(PUBLICATIONS, [limit])).rows;
    },
    async publishedHeads() {
      const { rows } = await queries.query<{ number: number | null; heads: Buffer | null }>(PUBLISHED_HEADS);
      const [{ number = null, heads = null } = {}] = rows;
      return number === null ? undefined : { number, heads: heads ?? new Uint8Array() };
    },
    beginPublishing: async (owner, now, until) => (await queries.query(BEGIN, [owner, now, until])).count === 1,
    stageHeads: () =>
      transact(async (inside) => {
        await inside.query(GIVE_LEAVES);
        await inside.query(STAGE);
        const [row] = (await inside.query<{ heads: Buffer | null }>(STAGED)).rows;
        return row?.heads ?? new Uint8Array();
      }),
    publish: (owner, { number, statement, at }) =>
      transact(async (inside) => {
        if ((await inside.query(END, [owner])).count !== 1) return false;
        await inside.query(COPY);
        await inside.query(INSERT, [number, statement, at]);
        return true;
      }),
  };
}
