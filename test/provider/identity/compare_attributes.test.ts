import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type ComparisonReason,
  compareAttributes,
  type TypedAttributes,
  type Verdict,
} from '../../../provider/identity/compare_attributes.ts';
import type { FourAttributes, RegisteredText } from '../../../provider/identity/four_attributes.ts';
import { commonFormOf } from '../../../provider/identity/variant_characters.ts';

const registered: FourAttributes = {
  name: text('山田　太郎'),
  address: text('東京都千代田区霞が関９－９－１'),
  birthdate: { year: 1985, month: 3, day: 15 },
  gender: 'male',
};
const typed: TypedAttributes = {
  name: '山田　太郎',
  address: '東京都千代田区霞が関９－９－１',
  birthdate: '1985-03-15',
  gender: 'male',
};

function text(value: string, flags?: string): RegisteredText {
  return { text: value, substitutes: Array.from(value, (_, index) => flags?.[index] === '1') };
}

type Text = 'name' | 'address';
const compared = (attribute: Text, certificate: RegisteredText, form: string) =>
  compareAttributes({ ...registered, [attribute]: certificate }, { ...typed, [attribute]: form })[attribute];
const verdictOf = (attribute: Text, certificate: string, form: string, flags?: string) =>
  compared(attribute, text(certificate, flags), form).verdict;

describe('compareAttributes', () => {
  it('finds what was typed as it is registered the same, and says so of each attribute', () => {
    const identical = { verdict: 'same', reason: 'identical' };
    assert.deepEqual(compareAttributes(registered, typed), {
      ...{ name: identical, address: identical, birthdate: identical, gender: identical },
    });
  });

  it('knows nothing of what is not registered or not typed', () => {
    const nothing: FourAttributes = { name: undefined, address: undefined, birthdate: undefined, gender: undefined };
    const empty = { name: '　', address: '', birthdate: ' ', gender: '' };
    const reasons = (comparisons: ReturnType<typeof compareAttributes>) =>
      Object.values(comparisons).map(({ verdict, reason }) => `${verdict} ${reason}`);
    assert.deepEqual(reasons(compareAttributes(nothing, typed)), Array(4).fill('unknown not_registered'));
    assert.deepEqual(reasons(compareAttributes(registered, empty)), Array(4).fill('unknown not_typed'));
  });
});

const names: [certificate: string, form: string, verdict: Verdict][] = [
  ['山田　太郎', '山田太郎', 'same'],
  ['山田　太郎', '山田 太郎', 'same'],
  ['山田　太郎', ' 山田\t太郎　', 'same'],
  ['髙橋　次郎', '高橋　次郎', 'same'],
  ['高橋　次郎', '髙橋　次郎', 'same'],
  ['渡邊　惠子', '渡辺 恵子', 'same'],
  ['渡邉　恵子', '渡邊　恵子', 'same'],
  ['神田　正', '\ufa19田　正', 'same'],
  ['葛󠄀城　花', '葛城　花', 'same'],
  ['ＳＭＩＴＨ　ＪＯＨＮ', 'Smith John', 'same'],
  ['マリー', 'ﾏﾘｰ', 'same'],
  ['マリー', 'マリ-', 'same'],
  ['ガルシア', 'カ\u3099ルシア', 'same'],
  ['斉藤　一', '斎藤　一', 'different'],
  ['山田　太郎', '山田　大郎', 'different'],
  ['山田　太郎', '田山　太郎', 'different'],
  ['山田　太郎', '山田', 'different'],
  ['山田　太郎', '山田　太郎郎', 'different'],
  ['山田　太郎', 'やまだ　たろう', 'different'],
];

describe('a name', () => {
  for (const [certificate, form, verdict] of names) {
    it(`registered as ${certificate} and typed as ${form} is ${verdict}`, () => {
      assert.equal(verdictOf('name', certificate, form), verdict);
    });
  }

  it('written otherwise is told apart from one that is identical', () => {
    assert.equal(compared('name', text('髙橋　次郎'), '高橋次郎').reason, 'written_otherwise');
  });

  it('with a substituted character is nothing that can be told, whatever stands there', () => {
    const tanaka = text('田中　吉恵', '00010');
    for (const form of ['田中　吉恵', '田中𠮷恵', '田中　〓恵', '田中　義恵']) {
      assert.deepEqual(compared('name', tanaka, form), { verdict: 'unknown', reason: 'substitute_characters' });
    }
    for (const form of ['田中　吉子', '中田　吉恵', '田中　恵', '田中　吉吉恵']) {
      assert.equal(compared('name', tanaka, form).verdict, 'different', form);
    }
  });

  it('longer than any is not even looked at', () => {
    assert.equal(compared('name', text('山'), '\u0301'.repeat(1_000_000)).reason, 'too_long');
  });
});

