import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureTestTools, type TestToolName } from './setup.ts';
import { startPostgresql, type TestPostgresql } from './support/postgresql.ts';
import { type FileResult, runCommand, runTestFile, stopEverything } from './support/run_file.ts';
import { planSuites, projectFolder, type Suite } from './support/suites.ts';

const USAGE = `node test/run.ts [folder or file under test/ …]

Without arguments: types, lint and every test, on both databases. With arguments: the tests in those folders and files.

  --database pglite|postgresql   storage-dependent suites on this database only
  --help
`;

/** Tests share two cores with the servers and the browser that they start. */
const CONCURRENCY = Math.min(Math.max(availableParallelism(), 1), 4);

/** A folder in memory, and the octets that have to be free in it: a database for each test is much to write to a disk. */
const MEMORY = { folder: '/dev/shm', least: 8 * 1024 ** 3 };

/** Files of a suite whose time is printed. */
const SHOWN_LONGEST = 8;

interface Total {
  passed: number;
  failed: number;
  skipped: number;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { database: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const everything = positionals.length === 0;
  const total: Total = { passed: 0, failed: 0, skipped: 0 };
  let postgresql: TestPostgresql | undefined;
  if (hasMemory()) process.env.TMPDIR ??= MEMORY.folder;
  // Each file and each server starts with the same modules: compiled once, half of that time is saved.
  const compiled = mkdtempSync(join(tmpdir(), 'musubi-test-compiled-'));
  process.env.NODE_COMPILE_CACHE = compiled;
  try {
    const paths = positionals.map((path) => resolve(path));
    const suites = planSuites(paths, values.database);
    ensureTestTools(toolsFor(suites));
    if (suites.some((suite) => suite.database === 'postgresql')) {
      postgresql = await startPostgresql();
      process.env.MUSUBI_TEST_POSTGRESQL_URL = postgresql.url;
    }
    if (everything) add(total, await runChecks());
    add(total, await runSuites(suites));
  } catch (error) {
    total.failed += 1;
    process.stdout.write(`\nthe run itself failed: ${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    await postgresql?.stop();
    rmSync(compiled, { recursive: true, force: true });
  }
  const nothingRan = total.passed + total.failed === 0;
  if (nothingRan) process.stdout.write('\nno test ran\n');
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed > 0 || nothingRan ? 1 : 0;
}

function hasMemory(): boolean {
  if (!existsSync(MEMORY.folder)) return false;
  const { bavail, bsize } = statfsSync(MEMORY.folder);
  return bavail * bsize >= MEMORY.least;
}

function toolsFor(suites: readonly Suite[]): TestToolName[] {
  const needed = new Set<TestToolName>(suites.length > 0 ? ['openssl', 'curl', 'xmlsec1'] : []);
  if (suites.some((suite) => suite.name === 'interop')) {
    for (const tool of ['pkits', 'pysaml2', 'apache', 'shibboleth', 'mellon'] as const) needed.add(tool);
  }
  if (suites.some((suite) => suite.name === 'browser'))
    needed.add('chromium').add('headlessChromium').add('fonts').add('nss');
  if (suites.some(({ name }) => name === 'attack' || name === 'browser')) needed.add('nginx').add('nginxJs');
  // The process suite starts a PostgreSQL of its own.
  if (suites.some((suite) => suite.database === 'postgresql' || suite.name === 'process')) needed.add('postgresql');
  return [...needed];
}

/** Types and lint, the two halves of `npm run check`, each counted as one test. */
async function runChecks(): Promise<Total> {
  process.stdout.write('\ncheck\n');
  const results = await Promise.all([
    runCommand('types', 'tsc', ['--pretty', 'false']),
    runCommand('formatting and lint', 'biome', ['check', '--colors=off', '.']),
  ]);
  return report('check', results);
}

/** All files in one queue, so that no suite waits for the last file of the one before; prints each suite as it is through. */
async function runSuites(suites: readonly Suite[]): Promise<Total> {
  const total: Total = { passed: 0, failed: 0, skipped: 0 };
  const waiting = suites.map(startSuite).flatMap((run) => run.suite.files.map((file) => ({ run, file })));
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { run, file } = next;
      const { suite, results } = run;
      run.began ??= performance.now();
      results.push(await runTestFile(file, { MUSUBI_TEST_DATABASE: suite.database }, suite.fileTimeoutMs));
      if (results.length === suite.files.length) add(total, finishSuite(run));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return total;
}

interface SuiteRun {
  readonly suite: Suite;
  readonly results: FileResult[];
  /** When its first file was started, by the performance clock. */
  began: number | undefined;
}

function startSuite(suite: Suite): SuiteRun {
  return { suite, results: [], began: undefined };
}

function finishSuite({ suite, results, began = performance.now() }: SuiteRun): Total {
  const name = suite.twice ? `${suite.name} on ${suite.database}` : suite.name;
  process.stdout.write(`\n${name} (${suite.files.length} files)\n`);
  if (suite.prints) for (const { output } of results) process.stdout.write(`\n${indent(output)}\n`);
  const total = report(name, results);
  process.stdout.write(`  ${seconds(performance.now() - began)}; longest: ${longest(results)}\n`);
  return total;
}

/** The whole run has a limit of its own: this says where its time goes. */
function longest(results: readonly FileResult[]): string {
  const slowest = results.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, SHOWN_LONGEST);
  return slowest.map(({ file, durationMs }) => `${relative(projectFolder, file)} ${seconds(durationMs)}`).join(', ');
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

/** Prints what failed, and the suite's total; a skipped test proves nothing, so under CI it counts as failed. */
function report(name: string, results: readonly FileResult[]): Total {
  const total: Total = { passed: 0, failed: 0, skipped: 0 };
  for (const { file, outcomes, output } of results) {
    const shownFile = relative(projectFolder, file);
    for (const { title, outcome, error } of outcomes) {
      const counted = outcome === 'skipped' && process.env.CI === 'true' ? 'failed' : outcome;
      total[counted] += 1;
      if (counted !== 'failed') continue;
      const reason = error ?? 'skipped, which CI=true does not allow';
      process.stdout.write(`\n  FAILED ${shownFile}\n    ${title.join(' › ')}\n${indent(reason)}\n`);
    }
    const failed = outcomes.some(({ outcome }) => outcome === 'failed');
    if (failed && output) process.stdout.write(`\n  what ${shownFile} printed:\n${indent(output)}\n`);
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`  ${name}: ${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return total;
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '      ');
}

function add(total: Total, more: Total): void {
  total.passed += more.passed;
  total.failed += more.failed;
  total.skipped += more.skipped;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopEverything();
    process.exit(1);
  });
}
process.exitCode = await main();
