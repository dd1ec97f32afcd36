import type { Knex } from 'knex';

/** The signing certificate of a person, so that each sign-in with the user certificate can check it as well. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE certificate
      -- Encrypted: it names its holder. Path, dates, list and responder are all read from the certificate itself.
      ADD COLUMN sealed_certificate bytea,
      -- Nothing else needs a certificate to be kept, and without it a signing certificate could not be checked.
      ADD CONSTRAINT certificate_kept_for_signing CHECK ((kind = 'signing') = (sealed_certificate IS NOT NULL))`);
}
