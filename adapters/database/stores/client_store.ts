import { HubError } from '../../../provider/errors.ts';
import type { ClientStore } from '../../../provider/oidc/oidc_stores.ts';
import type { Vault } from '../../../provider/vault.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

const PURPOSE_SECRET = 'client.secret';

const FIND: Statement = {
  name: 'client_find',
  text: 'SELECT metadata, sealed_client_secret FROM relying_party WHERE client_id = $1',
};
const INSERT: Statement = {
  name: 'client_insert',
  text: `INSERT INTO relying_party (client_id, metadata, sealed_client_secret, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (client_id) DO NOTHING`,
};
const LIST: Statement = {
  name: 'client_list',
  text: `SELECT client_id, metadata, sealed_client_secret, created_at FROM relying_party
    ORDER BY created_at, client_id`,
};
const REPLACE: Statement = {
  name: 'client_replace',
  text: 'UPDATE relying_party SET metadata = $2 WHERE client_id = $1 AND sealed_client_secret IS NULL',
};
const REMOVE: Statement = { name: 'client_remove', text: 'DELETE FROM relying_party WHERE client_id = $1' };

interface Row {
  client_id: string;
  metadata: Record<string, unknown>;
  sealed_client_secret: Buffer | null;
  created_at: number;
}

export function createClientStore(queries: Queries, vault: Vault): ClientStore {
  function open(row: Pick<Row, 'metadata' | 'sealed_client_secret'>): Record<string, unknown> {
    if (!row.sealed_client_secret) return row.metadata;
    const secret = Buffer.from(vault.open(PURPOSE_SECRET, row.sealed_client_secret)).toString();
    return { ...row.metadata, client_secret: secret };
  }

  return {
    async find(clientId) {
      if (!storable(clientId)) return undefined;
      const { rows } = await queries.query<Pick<Row, 'metadata' | 'sealed_client_secret'>>(FIND, [clientId]);
      return rows[0] && open(rows[0]);
    },

    async insert({ clientId, metadata, createdAt }) {
      const { client_secret: secret, ...rest } = metadata;
      const json = JSON.stringify(rest);
      if (!storable(clientId) || /(?<!\\)(\\\\)*\\u0000/.test(json)) {
        throw new HubError('invalid_client_metadata', 400, 'Client metadata must not contain the character U+0000.');
      }
      const sealed = typeof secret === 'string' ? vault.seal(PURPOSE_SECRET, Buffer.from(secret)) : null;
      const { count } = await queries.query(INSERT, [clientId, json, sealed, createdAt]);
      return count === 1;
    },

    async list() {
      const { rows } = await queries.query<Row>(LIST);
      return rows.map((row) => ({ clientId: row.client_id, metadata: open(row), createdAt: row.created_at }));
    },

    async replace(clientId, metadata) {
      return (await queries.query(REPLACE, [clientId, JSON.stringify(metadata)])).count === 1;
    },

    async remove(clientId) {
      if (!storable(clientId)) return false;
      return (await queries.query(REMOVE, [clientId])).count === 1;
    },
  };
}
