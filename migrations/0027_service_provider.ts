import type { Knex } from 'knex';

/** SAML service providers, and the addresses that their metadata is fetched from. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE metadata_source (
      source_id text PRIMARY KEY,
      -- 'url': one entity; 'mdq': one entity of a metadata query service; 'feed': whatever fits of an aggregate.
      kind text NOT NULL CHECK (kind IN ('url', 'mdq', 'feed')),
      url text NOT NULL,
      -- Of a feed: which entities are wanted, and the settings that they begin with.
      filter jsonb CHECK ((filter IS NOT NULL) = (kind = 'feed')),
      settings jsonb CHECK ((settings IS NOT NULL) = (kind = 'feed')),
      -- X.509, base64 of DER: one of their keys must have signed the document. Empty: whoever answers is believed.
      pinned_certificates text[] NOT NULL,
      added_at bigint NOT NULL,
      -- Of the answer that is in use, for asking whether there is another.
      etag text,
      last_modified text,
      fetched_at bigint NOT NULL,
      -- Milliseconds to the next look, by what that answer says of itself.
      refresh_every bigint NOT NULL,
      -- Failures in a row with the last one's reason, when it is looked at next, and which process is at it until when. It
      -- may be dead.
      failures integer NOT NULL DEFAULT 0,
      last_error text,
      next_refresh_at bigint NOT NULL,
      claimed_by text,
      claimed_until bigint,
      CONSTRAINT metadata_source_claimed CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
    )`);
  await knex.raw(`
    CREATE TABLE service_provider (
      -- The engine knows it as a client of this id: one id means one relying party, whatever it speaks.
      entity_id text PRIMARY KEY REFERENCES relying_party (client_id),
      metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
      settings jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
      -- NULL: its metadata was brought as a file.
      source_id text REFERENCES metadata_source (source_id),
      -- Raised at every change, so that what was made of the one before is made again.
      version bigint NOT NULL DEFAULT 1,
      added_at bigint NOT NULL,
      changed_at bigint NOT NULL
    )`);
  // What a feed has brought, at each refresh of it; also the check when a source is removed.
  await knex.raw('CREATE INDEX service_provider_by_source ON service_provider (source_id) WHERE source_id IS NOT NULL');
}
