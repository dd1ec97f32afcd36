import type { Knex } from 'knex';

/** How a certificate that nobody had shown was recognised: by its predecessor, another device or a signing certificate. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE certificate
      ADD COLUMN link_method text CHECK (link_method IN ('linkage', 'other device', 'signing linkage', 'attributes')),
      -- The certificate that was known. It stays when the link is undone, where predecessor is taken out to make room.
      ADD COLUMN linked_by bytea REFERENCES certificate (lookup) CHECK (linked_by <> lookup),
      ADD CONSTRAINT certificate_link_whole CHECK ((link_method IS NULL) = (linked_by IS NULL)),
      -- Nothing but a renewal takes a certificate's place.
      ADD CONSTRAINT certificate_predecessor_by_linkage
        CHECK (predecessor IS NULL OR (link_method = 'linkage' AND predecessor = linked_by)) NOT VALID`);
  await knex.raw(`
    UPDATE certificate SET link_method = 'linkage', linked_by = predecessor WHERE predecessor IS NOT NULL`);
  await knex.raw('ALTER TABLE certificate VALIDATE CONSTRAINT certificate_predecessor_by_linkage');
  // For operators: the newest links, the one with a given fingerprint, and those that rest on one certificate.
  await knex.raw('DROP INDEX certificate_links, certificate_link_by_fingerprint');
  await knex.raw('CREATE INDEX certificate_links ON certificate (bound_at) WHERE linked_by IS NOT NULL');
  await knex.raw(
    'CREATE INDEX certificate_link_by_fingerprint ON certificate (fingerprint) WHERE linked_by IS NOT NULL',
  );
  await knex.raw('CREATE INDEX certificate_linked_by ON certificate (linked_by) WHERE linked_by IS NOT NULL');
}
