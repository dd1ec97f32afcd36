import type { Knex } from 'knex';

/** One row for every time claims left the hub: names, never values. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE disclosure (
      subject_id uuid NOT NULL,
      id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
      client_id text NOT NULL,
      -- No foreign key: the one statement that writes here reads the consent in the same breath, and consents are
      -- never deleted; the check would lock the consent's row once for every token.
      consent_id uuid NOT NULL,
      exit text NOT NULL CHECK (exit IN ('id_token', 'userinfo', 'introspection')),
      claims text[] NOT NULL CHECK (cardinality(claims) > 0),
      at bigint NOT NULL,
      -- The person's history, newest first, is this key read backwards.
      PRIMARY KEY (subject_id, id)
    )`);
}
