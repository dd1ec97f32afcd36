import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readHistoryQuery } from '../../../provider/portal/history_query.ts';

const read = (query: string) => readHistoryQuery(new URLSearchParams(query));

describe('the filter of a history', () => {
  it('is everything where nothing is asked for', () => {
    const { filter, isDateWrong, before } = read('party=&claim=&from=&until=');
    assert.deepEqual(Object.values(filter), [undefined, undefined, undefined, undefined]);
    assert.deepEqual([isDateWrong, before], [false, undefined]);
  });

  it('has days of Japan, the last one whole', () => {
    const { filter } = read('from=2026-11-29&until=2026-11-30');
    assert.equal(filter.from, Date.UTC(2026, 10, 28, 15));
    assert.equal(filter.until, Date.UTC(2026, 10, 30, 15));
  });

  for (const day of ['2026-02-30', '2026-13-01', '26-1-1', 'yesterday', '2026-11-30T00:00']) {
    it(`says that ${day} is no day, and goes by the rest`, () => {
      const { filter, isDateWrong, chosen } = read(`claim=name&from=${day}`);
      assert.deepEqual([filter.from, filter.claim, isDateWrong, chosen.from], [undefined, 'name', true, day]);
    });
  }

  it('is kept in the address of the next page', () => {
    const path = read('party=https%3A%2F%2Fsp.example%2F%3Fa%3Db%26c&from=2026-11-29').pathBefore(7);
    const next = readHistoryQuery(new URL(path, 'http://localhost').searchParams);
    assert.equal(next.filter.clientId, 'https://sp.example/?a=b&c');
    assert.equal(next.chosen.from, '2026-11-29');
    assert.equal(next.before, 7);
  });

  it('takes no place that is no number, and nothing endless', () => {
    for (const before of ['-1', '1e3', '9'.repeat(19), 'x']) assert.equal(read(`before=${before}`).before, undefined);
    assert.equal(read(`party=${'x'.repeat(1025)}`).filter.clientId, undefined);
  });
});
