import type { Knex } from 'knex';

/** What the person's own portal shows beside what is there already. */
export async function up(knex: Knex): Promise<void> {
  // The time before the last one: who has just signed in wants to know when it was done before. Written with it.
  await knex.raw('ALTER TABLE certificate ADD COLUMN previously_checked_at bigint');

  // Consents and disclosures outlive a registration; so do the names by which the person knew whom they agreed with.
  await knex.raw(`
    CREATE TABLE former_relying_party (
      client_id text PRIMARY KEY,
      -- RFC 7591 metadata: client_name, client_name#ja, client_name#en.
      names jsonb NOT NULL
    )`);
  // By a trigger, since clients go by more than one way.
  await knex.raw(`
    CREATE FUNCTION remember_relying_party() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO former_relying_party (client_id, names) VALUES (OLD.client_id, jsonb_strip_nulls(jsonb_build_object(
        'client_name', OLD.metadata -> 'client_name',
        'client_name#ja', OLD.metadata -> 'client_name#ja',
        'client_name#en', OLD.metadata -> 'client_name#en')))
      ON CONFLICT (client_id) DO UPDATE SET names = excluded.names;
      RETURN OLD;
    END $$`);
  await knex.raw(`
    CREATE TRIGGER relying_party_remembered AFTER DELETE ON relying_party
    FOR EACH ROW EXECUTE FUNCTION remember_relying_party()`);
  // The list of somebody's consents, newest first.
  await knex.raw('CREATE INDEX consent_by_subject ON consent (subject_id, granted_at, id)');
}
