import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { compileList } from '../adapters/authority/compile_list.ts';
import { openIndexFile } from '../adapters/authority/index_file.ts';
import { parseCertificate, RevocationList } from '../provider/pki/index.ts';

/** What a process that compiles one list reports, in milliseconds of CPU time, bytes, and microseconds a look-up. */
export interface Compiled {
  readonly hash: number;
  readonly compile: number;
  readonly peak: number;
  readonly index: number;
  readonly entries: number;
  readonly lookUp: number;
}

const LOOK_UPS = 300_000;

/** Compiles the list in the first argument, of the root in the second, as the thread of a hub does. */
const [source = '', rootFile = ''] = process.argv.slice(2);
const target = `${source}.index`;
rmSync(target, { force: true });
// Once before, so that the file is in the system's cache and the code is compiled.
readAndHash();
const hash = cpuOf(readAndHash);
const root = parseCertificate(readFileSync(rootFile));
const compile = cpuOf(() =>
  compileList({
    ...{ source, target, differenceTarget: `${target}.new`, anchor: root.der, anchorId: root.fingerprint },
    ...{ now: Date.now(), grace: 0, maxSize: 2 ** 32, labels: {}, previous: new Map() },
  }),
);
const peak = mostMemory();
const file = openIndexFile(target);
const list = new RevocationList(file);
const lookUp = (cpuOf(lookUps) * 1000) / LOOK_UPS;
file.close();
const compiled: Compiled = { hash, compile, peak, index: statSync(target).size, entries: list.size, lookUp };
rmSync(target);
process.send?.(compiled);

function readAndHash(): void {
  const digest = createHash('sha256');
  const descriptor = openSync(source, 'r');
  const piece = new Uint8Array(256 * 1024);
  for (let count = readSync(descriptor, piece); count > 0; count = readSync(descriptor, piece)) {
    digest.update(piece.subarray(0, count));
  }
  closeSync(descriptor);
  digest.digest();
}

/** Serials all over the list, of which about half are in it. */
function lookUps(): void {
  const serial = Buffer.alloc(4);
  for (let turn = 0; turn < LOOK_UPS; turn += 1) {
    // Knuth's multiplicative hash: far jumps, the same in every run.
    serial.writeUInt32BE(0x06000000 + ((Math.imul(turn, 2_654_435_761) >>> 0) % (list.size * 2)));
    list.find(serial);
  }
}

function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Bytes. Not `maxRSS`, which begins with what the parent had when it forked. */
function mostMemory(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
