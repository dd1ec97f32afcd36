import type { ChallengePurpose, ChallengeStore } from '../../../provider/authentication/challenge.ts';
import type { Queries, Statement } from '../database.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const INSERT: Statement = {
  name: 'challenge_insert',
  text: `INSERT INTO challenge (nonce_hash, origin, session, purpose, expires_at) VALUES ($1, $2, $3, $4, $5)`,
};
// The UPDATE waits for a concurrent one and then finds spent_at set: of many at once exactly one gets the row.
const SPEND: Statement = {
  name: 'challenge_spend',
  text: `WITH won AS (
      UPDATE challenge SET spent_at = $2 WHERE nonce_hash = $1 AND spent_at IS NULL
      RETURNING origin, session, purpose, expires_at
    )
    SELECT true AS won, origin, session, purpose, expires_at FROM won
    UNION ALL
    SELECT false, '', '', '', 0 FROM challenge WHERE nonce_hash = $1 AND NOT EXISTS (SELECT FROM won)`,
};
const SWEEP: Statement = {
  name: 'challenge_sweep',
  text: `DELETE FROM challenge WHERE nonce_hash IN (
      SELECT nonce_hash FROM challenge WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
};

export function createChallengeStore(queries: Queries): ChallengeStore {
  return {
    async insert(record) {
      await queries.query(INSERT, [record.nonceHash, record.origin, record.session, record.purpose, record.expiresAt]);
    },

    async spend(nonceHash, now) {
      const { rows } = await queries.query<{
        won: boolean;
        origin: string;
        session: string;
        purpose: ChallengePurpose;
        expires_at: number;
      }>(SPEND, [nonceHash, now]);
      const [row] = rows;
      if (!row) return 'unknown';
      if (!row.won) return 'spent';
      return {
        nonceHash,
        origin: row.origin,
        session: row.session,
        purpose: row.purpose,
        expiresAt: row.expires_at,
      };
    },

    sweep: (now) => sweepInBatches(async (limit) => (await queries.query(SWEEP, [now, limit])).count),
  };
}
