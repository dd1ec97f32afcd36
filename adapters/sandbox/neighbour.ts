import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { HubError } from '../../provider/errors.ts';

/** A process of the sandbox beside the hub: the authority, the card agent, the relying parties. */
export interface Neighbour {
  /** Where it listens; each neighbour says it in a message `{ listening }`. */
  readonly listening: Record<string, string> | string;
  /** Asks it to end (SIGTERM) and waits until it has. */
  stop(): Promise<void>;
}

/** First start makes keys for every citizen. */
const START_LIMIT = 60_000;

/**
 * Starts `script` (relative to this file) as a child that ends with us: it watches the IPC channel, which closes even
 * when we are killed.
 *
 * @param name what it is called in messages
 * @throws HubError `sandbox_not_started` with the child's own words when it does not come to listen
 */
export async function startNeighbour(name: string, script: string, args: readonly string[]): Promise<Neighbour> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const complaints: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints.push(chunk);
    if (complaints.length > 20) complaints.shift();
  });
  const failed = (what: string) => {
    const words = Buffer.concat(complaints).toString('utf8').trim();
    return new HubError('sandbox_not_started', 500, `The ${name} ${what}${words ? `: ${words}` : '.'}`);
  };

  const over = new AbortController();
  const timer = setTimeout(() => over.abort(failed('did not start in time')), START_LIMIT);
  try {
    const [message] = await Promise.race([
      once(child, 'message', { signal: over.signal }),
      // `close` and not `exit`: by then its last words have arrived.
      once(child, 'close', { signal: over.signal }).then(() => {
        throw failed('did not start');
      }),
    ]);
    return { listening: (message as Pick<Neighbour, 'listening'>).listening, stop: () => stop(child) };
  } catch (error) {
    child.kill('SIGKILL');
    throw over.signal.aborted ? over.signal.reason : error;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
