import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../adapters/database/database.ts';
import { migrate } from '../../adapters/database/migrate.ts';
import { openDatabase } from '../../adapters/database/open_database.ts';
import { guard } from './leaks/leak_guard.ts';
import { createTestDatabaseUrl, dropTestDatabase } from './postgresql.ts';

/** The engine that this run tests: MUSUBI_TEST_DATABASE=pglite|postgresql, PGlite when it is not set. */
export const testEngine: 'pglite' | 'postgresql' =
  process.env.MUSUBI_TEST_DATABASE === 'postgresql' ? 'postgresql' : 'pglite';

const POOL_SIZE = 10;

/** A migrated database that nobody has open. */
export interface DatabaseCopy {
  /** What `openDatabase` takes. */
  readonly settings: Parameters<typeof openDatabase>[0];
  /** Deletes it; whoever has it open has closed it. */
  remove(): Promise<void>;
}

export interface TestDatabase {
  readonly database: Database;
  /** What `openDatabase` takes to open the same database again after `close`, or (PostgreSQL) beside it. */
  readonly settings: Parameters<typeof openDatabase>[0];
  /** Looks for secrets in it, where there are any in this process, closes it and deletes it. */
  drop(): Promise<void>;
}

/** A migrated database of the chosen engine for this caller alone, in about half a second. Drop it in an `after`. */
export async function openTestDatabase(): Promise<TestDatabase> {
  return open(await copyTestDatabase());
}

/** The same, embedded whichever engine is under test. */
export async function openEmbeddedCopy(): Promise<TestDatabase> {
  return open(await copyEmbedded());
}

/** For whoever opens it themselves. */
export function copyTestDatabase(): Promise<DatabaseCopy> {
  return testEngine === 'postgresql' ? copyPostgresql() : copyEmbedded();
}

async function open({ settings, remove }: DatabaseCopy): Promise<TestDatabase> {
  const database = await openDatabase(settings);
  return {
    database,
    settings,
    drop: async () => {
      if (!guard.secrets.isEmpty) await guard.database(database);
      await database.close();
      await remove();
    },
  };
}

async function copyPostgresql(): Promise<DatabaseCopy> {
  const url = await createTestDatabaseUrl({
    template: {
      name: `migrated_${schemaVersion()}`,
      prepare: async (empty) => {
        const database = await openDatabase({ kind: 'postgresql', url: empty, poolSize: 1 });
        await migrate(database);
        await database.close();
      },
    },
  });
  return { settings: { kind: 'postgresql', url, poolSize: POOL_SIZE }, remove: () => dropTestDatabase(url) };
}

async function copyEmbedded(): Promise<DatabaseCopy> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-database-'));
  cpSync(await embeddedTemplate(), folder, { recursive: true });
  return {
    settings: { kind: 'embedded', folder },
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Made once for each version of the schema and kept between runs: initdb alone takes four seconds. */
async function embeddedTemplate(): Promise<string> {
  const template = join(tmpdir(), `musubi-test-template-${schemaVersion()}`);
  if (existsSync(template)) return template;
  const draft = `${template}.${randomBytes(6).toString('hex')}`;
  const database = await openDatabase({ kind: 'embedded', folder: draft });
  await database.close();
  try {
    renameSync(draft, template);
  } catch (error) {
    // Another test file was faster.
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(template)) throw error;
  }
  return template;
}

/** Changes with the migrations, with PGlite and with how we make its folder. */
function schemaVersion(): string {
  const hash = createHash('sha256');
  const root = new URL('../../', import.meta.url);
  const migrations = readdirSync(new URL('migrations/', root))
    .sort()
    .map((name) => `migrations/${name}`);
  const files = [
    ...migrations,
    'adapters/database/embedded/start_pglite.ts',
    'node_modules/@electric-sql/pglite/package.json',
  ];
  for (const file of files) hash.update(file).update(readFileSync(new URL(file, root)));
  return hash.digest('hex').slice(0, 16);
}
