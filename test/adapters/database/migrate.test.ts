import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { migrate, migrationStatus } from '../../../adapters/database/migrate.ts';
import { openDatabase } from '../../../adapters/database/open_database.ts';
import { createTestDatabaseUrl, dropTestDatabase } from '../../support/postgresql.ts';

const files = readdirSync(new URL('../../../migrations/', import.meta.url)).sort();

describe('migrations of a PostgreSQL database', () => {
  async function withEmptyDatabase(use: (url: string) => Promise<void>): Promise<void> {
    const url = await createTestDatabaseUrl();
    try {
      await use(url);
    } finally {
      await dropTestDatabase(url);
    }
  }

  it('run from nothing, and a second time do nothing', () =>
    withEmptyDatabase(async (url) => {
      const database = await openDatabase({ kind: 'postgresql', url, poolSize: 1 });
      assert.deepEqual(await migrationStatus(database), { applied: [], pending: files });
      assert.deepEqual(await migrate(database), files);
      assert.deepEqual(await migrate(database), []);
      assert.deepEqual(await migrationStatus(database), { applied: files, pending: [] });
      await database.close();
    }));

  it('run once when twenty hubs start at the same moment', () =>
    withEmptyDatabase(async (url) => {
      const hubs = await Promise.all(
        Array.from({ length: 20 }, () => openDatabase({ kind: 'postgresql', url, poolSize: 1 })),
      );
      const ran = await Promise.all(hubs.map((hub) => migrate(hub)));
      assert.deepEqual(
        ran.filter((names) => names.length > 0),
        [files],
      );
      await Promise.all(hubs.map((hub) => hub.close()));
    }));

  it('take over the renewals that were followed before links had a method', () =>
    withEmptyDatabase(async (url) => {
      const database = await openDatabase({ kind: 'postgresql', url, poolSize: 1 });
      const knex = await database.knex();
      const run = async (file: string) => (await import(`../../../migrations/${file}`)).up(knex);
      for (const file of files.filter((name) => name < '0021')) await run(file);
      const [subject, older, newer] = [randomUUID(), randomBytes(32), randomBytes(32)];
      await knex('subject').insert({ id: subject, created_at: 1 });
      const certificate = {
        ...{ kind: 'user', subject_id: subject, sealed_serial: randomBytes(60), issuer_hash: randomBytes(32) },
        ...{ fingerprint: randomBytes(8), not_before: 1, not_after: 2, bound_at: 1 },
        ...{ checked_at: 1, check_source: 'crl', check_as_of: 1 },
      };
      await knex('certificate').insert({ ...certificate, lookup: older, status: 'superseded' });
      await knex('certificate').insert({ ...certificate, lookup: newer, status: 'current', predecessor: older });
      await run('0021_certificate_recognition.ts');
      const rows = await knex('certificate').select('lookup', 'link_method', 'linked_by').orderBy('status');
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        [
          { lookup: newer, link_method: 'linkage', linked_by: older },
          { lookup: older, link_method: null, linked_by: null },
        ],
      );
      // A link of another kind takes nobody's place.
      const other = { link_method: 'other device', linked_by: older, predecessor: newer };
      await assert.rejects(async () => knex('certificate').where({ lookup: older }).update(other), { code: '23514' });
      await database.close();
    }));

  it('leave nothing behind when one of them fails', () =>
    withEmptyDatabase(async (url) => {
      const database = await openDatabase({ kind: 'postgresql', url, poolSize: 1 });
      // Something of the operator's stands where a later migration wants to be.
      await database.query({ name: 'test_obstacle', text: 'CREATE TABLE oidc_artefact (id int)' });
      await assert.rejects(migrate(database), { code: '42P07' });
      assert.deepEqual(await migrationStatus(database), { applied: [], pending: files });
      await database.query({ name: 'test_clear', text: 'DROP TABLE oidc_artefact' });
      assert.deepEqual(await migrate(database), files);
      await database.close();
    }));
});

describe('a new embedded folder', () => {
  it('comes migrated, and migrating again does nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'musubi-test-new-'));
    const database = await openDatabase({ kind: 'embedded', folder });
    assert.deepEqual(await migrationStatus(database), { applied: files, pending: [] });
    assert.deepEqual(await migrate(database), []);
    await database.close();
    rmSync(folder, { recursive: true });
  });
});
