import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { reservePorts } from './ports.ts';

const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill();
});

/** Ports that another process has reserved, which goes on until it is ended. */
async function reservedElsewhere(count: number): Promise<{ ports: number[]; child: ChildProcess }> {
  const program = `
    import { reservePorts } from ${JSON.stringify(join(import.meta.dirname, 'ports.ts'))};
    console.log(JSON.stringify(await reservePorts(${count})));
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { ports: JSON.parse(line), child };
}

describe('reserved ports', () => {
  it('are of one process only, however many are drawn at the same time', async () => {
    const [here, ...elsewhere] = await Promise.all([
      reservePorts(1_000),
      ...[1, 2].map(async () => (await reservedElsewhere(1_000)).ports),
    ]);
    const all = [here, ...elsewhere].flat();
    assert.equal(new Set(all).size, 3_000);
  });

  it('are opened again after they were closed', async () => {
    const [port] = await reservePorts(1);
    for (let time = 0; time < 2; time += 1) {
      const server = createServer().listen(port, '127.0.0.1');
      await once(server, 'listening');
      await new Promise((closed) => server.close(closed));
    }
  });
});
