import type { AccountLock, AccountLockStore } from '../../../provider/identity/account_lock.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

const LOCK: Statement = {
  name: 'account_lock_insert',
  text: `INSERT INTO account_lock (subject_id, reference, locked_at) VALUES ($1, $2, $3)
    ON CONFLICT (subject_id) DO NOTHING`,
};
const FIND: Statement = {
  name: 'account_lock_find',
  text: 'SELECT reference, locked_at FROM account_lock WHERE subject_id = $1',
};
const UNLOCK: Statement = {
  name: 'account_lock_delete',
  text: 'DELETE FROM account_lock WHERE reference = $1 RETURNING subject_id',
};
const LIST: Statement = {
  name: 'account_lock_list',
  text: 'SELECT reference, locked_at FROM account_lock ORDER BY locked_at DESC LIMIT $1',
};

interface Row {
  reference: string;
  locked_at: number;
}

const fromRow = ({ reference, locked_at: lockedAt }: Row): AccountLock => ({ reference, lockedAt });

export function createAccountLockStore(queries: Queries): AccountLockStore {
  return {
    async lock(subjectId, { reference, lockedAt }) {
      return (await queries.query(LOCK, [subjectId, reference, lockedAt])).count === 1;
    },

    async find(subjectId) {
      return (await queries.query<Row>(FIND, [subjectId])).rows.map(fromRow)[0];
    },

    async unlock(reference) {
      if (!storable(reference)) return undefined;
      return (await queries.query<{ subject_id: string }>(UNLOCK, [reference])).rows[0]?.subject_id;
    },

    async list(limit) {
      return (await queries.query<Row>(LIST, [limit])).rows.map(fromRow);
    },
  };
}
