import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Client } from 'pg';
import { createTestDatabaseUrl, dropTestDatabase, startPostgresql, type TestPostgresql } from './postgresql.ts';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function folderOf(url: string): string {
  return new URL(url).searchParams.get('host') ?? '';
}

describe('the throw-away PostgreSQL', () => {
  it('gives every caller a database of its own', async () => {
    const [first, second] = [await createTestDatabaseUrl(), await createTestDatabaseUrl()];
    await query(first, 'CREATE TABLE only_here (id int)');
    await assert.rejects(query(second, 'SELECT * FROM only_here'), { code: '42P01' });
  });

  it('prepares a template once, however many ask for it at the same moment', async () => {
    let prepared = 0;
    const template = {
      name: 'test_support',
      prepare: async (url: string) => {
        prepared += 1;
        await query(url, 'CREATE TABLE greeting AS SELECT 1 AS answer');
      },
    };
    const urls = await Promise.all(Array.from({ length: 4 }, () => createTestDatabaseUrl({ template })));
    assert.equal(new Set(urls).size, 4);
    assert.equal(prepared, 1);
    for (const url of urls) assert.deepEqual(await query(url, 'SELECT answer FROM greeting'), [{ answer: 1 }]);
  });

  it('prepares a template again after a preparation that failed', async () => {
    const failing = { name: 'test_failing', prepare: () => Promise.reject(new Error('half way')) };
    await assert.rejects(createTestDatabaseUrl({ template: failing }), /half way/);
    const url = await createTestDatabaseUrl({
      template: { name: 'test_failing', prepare: async (each) => void (await query(each, 'CREATE TABLE done ()')) },
    });
    assert.deepEqual(await query(url, 'SELECT * FROM done'), []);
  });

  it('deletes a test database, and refuses to delete any other', async () => {
    const url = await createTestDatabaseUrl();
    await dropTestDatabase(url);
    await assert.rejects(query(url, 'SELECT 1'), { code: '3D000' });
    await assert.rejects(dropTestDatabase(url.replace(/\/test_\w+/, '/postgres')), /not a test database/);
  });

  describe('when it is durable', () => {
    let server: TestPostgresql;
    before(async () => {
      server = await startPostgresql({ durable: true });
    });
    after(() => server.stop());

    it('keeps fsync on', async () => {
      assert.deepEqual(await query(server.url, 'SHOW fsync'), [{ fsync: 'on' }]);
      assert.deepEqual(await query(server.url, 'SHOW synchronous_commit'), [{ synchronous_commit: 'on' }]);
    });
  });

  it('stops and leaves nothing behind when asked to', async () => {
    const server = await startPostgresql();
    assert.ok(existsSync(folderOf(server.url)));
    await server.stop();
    assert.ok(!existsSync(folderOf(server.url)));
    await assert.rejects(query(server.url, 'SELECT 1'));
  });

  it('stops when the process that started it is killed', async () => {
    const module = new URL('./postgresql.ts', import.meta.url).href;
    const script = `const { startPostgresql } = await import('${module}');
      process.stdout.write((await startPostgresql()).url + '\\n'); setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(owner.stdout.setEncoding('utf8'), 'data')) as [string];
    assert.deepEqual(await query(line.trim(), 'SELECT 1 AS one'), [{ one: 1 }]);
    owner.kill('SIGKILL');
    // The guard deletes the folder last, when the server has ended.
    const deadline = Date.now() + 20_000;
    while (existsSync(folderOf(line.trim()))) {
      assert.ok(Date.now() < deadline, 'the server outlived the process that started it');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});
