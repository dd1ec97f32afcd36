import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Statement } from '../../../adapters/database/database.ts';
import * as statements from '../../../adapters/oidc-store/artefact_statements.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const NOW = 1_800_000_000_000;

/**
 * A hub's connections plan when the table is empty and keep their plans while it grows; the embedded database never
 * gathers statistics that would have them plan again. A join that looks harmless may then read every row, every time.
 */
describe(`a statement planned on an empty table of ${testEngine}`, () => {
  let test: TestDatabase;

  before(async () => {
    test = await openTestDatabase();
  });
  after(() => test.drop());

  const key = randomBytes(32);
  const cases: readonly [Statement, readonly unknown[]][] = [
    [statements.FIND, [key, NOW]],
    [statements.FIND_BY_UID, [key, NOW]],
    [statements.FIND_BY_USER_CODE, [key, NOW]],
    [statements.CONSUME, [key, NOW]],
    [statements.REVOKE_GRANT_OF_CONSUMED, [key, NOW, NOW]],
    [statements.DELETE, [key]],
    [statements.MARK_END, [key, NOW]],
    [statements.FIND_OF_SUBJECT, [key, NOW]],
    [statements.SESSIONS_OF_SUBJECT, [key, NOW]],
    [statements.END, [key, NOW]],
    [statements.saveTogether(0, 1), [NOW, key]],
    [statements.DELETE_BY_GRANT, [key, 'AccessToken']],
  ];
  for (const [statement, values] of cases) {
    it(`reads by an index: ${statement.name}`, async () => {
      const { rows } = await test.database.query<{ 'QUERY PLAN': string }>(
        { name: `explain_${statement.name}`, text: `EXPLAIN ${statement.text}` },
        values,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      assert.match(plan, /oidc_artefact/);
      assert.doesNotMatch(plan, /Seq Scan on oidc_artefact/, plan);
    });
  }
});
