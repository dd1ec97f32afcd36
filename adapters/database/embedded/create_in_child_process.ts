import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('create_data.ts', import.meta.url));
/** Ten times what it takes on a slow machine (ms). */
const TIMEOUT = 120_000;

/**
 * Makes a migrated database at `data`. In a process of its own, because initdb leaves 500 MB behind that a process
 * never gives back; under another name first, so that an interrupted attempt is never taken for a database.
 *
 * The caller holds the folder's lock.
 */
export async function createInChildProcess(data: string): Promise<void> {
  const draft = `${data}.${randomBytes(6).toString('hex')}.draft`;
  removeDrafts(data);
  const child = spawn(process.execPath, [PROGRAM, draft], {
    // The child ends when its input does: it never outlives us.
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  let done = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!text.includes('done')) return;
    done = true;
    // The files are closed; Node with WebAssembly in it sometimes never finishes exiting.
    child.kill('SIGKILL');
  });
  await once(child, 'close');
  if (!done) throw new Error(`the embedded database could not be made: ${complaint || 'the process ended early'}`);
  renameSync(draft, data);
}

function removeDrafts(data: string): void {
  const folder = dirname(data);
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${basename(data)}.`) && name.endsWith('.draft')) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}
