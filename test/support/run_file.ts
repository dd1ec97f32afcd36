import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { FileEnd, TestOutcome } from './event_reporter.ts';
import { projectFolder } from './suites.ts';

export interface FileResult {
  /** Absolute path, or the name of a command. */
  readonly file: string;
  readonly outcomes: readonly TestOutcome[];
  /** The end of what it wrote to its standard output and error. */
  readonly output: string;
  readonly durationMs: number;
}

/** Enough for a stack trace and the log lines before it. */
const KEPT_OUTPUT_CHARACTERS = 8_000;
/** Between asking a file that ran out of time to end, and ending it. */
const PATIENCE_MS = 5_000;
const COMMAND_TIMEOUT_MS = 10 * 60_000;

const reporter = join(import.meta.dirname, 'event_reporter.ts');
const programs = join(projectFolder, 'node_modules', '.bin');
const running = new Set<ChildProcess>();

/** Runs one test file in a process group of its own, and ends whatever that group left running. */
export async function runTestFile(
  file: string,
  environment: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-'));
  const events = join(folder, 'events');
  try {
    const ended = await runProcess(
      process.execPath,
      [`--test-reporter=${reporter}`, `--test-reporter-destination=${events}`, file],
      environment,
      timeoutMs,
    );
    const { outcomes, end } = readEvents(events);
    const failed = outcomes.some(({ outcome }) => outcome === 'failed');
    const notes = (end?.diagnostics ?? []).map((note) => `\n${note}`).join('');
    if (ended.timedOut) outcomes.push(fileFailure(`took longer than ${timeoutMs / 1000} s and was ended`));
    else if (ended.reason !== undefined && !failed) outcomes.push(fileFailure(`${ended.reason}${notes}`));
    else if (!end && !failed) outcomes.push(fileFailure('ended before its tests did, or declares none'));
    else if (outcomes.length === 0) outcomes.push(fileFailure('declares no test'));
    return { file, outcomes, output: ended.output, durationMs: ended.durationMs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program of node_modules/.bin as if it were one test, named `title`. */
export async function runCommand(title: string, program: string, args: readonly string[]): Promise<FileResult> {
  const ended = await runProcess(join(programs, program), args, {}, COMMAND_TIMEOUT_MS);
  const reason = ended.timedOut ? 'took too long and was ended' : ended.reason;
  const outcome: TestOutcome = reason
    ? { title: [title], outcome: 'failed', error: reason }
    : { title: [title], outcome: 'passed' };
  return {
    file: [program, ...args].join(' '),
    outcomes: [outcome],
    output: ended.output,
    durationMs: ended.durationMs,
  };
}

/** Ends every process group that is still running; for signal handlers. */
export function stopEverything(): void {
  for (const child of running) signalGroup(child, 'SIGKILL');
}

interface Ended {
  /** Why it did not end well; undefined after exit code 0. */
  readonly reason: string | undefined;
  readonly timedOut: boolean;
  readonly output: string;
  readonly durationMs: number;
}

function runProcess(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Ended> {
  return new Promise((settle) => {
    const began = performance.now();
    const child = spawn(program, args, {
      cwd: projectFolder,
      // `node` started by a test must be the one that runs TypeScript, not the machine's.
      env: { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH ?? ''}`, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // leads a process group, so that the servers it starts can be ended with it
    });
    running.add(child);
    let output = '';
    let timedOut = false;
    let reason: string | undefined;
    const keep = (chunk: string) => {
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARACTERS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const timer = setTimeout(() => {
      timedOut = true;
      signalGroup(child, 'SIGTERM');
      setTimeout(() => signalGroup(child, 'SIGKILL'), PATIENCE_MS).unref();
    }, timeoutMs);
    child.on('error', (error) => {
      reason = String(error);
      if (child.pid === undefined) finish();
    });
    child.on('exit', (code, signal) => {
      if (signal) reason = `ended by ${signal}`;
      else if (code !== 0) reason = `exit code ${code}`;
      signalGroup(child, 'SIGKILL'); // what it left running also holds the pipes open
    });
    child.on('close', finish);
    function finish(): void {
      clearTimeout(timer);
      running.delete(child);
      settle({ reason, timedOut, output, durationMs: performance.now() - began });
    }
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: nobody of the group is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readEvents(events: string): { outcomes: TestOutcome[]; end: FileEnd | undefined } {
  // There is no file when it ended before its first test did.
  const text = existsSync(events) ? readFileSync(events, 'utf8') : '';
  // A killed process may leave half a line behind.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  const parsed = lines.filter(Boolean).map((line) => JSON.parse(line) as TestOutcome | FileEnd);
  return {
    outcomes: parsed.filter((line): line is TestOutcome => 'outcome' in line),
    end: parsed.find((line): line is FileEnd => 'diagnostics' in line),
  };
}

function fileFailure(error: string): TestOutcome {
  return { title: ['(the file)'], outcome: 'failed', error };
}
