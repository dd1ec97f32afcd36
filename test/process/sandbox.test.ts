import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import {
  childrenOf,
  FREE_PORTS,
  isRunning,
  newDataFolder,
  runMusubi,
  type SandboxProcess,
  startSandboxProcess,
  until,
} from '../support/sandbox_process.ts';
import { projectFolder } from '../support/suites.ts';

const started: SandboxProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const sandbox of started.splice(0)) await sandbox.end('SIGKILL');
});
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function start(dataFolder: string, args?: readonly string[]): Promise<SandboxProcess> {
  const sandbox = await startSandboxProcess({ dataFolder, ...(args ? { args } : {}) });
  started.push(sandbox);
  return sandbox;
}

async function preparedFolder(): Promise<string> {
  const { dataFolder } = await newDataFolder();
  folders.push(dataFolder);
  return dataFolder;
}

async function assertAnswers(sandbox: SandboxProcess): Promise<void> {
  for (const url of [`${sandbox.issuer}/readyz`, sandbox.clinic, sandbox.shop, `${sandbox.cardAgent}/sign`]) {
    assert.equal((await fetch(url)).status, 200, url);
  }
}

const allEnded = (pids: readonly number[]) => until('every process has ended', () => !pids.some(isRunning));

describe('npx musubi sandbox', () => {
  it('makes everything from nothing, says where it listens, and ends on SIGTERM with 0, leaving nobody behind', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'musubi-test-nothing-'));
    folders.push(parent);
    const dataFolder = join(parent, 'not there yet');
    const sandbox = await start(dataFolder);
    await until('the revocation lists are there', async () => (await fetch(`${sandbox.issuer}/readyz`)).ok);
    await assertAnswers(sandbox);
    assert.ok(sandbox.output().includes(dataFolder));
    const children = childrenOf(sandbox.pid);
    assert.equal(children.length, 7, 'authority, card agent, relying parties, four attribute providers');
    assert.equal(await sandbox.end('SIGTERM'), 0, sandbox.output());
    assert.deepEqual(children.filter(isRunning), []);
    assert.equal(existsSync(join(dataFolder, 'control.sock')), false);
  });

  it('started through npx, ends on the SIGTERM that npm passes on', async () => {
    const dataFolder = await preparedFolder();
    const npx = spawn('npx', ['--offline', 'musubi', 'sandbox', '--data', dataFolder, ...FREE_PORTS], {
      cwd: projectFolder,
      stdio: ['ignore', 'pipe', 'ignore'],
      // A cache of its own: what another run left in the person's must not decide.
      env: { ...process.env, npm_config_cache: join(dataFolder, 'npm') },
    });
    let output = '';
    npx.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
    await until('the sandbox is ready', () => output.includes('Stop with Ctrl-C'), 120_000);
    const family = familyOf(npx.pid ?? 0);
    assert.ok(family.length >= 5, 'npm, hub and three neighbours');
    npx.kill('SIGTERM');
    try {
      await allEnded(family);
    } finally {
      for (const pid of family.filter(isRunning)) process.kill(pid, 'SIGKILL');
    }
  });

  it('killed, takes its children with it, and starts again on the same data', async () => {
    const dataFolder = await preparedFolder();
    const sandbox = await start(dataFolder);
    const children = childrenOf(sandbox.pid);
    assert.equal(await sandbox.end('SIGKILL'), null);
    await allEnded(children);
    await assertAnswersAfterRestart(dataFolder);
  });

  it('answers a request that is on its way when SIGTERM comes, and ends with 0', async () => {
    const sandbox = await start(await preparedFolder());
    const { hostname, port, host } = new URL(sandbox.issuer);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    const closed = once(socket, 'close');
    const body = 'grant_type=client_credentials';
    socket.write(
      `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await until('the hub has the request', () => answer.startsWith('HTTP/1.1 100'));
    const ended = sandbox.end('SIGTERM');
    await sandbox.printed(/stopping/);
    await assert.rejects(fetch(`${sandbox.issuer}/healthz`), 'no new connection is taken');
    socket.write(body);
    assert.equal(await ended, 0, sandbox.output());
    await closed;
    assert.match(answer, /HTTP\/1\.1 40[01] .*"error"/s);
  });
});

describe('a sandbox that cannot start', () => {
  it('because another one uses its data says so, and leaves that one alone', async () => {
    const dataFolder = await preparedFolder();
    const first = await start(dataFolder);
    const second = await runMusubi(['sandbox', '--data', dataFolder, ...FREE_PORTS]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^musubi: .*in use by another process/);
    assert.doesNotMatch(second.stderr, /should not have happened|at file:|at async/);
    await assertAnswers(first);
  });

  for (const option of [
    '--port',
    '--mtls-port',
    '--tls-port',
    '--authority-port',
    '--agent-port',
    '--relying-party-ports',
  ]) {
    it(`because the port of ${option} is taken names the port, and leaves nobody behind`, async () => {
      const squatter = createServer();
      await once(squatter.listen(0, '127.0.0.1'), 'listening');
      const { port } = squatter.address() as AddressInfo;
      const others = FREE_PORTS.join(' ')
        .replace(new RegExp(`${option} \\S+`), '')
        .trim()
        .split(/\s+/);
      const value = option === '--relying-party-ports' ? `0,${port}` : String(port);
      const dataFolder = await preparedFolder();
      const result = await runMusubi(['sandbox', '--data', dataFolder, ...others, option, value]);
      squatter.close();
      assert.equal(result.code, 1, result.stdout);
      assert.match(result.stderr, new RegExp(`\\b${port}\\b`));
      assert.match(result.stderr, /in use/i);
      assert.doesNotMatch(result.stderr, /should not have happened|at file:|at async|node:/);
      assert.equal(existsSync(join(dataFolder, 'control.sock')), false);
    });
  }
});

async function assertAnswersAfterRestart(dataFolder: string): Promise<void> {
  await assertAnswers(await start(dataFolder));
}

/** The process and everything below it. */
function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}
