import type { Knex } from 'knex';

/** What the OpenID Connect engine keeps: sessions, codes, tokens, grants, interactions. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE oidc_artefact (
      -- SHA-256 over (model, id): what is stolen from this table cannot be presented as a token.
      key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
      model text NOT NULL,
      grant_key bytea,
      uid_key bytea,
      -- uid_key of the session that a code or token is bound to: read together with it.
      session_key bytea,
      user_code_key bytea,
      -- NULL: destroyed, and the row stays for a while so that a late write cannot bring it back.
      sealed_payload bytea,
      expires_at bigint NOT NULL,
      consumed_at bigint
    -- Sessions are written again at the same expiry, codes are marked consumed: neither needs to touch an index.
    ) WITH (fillfactor = 85)`);
  // Ciphertext does not compress: do not try at every write.
  await knex.raw('ALTER TABLE oidc_artefact ALTER COLUMN sealed_payload SET STORAGE EXTERNAL');
  // The indexes are partial, so that a row pays only for the ones it needs.
  // Revocation: everything that came of one grant.
  await knex.raw('CREATE INDEX oidc_artefact_by_grant ON oidc_artefact (grant_key) WHERE grant_key IS NOT NULL');
  // Tokens bound to a session look it up by its uid.
  await knex.raw('CREATE INDEX oidc_artefact_by_uid ON oidc_artefact (uid_key) WHERE uid_key IS NOT NULL');
  // Device flow; UNIQUE: a code on a screen means one device.
  await knex.raw(`
    CREATE UNIQUE INDEX oidc_artefact_by_user_code ON oidc_artefact (user_code_key) WHERE user_code_key IS NOT NULL`);
  // The sweep, and the count of what strangers may create.
  await knex.raw('CREATE INDEX oidc_artefact_by_expiry ON oidc_artefact (model, expires_at)');
}
