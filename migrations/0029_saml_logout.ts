import type { Knex } from 'knex';

/**
 * Single logouts on their way through a browser: whom it has still to visit, and where it goes in the end. Gone when it
 * has arrived, or within minutes.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE saml_logout (
      -- SHA-256 of what the browser's cookie holds.
      key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
      sealed bytea NOT NULL,
      -- Raised with every step: of several that would take the same one, one does.
      step integer NOT NULL DEFAULT 1,
      expires_at bigint NOT NULL
    )`);
  // For the sweep.
  await knex.raw('CREATE INDEX saml_logout_by_expiry ON saml_logout (expires_at)');
}
