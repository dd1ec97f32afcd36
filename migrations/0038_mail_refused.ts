import type { Knex } from 'knex';

/** That the mail server takes an address no more: the person is told on their pages, since no mail can tell them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE mail_address
      -- Of the confirmed address: since when. NULL again once a mail was taken.
      ADD COLUMN refused_at bigint CHECK (refused_at IS NULL OR sealed_address IS NOT NULL),
      -- Of the entered one: the code never arrived.
      ADD COLUMN pending_refused boolean NOT NULL DEFAULT false CHECK (NOT pending_refused OR sealed_pending IS NOT NULL)`);
}
