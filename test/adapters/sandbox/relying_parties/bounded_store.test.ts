import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBoundedStore } from '../../../../adapters/sandbox/relying_parties/bounded_store.ts';

describe('a bounded store', () => {
  it('forgets the oldest when it is full, and keeps what was set again', () => {
    const store = createBoundedStore<number>({ clock: () => 0, limit: 2 });
    store.set('a', 1, { expiresAt: 10 });
    store.set('b', 2, { expiresAt: 10 });
    store.set('a', 3, { expiresAt: 10 });
    store.set('c', 4, { expiresAt: 10 });
    assert.deepEqual(
      [...store.entries()],
      [
        ['a', 3],
        ['c', 4],
      ],
    );
  });

  it('forgets what has expired', () => {
    let now = 0;
    const store = createBoundedStore<number>({ clock: () => now, limit: 2 });
    store.set('a', 1, { expiresAt: 10 });
    now = 9;
    assert.equal(store.get('a'), 1);
    now = 10;
    assert.equal(store.get('a'), undefined);
    assert.deepEqual([...store.entries()], []);
  });
});
