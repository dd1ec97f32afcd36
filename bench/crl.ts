import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRoot } from '../adapters/sandbox/pki/index.ts';
import { rsaKey } from '../test/adapters/sandbox/pki/key_pool.ts';
import { startPostgresql } from '../test/support/postgresql.ts';
import { answerOf, type Contender, drive, endContender, startContender, usageOf } from './contender.ts';
import type { Compiled } from './crl_compile.ts';
import { writeLargeCrl } from './crl_writer.ts';

const USAGE = `npm run bench:crl [-- --entries 10000,1000000,5000000]

Revocation lists of national size. For each, in the order of serials and in the order of revocation: the time to verify
and compile it beside the time to read and hash the file, and beside openssl crl; the most memory that the process had;
octets an entry; the time of a look-up. Then the longest delay of a hub's event loop while people sign in and it takes the
largest list, beside the same without a list.
`;

/** What is asked for: at most so many times reading and hashing, MiB, octets, µs, ms. */
const TARGETS = { ratio: 6, peak: 200, octets: 16, lookUp: 2, delay: 20 } as const;
const MIB = 1_048_576;

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '10000,1000000,5000000' }, help: { type: 'boolean' } },
});

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-bench-crl-'));
  try {
    const root = await createRoot({ kind: 'signing', key: await rsaKey('bench'), notBefore: Date.now() - 86_400_000 });
    const rootFile = join(folder, 'root.crt');
    writeFileSync(rootFile, root.der);
    const sizes = values.entries.split(',').map(Number);
    const lists: { path: string; size: number }[] = [];
    console.log(
      'CPU time. Compiling is verifying, sorting and writing the index; the ratio is to reading and hashing.\n',
    );
    console.log(
      '  entries  order       MB  hash ms  compile ms  ratio  openssl ms  peak MiB  octets/entry  look-up µs',
    );
    for (const [place, size] of sizes.entries()) {
      for (const order of ['serial', 'date'] as const) {
        const path = join(folder, `${size}-${order}.crl`);
        const der = await writeLargeCrl(root, size, order, BigInt(place * 2 + (order === 'date' ? 2 : 1)));
        writeFileSync(path, der);
        lists.push({ path, size });
        report(size, order, der.length, await compile(path, rootFile), opensslCrl(path));
      }
    }
    console.log(
      `\nTargets: ratio ${TARGETS.ratio}, peak ${TARGETS.peak} MiB, ${TARGETS.octets} octets, ${TARGETS.lookUp} µs.\n`,
    );
    await whileSigningIn(rootFile, lists);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compile(path: string, rootFile: string): Promise<Compiled> {
  const child = fork(join(import.meta.dirname, 'crl_compile.ts'), [path, rootFile]);
  const [compiled] = await once(child, 'message');
  return compiled as Compiled;
}

/** Milliseconds in which openssl reads the list, without verifying it. */
function opensslCrl(path: string): number {
  const start = performance.now();
  const { status } = spawnSync('openssl', ['crl', '-inform', 'DER', '-in', path, '-noout']);
  if (status !== 0) throw new Error('openssl could not read the list');
  return performance.now() - start;
}

function report(size: number, order: string, length: number, compiled: Compiled, openssl: number): void {
  const { hash, compile: milliseconds, peak, index, entries, lookUp } = compiled;
  console.log(
    String(size).padStart(9),
    order.padEnd(7).padStart(8),
    (length / 1e6).toFixed(1).padStart(8),
    hash.toFixed(1).padStart(8),
    milliseconds.toFixed(1).padStart(11),
    (milliseconds / hash).toFixed(1).padStart(6),
    openssl.toFixed(0).padStart(11),
    (peak / MIB).toFixed(0).padStart(9),
    (index / entries).toFixed(2).padStart(13),
    lookUp.toFixed(2).padStart(11),
  );
}

async function whileSigningIn(rootFile: string, lists: readonly { path: string; size: number }[]): Promise<void> {
  // Where lists are that large the database is PostgreSQL; the embedded one writes its files on the event loop.
  const postgresql = await startPostgresql({ durable: true });
  const hub = await startContender('hub, PostgreSQL', './hub_server.ts', ['ES256', rootFile], {
    MUSUBI_TEST_DATABASE: 'postgresql',
    MUSUBI_TEST_POSTGRESQL_URL: postgresql.url,
  });
  try {
    await drive(hub, 300, 2);
    hub.child.send('forget');
    await drive(hub, 200, 2);
    const { longestDelay: usual, resident: before } = await usageOf(hub);
    console.log(
      `A hub while people sign in: longest delay of the event loop ${usual.toFixed(1)} ms, ${mib(before)} MiB.`,
    );
    for (const { path, size } of lists) {
      const { longestDelay, resident, seconds } = await takeList(hub, path);
      const times = (longestDelay / usual).toFixed(1);
      console.log(
        `While it takes a list of ${size}: ${longestDelay.toFixed(1)} ms (${times} times), ` +
          `${mib(resident)} MiB, in service after ${seconds.toFixed(1)} s.`,
      );
    }
    console.log(`Target: no delay over ${TARGETS.delay} ms.`);
  } finally {
    await endContender(hub);
    await postgresql.stop();
  }
}

/** Lets people sign in until the list is in service. */
async function takeList(
  hub: Contender,
  path: string,
): Promise<{ longestDelay: number; resident: number; seconds: number }> {
  const start = performance.now();
  hub.child.send('forget');
  let imported = false;
  const done = answerOf(hub.child, 'imported').then(() => {
    imported = true;
  });
  hub.child.send({ import: path });
  let resident = 0;
  while (!imported) resident = Math.max(resident, (await drive(hub, 20, 2)).resident);
  await done;
  const { longestDelay } = await usageOf(hub);
  return { longestDelay, resident, seconds: (performance.now() - start) / 1000 };
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

if (values.help) console.log(USAGE);
else await main();
