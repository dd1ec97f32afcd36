import type { CrlNumberStore } from '../../../provider/authentication/revocation.ts';
import type { Queries, Statement } from '../database.ts';

const RAISE: Statement = {
  name: 'crl_number_raise',
  text: `INSERT INTO crl_number (list_id, number) VALUES ($1, $2)
    ON CONFLICT (list_id) DO UPDATE SET number = excluded.number WHERE crl_number.number <= excluded.number`,
};

export function createCrlNumberStore(queries: Queries): CrlNumberStore {
  return {
    async raise(listId, number) {
      return (await queries.query(RAISE, [listId, number.toString()])).count === 1;
    },
  };
}
