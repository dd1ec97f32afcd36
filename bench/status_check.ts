import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { createVault } from '../adapters/database/encryption.ts';
import { createRoot, type Root } from '../adapters/sandbox/pki/index.ts';
import { sealRevocation } from '../provider/identity/revocation_effects.ts';
import { jpkiUserTest, loadTrustAnchor } from '../provider/pki/index.ts';
import { rsaKey } from '../test/adapters/sandbox/pki/key_pool.ts';
import { findPostgresqlPrograms, startPostgresql } from '../test/support/postgresql.ts';

const USAGE = `npm run bench:status [-- --people 1000000]

musubi status-check on a CSV file of that many people, of whom one in twenty has a card that is revoked, over PostgreSQL:
time from start to end and the most memory that the process had, beside the time in which psql copies the same rows out of
the database by one join. Both write their file.
`;

/** What is asked for: seconds for a million, MiB, at most so many times the copy. */
const TARGETS = { seconds: 10, peak: 500 } as const;
const MIB = 1_048_576;
const REVOKED = 20;
const SECTOR = 'insurer.example';
const PROGRAM = resolve(import.meta.dirname, '../bin/musubi.js');

const { values } = parseArgs({
  options: { people: { type: 'string', default: '1000000' }, help: { type: 'boolean' } },
});

async function main(): Promise<void> {
  const people = Number(values.people);
  const folder = mkdtempSync(join(tmpdir(), 'musubi-bench-status-'));
  const postgresql = await startPostgresql({ sharedBuffers: '1GB' });
  try {
    const url = await createDatabase(postgresql.url);
    const key = randomBytes(32);
    const root = await createRoot({ kind: 'user', key: await rsaKey('bench'), notBefore: Date.now() - 86_400_000 });
    const config = writeConfiguration(folder, url, key, root.pem);
    musubi(['migrate', '--config', config]);
    const clientId = addClient(folder, config);
    console.log(`${people} people are made …`);
    const revocation = sealRevocation(createVault([key]), { reason: 'certificateHold', revokedAt: 1, asOf: 1 });
    await fill(url, people, root, clientId, revocation);
    await writeInput(url, join(folder, 'in.csv'));
    const copy = await copyOut(url, join(folder, 'copy.csv'));
    const check = await statusCheck(folder, config, clientId);
    const lines = readFileSync(join(folder, 'out.csv'), 'latin1').split('\n').length - 2;
    console.log(`\n                    seconds  peak MiB  file MB`);
    console.log(`  psql, COPY     ${copy.toFixed(2).padStart(10)}         -  ${megabytes(join(folder, 'copy.csv'))}`);
    const peak = (check.peak / MIB).toFixed(0).padStart(8);
    const file = megabytes(join(folder, 'out.csv'));
    console.log(`  status-check   ${check.seconds.toFixed(2).padStart(10)}  ${peak}  ${file}`);
    console.log(`\n  ratio ${(check.seconds / copy).toFixed(1)}, ${lines} rows answered.`);
    console.log(`  Targets: ${TARGETS.seconds} s for a million, ${TARGETS.peak} MiB.`);
    const isSlow = check.seconds > TARGETS.seconds * (people / 1e6);
    if (lines !== people || isSlow || check.peak > TARGETS.peak * MIB) process.exitCode = 1;
  } finally {
    await postgresql.stop();
    rmSync(folder, { recursive: true });
  }
}

async function createDatabase(server: string): Promise<string> {
  await query(server, 'CREATE DATABASE bench');
  const url = new URL(server);
  url.pathname = '/bench';
  return url.href;
}

async function query(url: string, text: string, parameters: readonly unknown[] = []) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text, [...parameters]);
  } finally {
    await client.end();
  }
}

function writeConfiguration(folder: string, url: string, key: Buffer, root: string): string {
  const rootFile = join(folder, 'root.crt');
  writeFileSync(rootFile, root);
  const encryptionKeyFile = join(folder, 'encryption.key');
  writeFileSync(encryptionKeyFile, `${key.toString('base64')}\n`, { mode: 0o600 });
  const file = join(folder, 'musubi.json');
  writeFileSync(
    file,
    JSON.stringify({
      mode: 'sandbox',
      publicUrl: 'http://localhost:3000',
      dataFolder: folder,
      encryptionKeyFile,
      database: { kind: 'postgresql', url },
      trust: { anchors: [{ name: 'bench', file: rootFile, kind: 'user' }] },
    }),
  );
  return file;
}

