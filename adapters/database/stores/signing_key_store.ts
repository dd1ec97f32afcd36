import type { JWK } from 'jose';
import type { SigningAlgorithm, SigningKeyStore, SigningPurpose } from '../../../provider/oidc/oidc_stores.ts';
import type { Vault } from '../../../provider/vault.ts';
import type { Queries, Statement } from '../database.ts';

const PURPOSE_KEY = 'signing-key';
const PURPOSE_COOKIE = 'cookie-secret';

const LIST: Statement = {
  name: 'signing_key_list',
  text: `SELECT kid, alg, purpose, certificate, sealed_jwk, created_at, active_from, retired_from
    FROM signing_key ORDER BY created_at, kid`,
};
const INSERT: Statement = {
  name: 'signing_key_insert',
  text: `INSERT INTO signing_key (kid, alg, purpose, certificate, sealed_jwk, created_at, active_from, retired_from)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
};
const RETIRE: Statement = {
  name: 'signing_key_retire',
  text: 'UPDATE signing_key SET retired_from = $2 WHERE kid = $1',
};
const LIST_COOKIE_SECRETS: Statement = {
  name: 'cookie_secret_list',
  text: 'SELECT sealed_secret FROM cookie_secret ORDER BY id DESC',
};
const INSERT_COOKIE_SECRET: Statement = {
  name: 'cookie_secret_insert',
  text: 'INSERT INTO cookie_secret (sealed_secret, created_at) VALUES ($1, $2)',
};

export function createSigningKeyStore(queries: Queries, vault: Vault): SigningKeyStore {
  return {
    async list() {
      const { rows } = await queries.query<{
        kid: string;
        alg: SigningAlgorithm;
        purpose: SigningPurpose;
        certificate: Buffer | null;
        sealed_jwk: Buffer;
        created_at: number;
        active_from: number;
        retired_from: number | null;
      }>(LIST);
      return rows.map((row) => {
        // What we sealed was a JWK.
        const jwk: JWK = JSON.parse(Buffer.from(vault.open(PURPOSE_KEY, row.sealed_jwk)).toString());
        return {
          kid: row.kid,
          alg: row.alg,
          purpose: row.purpose,
          certificate: row.certificate ? new Uint8Array(row.certificate) : undefined,
          jwk,
          createdAt: row.created_at,
          activeFrom: row.active_from,
          retiredFrom: row.retired_from ?? undefined,
        };
      });
    },

    async insert(key) {
      const sealed = vault.seal(PURPOSE_KEY, Buffer.from(JSON.stringify(key.jwk)));
      await queries.query(INSERT, [
        ...[key.kid, key.alg, key.purpose, key.certificate ?? null, sealed],
        ...[key.createdAt, key.activeFrom, key.retiredFrom ?? null],
      ]);
    },

    async retire(kid, from) {
      await queries.query(RETIRE, [kid, from]);
    },

    async cookieSecrets() {
      const { rows } = await queries.query<{ sealed_secret: Buffer }>(LIST_COOKIE_SECRETS);
      return rows.map((row) => Buffer.from(vault.open(PURPOSE_COOKIE, row.sealed_secret)).toString());
    },

    async insertCookieSecret(secret, now) {
      await queries.query(INSERT_COOKIE_SECRET, [vault.seal(PURPOSE_COOKIE, Buffer.from(secret)), now]);
    },
  };
}
