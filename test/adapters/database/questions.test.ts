import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { createAuthorityQuestions } from '../../../provider/status/authority_questions.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const DAY = 86_400_000;
/** Before midnight in London, after it in Japan. */
const NIGHT = Date.parse('2026-11-23T16:00:00Z');

describe(`questions to the authority, on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  let now = NIGHT;
  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, createVault([randomBytes(32)]));
  });
  after(() => test.drop());

  const open = (budget?: number) =>
    createAuthorityQuestions({ storage, budget, clock: () => now, log: { warn() {} }, observe() {} });

  it('are counted by relying party and day in Japan, over processes and restarts', async () => {
    now = NIGHT;
    const [one, two] = [open(), open()];
    for (const questions of [one, two, one]) questions.count({ channel: 'ocsp', outcome: 'asked', clientId: 'rp' });
    one.count({ channel: 'ocsp', outcome: 'remembered', clientId: 'rp' });
    one.count({ channel: 'linkage', outcome: 'asked', clientId: undefined });
    now = NIGHT + DAY;
    two.count({ channel: 'linkage', outcome: 'asked', clientId: 'rp' });
    two.count({ channel: 'latest attributes', outcome: 'asked', clientId: 'rp' });
    await Promise.all([one.stop(), two.stop()]);
    const usage = await open().usage(2);
    assert.deepEqual(usage, [
      { clientId: 'rp', day: '2026-11-25', ocspAsked: 0, ocspRemembered: 0, linkageAsked: 1, attributesAsked: 1 },
      { clientId: '', day: '2026-11-24', ocspAsked: 0, ocspRemembered: 0, linkageAsked: 1, attributesAsked: 0 },
      { clientId: 'rp', day: '2026-11-24', ocspAsked: 3, ocspRemembered: 1, linkageAsked: 0, attributesAsked: 0 },
    ]);
    assert.equal((await open().usage(1)).length, 1);
  });

  it('that could not be written down are written later', async () => {
    let isAway = true;
    const flaky = {
      questions: {
        ...storage.questions,
        add: async (counts: Parameters<typeof storage.questions.add>[0]) => {
          if (isAway) throw new Error('away');
          await storage.questions.add(counts);
        },
      },
    };
    now = NIGHT + 10 * DAY;
    const questions = createAuthorityQuestions({
      ...{ storage: flaky, budget: undefined, clock: () => now },
      log: { warn() {} },
      observe() {},
    });
    questions.count({ channel: 'ocsp', outcome: 'asked', clientId: 'late' });
    assert.deepEqual(await questions.usage(1), []);
    isAway = false;
    questions.count({ channel: 'ocsp', outcome: 'asked', clientId: 'late' });
    assert.equal((await questions.usage(1))[0]?.ocspAsked, 2);
  });

  it('stay within the budget of the day, whoever asks at once', async () => {
    now = NIGHT + 20 * DAY;
    const granted = await Promise.all(Array.from({ length: 20 }, () => open(100).reserve('rp', 9)));
    assert.equal(
      granted.reduce((sum, one) => sum + one, 0),
      100,
    );
    assert.equal(await open(100).reserve('rp', 1), 0);
    assert.equal(await open(100).reserve('other', 1), 1);
    await open(100).giveBack('rp', 5);
    assert.equal(await open(100).reserve('rp', 9), 5);
    now += DAY;
    assert.equal(await open(100).reserve('rp', 9), 9);
    assert.equal(await open().reserve('rp', 1_000_000), 1_000_000, 'none is set');
    assert.equal(await open(0).reserve('rp', 1), 0);
  });
});
