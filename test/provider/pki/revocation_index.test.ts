import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  checkRevocationIndex,
  octetsInMemory,
  openRevocationIndex,
  type SerialIndex,
  writeRevocationIndex,
} from '../../../provider/pki/revocation_index.ts';
import { revocationReasons } from '../../../provider/pki/revocation_reason.ts';
import { SerialTable } from '../../../provider/pki/serial_table.ts';
import { pkiError } from './fixtures.ts';

/** Serials of every legal length; few different octets, so that neighbours, prefixes and repetitions are common. */
const serial = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 20 }),
    fc.array(fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff), { minLength: 1, maxLength: 20 }),
    fc.array(fc.constantFrom(0x00, 0xff), { minLength: 1, maxLength: 3 }),
  )
  .map((octets) => Uint8Array.from(octets));

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

function tableOf(serials: readonly Uint8Array[]): SerialTable {
  const table = new SerialTable();
  serials.forEach((octets, place) => {
    table.add(octets, 0, octets.length, place % 7, place);
  });
  return table;
}

function written(table: SerialTable, facts: object = {}): Buffer {
  const pieces: Uint8Array[] = [];
  writeRevocationIndex(table, facts, (octets) => pieces.push(octets.slice()));
  return Buffer.concat(pieces);
}

function indexOf(serials: readonly Uint8Array[]): SerialIndex {
  return openRevocationIndex(octetsInMemory(written(tableOf(serials)))).entries;
}

describe('SerialIndex', () => {
  it('agrees with a Set for serials of every length, in any order', () => {
    fc.assert(
      fc.property(fc.array(serial, { maxLength: 300 }), fc.array(serial, { maxLength: 50 }), (listed, others) => {
        const index = indexOf(listed);
        const set = new Set(listed.map(hex));
        assert.equal(index.size, listed.length);
        for (const octets of [...listed, ...others]) {
          assert.equal(index.find(octets) !== undefined, set.has(hex(octets)), hex(octets));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps reason and date with their serial, however the list was ordered', () => {
    fc.assert(
      fc.property(fc.uniqueArray(serial, { selector: hex, maxLength: 300 }), (listed) => {
        const index = indexOf(listed);
        listed.forEach((octets, place) => {
          const expected = { reason: revocationReasons[place % 7], revokedAt: place * 1000 };
          assert.deepEqual(index.find(octets), expected);
        });
      }),
    );
  });

  it('tells apart serials that differ in a leading zero octet only', () => {
    const index = indexOf([Uint8Array.of(0x00, 0x80)]);
    assert.equal(index.find(Uint8Array.of(0x80)), undefined);
    assert.equal(index.find(Uint8Array.of(0x00, 0x00, 0x80)), undefined);
    assert.ok(index.find(Uint8Array.of(0x00, 0x80)));
  });

  it('finds nothing in an empty index, nor under lengths that no serial has', () => {
    assert.equal(indexOf([]).find(Uint8Array.of(1)), undefined);
    const index = indexOf([Uint8Array.of(1)]);
    assert.equal(index.find(new Uint8Array(0)), undefined);
    assert.equal(index.find(new Uint8Array(21)), undefined);
  });

  it('keeps a date outside 1970 to 2106 at the nearest end', () => {
    const table = new SerialTable();
    table.add(Uint8Array.of(1), 0, 1, 0, -5);
    table.add(Uint8Array.of(2), 0, 1, 0, 2 ** 40);
    const index = openRevocationIndex(octetsInMemory(written(table))).entries;
    assert.equal(index.find(Uint8Array.of(1))?.revokedAt, 0);
    assert.equal(index.find(Uint8Array.of(2))?.revokedAt, 0xffff_ffff * 1000);
  });

  it('hands out every entry in order, once for each time that it was listed', () => {
    fc.assert(
      fc.property(fc.array(serial, { maxLength: 300 }), (listed) => {
        const found = [...indexOf(listed).entries()].map((entry) => hex(entry.serial));
        const byLengthAndValue = (left: string, right: string) =>
          left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
        assert.deepEqual(found, listed.map(hex).sort(byLengthAndValue));
      }),
    );
  });

  it('finds every one of many, over all blocks and pieces of memory, in order or not', () => {
    // Over two pieces of the table, and thousands of blocks of the index.
    const count = 40_000;
    const octets = (value: number) => Uint8Array.of(0x06, value >>> 16, value >>> 8, value);
    for (const step of [1, 7919]) {
      const index = indexOf(Array.from({ length: count }, (_, place) => octets(((place * step) % count) * 2)));
      for (let value = 0; value < count; value++) {
        assert.ok(index.find(octets(value * 2)), `${value}`);
        assert.equal(index.find(octets(value * 2 + 1)), undefined);
      }
      assert.equal(index.find(octets(0xffffff)), undefined);
      assert.equal(index.find(Uint8Array.of(0x05, 0, 0, 0)), undefined);
    }
  });

  it('costs the serial, five octets and a share of the fences an entry', () => {
    const count = 100_000;
    const serials = Array.from({ length: count }, (_, place) => Uint8Array.of(1, place >>> 16, place >>> 8, place));
    assert.ok(written(tableOf(serials)).length < count * 9.1);
  });
});

describe('an index at rest', () => {
  const facts = { number: '7' };
  const whole = written(tableOf([Uint8Array.of(1), Uint8Array.of(2, 3)]), facts);

  it('gives back the facts of its list, and passes the check of every octet', () => {
    assert.deepEqual(openRevocationIndex(octetsInMemory(whole)).facts, facts);
    checkRevocationIndex(octetsInMemory(whole));
  });

  it('fails the check when any octet is another', () => {
    for (let place = 0; place < whole.length; place++) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(place) ^ 0x20, place);
      assert.throws(() => checkRevocationIndex(octetsInMemory(changed)), pkiError('index_damaged'), `octet ${place}`);
    }
  });

  it('is not opened when it is cut short, empty, or something else', () => {
    const others = [whole.subarray(1, -1), whole.subarray(0, whole.length - 44), Buffer.alloc(0), Buffer.alloc(4096)];
    const footerTooLong = Buffer.from(whole);
    footerTooLong.writeUInt32BE(0xffff_ffff, whole.length - 12);
    for (const other of [...others, footerTooLong]) {
      assert.throws(() => openRevocationIndex(octetsInMemory(other)), pkiError('index_damaged'));
    }
  });

  it('is not opened when its runs reach beyond it', () => {
    const footer = Buffer.from(JSON.stringify({ facts, runs: [{ length: 4, count: 1e9, records: 0, fences: 0 }] }));
    const trailer = Buffer.from(whole.subarray(-44));
    trailer.writeUInt32BE(footer.length, 32);
    const index = Buffer.concat([footer, trailer]);
    assert.throws(() => openRevocationIndex(octetsInMemory(index)), pkiError('index_damaged'));
  });
});
