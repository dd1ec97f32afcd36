import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Context } from 'koa';
import { HubError } from '../../../provider/errors.ts';
import { addressGroup } from '../../../provider/operations/client_address.ts';
import { createRateLimit, rateLimit } from '../../../provider/operations/rate_limit.ts';

const settings = { requests: 3, window: 60_000, trackedAddresses: 100 };

function heldClock() {
  let now = 1_000_000;
  const clock = () => now;
  return Object.assign(clock, {
    pass(milliseconds: number) {
      now += milliseconds;
    },
  });
}

describe('a rate limit', () => {
  it('lets the first requests of a window pass and refuses the rest until it ends', () => {
    const clock = heldClock();
    const limit = createRateLimit(settings, clock);
    assert.deepEqual(
      [1, 2, 3].map(() => limit.count('a')),
      [undefined, undefined, undefined],
    );
    assert.equal(limit.count('a'), 60);
    clock.pass(59_500);
    assert.equal(limit.count('a'), 1);
    clock.pass(500);
    assert.equal(limit.count('a'), undefined);
  });

  it('is not prolonged by trying again', () => {
    const clock = heldClock();
    const limit = createRateLimit(settings, clock);
    for (let second = 0; second < 60; second += 1) {
      limit.count('a');
      clock.pass(1000);
    }
    assert.equal(limit.count('a'), undefined);
  });

  it('counts every key for itself', () => {
    const limit = createRateLimit(settings, heldClock());
    for (let index = 0; index < 4; index += 1) limit.count('a');
    assert.equal(limit.count('b'), undefined);
  });

  it('holds a bounded number of keys, and frees them when their windows end', () => {
    const clock = heldClock();
    const limit = createRateLimit(settings, clock);
    for (let index = 0; index < 10_000; index += 1) limit.count(`address ${index}`);
    assert.ok(limit.size <= settings.trackedAddresses + 64, String(limit.size));
    clock.pass(60_000);
    limit.count('a');
    assert.equal(limit.size, 1);
  });

  it('still limits those who come while the memory is full', () => {
    const limit = createRateLimit(settings, heldClock());
    for (let index = 0; index < settings.trackedAddresses; index += 1) limit.count(`address ${index}`);
    const results = Array.from({ length: 10_000 }, (_, index) => limit.count(`latecomer ${index}`));
    assert.equal(results.filter((seconds) => seconds === undefined).length, 64 * settings.requests);
  });

  it('answers 429 with Retry-After’s seconds, counted by address group', async () => {
    const middleware = rateLimit(createRateLimit(settings, heldClock()));
    const ask = (clientAddress: string) =>
      middleware({ state: { clientAddress } } as unknown as Context, () => Promise.resolve());
    for (const last of ['1', '2', '3']) await ask(`2001:db8:1:2::${last}`);
    await assert.rejects(Promise.resolve(ask('2001:db8:1:2:ffff::')), (error) => {
      assert.ok(error instanceof HubError);
      assert.deepEqual([error.code, error.status, error.retryAfter], ['too_many_requests', 429, 60]);
      return true;
    });
    await ask('2001:db8:1:3::1');
  });

  it('counts only the requests that it applies to', async () => {
    const limit = createRateLimit({ ...settings, requests: 1 }, heldClock());
    const middleware = rateLimit(limit, (ctx) => ctx.method === 'POST');
    for (const method of ['GET', 'GET', 'POST']) {
      await middleware({ method, state: { clientAddress: '192.0.2.1' } } as unknown as Context, () =>
        Promise.resolve(),
      );
    }
    assert.equal(limit.count('192.0.2.1'), 60);
  });
});

describe('the group of an address', () => {
  for (const [address, group] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['', ''],
  ] as const) {
    it(`of ${address || 'nothing'} is ${group || 'nothing'}`, () => assert.equal(addressGroup(address), group));
  }

  it('is the same for all addresses of a /64, however they are spelled', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.tuple(group, group, group, group), fc.tuple(group, group, group, group), (network, host) => {
        const spelled = [...network, ...host].map((each) => each.toString(16)).join(':');
        const compressed = new URL(`http://[${spelled}]`).hostname.slice(1, -1);
        assert.equal(addressGroup(compressed), `${network.map((each) => each.toString(16)).join(':')}::/64`);
      }),
    );
  });
});
