import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { isStrict, judgeCase, MAX_MS, readCases } from './limbo.ts';
import { type Judged, type Outcome, printTable } from './table.ts';

/** In the extract beside this file, which says where it comes from. */
const ROWS = 137;

describe('x509-limbo', () => {
  let judged: readonly Judged[] = [];
  let outcome: Outcome;
  before(() => {
    judged = readCases(join(import.meta.dirname, 'x509_limbo.json.gz')).map(judgeCase);
    outcome = printTable(judged);
  });

  it('is run whole, and asks for both verdicts', () => {
    assert.equal(judged.length, ROWS);
    for (const expected of ['valid', 'invalid']) assert.ok(judged.some((row) => row.expected === expected));
  });

  it('finds no bad certificate accepted', () => {
    assert.deepEqual(outcome.falseAccepts.map(({ id }) => id).filter(isStrict), []);
  });

  it('gets every answer in time', () => {
    assert.deepEqual(
      judged.filter(({ ms }) => ms > MAX_MS).map(({ id }) => id),
      [],
    );
  });

  it('finds good paths refused only for what the hub means to refuse', () => {
    // A root that has not signed itself cannot be pinned; an authority's certificate is nobody's to sign in with; and
    // the suite counts self-issued authorities out of the depth, where the limit here is on work.
    assert.deepEqual(
      outcome.falseRefusals.map(({ id, reason }) => `${id} ${reason}`),
      [
        'cve::cve-2024-0567 certificate_untrusted',
        'pathlen::validation-ignores-pathlen-in-leaf certificate_is_authority',
        'pathlen::max-chain-depth-1-self-issued path_too_long',
        'rfc5280::ca-as-leaf certificate_is_authority',
        'rfc5280::root-and-intermediate-swapped certificate_untrusted',
      ],
    );
  });
});
