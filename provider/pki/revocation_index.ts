import { createHash } from 'node:crypto';
import { sameOctets } from './der_values.ts';
import { PkiError } from './errors.ts';
import type { Revocation } from './revocation_reason.ts';
import { revocationReasons } from './revocation_reason.ts';
import { compareOctets, RECORD_TAIL, type SerialTable } from './serial_table.ts';

/**
 * The compiled form of a revocation list: one file that is written from front to back and never changed, so that any
 * number of processes can read it at once, each looking up what it needs and none holding it in memory.
 *
 * ```
 * records    per length of serial one run, sorted: serial ‖ seconds since 1970 (4) ‖ reason (1)
 * fences     per run: the first serial of every block of records, one after the other
 * footer     JSON: the facts of the list, and where each run and its fences are
 * trailer    SHA-256 over all else but the magic (32) ‖ length of the footer (4) ‖ magic (8)
 * ```
 *
 * A look-up searches the fences in memory, then one block. An entry costs its serial and five octets beside the fences:
 * 9.1 octets for a serial of four.
 */
const MAGIC = Buffer.from('MSBCRLI1', 'latin1');
const TRAILER_SIZE = 32 + 4 + MAGIC.length;

/** Octets of a block at most: about what one read of a page in the system's cache costs, whatever its size. */
const BLOCK_SIZE = 512;
/** Bounds what a damaged trailer can make a reader allocate. */
const MAX_FOOTER_SIZE = 1024 * 1024;
const READ_SIZE = 256 * 1024;

/** Octets that can be read from any place: a file, or memory. */
export interface RandomAccess {
  readonly size: number;
  /**
   * Fills the first `length` octets of `into`, all of it unless given, from `position` on. Throws when there is less, or the
   * file system's own error.
   */
  read(into: Uint8Array, position: number, length?: number): void;
}

/** What takes the octets of an index in order; they are only lent. */
export type OctetSink = (octets: Uint8Array) => void;

/** One run of records, as the footer names it. */
interface Run {
  /** Octets of each serial. */
  readonly length: number;
  readonly count: number;
  readonly records: number;
  readonly fences: number;
}

interface Footer<Facts> {
  readonly facts: Facts;
  readonly runs: readonly Run[];
}

/**
 * Writes the index of a list.
 *
 * @param facts about the list, as JSON can hold them.
 */
export function writeRevocationIndex(table: SerialTable, facts: object, sink: OctetSink): void {
  const writer = new IndexWriter(sink);
  const runs: Run[] = [];
  const fences: Uint8Array[] = [];
  for (const length of table.lengths) {
    const records = writer.position;
    const run = new Uint8Array(blocksOf(length, table.count(length)) * length);
    writeRun(writer, table, length, run);
    fences.push(run);
    runs.push({ length, count: table.count(length), records, fences: 0 });
  }
  const placed = runs.map((run, place) => {
    const at = writer.position;
    writer.write(fences[place] ?? new Uint8Array());
    return { ...run, fences: at };
  });
  const footer = Buffer.from(JSON.stringify({ facts, runs: placed }));
  writer.write(footer);
  writer.end(footer.length);
}

function writeRun(writer: IndexWriter, table: SerialTable, length: number, fences: Uint8Array): void {
  const width = length + RECORD_TAIL;
  const blockSize = recordsPerBlock(length) * width;
  let toNextBlock = 0;
  let fence = 0;
  table.sorted(length, (records) => {
    let at = toNextBlock;
    for (; at < records.length; at += blockSize) {
      fences.set(records.subarray(at, at + length), fence);
      fence += length;
    }
    toNextBlock = at - records.length;
    writer.write(records);
  });
}

/** Passes octets on, knows where it is, and keeps the digest of all of them. */
class IndexWriter {
  readonly #sink: OctetSink;
  readonly #digest = createHash('sha256');
  position = 0;

  constructor(sink: OctetSink) {
    this.#sink = sink;
  }

  write(octets: Uint8Array): void {
    this.#digest.update(octets);
    this.#sink(octets);
    this.position += octets.length;
  }

