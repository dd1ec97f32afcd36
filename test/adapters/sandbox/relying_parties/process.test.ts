import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { generateClinicKey } from '../../../../adapters/sandbox/relying_parties/sites.ts';

const MAIN = join(import.meta.dirname, '../../../../adapters/sandbox/relying_parties/main.ts');
/** Nobody listens there: the sites start before their hub. */
const ISSUER = 'http://localhost:1';

describe('the relying parties’ process', () => {
  let folder: string;
  let clients: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relying-parties-'));
    clients = join(folder, 'clients.json');
    const credentials = {
      clinic: { client_id: 'clinic', private_jwk: generateClinicKey() },
      shop: { client_id: 'shop', client_secret: 'a secret' },
    };
    await writeFile(clients, JSON.stringify(credentials));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const ARGUMENTS = () => ['--issuer', ISSUER, '--clients', clients, '--clinic-port', '0', '--shop-port', '0'];

  async function started(): Promise<{ child: ChildProcess; clinic: string }> {
    const child = fork(MAIN, ARGUMENTS(), { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const [message] = await once(child, 'message');
    const { listening } = message as { listening: { clinic: string; shop: string } };
    assert.match(listening.clinic, /^http:\/\/localhost:\d+$/);
    assert.match(listening.shop, /^http:\/\/127\.0\.0\.1:\d+$/);
    return { child, clinic: listening.clinic };
  }

  it('serves its front page without the hub, says so where the button leads, and ends on SIGTERM', async () => {
    const { child, clinic } = await started();
    assert.equal((await fetch(clinic)).status, 200);
    assert.equal((await fetch(`${clinic}/sign-in`)).status, 503);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('ends when its parent goes away', async () => {
    const { child } = await started();
    child.disconnect();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  async function run(...args: string[]): Promise<{ code: number; words: string }> {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const [words, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    return { code, words };
  }

  it('refuses arguments that make no sense, with its usage', async () => {
    for (const args of [[], ['--issuer', 'ftp://x', '--clients', clients], [...ARGUMENTS(), '--shop-port', '70000']]) {
      const { code, words } = await run(...args);
      assert.equal(code, 2);
      assert.match(words, /Usage:/);
    }
  });

  it('refuses a clients file that lacks something, by the names of what it lacks and no value', async () => {
    const bad = join(folder, 'bad.json');
    await writeFile(bad, JSON.stringify({ clinic: { client_id: 'clinic' }, shop: { client_secret: 'a secret' } }));
    const { code, words } = await run('--issuer', ISSUER, '--clients', bad);
    assert.equal(code, 1);
    assert.match(words, /clinic\.private_jwk, shop\.client_id/);
    assert.doesNotMatch(words, /a secret/);
  });
});
