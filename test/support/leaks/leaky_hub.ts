/** A test file that leak_guard.test.ts runs: to its guard, words that every hub writes are somebody's name. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startTestHub } from '../hub.ts';
import { guard } from './leak_guard.ts';

it('says that all is well', async () => {
  for (const word of ['the hub answers', 'process_cpu_seconds_total', '0001_subject.ts', 'authorization_endpoint']) {
    guard.secrets.name(word);
  }
  const hub = await startTestHub();
  try {
    const answer = await fetch(`${hub.issuer}/.well-known/openid-configuration`);
    assert.equal(answer.status, 200);
    await answer.text();
  } finally {
    await hub.stop();
  }
});
