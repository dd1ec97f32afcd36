import { globSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

export type TestDatabase = 'pglite' | 'postgresql';

/** Test files that run together in one environment. */
export interface Suite {
  readonly name: string;
  /** What `MUSUBI_TEST_DATABASE` says to the files. */
  readonly database: TestDatabase;
  /** The same files run once more on the other database. */
  readonly twice: boolean;
  /** Absolute paths, in order. */
  readonly files: readonly string[];
  readonly fileTimeoutMs: number;
  /** What its files print belongs in the report, though all is well: tables of results. */
  readonly prints: boolean;
}

export const projectFolder = resolve(import.meta.dirname, '../..');
const testFolder = join(projectFolder, 'test');

const MINUTE = 60_000;

/** Each folder of test/ that is a suite of its own; a file in none of them is a unit test. */
const FOLDERS = [
  { folder: 'adapters/database', suite: 'storage', twice: true, fileTimeoutMs: 3 * MINUTE },
  { folder: 'adapters/oidc-store', suite: 'storage', twice: true, fileTimeoutMs: 3 * MINUTE },
  { folder: 'interop', suite: 'interop', twice: false, fileTimeoutMs: 3 * MINUTE },
  { folder: 'protocol', suite: 'protocol', twice: true, fileTimeoutMs: 5 * MINUTE },
  { folder: 'attack', suite: 'attack', twice: true, fileTimeoutMs: 5 * MINUTE },
  // Its files that ask for it start a PostgreSQL of their own.
  { folder: 'process', suite: 'process', twice: false, fileTimeoutMs: 8 * MINUTE },
  { folder: 'browser', suite: 'browser', twice: false, fileTimeoutMs: 6 * MINUTE },
] as const;
const UNIT = { folder: '', suite: 'unit', twice: false, fileTimeoutMs: 3 * MINUTE } as const;
/** Those with the longest files first: what begins last ought to be short, since nothing runs beside the end of it. */
const ORDER = ['browser', 'process', 'interop', 'protocol', 'attack', 'storage', 'unit'] as const;

/**
 * The suites to run, in order.
 *
 * @param paths absolute files or folders under test/; none means all
 * @param database storage-dependent suites run on this one only; undefined means on both
 * @throws Error when a path does not exist or the database has another name
 */
export function planSuites(paths: readonly string[], database?: string): Suite[] {
  if (database !== undefined && database !== 'pglite' && database !== 'postgresql') {
    throw new Error(`--database is pglite or postgresql, not ${database}`);
  }
  const files = [...new Set((paths.length > 0 ? paths : [testFolder]).flatMap(findTestFiles))].sort();
  const suites: Suite[] = [];
  for (const name of ORDER) {
    const members = files.map((file) => ({ file, place: placeOf(file) })).filter(({ place }) => place.suite === name);
    const place = members[0]?.place;
    if (!place) continue;
    const databases: TestDatabase[] = place.twice ? ['pglite', 'postgresql'] : ['pglite'];
    for (const each of databases) {
      if (place.twice && database !== undefined && each !== database) continue;
      const { twice, fileTimeoutMs } = place;
      const prints = name === 'interop';
      suites.push({ name, database: each, twice, fileTimeoutMs, prints, files: members.map(({ file }) => file) });
    }
  }
  return suites;
}

function placeOf(file: string): (typeof FOLDERS)[number] | typeof UNIT {
  const folder = `${relative(testFolder, dirname(file)).split(sep).join('/')}/`;
  return FOLDERS.find((candidate) => folder.startsWith(`${candidate.folder}/`)) ?? UNIT;
}

function findTestFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return globSync('**/*.test.ts', { cwd: path }).map((found) => join(path, found));
}
