import type { Knex } from 'knex';

/**
 * One row for every claim that leaves, hash-linked by person: a row that is removed, changed or moved breaks every hash
 * after it. What a hash covers is written in provider/consent/disclosure_chain.ts.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE disclosure_chain (
      subject_id uuid PRIMARY KEY REFERENCES subject (id),
      -- What the first hash follows. Random and told to the person only: published heads must not be guessable.
      origin bytea NOT NULL CHECK (octet_length(origin) = 32),
      sequence bigint NOT NULL,
      head bytea NOT NULL,
      -- Place in the published tree, from 0 without gaps; given at the first publication, kept ever after.
      leaf bigint,
      -- The head that the next publication will state, and the one that the last one stated.
      staged_head bytea,
      published_head bytea
    -- Written at every release, and no index with it.
    ) WITH (fillfactor = 70)`);
  await knex.raw('CREATE UNIQUE INDEX disclosure_chain_leaf ON disclosure_chain (leaf) WHERE leaf IS NOT NULL');
  await knex.raw(`
    ALTER TABLE disclosure RENAME TO disclosure_unchained`);
  await knex.raw(`
    CREATE TABLE disclosure (
      subject_id uuid NOT NULL,
      -- Of the release: all claims that left together have the same one, and one hash.
      sequence bigint NOT NULL,
      place smallint NOT NULL,
      client_id text NOT NULL,
      -- No foreign key: the one statement that writes here reads the consent in the same breath, and consents are
      -- never deleted; the check would lock the consent's row once for every token.
      consent_id uuid NOT NULL,
      exit text NOT NULL CHECK (exit IN ('id_token', 'userinfo', 'introspection', 'verifier', 'assertion',
        'attribute_query', 'aggregated', 'distributed', 'sealed')),
      claim text NOT NULL,
      -- Whose word it was; null for what the hub says itself.
      source text,
      at bigint NOT NULL,
      hash bytea NOT NULL CHECK (octet_length(hash) = 32),
      -- The person's history, newest first, is this key read backwards.
      CONSTRAINT disclosure_key PRIMARY KEY (subject_id, sequence, place)
    )`);
  await knex.raw(`
    -- That an answer was handed to the network. What left and has no row here was prepared, and the hub stopped before.
    CREATE TABLE disclosure_delivery (
      subject_id uuid NOT NULL,
      sequence bigint NOT NULL,
      at bigint NOT NULL,
      PRIMARY KEY (subject_id, sequence)
    )`);
  await knex.raw(`
    CREATE TABLE disclosure_publication (
      number bigint PRIMARY KEY,
      -- The signed statement as it was published.
      statement text NOT NULL,
      at bigint NOT NULL
    )`);
  // One hub publishes at a time; one that died in the middle of it holds nobody up for long.
  await knex.raw(`
    CREATE TABLE disclosure_publishing (
      single boolean PRIMARY KEY DEFAULT true CHECK (single),
      owner text,
      until bigint NOT NULL DEFAULT 0
    )`);
  await knex.raw('INSERT INTO disclosure_publishing DEFAULT VALUES');
  await chainWhatIsThere(knex);
  for (const table of ['disclosure', 'disclosure_delivery', 'disclosure_publication']) {
    await knex.raw(`
      CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
  }
  // A chain's row moves on with each release; without it the history could begin anew.
  await knex.raw(`
    CREATE TRIGGER disclosure_chain_kept BEFORE DELETE OR TRUNCATE ON disclosure_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()`);
}

/** Rows of before, in their order. Of what they say nothing was kept about sources, nor whether it arrived: it did. */
async function chainWhatIsThere(knex: Knex): Promise<void> {
  await knex.raw(`
    DO $$
    DECLARE
      old record;
      link disclosure_chain;
      entry text;
    BEGIN
      FOR old IN SELECT * FROM disclosure_unchained ORDER BY subject_id, id LOOP
        entry := '[' || old.at || ',' || to_json(old.exit) || ',' || to_json(old.client_id) || ',"' || old.consent_id || '",[' ||
          (SELECT string_agg('[' || to_json(claim) || ',null]', ',' ORDER BY place)
           FROM unnest(old.claims) WITH ORDINALITY AS told (claim, place)) || ']]';
        INSERT INTO disclosure_chain (subject_id, origin, sequence, head)
          SELECT old.subject_id, origin, 0, origin
          FROM (SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS origin OFFSET 0) AS fresh
          ON CONFLICT DO NOTHING;
        UPDATE disclosure_chain SET sequence = sequence + 1,
            head = sha256(head || int8send(sequence + 1) || convert_to(entry, 'UTF8'))
          WHERE subject_id = old.subject_id RETURNING * INTO link;
        INSERT INTO disclosure (subject_id, sequence, place, client_id, consent_id, exit, claim, source, at, hash)
          SELECT old.subject_id, link.sequence, place, old.client_id, old.consent_id, old.exit, claim, NULL, old.at, link.head
          FROM unnest(old.claims) WITH ORDINALITY AS told (claim, place);
        INSERT INTO disclosure_delivery VALUES (old.subject_id, link.sequence, old.at);
      END LOOP;
    END $$`);
  await knex.raw('DROP TABLE disclosure_unchained');
}
