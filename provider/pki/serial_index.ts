import { octet } from './der.ts';
import type { Revocation } from './revocation_reason.ts';
import { revocationReasons } from './revocation_reason.ts';

/** All serials of one length, sorted, with what is said about the one at the same place. */
interface SerialGroup {
  readonly count: number;
  /** `count` serials of the group's length, one after the other. */
  readonly serials: Uint8Array;
  readonly reasons: Uint8Array;
  /** Seconds since 1970. */
  readonly seconds: Uint32Array;
}

/**
 * The entries of a list in a few typed arrays: five octets an entry beside the serial itself, none of them an object
 * for the garbage collector to visit, found by binary search. Serials of different length never compare equal, so a
 * leading zero octet is part of the serial.
 */
export class SerialIndex {
  readonly size: number;
  readonly #groups: readonly (SerialGroup | undefined)[];

  /** `groups[n]` holds the serials of n octets. */
  constructor(groups: readonly (SerialGroup | undefined)[]) {
    this.#groups = groups;
    this.size = groups.reduce((sum, group) => sum + (group?.count ?? 0), 0);
  }

  /** What is said about the serial with these content octets; undefined when nothing is. */
  find(serial: Uint8Array): Revocation | undefined {
    const group = this.#groups[serial.length];
    if (group === undefined) return undefined;
    let low = 0;
    let high = group.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareAt(group.serials, middle * serial.length, serial);
      if (order === 0) return revocationAt(group, middle);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }
}

function revocationAt(group: SerialGroup, place: number): Revocation {
  const reason = revocationReasons[octet(group.reasons, place)] ?? 'unspecified';
  return { reason, revokedAt: (group.seconds[place] ?? 0) * 1000 };
}

function compareAt(serials: Uint8Array, start: number, serial: Uint8Array): number {
  for (let index = 0; index < serial.length; index++) {
    const difference = octet(serials, start + index) - octet(serial, index);
    if (difference !== 0) return difference;
  }
  return 0;
}

const FIRST_CAPACITY = 64;

/** One group while it grows, in the order of the list. */
class GrowingGroup {
  readonly #length: number;
  #count = 0;
  #sorted = true;
  #serials: Uint8Array;
  #reasons = new Uint8Array(FIRST_CAPACITY);
  #seconds = new Uint32Array(FIRST_CAPACITY);

  constructor(length: number) {
    this.#length = length;
    this.#serials = new Uint8Array(FIRST_CAPACITY * length);
  }

  add(bytes: Uint8Array, start: number, reason: number, seconds: number): void {
    const place = this.#count;
    if (place === this.#reasons.length) this.#grow();
    const at = place * this.#length;
    for (let index = 0; index < this.#length; index++) this.#serials[at + index] = octet(bytes, start + index);
    this.#reasons[place] = reason;
    this.#seconds[place] = seconds;
    this.#count = place + 1;
    if (place > 0 && this.#sorted) {
      this.#sorted = compareAt(this.#serials, at - this.#length, this.#serials.subarray(at, at + this.#length)) < 0;
    }
  }

  #grow(): void {
    const capacity = this.#reasons.length * 2;
    const serials = new Uint8Array(capacity * this.#length);
    const reasons = new Uint8Array(capacity);
    const seconds = new Uint32Array(capacity);
    serials.set(this.#serials);
    reasons.set(this.#reasons);
    seconds.set(this.#seconds);
    this.#serials = serials;
    this.#reasons = reasons;
    this.#seconds = seconds;
  }

  finish(): SerialGroup {
    const count = this.#count;
    if (this.#sorted) {
      return {
        count,
        serials: this.#serials.slice(0, count * this.#length),
        reasons: this.#reasons.slice(0, count),
        seconds: this.#seconds.slice(0, count),
      };
    }
    const order = sortedOrder(this.#serials, count, this.#length);
    const serials = new Uint8Array(count * this.#length);
    const reasons = new Uint8Array(count);
    const seconds = new Uint32Array(count);
    for (let place = 0; place < count; place++) {
      const from = order[place] ?? 0;
      const at = from * this.#length;
      for (let index = 0; index < this.#length; index++) {
        serials[place * this.#length + index] = octet(this.#serials, at + index);
      }
      reasons[place] = octet(this.#reasons, from);
      seconds[place] = this.#seconds[from] ?? 0;
    }
    return { count, serials, reasons, seconds };
  }
}

/** The places of `count` serials in ascending order: radix sort from the last octet, linear whatever the order was. */
function sortedOrder(serials: Uint8Array, count: number, length: number): Uint32Array {
  let order = Uint32Array.from({ length: count }, (_, place) => place);
  let next = new Uint32Array(count);
  const starts = new Uint32Array(257);
  for (let column = length - 1; column >= 0; column--) {
    starts.fill(0);
    for (let place = 0; place < count; place++) {
      const value = octet(serials, place * length + column);
      starts[value + 1] = (starts[value + 1] ?? 0) + 1;
    }
    for (let value = 1; value <= 256; value++) starts[value] = (starts[value] ?? 0) + (starts[value - 1] ?? 0);
    for (let place = 0; place < count; place++) {
      const from = order[place] ?? 0;
      const value = octet(serials, from * length + column);
      const to = starts[value] ?? 0;
      next[to] = from;
      starts[value] = to + 1;
    }
    [order, next] = [next, order];
  }
  return order;
}

/** Collects entries in any order and makes the index of them. */
export class SerialIndexBuilder {
  readonly #groups: (GrowingGroup | undefined)[] = [];

  /** Adds the serial of `length` octets that begins at `start`; `seconds` since 1970. */
  add(bytes: Uint8Array, start: number, length: number, reason: number, seconds: number): void {
    let group = this.#groups[length];
    if (group === undefined) {
      group = new GrowingGroup(length);
      this.#groups[length] = group;
    }
    // Dates only inform; one outside 1970 to 2106 must not make a whole list unusable.
    group.add(bytes, start, reason, Math.min(Math.max(seconds, 0), 0xffff_ffff));
  }

  build(): SerialIndex {
    return new SerialIndex(Array.from(this.#groups, (group) => group?.finish()));
  }
}
