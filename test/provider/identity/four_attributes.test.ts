import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type FourAttributes as Issued,
  issueSigningCertificate,
  OID,
  otherName,
} from '../../../adapters/sandbox/pki/index.ts';
import { HubError } from '../../../provider/errors.ts';
import { attributesPresent, readFourAttributes } from '../../../provider/identity/four_attributes.ts';
import { parseCertificate } from '../../../provider/pki/index.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { root, userCertificate } from '../pki/fixtures.ts';

const issuer = await root('signing root', { kind: 'signing' });
const taro: Issued = {
  name: '山田　太郎',
  address: '東京都千代田区霞が関９－９－１',
  birthDate: '1985-03-15',
  gender: '1',
};

async function read(attributes: Partial<Issued>, otherNames?: (names: Buffer[]) => Buffer[]) {
  const options = {
    key: await rsaKey('citizen'),
    attributes: { ...taro, ...attributes },
    ...(otherNames && { otherNames }),
  };
  return readFourAttributes(parseCertificate((await issueSigningCertificate(issuer, options)).der));
}

/** The six names of the card's own order with the one of this type exchanged, or left out. */
const exchanged =
  (type: string, ...instead: Buffer[]) =>
  (names: Buffer[]) => {
    const marker = otherName(type, '').subarray(2, 14);
    return names.flatMap((name) => (name.includes(marker) ? instead : [name]));
  };
const text = (type: string, value: string) => exchanged(type, otherName(type, value));

const flags = (length: number, ...substituted: number[]) =>
  Array.from({ length }, (_, index) => substituted.includes(index));

describe('readFourAttributes', () => {
  it('reads what the card has, as it stands', async () => {
    assert.deepEqual(await read({}), {
      name: { text: '山田　太郎', substitutes: flags(5) },
      address: { text: '東京都千代田区霞が関９－９－１', substitutes: flags(15) },
      birthdate: { year: 1985, month: 3, day: 15 },
      gender: 'male',
    });
  });

  it('goes by the identifiers and not by the order, past names that it does not know', async () => {
    const furigana = otherName('1.2.392.200149.8.5.5.7', 'ヤマダ　タロウ');
    const shuffled = await read({}, (names) => [furigana, ...names.toReversed(), furigana]);
    assert.deepEqual(shuffled, await read({}));
  });

  it('counts characters by code point, one outside the basic plane as one', async () => {
    const { name } = await read({ name: '𠮷田　𩸽', nameSubstitutes: '1000' });
    assert.deepEqual(name, { text: '𠮷田　𩸽', substitutes: flags(4, 0) });
  });

  it('knows which characters stand in for others', async () => {
    const { name, address } = await read({ nameSubstitutes: '00010', addressSubstitutes: '000000010000000' });
    assert.deepEqual([name?.substitutes, address?.substitutes], [flags(5, 3), flags(15, 7)]);
  });

  it('takes flags that are not there for none', async () => {
    const { name } = await read({}, exchanged(OID.attributeNameSubstitutes));
    assert.deepEqual(name?.substitutes, flags(5));
  });

  it('reads dates of which parts are not known', async () => {
    const dates = [
      ['319850000', { year: 1985, month: undefined, day: undefined }],
      ['319850300', { year: 1985, month: 3, day: undefined }],
      ['000000229', { year: undefined, month: 2, day: 29 }],
      ['000000000', { year: undefined, month: undefined, day: undefined }],
      ['520200229', { year: 2020, month: 2, day: 29 }],
    ] as const;
    for (const [value, expected] of dates) {
      assert.deepEqual((await read({}, text(OID.attributeDateOfBirth, value))).birthdate, expected, value);
    }
  });

  it('reads every gender that the authority has', async () => {
    const read9 = async (digit: string) => (await read({}, text(OID.attributeGender, digit))).gender;
    assert.deepEqual(await Promise.all(['1', '2', '3', '9'].map(read9)), ['male', 'female', 'unknown', 'unknown']);
  });

  it('finds none in a user certificate, and says which are there', async () => {
    const user = readFourAttributes(parseCertificate((await userCertificate(await root())).der));
    assert.deepEqual(attributesPresent(user), []);
    assert.deepEqual(attributesPresent(await read({})), ['name', 'address', 'birthdate', 'gender']);
    const unknown = await read({ gender: '3' }, (names) => text(OID.attributeDateOfBirth, '000000000')(names));
    assert.deepEqual(attributesPresent(unknown), ['name', 'address', 'birthdate', 'gender']);
    assert.deepEqual(attributesPresent(await read({}, () => [otherName(OID.attributeGender, '1')])), ['gender']);
  });

  const doubled = (type: string, value: string) => (names: Buffer[]) => [...names, otherName(type, value)];
  const refused: [string, (names: Buffer[]) => Buffer[]][] = [
    ['a name twice', doubled(OID.attributeName, '山田　花子')],
    ['the same name twice', doubled(OID.attributeName, taro.name)],
    ['flags twice', doubled(OID.attributeNameSubstitutes, '11111')],
    ['a gender twice', doubled(OID.attributeGender, '2')],
    ['fewer flags than characters', text(OID.attributeNameSubstitutes, '0000')],
    ['more flags than characters', text(OID.attributeNameSubstitutes, '000000')],
    ['flags that are neither 0 nor 1', text(OID.attributeAddressSubstitutes, '000000020000000')],
    ['flags without a text', exchanged(OID.attributeName)],
    ['an empty name', text(OID.attributeName, '')],
    ['a name of 401 characters', text(OID.attributeName, '山'.repeat(401))],
    ['a line break in an address', text(OID.attributeAddress, '東京都\n千代田区')],
    ['a name that is not UTF-8', exchanged(OID.attributeName, badUtf8())],
    ['a gender of none', text(OID.attributeGender, '0')],
    ['a gender in words', text(OID.attributeGender, '男')],
    ['an era that is not there', text(OID.attributeDateOfBirth, '619850315')],
    ['a date without its era', text(OID.attributeDateOfBirth, '19850315')],
    ['full-width digits', text(OID.attributeDateOfBirth, '３１９８５０３１５')],
    ['a month that is not there', text(OID.attributeDateOfBirth, '319851301')],
    ['a day that is not there', text(OID.attributeDateOfBirth, '319850230')],
    ['a leap day in another year', text(OID.attributeDateOfBirth, '319850229')],
  ];
  for (const [what, names] of refused) {
    it(`refuses ${what}, and quotes nothing`, async () => {
      await assert.rejects(read({}, names), (error) => {
        assert.ok(error instanceof HubError);
        assert.equal(error.code, 'attributes_unreadable');
        const told = error.message + JSON.stringify(error.details);
        for (const secret of ['山田', '花子', '1985', '千代田']) assert.ok(!told.includes(secret), told);
        return true;
      });
    });
  }
});

function badUtf8(): Buffer {
  const name = otherName(OID.attributeName, 'ab');
  return Buffer.concat([name.subarray(0, -2), Buffer.of(0xc0, 0x80)]);
}
