import { octet } from './der.ts';

/** Behind each serial: seconds since 1970 in four octets, big-endian, and the number of the reason in one. */
export const RECORD_TAIL = 5;

/** Records in one piece of memory: beyond that a list grows by further pieces, and nothing is copied to a larger one. */
const SLAB_BITS = 14;
const SLAB_RECORDS = 1 << SLAB_BITS;
/** A power of two below `SLAB_RECORDS`: the first piece grows by doubling, since most lists are of one municipality. */
const FIRST_RECORDS = 64;

/** What takes records in ascending order of their serials, many whole ones at a time; they are only lent. */
export type RecordSink = (records: Uint8Array) => void;

/**
 * The entries of a list while it is read, in any order: for each length of serial one run of records of equal width
 * (serial, date, reason), none of them an object for the garbage collector to visit. Serials of different length never
 * compare equal, so a leading zero octet is part of the serial.
 */
export class SerialTable {
  readonly #groups: (SerialGroup | undefined)[] = [];

  /** Adds the serial of `length` octets that begins at `start`; `seconds` since 1970, `reason` by its number. */
  add(bytes: Uint8Array, start: number, length: number, reason: number, seconds: number): void {
    let group = this.#groups[length];
    if (group === undefined) {
      group = new SerialGroup(length);
      this.#groups[length] = group;
    }
    // Dates only inform; one outside 1970 to 2106 must not make a whole list unusable.
    group.add(bytes, start, reason, Math.min(Math.max(seconds, 0), 0xffff_ffff));
  }

  /** Adds a record as `sorted` hands it out: serial, date and reason one after the other. */
  addRecord(bytes: Uint8Array, start: number, length: number): void {
    const tail = new DataView(bytes.buffer, bytes.byteOffset + start + length, RECORD_TAIL);
    this.add(bytes, start, length, tail.getUint8(4), tail.getUint32(0));
  }

  /** The lengths of serial that there are, in ascending order. */
  get lengths(): readonly number[] {
    return this.#groups.flatMap((group, length) => (group === undefined ? [] : [length]));
  }

  /** Number of records whose serial has this length. */
  count(length: number): number {
    return this.#groups[length]?.count ?? 0;
  }

  /** Hands out every record of one length of serial, in ascending order. */
  sorted(length: number, sink: RecordSink): void {
    this.#groups[length]?.sorted(sink);
  }
}

class SerialGroup {
  readonly #length: number;
  readonly #width: number;
  #slabs: Uint8Array[] = [];
  #slab: Uint8Array = new Uint8Array();
  #at = 0;
  #isSorted = true;
  count = 0;

  constructor(length: number) {
    this.#length = length;
    this.#width = length + RECORD_TAIL;
  }

  add(bytes: Uint8Array, start: number, reason: number, seconds: number): void {
    if (this.#isSorted && this.count > 0) this.#isSorted = this.#isAfterLast(bytes, start);
    if (this.#at === this.#slab.length) this.#grow();
    const slab = this.#slab;
    let at = this.#at;
    for (let index = start; index < start + this.#length; index++) slab[at++] = octet(bytes, index);
    slab[at++] = seconds >>> 24;
    slab[at++] = seconds >>> 16;
    slab[at++] = seconds >>> 8;
    slab[at++] = seconds;
    slab[at++] = reason;
    this.#at = at;
    this.count += 1;
  }

  sorted(sink: RecordSink): void {
    if (!this.#isSorted) this.#sort();
    let left = this.count;
    for (const slab of this.#slabs) {
      sink(slab.subarray(0, Math.min(left, SLAB_RECORDS) * this.#width));
      left -= SLAB_RECORDS;
    }
  }

  #grow(): void {
    if (this.#slab.length === SLAB_RECORDS * this.#width) {
      this.#slab = new Uint8Array(SLAB_RECORDS * this.#width);
      this.#slabs.push(this.#slab);
      this.#at = 0;
      return;
    }
    const larger = new Uint8Array(this.#slab.length * 2 || FIRST_RECORDS * this.#width);
    larger.set(this.#slab);
    this.#slabs[0] = larger;
    this.#slab = larger;
  }

  #isAfterLast(bytes: Uint8Array, start: number): boolean {
    return compareOctets(this.#slab, this.#at - this.#width, bytes, start, this.#length) < 0;
  }

  /**
   * Radix sort from the last octet of the serials, linear whatever the order was. The records themselves move: going
   * after them through a list of places would cost a miss of the processor's cache for each.
   */
  #sort(): void {
    const counts = this.#countOctets();
    let spare: Uint8Array[] | undefined;
    for (let column = this.#length - 1; column >= 0; column--) {
      const ofColumn = counts.subarray(column * 256, (column + 1) * 256);
      // Serials of one authority share their first octets: a column of one value changes no order.
      if (ofColumn.includes(this.count)) continue;
      const target = spare ?? this.#slabs.map(({ length }) => new Uint8Array(length));
      this.#moveBy(column, startsOf(ofColumn), target);
      spare = this.#slabs;
      this.#slabs = target;
    }
    this.#isSorted = true;
  }

  /** How often each value occurs in each column of the serials, 256 counts a column. */
  #countOctets(): Uint32Array {
    const counts = new Uint32Array(this.#length * 256);
    let left = this.count;
    for (const slab of this.#slabs) {
      const end = Math.min(left, SLAB_RECORDS) * this.#width;
      for (let at = 0; at < end; at += this.#width) {
        for (let column = 0; column < this.#length; column++) {
          const value = column * 256 + octet(slab, at + column);
          counts[value] = (counts[value] ?? 0) + 1;
        }
      }
      left -= SLAB_RECORDS;
    }
    return counts;
  }

  #moveBy(column: number, starts: Uint32Array, target: readonly Uint8Array[]): void {
    const width = this.#width;
    let left = this.count;
    for (const slab of this.#slabs) {
      const end = Math.min(left, SLAB_RECORDS) * width;
      for (let at = 0; at < end; at += width) {
        const value = octet(slab, at + column);
        const place = starts[value] ?? 0;
        starts[value] = place + 1;
        const to = target[place >>> SLAB_BITS] ?? slab;
        let into = (place & (SLAB_RECORDS - 1)) * width;
        for (let from = at; from < at + width; from++) to[into++] = octet(slab, from);
      }
      left -= SLAB_RECORDS;
    }
  }
}

function startsOf(counts: Uint32Array): Uint32Array {
  let sum = 0;
  return counts.map((count) => {
    const start = sum;
    sum += count;
    return start;
  });
}

/** Negative, zero or positive as the octets at `leftStart` come before, equal or come after those at `rightStart`. */
export function compareOctets(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): number {
  for (let index = 0; index < length; index++) {
    const difference = octet(left, leftStart + index) - octet(right, rightStart + index);
    if (difference !== 0) return difference;
  }
  return 0;
}