function musubi(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function addClient(folder: string, config: string): string {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const file = join(folder, 'client.json');
  writeFileSync(
    file,
    JSON.stringify({
      redirect_uris: [`https://${SECTOR}/cb`],
      grant_types: ['authorization_code', 'client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig' }] },
      status_check: true,
    }),
  );
  return JSON.parse(musubi(['client', 'add', file, '--config', config])).client_id;
}

/** In the order of their numbers, which in the indexes is no order at all. */
async function fill(
  url: string,
  people: number,
  root: Root,
  clientId: string,
  revocation: { sealed: Uint8Array; asOf: number },
): Promise<void> {
  // Its list of everything has been followed.
  const { id } = loadTrustAnchor(root.der, { profile: jpkiUserTest });
  await query(
    url,
    `INSERT INTO crl_number (list_id, number, applied_number, applied_this_update) VALUES ($1, 1, 1, $2)`,
    [`${id}:full`, Date.now()],
  );
  const subject = `encode(substr(sha256(('s' || n)::bytea), 1, 16), 'hex')::uuid`;
  await query(url, `INSERT INTO subject SELECT ${subject}, 1 FROM generate_series(1, $1::int) AS n`, [people]);
  await query(
    url,
    `INSERT INTO pairwise_identifier (subject_id, sector, identifier)
      SELECT ${subject}, '${SECTOR}', rtrim(translate(encode(substr(sha256(('p' || n)::bytea), 1, 20), 'base64'), '+/', '-_'), '=')
      FROM generate_series(1, $1::int) AS n`,
    [people],
  );
  await query(
    url,
    `INSERT INTO consent (id, subject_id, client_id, granted, declined, granted_at, expires_at)
      SELECT gen_random_uuid(), ${subject}, $2, '{sub}', '{}', 1, 9000000000000 FROM generate_series(1, $1::int) AS n`,
    [people, clientId],
  );
  await query(
    url,
    `INSERT INTO certificate (lookup, kind, subject_id, sealed_serial, issuer_hash, fingerprint, not_before, not_after,
        status, bound_at, checked_at, check_source, check_as_of, sealed_revocation, revocation_as_of)
      SELECT sha256(('c' || n)::bytea), 'user', ${subject}, sha256(n::text::bytea) || sha256('x'), $4::bytea,
        substr(sha256(n::text::bytea), 1, 8), 1, 9000000000000, 'current', 1, 1, 'crl', 1,
        CASE WHEN n % ${REVOKED} = 0 THEN $2::bytea END, CASE WHEN n % ${REVOKED} = 0 THEN $3::bigint END
      FROM generate_series(1, $1::int) AS n`,
    [people, Buffer.from(revocation.sealed), revocation.asOf, createHash('sha256').update(root.name).digest()],
  );
  await query(url, 'VACUUM ANALYZE');
}

/** In yet another order, with columns of the relying party's own. */
async function writeInput(url: string, file: string): Promise<void> {
  const text = `COPY (SELECT 'C' || row_number() OVER (ORDER BY md5(identifier)) AS customer, identifier AS sub,
      '東京都' AS note FROM pairwise_identifier ORDER BY md5(identifier)) TO STDOUT WITH (FORMAT csv, HEADER)`;
  await psql(url, text, file);
}

async function copyOut(url: string, file: string): Promise<number> {
  const start = performance.now();
  await psql(
    url,
    `COPY (SELECT identifier, kind, not_after, sealed_revocation, revocation_as_of, check_as_of
      FROM pairwise_identifier JOIN certificate USING (subject_id)
      WHERE sector = '${SECTOR}' AND status = 'current') TO STDOUT WITH (FORMAT csv, HEADER)`,
    file,
  );
  return (performance.now() - start) / 1000;
}

async function psql(url: string, text: string, file: string): Promise<void> {
  const child = spawn(join(findPostgresqlPrograms() ?? '', 'psql'), [url, '-c', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.all([pipeline(child.stdout, createWriteStream(file)), ended(child)]);
}

async function statusCheck(folder: string, config: string, clientId: string) {
  const args = [PROGRAM, 'status-check', join(folder, 'in.csv'), join(folder, 'out.csv')];
  const start = performance.now();
  const child = spawn(process.execPath, [...args, '--client', clientId, '--config', config], { stdio: 'inherit' });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid));
  }, 50);
  await ended(child);
  clearInterval(watch);
  return { seconds: (performance.now() - start) / 1000, peak };
}

/** The most that a process had resident (bytes); 0 when it has ended. */
function peakOf(pid: number | undefined): number {
  try {
    const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}`);
}

function megabytes(file: string): string {
  return (statSync(file).size / 1e6).toFixed(0).padStart(7);
}

if (values.help) process.stdout.write(USAGE);
else await main();
