import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { der, encodeName, type RelativeName } from '../../../adapters/sandbox/pki/index.ts';
import { foldName } from '../../../provider/pki/name.ts';
import { pkiError } from './fixtures.ts';

const commonName = (value: string) => encodeName([['CN', value]]);

describe('a folded name', () => {
  it('is the same for letter case, spacing, string types and compatible forms', () => {
    const attribute = (value: Buffer) => der.sequence(der.set(der.sequence(der.objectIdentifier('2.5.4.3'), value)));
    const spellings = [
      commonName('Example Hospital'),
      commonName(' EXAMPLE   hospital '),
      commonName('Ｅｘａｍｐｌｅ　Hospital'),
      attribute(der.printableString('example hospital')),
    ];
    for (const spelling of spellings) assert.deepEqual(foldName(spelling), foldName(commonName('example hospital')));
  });

  it('differs where a letter, an attribute or the order of attributes does', () => {
    const names: RelativeName[][] = [
      [['CN', 'a']],
      [['CN', 'b']],
      [['O', 'a']],
      [
        ['O', 'a'],
        ['CN', 'a'],
      ],
      [
        ['CN', 'a'],
        ['O', 'a'],
      ],
    ];
    const folded = names.map((name) => foldName(encodeName(name)).join());
    assert.equal(new Set(folded).size, names.length);
  });

  it('has no value that takes long to bring into order', () => {
    // Each mark under the letter belongs before all marks over it that came first.
    const marks = (octets: number) => `a${'\u0301\u0323'.repeat(octets / 4)}`;
    assert.equal(foldName(commonName(marks(508))).length, 1);
    assert.throws(() => foldName(commonName(marks(512))), pkiError('der_malformed'));
  });

  it('is no longer than a certificate may be', () => {
    const units = (count: number) => encodeName(new Array<RelativeName>(count).fill(['OU', 'x'.repeat(500)]));
    assert.equal(foldName(units(31)).length, 31);
    assert.throws(() => foldName(units(32)), pkiError('der_malformed'));
  });
});
