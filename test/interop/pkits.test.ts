import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { PKITS_FOLDER } from '../setup.ts';
import { isSupported, judgeRow, MAX_FALSE_REFUSALS, readOwnRows } from './pkits.ts';
import { type Judged, type Outcome, printTable } from './table.ts';

/** How many tests NIST's suite has for paths. */
const ROWS = 249;

describe('NIST’s Public Key Interoperability Test Suite', () => {
  let judged: readonly Judged[] = [];
  let outcome: Outcome;
  before(() => {
    judged = readOwnRows().map((row) => judgeRow(row, PKITS_FOLDER));
    outcome = printTable(judged);
  });

  it('is run whole, and asks for both verdicts', () => {
    assert.equal(judged.length, ROWS);
    for (const expected of ['valid', 'invalid']) assert.ok(judged.some((row) => row.expected === expected));
  });

  it('finds no bad path accepted', () => {
    assert.deepEqual(
      outcome.falseAccepts.map(({ id }) => id),
      [],
    );
  });

  it('finds hardly a good path refused in what the hub means to support', () => {
    const supported = outcome.falseRefusals.map(({ id }) => id).filter(isSupported);
    assert.ok(supported.length <= MAX_FALSE_REFUSALS, supported.join(', '));
  });
});
