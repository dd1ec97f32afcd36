import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { createVault } from '../../../adapters/database/encryption.ts';
import { type ChallengeBinding, createChallenges } from '../../../provider/authentication/challenge.ts';
import { systemRandom } from '../../../provider/world.ts';

const LIFETIME = 300_000;
const MASTER_KEY = randomBytes(32);
const binding: ChallengeBinding = { origin: 'https://hub.example', session: 'session', purpose: 'sign-in' };

function newHub(masterKey = MASTER_KEY) {
  const world = { now: 1_800_000_000_000, spent: new Set<string>() };
  const challenges = createChallenges({
    store: {
      async spend(nonceHash) {
        const key = Buffer.from(nonceHash).toString('hex');
        return !world.spent.has(key) && world.spent.add(key) !== undefined;
      },
      sweep: async () => 0,
    },
    vault: createVault([masterKey]),
    clock: () => world.now,
    random: systemRandom,
    lifetime: LIFETIME,
  });
  return { world, ...challenges };
}

describe('a challenge', () => {
  it('is answered once, with a nonce that Web eID takes', async () => {
    const hub = newHub();
    const { nonce } = hub.issue(binding);
    assert.ok(nonce.length >= 44 && nonce.length <= 128);
    await hub.spend(nonce, binding);
    await assert.rejects(hub.spend(nonce, binding), { code: 'challenge_spent' });
  });

  it('stores nothing until it is answered', () => {
    const hub = newHub();
    assert.notEqual(hub.issue(binding).nonce, hub.issue(binding).nonce);
    assert.equal(hub.world.spent.size, 0);
  });

  it('may be answered at any process of the hub, and at no other hub', async () => {
    const { nonce } = newHub().issue(binding);
    await newHub().spend(nonce, binding);
    await assert.rejects(newHub(randomBytes(32)).spend(nonce, binding), { code: 'challenge_unknown' });
  });

  it('ends at its time, and before that costs the store nothing more', async () => {
    const hub = newHub();
    const { nonce, expiresAt } = hub.issue(binding);
    assert.equal(expiresAt, hub.world.now + LIFETIME);
    hub.world.now = expiresAt;
    await assert.rejects(hub.spend(nonce, binding), { code: 'challenge_expired' });
    assert.equal(hub.world.spent.size, 0);
    hub.world.now = expiresAt - 1;
    await hub.spend(nonce, binding);
  });

  for (const other of [
    { session: 'other' },
    { session: 'sessio' },
    { origin: 'https://hub.example.' },
    { origin: 'https://hub.example","session' },
  ]) {
    it(`is spent and of no use with ${JSON.stringify(other)}`, async () => {
      const hub = newHub();
      const { nonce } = hub.issue(binding);
      await assert.rejects(hub.spend(nonce, { ...binding, ...other }), { code: 'challenge_wrong_session' });
      await assert.rejects(hub.spend(nonce, binding), { code: 'challenge_spent' });
    });
  }

  it('is unknown when any octet of it is another, and leaves no note', async () => {
    const hub = newHub();
    const bytes = Buffer.from(hub.issue(binding).nonce, 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      await assert.rejects(hub.spend(changed.toString('base64'), binding), { code: 'challenge_unknown' });
    }
    assert.equal(hub.world.spent.size, 0);
  });
});
