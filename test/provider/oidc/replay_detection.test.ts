import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Provider, { type Adapter } from 'oidc-provider';
import { decideReplaysBySaving, SavedTwice } from '../../../provider/oidc/replay_detection.ts';

/** An engine whose storage finds nothing, as two requests do that look at the same moment; saving is up to the test. */
function engineThatSaves(upsert: Adapter['upsert']): Provider {
  const nothing = async () => undefined;
  const adapter = () => ({
    upsert,
    ...{ find: nothing, findByUid: nothing, findByUserCode: nothing },
    ...{ consume: nothing, destroy: nothing, revokeByGrantId: nothing },
  });
  const engine = new Provider('https://id.example.jp', { adapter, cookies: { keys: ['test'] }, jwks: { keys: [] } });
  decideReplaysBySaving(engine);
  return engine;
}

const isUnique = (engine: Provider, jti: string) =>
  (engine.ReplayDetection as unknown as { unique(iss: string, jti: string, exp: number): Promise<boolean> }).unique(
    'client',
    jti,
    Math.floor(Date.now() / 1000) + 60,
  );

describe('replay detection', () => {
  it('lets one of any number through whose look found nothing, by who saves first', async () => {
    const saved = new Set<string>();
    const engine = engineThatSaves(async (id) => {
      if (saved.has(id)) throw new SavedTwice();
      saved.add(id);
    });
    const answers = await Promise.all(Array.from({ length: 5 }, () => isUnique(engine, 'one')));
    assert.deepEqual(answers.sort(), [false, false, false, false, true]);
    assert.equal(await isUnique(engine, 'other'), true);
  });

  it('takes no other failure for a repetition, or for a first time', async () => {
    const engine = engineThatSaves(() => Promise.reject(new Error('the database is away')));
    await assert.rejects(isUnique(engine, 'one'), /the database is away/);
  });
});
