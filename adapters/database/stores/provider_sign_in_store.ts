import type { ProviderSignInStore } from '../../../provider/attributes/providers/provider_sign_in_store.ts';
import type { Queries, Statement } from '../database.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const KEEP_ATTEMPT: Statement = {
  name: 'provider_sign_in_keep',
  text: 'INSERT INTO provider_sign_in (state_hash, sealed, expires_at) VALUES ($1, $2, $3)',
};
// Of many at once exactly one deletes the row and is given it.
const TAKE_ATTEMPT: Statement = {
  name: 'provider_sign_in_take',
  text: 'DELETE FROM provider_sign_in WHERE state_hash = $1 RETURNING sealed, expires_at',
};
const SWEEP_ATTEMPTS: Statement = {
  name: 'provider_sign_in_sweep',
  text: `DELETE FROM provider_sign_in WHERE state_hash IN (
      SELECT state_hash FROM provider_sign_in WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
};

const SET_SECRET: Statement = {
  name: 'provider_set_secret',
  text: `INSERT INTO attribute_provider_secret (provider_id, sealed_secret) VALUES ($1, $2)
    ON CONFLICT (provider_id) DO UPDATE SET sealed_secret = excluded.sealed_secret`,
};
const REMOVE_SECRET: Statement = {
  name: 'provider_remove_secret',
  text: 'DELETE FROM attribute_provider_secret WHERE provider_id = $1',
};
const FIND_SECRET: Statement = {
  name: 'provider_find_secret',
  text: 'SELECT sealed_secret FROM attribute_provider_secret WHERE provider_id = $1',
};

const KEEP_TOKENS: Statement = {
  name: 'membership_token_keep',
  text: 'INSERT INTO membership_token (membership_id, sealed_tokens) VALUES ($1, $2)',
};
const FIND_TOKENS: Statement = {
  name: 'membership_token_find',
  text: 'SELECT sealed_tokens FROM membership_token WHERE membership_id = $1',
};
const LEASE_TOKENS: Statement = {
  name: 'membership_token_lease',
  text: `UPDATE membership_token SET lease = $2, leased_until = $3
    WHERE membership_id = $1 AND sealed_tokens IS NOT NULL AND (leased_until IS NULL OR leased_until <= $4)
    RETURNING sealed_tokens`,
};
const RENEW_TOKENS: Statement = {
  name: 'membership_token_renew',
  text: `UPDATE membership_token SET sealed_tokens = $3, lease = NULL, leased_until = NULL
    WHERE membership_id = $1 AND lease = $2`,
};
const RELEASE_TOKENS: Statement = {
  name: 'membership_token_release',
  text: 'UPDATE membership_token SET lease = NULL, leased_until = NULL WHERE membership_id = $1 AND lease = $2',
};
const LAPSE_TOKENS: Statement = {
  name: 'membership_token_lapse',
  text: `UPDATE membership_token SET sealed_tokens = NULL, lease = NULL, leased_until = NULL
    FROM membership WHERE membership.id = membership_id AND membership_id = $1 AND lease = $2
    RETURNING membership.subject_id, membership.provider_id`,
};
const DROP_TOKENS: Statement = {
  name: 'membership_token_drop',
  text: `DELETE FROM membership_token USING membership
    WHERE membership.id = membership_id AND membership.subject_id = $1 AND membership.provider_id = $2
      AND membership.ended_at IS NOT NULL
    RETURNING sealed_tokens`,
};
const LAPSED: Statement = {
  name: 'membership_token_lapsed',
  text: `SELECT membership_id FROM membership_token JOIN membership ON membership.id = membership_id
    WHERE membership.subject_id = $1 AND membership.ended_at IS NULL AND sealed_tokens IS NULL`,
};

export function createProviderSignInStore(queries: Queries): ProviderSignInStore {
  return {
    async keepAttempt(stateHash, sealed, expiresAt) {
      await queries.query(KEEP_ATTEMPT, [stateHash, sealed, expiresAt]);
    },

    async takeAttempt(stateHash) {
      const { rows } = await queries.query<{ sealed: Buffer; expires_at: number }>(TAKE_ATTEMPT, [stateHash]);
      const row = rows[0];
      return row && { sealed: row.sealed, expiresAt: row.expires_at };
    },

    sweepAttempts: (now) => sweepInBatches(async (limit) => (await queries.query(SWEEP_ATTEMPTS, [now, limit])).count),

    async setSecret(providerId, sealed) {
      if (sealed === undefined) await queries.query(REMOVE_SECRET, [providerId]);
      else await queries.query(SET_SECRET, [providerId, sealed]);
    },

    async findSecret(providerId) {
      const { rows } = await queries.query<{ sealed_secret: Buffer }>(FIND_SECRET, [providerId]);
      return rows[0]?.sealed_secret;
    },

    async keepTokens(membershipId, sealed) {
      await queries.query(KEEP_TOKENS, [membershipId, sealed]);
    },

    async findTokens(membershipId) {
      const { rows } = await queries.query<{ sealed_tokens: Buffer | null }>(FIND_TOKENS, [membershipId]);
      return rows[0] && { sealed: rows[0].sealed_tokens ?? undefined };
    },

    async leaseTokens(membershipId, lease, until, now) {
      const { rows } = await queries.query<{ sealed_tokens: Buffer }>(LEASE_TOKENS, [membershipId, lease, until, now]);
      return rows[0]?.sealed_tokens;
    },

    async renewTokens(membershipId, lease, sealed) {
      return (await queries.query(RENEW_TOKENS, [membershipId, lease, sealed])).count === 1;
    },

    async releaseTokens(membershipId, lease) {
      await queries.query(RELEASE_TOKENS, [membershipId, lease]);
    },

    async lapseTokens(membershipId, lease) {
      const { rows } = await queries.query<{ subject_id: string; provider_id: string }>(LAPSE_TOKENS, [
        membershipId,
        lease,
      ]);
      return rows[0] && { subjectId: rows[0].subject_id, providerId: rows[0].provider_id };
    },

    async dropTokens(subjectId, providerId) {
      const { rows } = await queries.query<{ sealed_tokens: Buffer | null }>(DROP_TOKENS, [subjectId, providerId]);
      return rows.flatMap(({ sealed_tokens: sealed }) => (sealed === null ? [] : [sealed]));
    },

    async lapsed(subjectId) {
      const { rows } = await queries.query<{ membership_id: string }>(LAPSED, [subjectId]);
      return rows.map(({ membership_id: id }) => id);
    },
  };
}