  end(footerSize: number): void {
    const trailer = Buffer.alloc(TRAILER_SIZE);
    trailer.writeUInt32BE(footerSize, 32);
    this.#digest.update(trailer.subarray(32, 36)).digest().copy(trailer);
    MAGIC.copy(trailer, 36);
    this.#sink(trailer);
  }
}

/**
 * Reads what an index says about its list, and what look-ups need in memory.
 *
 * @throws PkiError `index_damaged` when it is not a whole index. What its records say is `checkRevocationIndex`'s to find.
 */
export function openRevocationIndex<Facts>(access: RandomAccess): { facts: Facts; entries: SerialIndex } {
  const { facts, runs } = readFooter<Facts>(access);
  return { facts, entries: new SerialIndex(access, runs) };
}

/**
 * Reads an index from end to end, for one that lay on a disk while nobody looked.
 *
 * @throws PkiError `index_damaged` when a single octet is not as it was written.
 */
export function checkRevocationIndex(access: RandomAccess): void {
  const { digest, footerSize } = readTrailer(access);
  const end = access.size - TRAILER_SIZE;
  const hash = createHash('sha256');
  const buffer = new Uint8Array(READ_SIZE);
  for (let position = 0; position < end; position += READ_SIZE) {
    const piece = buffer.subarray(0, Math.min(READ_SIZE, end - position));
    access.read(piece, position);
    hash.update(piece);
  }
  if (!sameOctets(hash.update(footerSize).digest(), digest)) throw damaged('it is not as it was written');
}

function readTrailer(access: RandomAccess): { digest: Uint8Array; footerSize: Buffer } {
  if (access.size < TRAILER_SIZE) throw damaged('it is cut short');
  const trailer = Buffer.alloc(TRAILER_SIZE);
  access.read(trailer, access.size - TRAILER_SIZE);
  if (!sameOctets(trailer.subarray(36), MAGIC)) throw damaged('it is cut short, or of another version');
  return { digest: trailer.subarray(0, 32), footerSize: trailer.subarray(32, 36) };
}

function readFooter<Facts>(access: RandomAccess): Footer<Facts> {
  const size = readTrailer(access).footerSize.readUInt32BE();
  const end = access.size - TRAILER_SIZE;
  if (size > MAX_FOOTER_SIZE || size > end) throw damaged('its footer does not fit');
  const bytes = Buffer.alloc(size);
  access.read(bytes, end - size);
  try {
    // Written by us and covered by the digest: no stranger's JSON.
    return JSON.parse(bytes.toString('utf8')) as Footer<Facts>;
  } catch (cause) {
    throw new PkiError('index_damaged', 'the footer of the index is not readable', { cause });
  }
}

interface SearchableRun extends Omit<Run, 'fences'> {
  readonly width: number;
  readonly perBlock: number;
  readonly blocks: number;
  readonly fences: SortedItems;
}

/** Finds serials in an index: exact for every length, a fraction of a microsecond in memory and one read of a block. */
export class SerialIndex {
  readonly size: number;
  readonly #access: RandomAccess;
  /** `runs[n]` holds the serials of n octets. */
  readonly #runs: (SearchableRun | undefined)[] = [];
  readonly #block = new SortedItems(new Uint8Array(BLOCK_SIZE));

  constructor(access: RandomAccess, runs: readonly Run[]) {
    this.#access = access;
    this.size = runs.reduce((sum, { count }) => sum + count, 0);
    for (const run of runs) this.#runs[run.length] = searchable(access, run);
  }

  /** What is said about the serial with these content octets; undefined when nothing is. */
  find(serial: Uint8Array): Revocation | undefined {
    const run = this.#runs[serial.length];
    if (run === undefined) return undefined;
    const block = run.fences.lastNotAfter(serial, run.blocks, run.length);
    if (block < 0) return undefined;
    const records = Math.min(run.perBlock, run.count - block * run.perBlock);
    const items = this.#block;
    this.#access.read(items.bytes, run.records + block * run.perBlock * run.width, records * run.width);
    const at = items.lastNotAfter(serial, records, run.width) * run.width;
    if (at < 0 || compareOctets(items.bytes, at, serial, 0, run.length) !== 0) return undefined;
    return items.revocationAt(at + run.length);
  }

