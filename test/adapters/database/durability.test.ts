import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import type { Database } from '../../../adapters/database/database.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { migrate } from '../../../adapters/database/migrate.ts';
import { type DatabaseSettings, openDatabase } from '../../../adapters/database/open_database.ts';
import { verifyAuditChain } from '../../../provider/audit/audit_chain.ts';
import { openTestDatabase, testEngine } from '../../support/database.ts';
import { startPostgresql } from '../../support/postgresql.ts';

const WRITER = fileURLToPath(new URL('write_until_killed.ts', import.meta.url));

describe(`what was answered survives kill -9 of the hub, on ${testEngine}`, () => {
  let settings: DatabaseSettings;
  let cleanUp: () => Promise<unknown>;

  before(async () => {
    if (testEngine === 'pglite') {
      const test = await openTestDatabase();
      await test.database.close();
      ({ settings } = test);
      cleanUp = () => test.drop();
      return;
    }
    const server = await startPostgresql({ durable: true });
    settings = { kind: 'postgresql', url: server.url, poolSize: 2 };
    const database = await openDatabase(settings);
    await migrate(database);
    await database.close();
    cleanUp = () => server.stop();
  });
  after(() => cleanUp());

  /** Starts the writer and kills it when it has answered `count` more; returns every id it ever answered. */
  async function writeAndKill(count: number): Promise<string[]> {
    const child: ChildProcess = spawn(process.execPath, [WRITER, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(child.stdout);
    const answered: string[] = [];
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      answered.push(line);
      if (answered.length === count) child.kill('SIGKILL');
    });
    const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')]);
    assert.equal(signal, 'SIGKILL');
    return answered;
  }

  async function check(answered: readonly string[]): Promise<void> {
    const database: Database = await openDatabase(settings);
    const { rows } = await database.query<{ id: string }>(
      { name: 'test_subjects', text: 'SELECT id FROM subject WHERE id = ANY ($1::uuid[])' },
      [answered],
    );
    assert.equal(rows.length, answered.length);
    const storage = createStorage(database, createVault([new Uint8Array(32)]));
    const events = await storage.audit.read(0n, 100_000);
    assert.equal(verifyAuditChain(events), undefined);
    assert.ok(events.length >= answered.length);
    await database.close();
  }

  it('once, and again after the recovery, every committed row is there and the audit chain holds', async () => {
    const answered: string[] = [];
    for (const count of [37, 400, 120]) {
      answered.push(...(await writeAndKill(count)));
      await check(answered);
    }
  });
});
