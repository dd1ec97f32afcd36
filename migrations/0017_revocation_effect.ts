import type { Knex } from 'knex';

/** What a revocation does to whoever is signed in: from a list to certificates, from a person to their sessions. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE certificate
      -- What a list said last: reason and date. Encrypted, since a reason may come of a death.
      ADD COLUMN sealed_revocation bytea,
      -- thisUpdate of that list: a sign-in that rests on an older word is refused, one on a newer word is not.
      ADD COLUMN revocation_as_of bigint,
      -- Whether all that follows from it has been done, a second look at late sign-ins included.
      ADD COLUMN revocation_settled boolean NOT NULL DEFAULT false,
      ADD CONSTRAINT certificate_revocation_dated CHECK ((sealed_revocation IS NULL) = (revocation_as_of IS NULL))`);
  await knex.raw(`
    ALTER TABLE crl_number
      -- The list up to which revocations have taken effect. A date beside the number: an authority may issue one number
      -- twice. Behind the number in service: a process took that list and died, or is at it now.
      ADD COLUMN applied_number numeric(49, 0),
      ADD COLUMN applied_this_update bigint,
      -- The process that is at it, until then. It may be dead.
      ADD COLUMN claimed_by text,
      ADD COLUMN claimed_until bigint,
      ADD CONSTRAINT crl_number_applied CHECK ((applied_number IS NULL) = (applied_this_update IS NULL)),
      ADD CONSTRAINT crl_number_claimed CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))`);
  // HMAC of the subject whose session or grant it is. Partial: nothing else is looked for by its subject.
  await knex.raw('ALTER TABLE oidc_artefact ADD COLUMN subject_key bytea');
  await knex.raw('CREATE INDEX oidc_artefact_by_subject ON oidc_artefact (subject_key) WHERE subject_key IS NOT NULL');
  // What was stored before has none and could not be ended: people sign in once more.
  await knex.raw(`DELETE FROM oidc_artefact WHERE model IN ('Session', 'Grant') OR grant_key IS NOT NULL`);
}
