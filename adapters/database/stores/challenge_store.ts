import type { ChallengeStore } from '../../../provider/authentication/challenge.ts';
import type { Queries, Statement } from '../database.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

// Of many at once exactly one gets the row in; the others wait for it and then find it there.
const SPEND: Statement = {
  name: 'challenge_spend',
  text: 'INSERT INTO spent_challenge (nonce_hash, expires_at) VALUES ($1, $2) ON CONFLICT (nonce_hash) DO NOTHING',
};
const SWEEP: Statement = {
  name: 'challenge_sweep',
  text: `DELETE FROM spent_challenge WHERE nonce_hash IN (
      SELECT nonce_hash FROM spent_challenge WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
};

export function createChallengeStore(queries: Queries): ChallengeStore {
  return {
    async spend(nonceHash, expiresAt) {
      return (await queries.query(SPEND, [nonceHash, expiresAt])).count === 1;
    },

    sweep: (now) => sweepInBatches(async (limit) => (await queries.query(SWEEP, [now, limit])).count),
  };
}
