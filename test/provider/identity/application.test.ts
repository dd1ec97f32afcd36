import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applicationText, readApplication } from '../../../provider/identity/application.ts';

const typed = {
  name: '山田　太郎',
  address: '東京都千代田区霞が関９－９－１',
  birth_year: '１９８５',
  birth_month: '3',
  birth_day: '15',
  gender: 'male',
};
const read = (over: Record<string, string> = {}, language: 'ja' | 'en' = 'ja') =>
  readApplication(new URLSearchParams({ ...typed, ...over }), language);
const request = {
  origin: 'https://hub.example',
  nonce: 'n'.repeat(96),
  terms: { version: '2026-11', url: undefined },
};

describe('a form of enrolment', () => {
  it('is taken with digits of any width', () => {
    assert.deepEqual(read().application, {
      ...{ name: typed.name, address: typed.address, birthdate: '1985-03-15', gender: 'male' },
      ...{ language: 'ja', takesOver: false },
    });
  });

  const problems: [string, Record<string, string>, Record<string, string>][] = [
    [
      'nothing at all',
      Object.fromEntries(Object.keys(typed).map((name) => [name, ' '])),
      {
        ...{ name: 'missing', address: 'missing', birthdate: 'missing', gender: 'missing' },
      },
    ],
    ['a year of two digits', { birth_year: '85' }, { birthdate: 'year' }],
    ['a day that there is not', { birth_month: '2', birth_day: '30' }, { birthdate: 'no_date' }],
    ['a month that is none', { birth_month: 'x' }, { birthdate: 'no_date' }],
    ['a sex that the form does not offer', { gender: '1' }, { gender: 'missing' }],
    ['too long a name', { name: '山'.repeat(201) }, { name: 'too_long' }],
    ['a second line', { address: '東京都\n申込先：' }, { address: 'characters' }],
    ['marks that turn the reading direction', { name: '山田\u202e太郎' }, { name: 'characters' }],
    ['a character of private use', { name: '山\ue000' }, { name: 'characters' }],
    ['an invisible letter', { name: '山\u3164' }, { name: 'characters' }],
  ];
  for (const [title, over, expected] of problems) {
    it(`says what is wrong with ${title}`, () => {
      const { problems: found, application } = read(over);
      assert.deepEqual(found, expected);
      assert.equal(application, undefined);
    });
  }

  it('carries back no megabyte', () => {
    assert.ok(read({ name: 'x'.repeat(1_000_000) }).fields.name.length <= 800);
  });
});

describe('the application that is signed', () => {
  for (const language of ['ja', 'en'] as const) {
    it(`says all that was filled in, where it goes and for which request: ${language}`, () => {
      const application = read({ takes_over: 'yes' }, language).application ?? assert.fail();
      const lines = applicationText(application, {
        ...request,
        terms: { version: '7', url: 'https://hub.example' },
      }).split('\n');
      for (const value of [typed.name, typed.address, '1985-03-15']) {
        assert.ok(
          lines.some((line) => line.endsWith(value)),
          value,
        );
      }
      assert.ok(lines.includes(request.origin));
      assert.ok(lines.includes(request.nonce));
      assert.ok(lines.includes('https://hub.example/'));
      const without = applicationText({ ...application, takesOver: false }, request);
      assert.equal(lines.length, without.split('\n').length + 2);
    });
  }

  it('has the same lines whatever is filled in: no field makes a line of its own', () => {
    const count = (over: Record<string, string>) => {
      const { application } = read(over);
      return application && applicationText(application, request).split('\n').length;
    };
    const expected = count({});
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, address) => {
        assert.ok([expected, undefined].includes(count({ name, address })));
      }),
    );
  });

  it('is another for every difference in what was filled in', () => {
    const text = (over: Record<string, string>) => applicationText(read(over).application ?? assert.fail(), request);
    const variants: Record<string, string>[] = [
      {},
      { name: '山田　花子' },
      { address: '北海道' },
      { birth_day: '16' },
      { gender: 'female' },
      { takes_over: 'yes' },
    ];
    const texts = variants.map(text);
    assert.equal(new Set(texts).size, texts.length);
  });
});
