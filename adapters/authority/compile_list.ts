import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import {
  compareRevocationLists,
  parseCertificate,
  RevocationList,
  type RevocationListFacts,
  RevocationListWalk,
  writeRevocationList,
} from '../../provider/pki/index.ts';
import { openIndexFile } from './index_file.ts';
import { type ListSeries, seriesOf } from './list_series.ts';

/** Octets of a list in memory at a time. */
const PIECE_SIZE = 256 * 1024;

/** What a process of its own can be told: plain values only. */
export interface CompileJob {
  /** The list, DER. */
  readonly source: string;
  /** Where to write its index… */
  readonly target: string;
  /** …and the entries that the one before it lacks, in the same form. */
  readonly differenceTarget: string;
  /** DER of the root that the list must be of. */
  readonly anchor: Uint8Array;
  readonly anchorId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly grace: number;
  readonly maxSize: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Indexes that are held of each series of the root. */
  readonly previous: ReadonlyMap<ListSeries, string>;
}

/** What came of it. */
export interface CompiledList {
  readonly series: ListSeries;
  readonly number: bigint;
  readonly thisUpdate: number;
  /** Undefined for the first list of its series, and where `differenceFailure` says why. */
  readonly difference: ListDifference | undefined;
  readonly differenceFailure: string | undefined;
}

export interface ListDifference {
  /** cRLNumber of the list that it is the difference to… */
  readonly since: bigint;
  /** …and its thisUpdate (ms), since a number may be issued twice. */
  readonly sinceThisUpdate: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
}

/**
 * Verifies and compiles a list, and compares it with the one held before it. Reads and writes synchronously: it is the
 * work of a process of its own where the list is large.
 *
 * @throws PkiError one of the `crl_…` codes; the file system's own error.
 */
export function compileList(job: CompileJob): CompiledList {
  const { anchorId, now, grace, maxSize } = job;
  const walk = new RevocationListWalk({ anchor: { certificate: parseCertificate(job.anchor) }, now, grace, maxSize });
  forEachPiece(job.source, (piece) => walk.push(piece));
  const facts = walk.finish();
  writeFile(job.target, (sink) => writeRevocationList(facts, walk.entries, job.labels, sink));
  const series = seriesOf(anchorId, facts.scope);
  const previous = job.previous.get(series);
  const common = { series, number: facts.number, thisUpdate: facts.thisUpdate };
  if (previous === undefined) return { ...common, difference: undefined, differenceFailure: undefined };
  try {
    return { ...common, difference: compareWith(previous, job, facts), differenceFailure: undefined };
  } catch (error) {
    // The list before it may have been damaged on disk: that must not keep newer revocations out.
    return { ...common, difference: undefined, differenceFailure: String(error) };
  }
}

function compareWith(previous: string, job: CompileJob, facts: RevocationListFacts): ListDifference {
  const before = openIndexFile(previous);
  const after = openIndexFile(job.target);
  try {
    const older = new RevocationList(before);
    const { newlyRevoked, ...counts } = compareRevocationLists(older, new RevocationList(after));
    writeFile(job.differenceTarget, (sink) => writeRevocationList(facts, newlyRevoked, job.labels, sink));
    return { since: older.number, sinceThisUpdate: older.thisUpdate, ...counts };
  } finally {
    before.close();
    after.close();
  }
}

function forEachPiece(path: string, take: (piece: Uint8Array) => void): void {
  const descriptor = openSync(path, 'r');
  const piece = new Uint8Array(PIECE_SIZE);
  try {
    for (let count = readSync(descriptor, piece); count > 0; count = readSync(descriptor, piece)) {
      take(piece.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

function writeFile(path: string, write: (sink: (octets: Uint8Array) => void) => void): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    write((octets) => {
      for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at);
    });
  } finally {
    closeSync(descriptor);
  }
}
