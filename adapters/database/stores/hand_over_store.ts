import type { HandOverStore } from '../../../provider/authentication/hand_over.ts';
import type { Queries, Statement } from '../database.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const KEEP: Statement = {
  name: 'hand_over_keep',
  text: 'INSERT INTO hand_over (code_hash, sealed, expires_at) VALUES ($1, $2, $3)',
};
// Of many at once exactly one deletes the row and is given it.
const TAKE: Statement = {
  name: 'hand_over_take',
  text: 'DELETE FROM hand_over WHERE code_hash = $1 RETURNING sealed, expires_at',
};
const SWEEP: Statement = {
  name: 'hand_over_sweep',
  text: `DELETE FROM hand_over WHERE code_hash IN (
      SELECT code_hash FROM hand_over WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
};

export function createHandOverStore(queries: Queries): HandOverStore {
  return {
    async keep(codeHash, sealed, expiresAt) {
      await queries.query(KEEP, [codeHash, sealed, expiresAt]);
    },

    async take(codeHash) {
      const { rows } = await queries.query<{ sealed: Buffer; expires_at: number }>(TAKE, [codeHash]);
      const row = rows[0];
      return row && { sealed: row.sealed, expiresAt: row.expires_at };
    },

    sweep: (now) => sweepInBatches(async (limit) => (await queries.query(SWEEP, [now, limit])).count),
  };
}
