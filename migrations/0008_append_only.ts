import type { Knex } from 'knex';

/**
 * History cannot be rewritten by a bug of ours or a hasty operator. (A superuser can drop a trigger: against that stands
 * the hash chain.)
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$`);
  // FOR EACH STATEMENT: fires once, and never on the inserts of the hot path.
  for (const table of ['disclosure', 'audit_event']) {
    await knex.raw(`
      CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
  }
  // A consent's row changes once, when it is withdrawn; it is never removed.
  await knex.raw(`
    CREATE TRIGGER consent_kept BEFORE DELETE OR TRUNCATE ON consent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
}
