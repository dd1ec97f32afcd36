import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../adapters/database/database.ts';
import { migrate } from '../../adapters/database/migrate.ts';
import { openDatabase } from '../../adapters/database/open_database.ts';
import { createTestDatabaseUrl, dropTestDatabase } from './postgresql.ts';

/** The engine that this run tests: MUSUBI_TEST_DATABASE=pglite|postgresql, PGlite when it is not set. */
export const testEngine: 'pglite' | 'postgresql' =
  process.env.MUSUBI_TEST_DATABASE === 'postgresql' ? 'postgresql' : 'pglite';

const POOL_SIZE = 10;

export interface TestDatabase {
  readonly database: Database;
  /** What `openDatabase` takes to open the same database again after `close`, or (PostgreSQL) beside it. */
  readonly settings: Parameters<typeof openDatabase>[0];
  /** Closes it and deletes it. */
  drop(): Promise<void>;
}

/** A migrated database of the chosen engine for this caller alone, in about half a second. Drop it in an `after`. */
export async function openTestDatabase(): Promise<TestDatabase> {
  return testEngine === 'postgresql' ? openPostgresqlCopy() : openEmbeddedCopy();
}

async function openPostgresqlCopy(): Promise<TestDatabase> {
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
  const settings = { kind: 'postgresql', url, poolSize: POOL_SIZE } as const;
  const database = await openDatabase(settings);
  return {
    database,
    settings,
    drop: async () => {
      await database.close();
      await dropTestDatabase(url);
    },
  };
}

/** The same, embedded whichever engine is under test. */
export async function openEmbeddedCopy(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-database-'));
  cpSync(await embeddedTemplate(), folder, { recursive: true });
  const settings = { kind: 'embedded', folder } as const;
  const database = await openDatabase(settings);
  return {
    database,
    settings,
    drop: async () => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
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
