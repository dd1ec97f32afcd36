import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { createProviderKeys } from '../../../provider/attributes/providers/provider_keys.ts';
import { ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import { UnknownKey } from '../../../provider/attributes/providers/signed_answer.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const JWKS_URI = 'https://kenpo.example/jwks';

describe('keys that a provider publishes', () => {
  let publicKey: JWK;
  let now: number;
  let published: unknown;
  let fetched: string[];
  let keys: ReturnType<typeof createProviderKeys>;

  before(async () => {
    publicKey = await exportJWK((await generateKeyPair('ES256')).publicKey);
  });
  beforeEach(() => {
    now = NOW;
    fetched = [];
    publish('1');
    const source = {
      async fetch(url: string) {
        fetched.push(url);
        if (published === undefined) throw new ProviderSilent('status_503');
        return published;
      },
    };
    keys = createProviderKeys({ source, clock: () => now });
  });

  function publish(...kids: string[]): void {
    published = { keys: kids.map((kid) => ({ ...publicKey, kid, alg: 'ES256' })) };
  }
  const find = async (kid: string, jwksUri = JWKS_URI) => keys.of({ id: 'kenpo', jwksUri })({ alg: 'ES256', kid });
  const isSilent = (code: string) => (error: unknown) => error instanceof ProviderSilent && error.code === code;

  it('are fetched once for many answers, and anew after ten minutes', async () => {
    await Promise.all([find('1'), find('1')]);
    assert.deepEqual(fetched, [JWKS_URI]);
    publish('2');
    now += 10 * MINUTE;
    await find('2');
    await assert.rejects(find('1'), UnknownKey);
    assert.equal(fetched.length, 2);
  });

  it('are looked at again for one that nobody knows, once a minute at most', async () => {
    await find('1');
    publish('1', '2');
    await assert.rejects(find('2'), UnknownKey);
    now += MINUTE;
    await find('2');
    for (let times = 0; times < 3; times += 1) {
      await assert.rejects(find('3'), UnknownKey);
    }
    assert.equal(fetched.length, 2);
  });

  it('hold for a day while their address does not answer, asked once a minute', async () => {
    await find('1');
    published = undefined;
    now += 10 * MINUTE;
    for (let times = 0; times < 3; times += 1) await find('1');
    assert.equal(fetched.length, 2);
    now = NOW + 24 * HOUR - 1;
    await find('1');
    now += 1;
    await assert.rejects(find('1'), isSilent('keys_unavailable'));
    publish('1');
    await find('1');
  });

  it('are none when there are none, or what is there is no set of keys', async () => {
    for (const nothing of [undefined, [], { keys: 'none' }, { keys: [{}] }, { keys: Array(101).fill({ kty: 'EC' }) }]) {
      published = nothing;
      await assert.rejects(find('1'), isSilent('keys_unavailable'));
    }
  });

  it('of another address are others, at once', async () => {
    await find('1');
    publish('2');
    await find('2', 'https://kenpo.example/other');
    assert.deepEqual(fetched, [JWKS_URI, 'https://kenpo.example/other']);
  });
});
