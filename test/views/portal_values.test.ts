import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ShownType, valueBlocks } from '../../views/portal_values.ts';

const label = (ja: string, en: string) => ({ ja, en });
const measured: ShownType = {
  kind: 'list',
  items: {
    kind: 'object',
    members: {
      date: { label: label('受診日', 'Date'), type: { kind: 'text', format: 'date' } },
      weight: { label: label('体重', 'Weight'), type: { kind: 'number', unit: 'kg' } },
      bmi: { label: label('BMI', 'BMI'), type: { kind: 'number', ordinary: { minimum: 18.5, maximum: 24.9 } } },
    },
  },
};

function tables(value: unknown, type: ShownType | undefined, language: 'ja' | 'en' = 'ja') {
  return valueBlocks(value, type, language).blocks.map((block) => {
    assert.equal(block.kind, 'table');
    return block as Extract<typeof block, { kind: 'table' }>;
  });
}

describe('a value that is shown to its person', () => {
  it('is a line: a text, a date as people write it, a word for a code', () => {
    const line = (value: unknown, type?: ShownType, language: 'ja' | 'en' = 'ja') =>
      valueBlocks(value, type, language).blocks;
    const text = (shown: string) => [{ kind: 'text', text: shown }];
    assert.deepEqual(line('1980-01-05', { kind: 'text', format: 'date' }), text('1980年1月5日'));
    assert.deepEqual(line('1980', { kind: 'text', format: 'date' }), text('1980年不明な月不明な日'));
    assert.deepEqual(line('2026-10', { kind: 'text', format: 'month' }), text('2026年10月'));
    const gender: ShownType = { kind: 'text', values: { male: label('男', 'male') } };
    assert.deepEqual(line('male', gender, 'en'), text('male'));
    assert.deepEqual(line('constructor', gender), text('constructor'));
    assert.deepEqual(line(true, { kind: 'boolean' }), text('はい'));
    assert.deepEqual(line(1234, { kind: 'integer', unit: '円' }), text('1,234円'));
    assert.deepEqual(line(1234, { kind: 'integer', unit: '円' }, 'en'), text('1,234 yen'));
    assert.deepEqual(line(undefined, undefined), text('記載なし'));
  });

  it('is the lines of a record, as far as there are any', () => {
    const insurance: ShownType = {
      kind: 'object',
      members: {
        number: { label: label('番号', 'Number'), type: { kind: 'text' } },
        share: { label: label('負担割合', 'Share'), type: { kind: 'text' } },
      },
    };
    assert.deepEqual(valueBlocks({ number: '56', other: 'x' }, insurance, 'ja').blocks, [
      { kind: 'facts', facts: [{ label: '番号', text: '56' }] },
    ]);
  });

  it('is measures side by side, newest first, three at a time, with what is outside the ordinary range marked', () => {
    const years = [2023, 2026, 2024, 2025];
    const value = years.map((year) => ({
      date: `${year}-06-01`,
      weight: year - 1950,
      bmi: { 2023: 18, 2026: 25 }[year] ?? 24,
    }));
    const [newest, older] = tables(value, measured);
    assert.deepEqual(
      newest?.head.map((column) => column.label),
      ['項目', '2026年6月1日', '2025年6月1日', '2024年6月1日', '基準の範囲'],
    );
    const bmi = newest?.rows[1] ?? [];
    assert.deepEqual(
      bmi.map(({ text, mark }) => [text, mark]),
      [
        ['BMI', undefined],
        ['25', '高い'],
        ['24', undefined],
        ['24', undefined],
        ['18.5〜24.9', undefined],
      ],
    );
    assert.deepEqual(older?.rows[1]?.[1], { text: '18', isNumber: true, mark: '低い' });
    assert.equal(valueBlocks(value, measured, 'ja').hasRanges, true);
  });

  it('is shown by what it looks like where no catalogue describes it, and never in full length', () => {
    const [table] = tables([{ month: '2026-10', paid: 5, deep: { a: 1 } }], undefined, 'en');
    assert.deepEqual(
      table?.rows[0]?.map(({ text }) => text),
      ['2026-10', '5', '{"a":1}'],
    );
    const [long] = tables(
      Array.from({ length: 5000 }, (_, paid) => ({ paid })),
      undefined,
    );
    assert.equal(long?.rows.length, 100);
    const [text] = valueBlocks('x'.repeat(100_000), undefined, 'ja').blocks;
    assert.ok(text?.kind === 'text' && text.text.length <= 500);
    assert.deepEqual(valueBlocks([], measured, 'ja').blocks, [{ kind: 'text', text: '記録はありません。' }]);
    assert.deepEqual(valueBlocks('a text', measured, 'ja').blocks, [{ kind: 'text', text: 'a text' }]);
  });
});
