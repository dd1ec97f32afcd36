import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** A throw-away PostgreSQL server: its folder disappears when it stops, and it stops when this process does. */
export interface TestPostgresql {
  /** Connection string of the superuser's own database, `postgres`. */
  readonly url: string;
  /** Of the shell that guards the server: the root of its processes. */
  readonly pid: number;
  /** Stops the server and deletes its folder. */
  stop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /**
   * A database prepared once a run (for example: migrated) and copied for every caller, which takes a few
   * milliseconds where migrating takes hundreds. `prepare` must close its connections before it returns.
   */
  readonly template?: { readonly name: string; readonly prepare: (url: string) => Promise<void> };
}

/** Handed by test/run.ts to the files it runs, so that they share one server. */
const URL_VARIABLE = 'MUSUBI_TEST_POSTGRESQL_URL';
const ROLE = 'musubi';
const PORT = 5432; // names the socket file only: the server listens on no network
const START_TIMEOUT_MS = 30_000;
// Unix socket paths end at about 100 bytes, and the unprivileged user must be able to reach the folder: neither is
// certain of TMPDIR.
const PARENT_FOLDER = '/tmp';
const FAST_BUT_FORGETFUL = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/** The newest PostgreSQL server's folder of programs (Debian's place, then PATH), or undefined. */
export function findPostgresqlPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/**
 * Starts a PostgreSQL server of its own in a new folder, reachable through a Unix socket only.
 *
 * `durable` keeps fsync on, for tests that ask what survives a crash; otherwise the server trades durability for speed.
 * As root it runs as an unprivileged user, since PostgreSQL refuses root.
 */
export async function startPostgresql(
  options: { readonly durable?: boolean; readonly sharedBuffers?: string } = {},
): Promise<TestPostgresql> {
  const programs = findPostgresqlPrograms();
  if (!programs) throw new Error('no PostgreSQL server programs found: install the Debian package "postgresql"');
  const identity = unprivilegedIdentity();
  const folder = mkdtempSync(join(PARENT_FOLDER, 'musubi-pg-'));
  if (identity) chownSync(folder, identity.uid, identity.gid);
  const data = join(folder, 'data');
  const environment = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  const common = { ...identity, cwd: folder, env: environment };

  const initdb = spawnSync(
    join(programs, 'initdb'),
    ['--pgdata', data, '--username', ROLE, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-sync'],
    { ...common, encoding: 'utf8' },
  );
  if (initdb.status !== 0) throw new Error(`initdb failed: ${initdb.stderr || initdb.error}`);

  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${folder}`,
    `port=${PORT}`,
    'max_connections=200',
    `shared_buffers=${options.sharedBuffers ?? '64MB'}`,
    ...(options.durable ? [] : FAST_BUT_FORGETFUL),
  ];
  // The shell waits for the end of its input. The kernel closes our end of that pipe when this process ends in any way,
  // kill -9 included: so the server never outlives the tests.
  const guard = '"$@" >"$LOG" 2>&1 & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$FOLDER"';
  const child = spawn(
    '/bin/sh',
    ['-c', guard, 'sh', join(programs, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    {
      ...common,
      env: { ...environment, FOLDER: folder, LOG: join(folder, 'log') },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true, // a Ctrl-C at the terminal must reach the tests first
    },
  );
  child.unref();
  // Typed as a plain Writable, though a pipe is a socket: unref lets a test file end without stopping the server itself.
  (child.stdin as unknown as { unref(): void }).unref();

  const url = databaseUrl(folder, 'postgres');
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const exited = once(child, 'exit');
    child.stdin.end();
    await exited;
  };
  try {
    await waitUntilReady(url);
  } catch (error) {
    const log = readLog(join(folder, 'log'));
    await stop();
    throw new Error(`PostgreSQL did not start: ${log}`, { cause: error });
  }
  return { url, pid: child.pid ?? 0, stop };
}

let ownServer: Promise<TestPostgresql> | undefined;

/** Connection string of a fresh, empty database (or a copy of the template), for this caller alone. */
export async function createTestDatabaseUrl(options: TestDatabaseOptions = {}): Promise<string> {
  const adminUrl = await serverUrl();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await withClient(adminUrl, async (admin) => {
    if (options.template) await ensureTemplate(admin, adminUrl, options.template);
    const template = options.template ? templateName(options.template.name) : 'template0';
    await admin.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`);
  });
  return withDatabase(adminUrl, name);
}

/** Deletes a database that `createTestDatabaseUrl` made, whoever is still connected to it. */
export async function dropTestDatabase(url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  if (!/^test_[0-9a-f]{16}$/.test(name)) throw new Error(`not a test database: ${name}`);
  await withClient(await serverUrl(), (admin) => admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
}

async function serverUrl(): Promise<string> {
  const shared = process.env[URL_VARIABLE];
  if (shared) return shared;
  ownServer ??= startPostgresql();
  return (await ownServer).url;
}

async function ensureTemplate(
  admin: Client,
  adminUrl: string,
  template: NonNullable<TestDatabaseOptions['template']>,
): Promise<void> {
  const name = templateName(template.name);
  // Test files run side by side: the first prepares, the others wait.
  await admin.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
  try {
    const found = await admin.query('SELECT datistemplate FROM pg_database WHERE datname = $1', [name]);
    if (found.rows[0]?.datistemplate) return;
    // Left by a preparation that failed half way.
    await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    await admin.query(`CREATE DATABASE "${name}" TEMPLATE template0`);
    await template.prepare(withDatabase(adminUrl, name));
    await admin.query(`ALTER DATABASE "${name}" IS_TEMPLATE true`);
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtext($1))', [name]);
  }
}

function templateName(name: string): string {
  if (!/^[a-z0-9_]{1,40}$/.test(name)) throw new Error(`template names are lower case letters, digits and _: ${name}`);
  return `template_${name}`;
}

async function waitUntilReady(url: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await withClient(url, (client) => client.query('SELECT 1'));
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function databaseUrl(folder: string, database: string): string {
  // The host in the query wins over the one in front, for libpq and for pg alike; the one in front keeps the URL
  // readable for `new URL`.
  return `postgresql://${ROLE}@localhost:${PORT}/${database}?host=${encodeURIComponent(folder)}`;
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** The user that the server runs as: ourselves, or, for root, the first unprivileged one that this machine has. */
function unprivilegedIdentity(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${wanted}:`))?.split(':') ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root, and this machine has neither a user "postgres" nor "nobody"');
}

function readLog(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-2000) : 'it left no log';
}
