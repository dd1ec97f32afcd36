import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { revocationReasons } from '../../../provider/pki/revocation_reason.ts';
import { SerialIndexBuilder } from '../../../provider/pki/serial_index.ts';

/** Serials of every legal length; few different octets, so that neighbours, prefixes and repetitions are common. */
const serial = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 20 }),
    fc.array(fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff), { minLength: 1, maxLength: 20 }),
    fc.array(fc.constantFrom(0x00, 0xff), { minLength: 1, maxLength: 3 }),
  )
  .map((octets) => Uint8Array.from(octets));

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

function indexOf(serials: readonly Uint8Array[]) {
  const builder = new SerialIndexBuilder();
  serials.forEach((octets, place) => {
    builder.add(octets, 0, octets.length, place % 7, place);
  });
  return builder.build();
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
    const builder = new SerialIndexBuilder();
    builder.add(Uint8Array.of(1), 0, 1, 0, -5);
    builder.add(Uint8Array.of(2), 0, 1, 0, 2 ** 40);
    const index = builder.build();
    assert.equal(index.find(Uint8Array.of(1))?.revokedAt, 0);
    assert.equal(index.find(Uint8Array.of(2))?.revokedAt, 0xffff_ffff * 1000);
  });
});
