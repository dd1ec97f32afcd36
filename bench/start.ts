import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNeighbour } from '../adapters/sandbox/neighbour.ts';
import { authorize, newSignIn, type RelyingParty, redeem, registerParty } from '../test/process/plain_sign_in.ts';
import { startPostgresql } from '../test/support/postgresql.ts';
import { FREE_PORTS, newDataFolder, startMusubi, startSandboxProcess, until } from '../test/support/sandbox_process.ts';

/** How `musubi serve` starts when it has run before, and what it holds when nobody asks for anything. */
export interface StartFigures {
  database: 'embedded' | 'postgresql';
  /** From the start of the process to its first answer (ms); the median of the starts. */
  firstAnswer: number;
  /** From the start of the process until it takes sign-ins (`/readyz`): its revocation lists are there. */
  ready: number;
  /** Resident memory of the process (bytes): the most it ever had, and `REST` after the last of `SIGN_INS`. */
  residentAtMost: number;
  residentAtRest: number;
}

const STARTS = 3;
const SIGN_INS = 60;
/** Milliseconds. */
const REST = 5000;
const CARDS = ['taro', 'ichiro', 'hanako', 'keiko', 'mei', 'tanaka-sub'] as const;

/** Measures both databases one after the other; takes about a minute. */
export async function measureStarts(): Promise<StartFigures[]> {
  const embedded = await measure('embedded', []);
  const server = await startPostgresql({ durable: true });
  try {
    return [embedded, await measure('postgresql', ['--database-url', server.url])];
  } finally {
    await server.stop();
  }
}

export function describeStarts(figures: readonly StartFigures[]): string {
  const lines = figures.map(({ database, firstAnswer, ready, residentAtMost, residentAtRest }) =>
    [
      database.padEnd(12),
      `first answer ${(firstAnswer / 1000).toFixed(2)} s`,
      `ready ${(ready / 1000).toFixed(2)} s`,
      `resident ${megabytes(residentAtRest)} MB at rest, ${megabytes(residentAtMost)} MB at most`,
    ].join('  '),
  );
  return `musubi serve, after its first run\n${lines.join('\n')}\n`;
}

async function measure(database: StartFigures['database'], args: readonly string[]): Promise<StartFigures> {
  const { dataFolder, remove } = await newDataFolder();
  try {
    const { issuer, party } = await firstRun(dataFolder, args);
    const authority = await startAuthority(dataFolder);
    try {
      const starts: Omit<StartFigures, 'database'>[] = [];
      while (starts.length < STARTS) {
        starts.push(await measureOnce({ dataFolder, issuer, party }, starts.length === STARTS - 1));
      }
      const median = (name: 'firstAnswer' | 'ready') =>
        starts.map((start) => start[name]).sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? Number.NaN;
      return {
        database,
        firstAnswer: median('firstAnswer'),
        ready: median('ready'),
        residentAtMost: Math.max(...starts.map(({ residentAtMost }) => residentAtMost)),
        residentAtRest: starts.at(-1)?.residentAtRest ?? Number.NaN,
      };
    } finally {
      await authority.stop();
    }
  } finally {
    remove();
  }
}

/** Makes everything that is made once: keys, tables, settings, a relying party. */
async function firstRun(dataFolder: string, args: readonly string[]): Promise<{ issuer: string; party: RelyingParty }> {
  const sandbox = await startSandboxProcess({ dataFolder, args: [...FREE_PORTS, ...args] });
  try {
    return { issuer: sandbox.issuer, party: await registerParty(sandbox) };
  } finally {
    await sandbox.end('SIGTERM');
  }
}

/** On the port where the first run's settings look for it. */
function startAuthority(dataFolder: string) {
  const settings = JSON.parse(readFileSync(settingsOf(dataFolder), 'utf8')) as {
    revocation: { lists: [{ url: string }] };
  };
  const { port } = new URL(settings.revocation.lists[0].url);
  return startNeighbour('authority', './authority/main.ts', ['--data', dataFolder, '--port', port]);
}

async function measureOnce(
  hub: { dataFolder: string; issuer: string; party: RelyingParty },
  signsIn: boolean,
): Promise<Omit<StartFigures, 'database'>> {
  const { dataFolder, issuer, party } = hub;
  const begin = performance.now();
  const { child, printed, output } = startMusubi(['serve', '--config', settingsOf(dataFolder)], {
    NODE_ENV: 'production',
    MUSUBI_RATE_LIMITS_SIGN_IN_ATTEMPTS: '100000',
  });
  const answers = (path: string) => async () => {
    if (child.exitCode !== null) throw new Error(output());
    try {
      return (await fetch(issuer + path)).ok;
    } catch {
      return false; // nobody listens yet
    }
  };
  try {
    await until('the hub answers', answers('/.well-known/openid-configuration'));
    const firstAnswer = performance.now() - begin;
    await until('the hub takes sign-ins', answers('/readyz'));
    const ready = performance.now() - begin;
    for (let done = 0; signsIn && done < SIGN_INS; done += 1) {
      const signIn = newSignIn(party, CARDS[done % CARDS.length] ?? 'taro');
      await authorize({ issuer, dataFolder }, signIn);
      await redeem(issuer, signIn);
    }
    if (signsIn) await new Promise((resolve) => setTimeout(resolve, REST));
    const { atMost: residentAtMost, now: residentAtRest } = residentOf(child.pid ?? 0);
    return { firstAnswer, ready, residentAtMost, residentAtRest };
  } finally {
    child.kill('SIGTERM');
    await printed(/stopped/);
  }
}

function settingsOf(dataFolder: string): string {
  return join(dataFolder, 'sandbox', 'hub.json');
}

/** Bytes. Linux only. */
function residentOf(pid: number): { now: number; atMost: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), atMost: bytes('VmHWM') };
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}

if (import.meta.main) process.stdout.write(describeStarts(await measureStarts()));
