import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { authorityClient, issue, list, revoke } from '../../../../adapters/sandbox/authority/citizen_commands.ts';
import {
  AuthorityInUseError,
  authorityFolder,
  cardsFolder,
  runtimeFile,
  startAuthority,
} from '../../../../adapters/sandbox/authority/index.ts';
import { startTestAuthority } from './test_authority.ts';

const MAIN = new URL('../../../../adapters/sandbox/authority/main.ts', import.meta.url).pathname;

/** A folder with two citizens, so that the process under test need not make two dozen keys. */
async function preparedFolder(test: TestContext): Promise<string> {
  const authority = await startTestAuthority(test, { only: ['taro', 'ichiro'] });
  await authority.stop();
  return authority.dataFolder;
}

async function spawnAuthority(test: TestContext, dataFolder: string) {
  const child = spawn(process.execPath, [MAIN, '--data', dataFolder, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  test.after(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line');
  return { child, address: String(JSON.parse(line).listening) };
}

async function exitOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? child.signalCode;
}

describe('the authority as a process', () => {
  it('says where it listens, stops cleanly on SIGTERM and takes its runtime file away', async (test) => {
    const dataFolder = await preparedFolder(test);
    const { child, address } = await spawnAuthority(test, dataFolder);
    assert.equal((await fetch(`${address}/healthz`)).status, 200);
    assert.equal((await stat(runtimeFile(dataFolder))).mode & 0o777, 0o600);
    child.kill('SIGTERM');
    assert.equal(await exitOf(child), 0);
    await assert.rejects(access(runtimeFile(dataFolder)));
  });

  it('tells its parent over IPC, and ends when the parent lets go', async (test) => {
    const child = fork(MAIN, ['--data', await preparedFolder(test)], { silent: true });
    test.after(() => child.kill('SIGKILL'));
    const [{ listening }] = await once(child, 'message');
    assert.equal((await fetch(`${listening}/healthz`)).status, 200);
    child.disconnect();
    assert.equal(await exitOf(child), 0);
  });

  it('everything that was answered is there after kill -9, and nothing half-done is', async (test) => {
    const dataFolder = await preparedFolder(test);
    const { child } = await spawnAuthority(test, dataFolder);
    const client = authorityClient({ dataFolder });
    const answered: string[] = [];
    const burst = Array.from({ length: 6 }, async (_, index) => {
      await issue(client, { name: `burst-${index}` });
      answered.push(`burst-${index}`);
      if (answered.length === 2) child.kill('SIGKILL');
    });
    await revoke(client, { name: 'taro', certificate: 'user', reason: 'keyCompromise' });
    await Promise.allSettled(burst);
    assert.equal(await exitOf(child), 'SIGKILL');

    const citizens = await list(client);
    const names = citizens.map(({ name }) => name);
    for (const name of answered) assert.ok(names.includes(name), name);
    for (const name of names) await access(join(cardsFolder(dataFolder), `${name}.card.json`));
    assert.equal(citizens.find(({ name }) => name === 'taro')?.user.reason, 'keyCompromise');
  });

  it('refuses a folder that another one has open, and wrong arguments', async (test) => {
    const authority = await startTestAuthority(test);
    await assert.rejects(startAuthority({ dataFolder: authority.dataFolder }), AuthorityInUseError);
    for (const arguments_ of [[], ['--data', authority.dataFolder, '--port', '99999']]) {
      const child = spawn(process.execPath, [MAIN, ...arguments_], { stdio: 'ignore' });
      assert.equal(await exitOf(child), 2);
    }
  });

  it('a runtime file that a killed authority left behind misleads no command', async (test) => {
    const dataFolder = await preparedFolder(test);
    const stale = { address: 'http://127.0.0.1:9', adminToken: 'x', pid: process.pid };
    await writeFile(runtimeFile(dataFolder), JSON.stringify(stale));
    assert.equal((await list(authorityClient({ dataFolder }))).length, 2);
  });

  it('a state file of another kind is refused and left as it is', async (test) => {
    const dataFolder = await preparedFolder(test);
    const path = join(authorityFolder(dataFolder), 'state.json');
    await writeFile(path, '{"format":"other"}');
    await assert.rejects(startAuthority({ dataFolder }), /not a sandbox authority's state/);
    assert.equal(await readFile(path, 'utf8'), '{"format":"other"}');
  });

  it('a card that was decided before a crash is delivered at the next start', async (test) => {
    const dataFolder = await preparedFolder(test);
    const path = join(authorityFolder(dataFolder), 'state.json');
    const card = JSON.parse(await readFile(join(cardsFolder(dataFolder), 'taro.card.json'), 'utf8'));
    const state = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...state, pendingCards: [{ ...card, name: 'late' }] }));
    await list(authorityClient({ dataFolder }));
    await access(join(cardsFolder(dataFolder), 'late.card.json'));
    assert.deepEqual(JSON.parse(await readFile(path, 'utf8')).pendingCards, []);
  });

  it('serials go on where they stopped, and secrets stay, over a restart', async (test) => {
    const authority = await startTestAuthority(test);
    await authority.stop();
    const again = await startTestAuthority(test, { dataFolder: authority.dataFolder });
    assert.equal(again.serviceToken, authority.serviceToken);
    assert.deepEqual(again.signer.publicJwk, authority.signer.publicJwk);
    const before = authority.store.state.certificates.map(({ kind, serial }) => `${kind} ${serial}`);
    await issue(again.client, { name: 'next' });
    const after = again.store.state.certificates.map(({ kind, serial }) => `${kind} ${serial}`);
    assert.equal(new Set(after).size, before.length + 2);
  });
});
