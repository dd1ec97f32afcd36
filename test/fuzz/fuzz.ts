import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLastInput } from './last_input.ts';

/** How long: milliseconds for all parsers together, or inputs for each. */
export type Budget = { readonly ms: number } | { readonly runs: number };

/** What the process that fuzzes is told. */
export interface Job {
  /** URL of a module that exports `parsers`. */
  readonly module: string;
  /** Which of them; all when there is none. */
  readonly names: readonly string[];
  readonly seed: string;
  readonly budget: Budget;
  /** File for `InputNotes`. */
  readonly notes: string;
}

export interface Report {
  readonly kind: 'report';
  readonly parser: string;
  readonly runs: number;
  readonly accepted: number;
  /** Milliseconds of the slowest answer. */
  readonly slowest: number;
  /** Of refusals. */
  readonly codes: readonly string[];
  /** Octets more in use after the second half of the run. */
  readonly growth: number;
  /** Of all inputs: the same for the same seed and budget of runs. */
  readonly digest: string;
}

export interface Fault {
  readonly kind: 'fault';
  readonly parser: string;
  readonly fault: string;
  /** Undefined where no single one is to blame. */
  readonly input: Uint8Array | undefined;
}

export type FromFuzz = Report | Fault;

export interface FuzzOptions extends Omit<Job, 'notes'> {
  /** Milliseconds without an answer after which a parser counts as hung. */
  readonly hangMs: number;
  /** Mebibytes of heap at which the process dies. */
  readonly heapLimit: number;
}

/**
 * Fuzzes parsers in a process of its own and tells what came of it as it comes. Ends at a parser that hangs or kills its
 * process; one that breaks another promise is left, and the next one begun.
 */
export async function fuzz(options: FuzzOptions, tell: (message: FromFuzz) => void): Promise<void> {
  const { hangMs, heapLimit, ...job } = options;
  const folder = mkdtempSync(join(tmpdir(), 'musubi-fuzz-'));
  const notes = join(folder, 'notes');
  try {
    const child = start({ ...job, notes }, heapLimit);
    child.on('message', (message) => tell(message as FromFuzz));
    // What it sent may still come when it has ended.
    const heardOut = once(child, 'disconnect');
    const fault = await faultOf(child, hangMs, () => readLastInput(notes)?.count);
    await heardOut;
    if (fault === undefined) return;
    const { parser, input } = readLastInput(notes) ?? { parser: 'none', input: undefined };
    tell({ kind: 'fault', parser, fault, input });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function start(job: Job, heapLimit: number): ChildProcess {
  return fork(join(import.meta.dirname, 'fuzz_process.ts'), [JSON.stringify(job)], {
    execArgv: ['--expose-gc', `--max-old-space-size=${heapLimit}`],
    serialization: 'advanced',
  });
}

/** Waits for the end, which it brings about when inputs are no longer counted; what was wrong with it, if anything. */
function faultOf(child: ChildProcess, hangMs: number, count: () => number | undefined): Promise<string | undefined> {
  return new Promise((settle) => {
    let seen: number | undefined;
    let hung = false;
    const watch = setInterval(() => {
      const now = count();
      hung = now !== undefined && now === seen;
      seen = now;
      if (hung) child.kill('SIGKILL');
    }, hangMs);
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      if (hung) settle(`has not answered for ${hangMs} ms`);
      else settle(code === 0 ? undefined : `ended its process: ${signal ?? `exit code ${code}`}`);
    });
  });
}
