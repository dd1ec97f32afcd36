import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openDatabase } from '../../adapters/database/open_database.ts';
import { authorityFolder } from '../../adapters/sandbox/authority/authority.ts';
import type { AuthorityState } from '../../adapters/sandbox/authority/state.ts';
import { guard } from './leaks/leak_guard.ts';
import { authorityTemplate, rememberSecrets } from './sandbox_authority.ts';

/** What a command of `musubi` answered. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `musubi sandbox` as a person starts it: a hub in one process, its neighbours in others, real files, real ports. */
export interface SandboxProcess {
  readonly issuer: string;
  readonly clinic: string;
  readonly shop: string;
  readonly cardAgent: string;
  readonly dataFolder: string;
  /** Of the hub. */
  readonly pid: number;
  /** Everything it has printed. */
  output(): string;
  /** Resolves when `pattern` is in the output. Rejects when the process ends before. */
  printed(pattern: RegExp): Promise<void>;
  /** Runs `musubi …` on this sandbox's data folder. */
  command(...args: string[]): Promise<CommandResult>;
  /** Sends a signal and resolves, when the process has ended, with its exit code (null after a kill). */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export interface SandboxOptions {
  dataFolder: string;
  /** More options of the command; default: free ports. */
  args?: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

export const musubi = resolve(import.meta.dirname, '../../bin/musubi.js');
export const FREE_PORTS: readonly string[] = [
  ...['--port', '0', '--mtls-port', '0', '--tls-port', '0', '--authority-port', '0', '--agent-port', '0'],
  ...['--relying-party-ports', '0,0', '--attribute-provider-ports', '0,0,0,0'],
];

/**
 * A new folder with an authority and citizens in it, as if the sandbox had run before; making their keys takes seconds.
 * `remove` looks for secrets in the hub's database first, so whoever ran on the folder has ended.
 */
export async function newDataFolder(): Promise<{ dataFolder: string; remove(): Promise<void> }> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'musubi-test-sandbox-'));
  cpSync(await authorityTemplate(), dataFolder, { recursive: true });
  rememberSecretsIn(dataFolder);
  return {
    dataFolder,
    async remove() {
      const folder = join(dataFolder, 'database');
      if (existsSync(folder)) {
        rememberSecretsIn(dataFolder);
        const database = await openDatabase({ kind: 'embedded', folder });
        await guard.database(database).finally(() => database.close());
      }
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** Of the authority's people and certificates as they are now. */
function rememberSecretsIn(dataFolder: string): void {
  const file = join(authorityFolder(dataFolder), 'state.json');
  if (existsSync(file)) rememberSecrets(JSON.parse(readFileSync(file, 'utf8')) as AuthorityState);
}

/** Resolves when the sandbox says that it is ready. Throws Error with what it printed when it ends before. */
export async function startSandboxProcess(options: SandboxOptions): Promise<SandboxProcess> {
  const { dataFolder, args = FREE_PORTS, environment = {} } = options;
  const { child, output, printed } = startMusubi(['sandbox', '--data', dataFolder, ...args], environment);
  const end: SandboxProcess['end'] = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'close');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    rememberSecretsIn(dataFolder);
    guard.output('musubi sandbox', output());
    return code;
  };
  try {
    await printed(/Stop with Ctrl-C/);
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  const address = (pattern: RegExp) => pattern.exec(output())?.[1] ?? '';
  const settings = JSON.parse(readFileSync(join(dataFolder, 'sandbox', 'hub.json'), 'utf8')) as {
    signIn: { cardAgentUrls: [string] };
  };
  return {
    issuer: address(/Hub: +(\S+)/),
    clinic: address(/(\S+) +a clinic/),
    shop: address(/(\S+) +a shop/),
    cardAgent: settings.signIn.cardAgentUrls[0],
    dataFolder,
    pid: child.pid ?? 0,
    output,
    printed,
    command: (...words) => runMusubi([...words, '--data', dataFolder]),
    end,
  };
}

/** Runs `musubi` with these arguments to its end. */
export async function runMusubi(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [musubi, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  guard.command(args, `${stdout}\n${stderr}`);
  return { code, stdout, stderr };
}

/** Starts `musubi` and listens to what it prints. */
export function startMusubi(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, [musubi, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let collected = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      collected += chunk;
      child.emit('printed');
    });
  }
  const printed = async (pattern: RegExp) => {
    const ended = once(child, 'close');
    while (!pattern.test(collected)) {
      await Promise.race([once(child, 'printed'), ended]);
      if (child.exitCode === null && child.signalCode === null) continue;
      await ended;
      if (!pattern.test(collected)) throw new Error(`musubi ${args[0]} ended with ${child.exitCode}:\n${collected}`);
    }
  };
  return { child, output: () => collected, printed };
}

/** Process ids of the children of `pid`, as the kernel tells them. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Whether the process is there and not a zombie that nobody has waited for yet. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves when `condition` holds, looking every 50 ms. Throws Error naming `what` after `limit` ms. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limit = 30_000): Promise<void> {
  const deadline = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`it did not come to pass in ${limit / 1000} s that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let collected = '';
  for await (const chunk of stream.setEncoding('utf8')) collected += String(chunk);
  return collected;
}
