import type { LogoutStore } from '../../../provider/saml/logout/logout_store.ts';
import type { Queries, Statement } from '../database.ts';
import { sweepInBatches } from '../sweep_in_batches.ts';

const KEEP: Statement = {
  name: 'saml_logout_keep',
  text: 'INSERT INTO saml_logout (key, sealed, expires_at) VALUES ($1, $2, $3)',
};
const FIND: Statement = {
  name: 'saml_logout_find',
  text: 'SELECT sealed, step FROM saml_logout WHERE key = $1 AND expires_at > $2',
};
const ADVANCE: Statement = {
  name: 'saml_logout_advance',
  text: 'UPDATE saml_logout SET sealed = $3, step = step + 1 WHERE key = $1 AND step = $2',
};
const TAKE: Statement = {
  name: 'saml_logout_take',
  text: 'DELETE FROM saml_logout WHERE key = $1 AND step = $2',
};
const SWEEP: Statement = {
  name: 'saml_logout_sweep',
  text: `DELETE FROM saml_logout WHERE key IN (
      SELECT key FROM saml_logout WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
};

export function createLogoutStore(queries: Queries): LogoutStore {
  return {
    async keep(key, sealed, expiresAt) {
      await queries.query(KEEP, [key, sealed, expiresAt]);
    },

    async find(key, now) {
      const { rows } = await queries.query<{ sealed: Buffer; step: number }>(FIND, [key, now]);
      return rows[0];
    },

    advance: async (key, step, sealed) => (await queries.query(ADVANCE, [key, step, sealed])).count === 1,
    take: async (key, step) => (await queries.query(TAKE, [key, step])).count === 1,
    sweep: (now) => sweepInBatches(async (limit) => (await queries.query(SWEEP, [now, limit])).count),
  };
}