  /** Every entry in order, by length of serial and then by value. What is handed out is only lent until the next one. */
  *entries(): Generator<{ readonly serial: Uint8Array; readonly revocation: Revocation }> {
    for (const length of this.lengths) {
      const cursor = this.cursor(length);
      for (let more = cursor !== undefined; more && cursor !== undefined; more = cursor.advance()) {
        const { bytes, at } = cursor;
        const revocation = new SortedItems(bytes).revocationAt(at + length);
        yield { serial: bytes.subarray(at, at + length), revocation };
      }
    }
  }

  /** The lengths of serial that there are, in ascending order. */
  get lengths(): readonly number[] {
    return this.#runs.flatMap((run, length) => (run === undefined ? [] : [length]));
  }

  /** At the first record of one length of serial; undefined when there is none. */
  cursor(length: number): RecordCursor | undefined {
    const run = this.#runs[length];
    return run && new RecordCursor(this.#access, run.records, run.width, run.count);
  }
}

function searchable(access: RandomAccess, run: Run): SearchableRun {
  const { length, count, records, fences } = run;
  const width = length + RECORD_TAIL;
  const blocks = blocksOf(length, count);
  if (count < 1 || records + count * width > access.size || fences + blocks * length > access.size) {
    throw damaged('its runs do not fit');
  }
  const firstSerials = new Uint8Array(blocks * length);
  access.read(firstSerials, fences);
  const perBlock = recordsPerBlock(length);
  return { length, count, records, width, perBlock, blocks, fences: new SortedItems(firstSerials) };
}

/** Goes over the records of one run, a large piece in memory at a time. */
export class RecordCursor {
  readonly #access: RandomAccess;
  readonly #width: number;
  readonly #piece: number;
  #position: number;
  #left: number;
  #end = 0;
  /** The record is `bytes` from `at` on. */
  bytes = new Uint8Array();
  at = 0;

  constructor(access: RandomAccess, position: number, width: number, count: number) {
    this.#access = access;
    this.#width = width;
    this.#piece = Math.floor(READ_SIZE / width);
    this.#position = position;
    this.#left = count;
    this.#load();
  }

  /** Moves to the next record; false when there is none. */
  advance(): boolean {
    this.at += this.#width;
    if (this.at < this.#end) return true;
    if (this.#left === 0) return false;
    this.#load();
    return true;
  }

  #load(): void {
    const records = Math.min(this.#piece, this.#left);
    this.#end = records * this.#width;
    if (this.bytes.length < this.#end) this.bytes = new Uint8Array(this.#end);
    this.#access.read(this.bytes.subarray(0, this.#end), this.#position);
    this.#position += this.#end;
    this.#left -= records;
    this.at = 0;
  }
}

/** Items of equal width one after the other, sorted by their first octets. */
class SortedItems {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Place of the last of `count` items of `width` octets that does not come after `key`; -1 when all do. */
  lastNotAfter(key: Uint8Array, count: number, width: number): number {
    // Four octets at once decide nearly every comparison.
    const head = key.length < 4 ? undefined : new DataView(key.buffer, key.byteOffset, key.length).getUint32(0);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = middle * width;
      const difference = head === undefined ? 0 : this.#view.getUint32(at) - head;
      const order = difference === 0 ? compareOctets(this.bytes, at, key, 0, key.length) : difference;
      if (order <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The date and the reason that stand at `at`. */
  revocationAt(at: number): Revocation {
    const reason = revocationReasons[this.#view.getUint8(at + 4)] ?? 'unspecified';
    return { reason, revokedAt: this.#view.getUint32(at) * 1000 };
  }
}

function recordsPerBlock(length: number): number {
  return Math.floor(BLOCK_SIZE / (length + RECORD_TAIL));
}

function blocksOf(length: number, count: number): number {
  return Math.ceil(count / recordsPerBlock(length));
}

function damaged(message: string): PkiError {
  return new PkiError('index_damaged', `the index of a revocation list cannot be read: ${message}`);
}

/** An index in memory: for tests, and for lists that live no longer than a call. */
export function octetsInMemory(bytes: Uint8Array): RandomAccess {
  return {
    size: bytes.length,
    read(into, position, length = into.length) {
      if (position < 0 || position + length > bytes.length) throw damaged('it is cut short');
      into.set(bytes.subarray(position, position + length));
    },
  };
}
