import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBase64 } from '../../../provider/saml/base64.ts';

describe('base64', () => {
  it('has one spelling for its octets', () => {
    assert.deepEqual(readBase64('AAECAw==', 4, 'one'), Buffer.of(0, 1, 2, 3));
    const odd = [
      '',
      'AAECAw',
      'AAECAw=',
      'AAECAw===',
      'AAECAx==',
      'AAEC Aw==',
      '-_-_',
      'AAECAw==AA==',
      '=',
      'A',
      'AA!=',
      'ÀAEC',
    ];
    for (const text of odd) assert.equal(readBase64(text, 100, 'one'), undefined, text);
  });

  it('may have its lines broken where that is usual, by white space of XML only', () => {
    assert.deepEqual(readBase64(' AA\r\nEC\tAw= =\n', 4, 'may_be_broken'), Buffer.of(0, 1, 2, 3));
    assert.equal(readBase64('AA\u00A0EC', 4, 'may_be_broken'), undefined);
    assert.equal(readBase64('AA\vEC', 4, 'may_be_broken'), undefined);
  });

  it('is not longer than is looked at', () => {
    assert.ok(readBase64('AAECAw==', 4, 'one'));
    assert.equal(readBase64('AAECAw==', 3, 'one'), undefined);
    assert.equal(readBase64(`${' '.repeat(1_000_000)}AAEC`, 3, 'may_be_broken'), undefined);
  });
});
