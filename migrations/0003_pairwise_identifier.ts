import type { Knex } from 'knex';

/** The random identifier by which one sector knows one subject (OIDC Core §8.1). Stored, so no key links anybody. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE pairwise_identifier (
      subject_id uuid NOT NULL REFERENCES subject (id),
      sector text NOT NULL,
      identifier text NOT NULL,
      -- One answer a pair, whoever asks first.
      PRIMARY KEY (subject_id, sector),
      -- The way back, and the promise that two people never share an identifier in one sector.
      UNIQUE (sector, identifier)
    )`);
}