const addresses: [certificate: string, form: string, verdict: Verdict][] = [
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞が関9-9-1', 'same'],
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞が関９ー９ー１', 'same'],
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞が関9丁目9番1号', 'same'],
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞ヶ関九丁目９番地１', 'same'],
  ['東京都千代田区霞が関９－９－１', '〒100-0013 東京都千代田区霞が関9-9-1', 'same'],
  ['東京都千代田区霞が関９－９－１', '東京都 千代田区 霞が関 9 - 9 - 1', 'same'],
  ['東京都千代田区一丁目１番地', '東京都千代田区1-1', 'same'],
  ['東京都千代田区二十三丁目１２番', '東京都千代田区23-12', 'same'],
  ['東京都清瀬市中里九丁目１２３番地の４', '東京都清瀬市中里9-123-4', 'same'],
  ['東京都清瀬市中里９丁目１２３の４', '東京都清瀬市中里9-123-4', 'same'],
  ['東京都千代田区三番町９', '東京都千代田区三番町9番地', 'same'],
  ['東京都港区麻布十番９－１', '東京都港区麻布十番9丁目1', 'same'],
  ['東京都千代田区霞が関９－９－１　霞タワー１０１号室', '東京都千代田区霞が関9-9-1霞ﾀﾜｰ101', 'same'],
  ['東京都千代田区霞が関９－９－１－１０１', '東京都千代田区霞が関9-9-1 101', 'same'],
  ['東京都千代田区霞が関９－９－１　Ａ－１０１', '東京都千代田区霞が関9-9-1 a101', 'same'],
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞が関99-1', 'different'],
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞が関9-91', 'different'],
  ['東京都千代田区霞が関９－９－１', '東京都千代田区霞が関9-9-2', 'different'],
  ['東京都千代田区霞が関９－９－１', '千代田区霞が関9-9-1', 'different'],
  ['東京都千代田区霞が関９－９－１１', '東京都千代田区霞が関9-9-1 1', 'different'],
  ['東京都千代田区三番町９', '東京都千代田区二番町9', 'different'],
  ['東京都千代田区一丁目２番', '東京都千代田区二丁目1番', 'different'],
  ['東京都港区麻布タワー１', '東京都港区麻布タワ1', 'different'],
];

describe('an address', () => {
  for (const [certificate, form, verdict] of addresses) {
    it(`registered as ${certificate} and typed as ${form} is ${verdict}`, () => {
      assert.equal(verdictOf('address', certificate, form), verdict);
    });
  }

  it('has a substituted character beside what is written in several ways', () => {
    const flagged = text('神奈川県鎌倉市扇ガ谷９－６－１', '000000010000000');
    for (const form of ['神奈川県鎌倉市扇が谷9-6-1', '神奈川県鎌倉市扇ヶ谷九丁目6番1号']) {
      assert.equal(compared('address', flagged, form).reason, 'substitute_characters', form);
    }
    assert.equal(compared('address', flagged, '神奈川県鎌倉市扇が谷9-6-2').verdict, 'different');
  });
});

describe('a date of birth', () => {
  const dates: [string, Verdict, ComparisonReason][] = [
    ['1985-03-15', 'same', 'identical'],
    ['1985/3/15', 'same', 'identical'],
    ['１９８５年３月１５日', 'same', 'identical'],
    [' 1985.03.15 ', 'same', 'identical'],
    ['1985-03-16', 'different', 'differs'],
    ['1985-15-03', 'different', 'differs'],
    ['昭和60年3月15日', 'different', 'no_date'],
    ['19850315', 'different', 'no_date'],
    ['1'.repeat(100_000), 'different', 'too_long'],
  ];
  for (const [form, verdict, reason] of dates) {
    it(`typed as ${form.slice(0, 20)} is ${verdict}: ${reason}`, () => {
      assert.deepEqual(compareAttributes(registered, { ...typed, birthdate: form }).birthdate, { verdict, reason });
    });
  }

  it('of which parts are not known differs in the parts that are', () => {
    const partly = { ...registered, birthdate: { year: 1985, month: undefined, day: undefined } };
    assert.deepEqual(compareAttributes(partly, typed).birthdate, { verdict: 'unknown', reason: 'partly_registered' });
    assert.equal(compareAttributes(partly, { ...typed, birthdate: '1986-03-15' }).birthdate.verdict, 'different');
  });
});

