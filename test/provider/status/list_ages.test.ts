import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { createListAges } from '../../../provider/status/list_ages.ts';

const NOW = 1_800_000_000_000;
const NAME = Buffer.from('authority');
const issuer = (id: string, notAfter = NOW + 1) => ({ id, name: NAME, notAfter });

async function agesOf(
  followed: Record<string, number>,
  fresh: readonly string[],
  issuers = [issuer('a')],
): Promise<readonly { asOf: number | undefined; isFresh: boolean }[]> {
  const ages = createListAges({
    issuers,
    followed: async () =>
      new Map(Object.entries(followed).map(([series, thisUpdate]) => [series, { number: 1n, thisUpdate }])),
    fresh: () => new Set(fresh),
    clock: () => NOW,
  });
  const read = await ages.read();
  for (const { issuerHash } of read) assert.deepEqual(issuerHash, createHash('sha256').update(NAME).digest());
  return read.map(({ asOf, isFresh }) => ({ asOf, isFresh }));
}

describe('how old the recorded state is', () => {
  it('is as old as the list of everything that was followed', async () => {
    assert.deepEqual(await agesOf({ 'a:full': 7, 'a:part': 3, 'b:full': 1 }, ['a:full']), [{ asOf: 7, isFresh: true }]);
  });

  it('is as old as the oldest list, where there are lists of parts only', async () => {
    assert.deepEqual(await agesOf({ 'a:one': 7, 'a:two': 3 }, ['a:one']), [{ asOf: 3, isFresh: false }]);
  });

  it('is as old as that of the generation that was followed least, of roots that are in date', async () => {
    const followed = { 'a:full': 7, 'b:full': 3, 'c:full': 1 };
    const issuers = [issuer('a'), issuer('b'), issuer('c', NOW - 1)];
    assert.deepEqual(await agesOf(followed, ['a:full', 'b:full'], issuers), [{ asOf: 3, isFresh: true }]);
  });

  it('is not known of an issuer none of whose lists was followed', async () => {
    assert.deepEqual(await agesOf({ 'ab:full': 1 }, ['ab:full']), [{ asOf: undefined, isFresh: false }]);
  });
});
