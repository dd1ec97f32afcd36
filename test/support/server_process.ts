import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server of somebody else's, as a child of ours. */
export interface ServerProcess {
  readonly pid: number;
  /** What it has written to its standard error. */
  readonly log: () => string;
  /** Looks again and again; when it has ended, or after ten seconds, ends it and throws with what it has said. */
  until(reached: () => boolean | Promise<boolean>, what: string): Promise<void>;
  /** Asks it to end, and waits for that. */
  stop(): Promise<void>;
}

/** Milliseconds. */
const PATIENCE = 10_000;
const BETWEEN_LOOKS = 20;

interface ServerProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** What it says elsewhere, for the error. */
  readonly furtherLog?: () => string;
  /** For one that ends its whole process group, and would end the test with it: in a group of its own, and ended with us. */
  readonly ownGroup?: boolean;
}

export function startServerProcess(
  program: string,
  args: readonly string[],
  { environment = {}, furtherLog = () => '', ownGroup = false }: ServerProcessOptions = {},
): ServerProcess {
  const [first = program, ...others] = ownGroup
    ? ['setpriv', '--pdeathsig', 'TERM', program, ...args]
    : [program, ...args];
  const child = spawn(first, others, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: ownGroup,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    pid: child.pid ?? 0,
    log: () => said + furtherLog(),
    async until(reached, what) {
      for (let waited = 0; !(await reached()); waited += BETWEEN_LOOKS) {
        if (child.exitCode !== null || waited > PATIENCE) {
          await end(child);
          throw new Error(`${program} did not ${what}: ${said}${furtherLog()}`);
        }
        await delay(BETWEEN_LOOKS);
      }
    },
    stop: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Whether somebody takes connections on this port of the loopback. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
