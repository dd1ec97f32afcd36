import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DerElement } from '../../../provider/pki/der.ts';
import { DerReader, openSequence, Tag } from '../../../provider/pki/der.ts';
import {
  readBigInteger,
  readBoolean,
  readDefaultFalse,
  readNamedBits,
  readObjectIdentifier,
  readSmallInteger,
  readTime,
} from '../../../provider/pki/der_values.ts';
import { encodeObjectIdentifier } from '../../../provider/pki/der_writer.ts';
import { PkiError } from '../../../provider/pki/errors.ts';
import { pkiError } from './fixtures.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const element = (hex: string): DerElement => new DerReader(bytes(hex)).next();
const refuse = (run: () => unknown): void => assert.throws(run, pkiError('der_malformed'));

describe('DerReader', () => {
  it('shares memory with what it reads', () => {
    const source = bytes('3003020105');
    const inner = openSequence(source).next(Tag.integer);
    assert.equal(inner.content.buffer, source.buffer);
    assert.deepEqual(Buffer.from(inner.der), Buffer.from('020105', 'hex'));
  });

  const refusals: [rule: string, hex: string][] = [
    ['nothing at all', ''],
    ['a tag without a length', '30'],
    ['a value shorter than its length', '3003 0201'],
    ['an indefinite length', '3080 0201050000'],
    ['a length in long form that fits in short form', '308103 020105'],
    ['a length with a leading zero octet', '30820003 020105'],
    ['a length of more than four octets', '3085 0000000003 020105'],
    ['a length cut short', '3082 01'],
    ['a length near 2^32', '30 84FFFFFFFF 00'],
    ['a tag number above 30', '1F01 00'],
    ['an octet string in constructed form', '2403 040100'],
    ['an integer in constructed form', '2203 020105'],
    ['the tag of end-of-contents', '0000'],
  ];
  for (const [rule, hex] of refusals) it(`refuses ${rule}`, () => refuse(() => new DerReader(bytes(hex)).next()));

  it('refuses trailing bytes', () => {
    refuse(() => openSequence(bytes('3003020105 00')));
    const inner = openSequence(bytes('3006020105020106'));
    inner.next(Tag.integer);
    refuse(() => inner.finish());
  });

  it('refuses another tag than the one asked for', () =>
    refuse(() => new DerReader(bytes('020105')).next(Tag.sequence)));

  it('refuses to look inside a simple value', () => refuse(() => element('020105').open()));

  it('refuses a tower of sequences before it becomes deep', () => {
    let tower = new Uint8Array();
    for (let level = 0; level < 60; level++) tower = Uint8Array.of(0x30, tower.length, ...tower);
    refuse(() => {
      let reader = new DerReader(tower);
      for (let level = 0; level < 20; level++) reader = reader.next(Tag.sequence).open();
    });
  });

  it('throws nothing but PkiError, and ends, on any bytes', () => {
    const walk = (reader: DerReader): number => {
      let count = 0;
      while (!reader.atEnd) {
        const item = reader.next();
        count += 1;
        if ((item.tag & 0x20) !== 0 || item.tag === Tag.octetString) count += walk(item.open());
      }
      return count;
    };
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), derLike()), (input) => {
        try {
          assert.ok(walk(new DerReader(input)) <= input.length);
        } catch (error) {
          assert.ok(error instanceof PkiError, `${error}`);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

/** Bytes that often look like DER: tags that exist, lengths that are nearly right. */
function derLike(): fc.Arbitrary<Uint8Array> {
  const tag = fc.constantFrom(0x30, 0x31, 0x02, 0x03, 0x04, 0x05, 0x06, 0x17, 0x18, 0xa0, 0x80, 0x24, 0x1f);
  const node: fc.Arbitrary<number[]> = fc.letrec<{ node: number[] }>((tie) => ({
    node: fc
      .tuple(
        tag,
        fc.array(fc.oneof({ maxDepth: 6 }, fc.array(fc.nat(255), { maxLength: 6 }), tie('node')), { maxLength: 3 }),
        fc.constantFrom(0, 0, 0, 0, 1, -1),
      )
      .map(([first, parts, error]) => {
        const content = parts.flat();
        return [first, Math.max(0, content.length + error) & 0xff, ...content];
      }),
  })).node;
  return node.map((octets) => Uint8Array.from(octets));
}

describe('DER values', () => {
  it('reads booleans of one octet that are 00 or FF', () => {
    assert.equal(readBoolean(element('0101FF')), true);
    assert.equal(readBoolean(element('010100')), false);
    for (const hex of ['010101', '0100', '0102FFFF']) refuse(() => readBoolean(element(hex)));
  });

  it('refuses a default that is written out', () => {
    assert.equal(readDefaultFalse(new DerReader(bytes('0101FF'))), true);
    assert.equal(readDefaultFalse(new DerReader(bytes('0500'))), false);
    refuse(() => readDefaultFalse(new DerReader(bytes('010100'))));
  });

  it('refuses integers that are empty, padded, negative or too large', () => {
    assert.equal(readSmallInteger(element('02020080')), 128);
    for (const hex of ['0200', '02020001', '0201FF', '0202FF80', '02050100000000']) {
      refuse(() => readSmallInteger(element(hex)));
    }
    assert.equal(readBigInteger(element('0209 00FFFFFFFFFFFFFFFF'), 20), 2n ** 64n - 1n);
    refuse(() => readBigInteger(element('0203 010000'), 2));
  });

  it('reads object identifiers of any arc and refuses padded or unfinished ones', () => {
    assert.equal(readObjectIdentifier(element('060B 2A83088C9B55080501031E')), '1.2.392.200149.8.5.1.3.30');
    assert.equal(readObjectIdentifier(element('0603 550406')), '2.5.4.6');
    assert.equal(readObjectIdentifier(element('0603 883703')), '2.999.3');
    // A UUID arc (ITU-T X.667), which does not fit into a double.
    assert.equal(
      readObjectIdentifier(element('0614 69 83F09DA7EBCFDEE0C7A1A7B2C0948CC8F9D776')),
      '2.25.329800735698586629295641978511506172918',
    );
    for (const hex of ['0403 550406', '0600', '0603 558006', '0602 5584', `0641${'01'.repeat(65)}`]) {
      refuse(() => readObjectIdentifier(element(hex)));
    }
  });

  it('writes the object identifiers that it reads', () => {
    const arc = fc.nat({ max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(fc.nat(2), fc.nat(39), fc.array(arc, { maxLength: 8 }), (first, second, rest) => {
        const dotted = [first, second, ...rest].join('.');
        assert.equal(readObjectIdentifier(new DerReader(encodeObjectIdentifier(dotted)).next()), dotted);
      }),
    );
  });

  it('refuses named bits with trailing zeros, unused bits that are set, or more than sixteen', () => {
    assert.equal(readNamedBits(element('0302 0780')), 0b1);
    assert.equal(readNamedBits(element('0302 06C0')), 0b11);
    assert.equal(readNamedBits(element('0303 070080')), 1 << 8);
    assert.equal(readNamedBits(element('030100')), 0);
    for (const hex of ['0300', '030101', '0302 0680', '0302 0781', '0302 0880', '0304 00000001', '0302 0700']) {
      refuse(() => readNamedBits(element(hex)));
    }
  });

  it('reads times as Date does, from 1950 to 9999', () => {
    const max = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(0, 0, 1) / 1000, max }), (seconds) => {
        const text = `${new Date(seconds * 1000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
        const generalized = Uint8Array.of(0x18, 15, ...Buffer.from(text));
        assert.equal(readTime(new DerReader(generalized).next()), seconds * 1000);
        const year = Number(text.slice(0, 4));
        if (year < 1950 || year > 2049) return;
        const utc = Uint8Array.of(0x17, 13, ...Buffer.from(text.slice(2)));
        assert.equal(readTime(new DerReader(utc).next()), seconds * 1000);
      }),
    );
  });

  const badTimes = [
    '261301000000Z',
    '260230000000Z',
    '260101240000Z',
    '260101006000Z',
    '260101000060Z',
    '2601010000Z',
    '260101000000+0900',
    '2601010000000',
    '26010100000aZ',
    '260100000000Z',
  ];
  for (const text of badTimes) {
    it(`refuses the time ${text}`, () => {
      refuse(() => readTime(new DerReader(Uint8Array.of(0x17, text.length, ...Buffer.from(text))).next()));
    });
  }

  it('refuses fractions of a second and other types as times', () => {
    refuse(() => readTime(element(`1811${Buffer.from('20260101000000.5Z').toString('hex')}`)));
    refuse(() => readTime(element(`0C0D${Buffer.from('260101000000Z').toString('hex')}`)));
  });

  it('knows leap days', () => {
    const read = (text: string) => readTime(new DerReader(Uint8Array.of(0x18, 15, ...Buffer.from(text))).next());
    assert.equal(read('20240229120000Z'), Date.UTC(2024, 1, 29, 12));
    assert.equal(read('20000229120000Z'), Date.UTC(2000, 1, 29, 12));
    refuse(() => read('21000229120000Z'));
  });
});
