import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

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
 * when we are killed. Throws Error with the neighbour's own words when it ends before it listens.
 */
export async function startNeighbour(script: string, args: readonly string[]): Promise<Neighbour> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const complaints: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints.push(chunk);
    if (complaints.length > 20) complaints.shift();
  });
  const words = () => Buffer.concat(complaints).toString('utf8').trim();

  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), START_LIMIT);
  try {
    const [message] = await Promise.race([
      once(child, 'message', { signal: limit.signal }),
      once(child, 'exit', { signal: limit.signal }).then(([code]) => {
        throw new Error(`${script} ended with ${code} before it listened: ${words()}`);
      }),
    ]);
    return { listening: (message as Pick<Neighbour, 'listening'>).listening, stop: () => stop(child) };
  } catch (error) {
    child.kill('SIGKILL');
    throw limit.signal.aborted ? new Error(`${script} did not listen in time: ${words()}`) : error;
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
