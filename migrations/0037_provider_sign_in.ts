import type { Knex } from 'knex';

/** Attribute providers that are asked as OpenID Providers (interface B), and keys by an address instead of pinned ones. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE attribute_provider
      ALTER COLUMN keys DROP NOT NULL,
      -- Where its keys are published, in the place of pinned ones.
      ADD COLUMN jwks_uri text,
      -- Interface B: what the hub is there and what it asks for; url is the issuer then.
      ADD COLUMN userinfo jsonb,
      ADD CONSTRAINT attribute_provider_interface CHECK (num_nonnulls(keys, jwks_uri, userinfo) = 1)`);
  await knex.raw(`
    -- What the hub proves itself with where it has no key of its own to do so. Read by nobody else, and shown to nobody.
    CREATE TABLE attribute_provider_secret (
      provider_id text PRIMARY KEY REFERENCES attribute_provider (id) ON DELETE CASCADE,
      sealed_secret bytea NOT NULL
    )`);
  await knex.raw(`
    -- People who are on their way to a provider's sign-in: gone when they come back, or within minutes.
    CREATE TABLE provider_sign_in (
      state_hash bytea PRIMARY KEY CHECK (octet_length(state_hash) = 32),
      sealed bytea NOT NULL,
      expires_at bigint NOT NULL
    )`);
  // For the sweep.
  await knex.raw('CREATE INDEX provider_sign_in_by_expiry ON provider_sign_in (expires_at)');
  await knex.raw(`
    -- By what the provider is asked about a membership that its own sign-in has bound.
    CREATE TABLE membership_token (
      membership_id uuid PRIMARY KEY REFERENCES membership (id) ON DELETE CASCADE,
      -- Refresh token and access token, encrypted. Null when the provider takes them no more: the person signs in there again.
      sealed_tokens bytea,
      -- Who renews them now, and until when nobody else does: a refresh token that is used twice counts as stolen.
      lease uuid,
      leased_until bigint,
      CONSTRAINT membership_token_lease CHECK ((lease IS NULL) = (leased_until IS NULL))
    )`);
}
