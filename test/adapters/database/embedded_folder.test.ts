import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockFolder } from '../../../adapters/database/embedded/lock_folder.ts';
import { openDatabase } from '../../../adapters/database/open_database.ts';
import { openEmbeddedCopy } from '../../support/database.ts';

const WRITER = fileURLToPath(new URL('write_until_killed.ts', import.meta.url));

describe('the embedded folder', () => {
  it('belongs to one opening at a time, also within a process', async () => {
    const test = await openEmbeddedCopy();
    await assert.rejects(openDatabase(test.settings), {
      code: 'database_in_use',
      message: `The database folder is in use by process ${process.pid}.`,
    });
    await test.database.close();
    const again = await openDatabase(test.settings);
    await again.close();
    await test.drop();
  });

  it('names the process that holds it, and is free the moment that process is killed', async () => {
    const test = await openEmbeddedCopy();
    await test.database.close();
    const child = spawn(process.execPath, [WRITER, JSON.stringify(test.settings)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: child.stdout }), 'line');
    await assert.rejects(openDatabase(test.settings), (error: { code: string; details: { pid: number } }) => {
      assert.equal(error.code, 'database_in_use');
      assert.equal(error.details.pid, child.pid);
      return true;
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const database = await openDatabase(test.settings);
    await database.close();
    await test.drop();
  });

  it('is given to one of many that ask at the same moment', async () => {
    const test = await openEmbeddedCopy();
    await test.database.close();
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => openDatabase(test.settings)));
    const opened = results.filter((result) => result.status === 'fulfilled');
    assert.equal(opened.length, 1);
    await opened[0]?.value.close();
    await test.drop();
  });

  it('does not take an interrupted first start for a database', async () => {
    const { settings, drop, database } = await openEmbeddedCopy();
    await database.close();
    assert.ok(settings.kind === 'embedded');
    const folder = join(settings.folder, 'new');
    mkdirSync(join(folder, 'data.0123456789ab.draft', 'base'), { recursive: true });
    const fresh = await openDatabase({ kind: 'embedded', folder });
    assert.ok(existsSync(join(folder, 'data', 'PG_VERSION')));
    assert.ok(!readdirSync(folder).some((name) => name.endsWith('.draft')));
    await fresh.close();
    await drop();
  });

  it('can be locked again after it was given free', async () => {
    const { settings, drop, database } = await openEmbeddedCopy();
    await database.close();
    assert.ok(settings.kind === 'embedded');
    for (let i = 0; i < 3; i++) lockFolder(settings.folder)();
    await drop();
  });
});
