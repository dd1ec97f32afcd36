import type { Knex } from 'knex';

/**
 * Keys that sign SAML messages stand beside those that sign tokens, never in their place: a token's verifier finds keys
 * at /jwks, a message's in certificates of the metadata.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE signing_key
      ADD COLUMN purpose text NOT NULL DEFAULT 'oidc' CHECK (purpose IN ('oidc', 'saml')),
      ADD COLUMN certificate bytea`);
  await knex.raw(`
    ALTER TABLE signing_key
      ADD CONSTRAINT signing_key_certificate CHECK ((purpose = 'saml') = (certificate IS NOT NULL)),
      ADD CONSTRAINT signing_key_saml_alg CHECK (purpose <> 'saml' OR alg = 'RS256')`);
}