describe('a gender', () => {
  it('is the same or another; one that is not known is neither', () => {
    assert.equal(compareAttributes(registered, { ...typed, gender: 'female' }).gender.verdict, 'different');
    assert.equal(compareAttributes({ ...registered, gender: 'unknown' }, typed).gender.reason, 'not_registered');
  });
});

/* Properties: what can be rewritten without a difference, and what cannot. */

const kanji = fc.integer({ min: 0x4e00, max: 0x9fa5 }).map((point) => String.fromCodePoint(point));
const kanjiText = fc.array(kanji, { minLength: 1, maxLength: 12 });
const places = fc.array(fc.constantFrom('東', '京', '都', '霞', '谷', '区', '町', '中', '里'), {
  minLength: 2,
  maxLength: 9,
});
const numbers = fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 2, maxLength: 4 });
const dash = fc.constantFrom(...'-‐‑‒–—―−－─━ーｰ');
const space = fc.constantFrom('', ' ', '　', '\u00a0', '\u2003', '\u200b');
const fullWidth = (digits: string) => digits.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));

describe('whatever is typed', () => {
  it('as it is registered is the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (value) => {
        for (const attribute of ['name', 'address'] as const) {
          const { reason } = compared(attribute, text(value), value);
          assert.ok(reason === 'identical' || reason === 'not_typed', reason);
        }
      }),
    );
  });

  it('is compared either way with one verdict, and throws nothing', () => {
    const any = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(fc.constantFrom<Text>('name', 'address'), any, any, (attribute, left, right) => {
        const verdicts = [verdictOf(attribute, left, right), verdictOf(attribute, right, left)];
        if (!verdicts.includes('unknown')) assert.equal(verdicts[0], verdicts[1]);
        compareAttributes(registered, { name: left, address: right, birthdate: left, gender: right });
      }),
    );
  });

  it('with spaces anywhere in a name is the same name', () => {
    fc.assert(
      fc.property(kanjiText, fc.array(space, { maxLength: 12 }), (characters, between) => {
        const form = characters.map((character, index) => character + (between[index] ?? '')).join('');
        assert.equal(verdictOf('name', characters.join(''), form), 'same');
      }),
    );
  });

  it('with any dash, width of digits or units is the same address', () => {
    const division = fc.oneof(dash, fc.constantFrom('丁目', '番地', '番', '号', '番地の', 'の', ' '));
    fc.assert(
      fc.property(
        places,
        numbers,
        fc.array(division, { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        (place, parts, divisions, wide) => {
          const written = parts
            .map((part, index) => `${part}${index < parts.length - 1 ? divisions[index] : ''}`)
            .join('');
          const certificate = `${place.join('')}${fullWidth(parts.join('－'))}`;
          assert.equal(
            verdictOf('address', certificate, `${place.join('')}${wide ? fullWidth(written) : written}`),
            'same',
          );
        },
      ),
    );
  });

  it('with another number in it is another address', () => {
    fc.assert(
      fc.property(places, numbers, numbers, (place, left, right) => {
        fc.pre(left.join('-') !== right.join('-'));
        const [certificate, form] = [left, right].map((parts) => `${place.join('')}${parts.join('-')}`);
        assert.equal(verdictOf('address', certificate ?? '', form ?? ''), 'different');
      }),
    );
  });

  it('with another character in it is another name, unless both are forms of one', () => {
    fc.assert(
      fc.property(kanjiText, kanji, fc.nat(), (characters, other, place) => {
        const at = place % characters.length;
        const form = characters.with(at, other);
        const isVariant = commonFormOf(other) === commonFormOf(characters[at] ?? '');
        assert.equal(verdictOf('name', characters.join(''), form.join('')), isVariant ? 'same' : 'different');
      }),
    );
  });

  it('in the place of substituted characters cannot be told; elsewhere it can', () => {
    fc.assert(
      fc.property(
        kanjiText,
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        kanjiText,
        (characters, flags, others) => {
          const flagged = characters.map((_, index) => (flags[index] ? '1' : '0')).join('');
          fc.pre(flagged.includes('1'));
          const form = characters.map((character, index) => (flags[index] ? (others[index] ?? character) : character));
          assert.equal(verdictOf('name', characters.join(''), form.join(''), flagged), 'unknown');
          const plain = flagged.indexOf('0');
          fc.pre(plain !== -1 && form[plain] !== '〇');
          assert.equal(verdictOf('name', characters.join(''), form.with(plain, '〇').join(''), flagged), 'different');
        },
      ),
    );
  });
});
