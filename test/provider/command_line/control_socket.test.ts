import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type ControlHandlers,
  type ControlSocket,
  callControlSocket,
  startControlSocket,
} from '../../../provider/command_line/control_socket.ts';
import { controlSocketPath } from '../../../provider/command_line/control_socket_path.ts';
import { HubError } from '../../../provider/errors.ts';

let folder: string;
let count = 0;
const sockets: ControlSocket[] = [];
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'musubi-control-'));
});
after(async () => {
  await Promise.all(sockets.map((socket) => socket.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function listen(handlers: ControlHandlers, onError?: (error: unknown) => void) {
  count += 1;
  const path = controlSocketPath(join(folder, `data${count}`));
  const socket = await startControlSocket({ path, handlers, requestTimeout: 100, ...(onError ? { onError } : {}) });
  sockets.push(socket);
  return { path, socket };
}

/** Everything that comes back for exactly these octets. */
async function sendRaw(path: string, text: string, options: { end?: boolean } = {}): Promise<string> {
  const socket = connect(path);
  socket.on('error', () => {}).setEncoding('utf8');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(text);
  if (options.end) socket.end();
  await new Promise((resolve) => socket.on('close', resolve)); // also after an error
  return answer;
}

function refusal(code: string, status: number) {
  return (error: unknown) => {
    assert.ok(error instanceof HubError, String(error));
    assert.deepEqual([error.code, error.status], [code, status]);
    return true;
  };
}

describe('the control socket', () => {
  it('carries a command to the running hub and its result back', async () => {
    const { path } = await listen({ 'client list': async (args) => ({ asked: args, names: ['病院'] }) });
    const answer = await callControlSocket(path, 'client list', { all: true });
    assert.deepEqual(answer, { result: { asked: { all: true }, names: ['病院'] } });
  });

  it('carries a command without result, and large ones', async () => {
    const { path } = await listen({ remove: async () => undefined, size: async (args) => String(args).length });
    assert.deepEqual(await callControlSocket(path, 'remove', {}), { result: null });
    assert.deepEqual(await callControlSocket(path, 'size', 'x'.repeat(900_000)), { result: 900_000 });
  });

  it('carries what the hub refuses as the same error', async () => {
    const { path } = await listen({
      show: () => Promise.reject(new HubError('client_not_found', 404, 'There is no such client.')),
    });
    await assert.rejects(callControlSocket(path, 'show', {}), refusal('client_not_found', 404));
  });

  it('tells nothing of a bug, except to the hub itself', async () => {
    const errors: unknown[] = [];
    const { path } = await listen({ show: () => Promise.reject(new Error('secret')) }, (error) => errors.push(error));
    await assert.rejects(callControlSocket(path, 'show', {}), (error: Error) => {
      assert.ok(!error.message.includes('secret'));
      return refusal('server_error', 500)(error);
    });
    assert.match(String(errors[0]), /secret/);
  });

  it('answers several callers at once', async () => {
    const { path } = await listen({ echo: async (args) => args });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => callControlSocket(path, 'echo', index)));
    assert.deepEqual(
      answers,
      Array.from({ length: 10 }, (_, index) => ({ result: index })),
    );
  });

  for (const command of ['unknown', 'constructor', '__proto__', 'toString', '']) {
    it(`does not know the command "${command}"`, async () => {
      const { path } = await listen({ known: async () => 1 });
      await assert.rejects(callControlSocket(path, command, {}), refusal('command_unknown', 404));
    });
  }

  for (const line of ['', 'hello', '[]', 'null', '{"command": 1}', '{"command": ']) {
    it(`refuses the line ${line || '(empty)'} and goes on`, async () => {
      const { path } = await listen({ ping: async () => 'pong' });
      assert.equal(JSON.parse(await sendRaw(path, `${line}\n`)).error.code, 'invalid_request');
      assert.deepEqual(await callControlSocket(path, 'ping', {}), { result: 'pong' });
    });
  }

  it('hangs up on who sends too much, too slowly, or half a line', async () => {
    const { path } = await listen({ ping: async () => 'pong' });
    assert.equal(await sendRaw(path, 'x'.repeat(1_100_000)), '');
    assert.equal(await sendRaw(path, `{"command":"ping","arguments":"${'x'.repeat(2_097_152)}"}\n`), '');
    assert.equal(await sendRaw(path, '{"command"'), '');
    assert.equal(await sendRaw(path, '{"command"', { end: true }), '');
    assert.deepEqual(await callControlSocket(path, 'ping', {}), { result: 'pong' });
  });

  it('is for the user that runs the hub only', async () => {
    const { path } = await listen({});
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  });

  it('is nobody when no hub runs: undefined, not an error', async () => {
    assert.equal(await callControlSocket(join(folder, 'nowhere.sock'), 'ping', {}), undefined);
    const { path, socket } = await listen({});
    await socket.close();
    assert.equal(existsSync(path), false);
    assert.equal(await callControlSocket(path, 'ping', {}), undefined);
  });

  it('replaces what a killed hub left behind', async () => {
    const path = join(folder, 'stale.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['--eval', script]);
    assert.ok(existsSync(path));
    assert.equal(await callControlSocket(path, 'ping', {}), undefined);
    sockets.push(await startControlSocket({ path, handlers: { ping: async () => 'pong' } }));
    assert.deepEqual(await callControlSocket(path, 'ping', {}), { result: 'pong' });
  });

  it('refuses a second hub with the same folder, and leaves the first alone', async () => {
    const { path } = await listen({ ping: async () => 'first' });
    await assert.rejects(startControlSocket({ path, handlers: {} }), refusal('hub_already_running', 409));
    assert.deepEqual(await callControlSocket(path, 'ping', {}), { result: 'first' });
  });

  it('says so when the hub takes the command and goes away', async () => {
    const path = join(folder, 'rude.sock');
    const rude = createServer((socket) => socket.end('{"ok": tr')).listen(path);
    await once(rude, 'listening');
    await assert.rejects(callControlSocket(path, 'ping', {}), refusal('hub_unreachable', 503));
    rude.close();
  });
});

describe('the path of the control socket', () => {
  it('is in the data folder', () => {
    assert.equal(controlSocketPath('/var/lib/musubi'), '/var/lib/musubi/control.sock');
  });

  it('stays usable when the data folder’s name is too long for a socket', async () => {
    const dataFolder = join(folder, 'x'.repeat(60), 'y'.repeat(60));
    const path = controlSocketPath(dataFolder, folder);
    assert.ok(Buffer.byteLength(path) <= 100);
    assert.equal(controlSocketPath(dataFolder, folder), path);
    assert.notEqual(controlSocketPath(`${dataFolder}z`, folder), path);
    sockets.push(await startControlSocket({ path, handlers: { ping: async () => 'pong' } }));
    assert.deepEqual(await callControlSocket(path, 'ping', {}), { result: 'pong' });
  });

  it('never leads through a folder that somebody else could have made', () => {
    const long = `/${'x'.repeat(120)}`;
    const uid = process.getuid?.();
    for (const prepare of [
      (own: string) => {
        mkdirSync(own);
        chmodSync(own, 0o777);
      },
      (own: string) => symlinkSync(folder, own),
      (own: string) => writeFileSync(own, ''),
    ]) {
      const temporary = mkdtempSync(join(folder, 'tmp-'));
      prepare(join(temporary, `musubi-${uid}`));
      assert.throws(() => controlSocketPath(long, temporary), /open to others|EEXIST/);
    }
  });
});
