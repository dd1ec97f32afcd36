import type { Knex } from 'knex';

/** For operators: the newest renewals that were followed, and the one with a given fingerprint. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('CREATE INDEX certificate_links ON certificate (bound_at) WHERE predecessor IS NOT NULL');
  await knex.raw(
    'CREATE INDEX certificate_link_by_fingerprint ON certificate (fingerprint) WHERE predecessor IS NOT NULL',
  );
}
