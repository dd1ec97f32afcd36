import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent, AuditLog } from '../../../provider/audit/audit_log.ts';
import { createAuditQueue } from '../../../provider/audit/group_commit.ts';

const event = (actor: string): AuditEvent => ({ kind: 'revocation.decided', actor });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A log whose appends end when the test says so. */
function heldLog() {
  const appends: { actors: string[]; end(error?: Error): void }[] = [];
  const log: Pick<AuditLog, 'appendAll'> = {
    appendAll: (events) =>
      new Promise((resolve, reject) => {
        appends.push({
          actors: events.map((each) => each.event.actor),
          end: (error) => (error ? reject(error) : resolve()),
        });
      }),
  };
  return { appends, queue: createAuditQueue(log) };
}

describe('the queue before the audit log', () => {
  it('sends an event at once when nothing is under way', () => {
    const { appends, queue } = heldLog();
    void queue.append(event('a'), 1);
    assert.deepEqual(appends[0]?.actors, ['a']);
  });

  it('sends what arrived meanwhile together, in its order', async () => {
    const { appends, queue } = heldLog();
    const all = ['a', 'b', 'c'].map((actor) => queue.append(event(actor), 1));
    assert.equal(appends.length, 1);
    appends[0]?.end();
    await all[0];
    await turn();
    assert.deepEqual(appends[1]?.actors, ['b', 'c']);
    appends[1]?.end();
    await Promise.all(all);
  });

  it('sends no more than a hundred together', async () => {
    const { appends, queue } = heldLog();
    const all = Array.from({ length: 251 }, (_, i) => queue.append(event(`${i}`), 1));
    for (let append = 0; append < 4; append++) {
      appends[append]?.end();
      await turn();
    }
    await Promise.all(all);
    assert.deepEqual(
      appends.map(({ actors }) => actors.length),
      [1, 100, 100, 50],
    );
  });

  it('does not say that an event is recorded before it is', async () => {
    const { appends, queue } = heldLog();
    let recorded = false;
    const done = queue.append(event('a'), 1).then(() => {
      recorded = true;
    });
    await turn();
    assert.equal(recorded, false);
    appends[0]?.end();
    await done;
  });

  it('tells everybody whose event was lost, and goes on with the others', async () => {
    const { appends, queue } = heldLog();
    const [first, ...others] = ['a', 'b', 'c'].map((actor) => queue.append(event(actor), 1));
    const refused = others.map((lost) => assert.rejects(lost, /still away/));
    appends[0]?.end(new Error('away'));
    await assert.rejects(first ?? Promise.resolve(), /away/);
    await turn();
    appends[1]?.end(new Error('still away'));
    await Promise.all(refused);
    await turn();
    const later = queue.append(event('d'), 1);
    appends[2]?.end();
    await later;
  });

  it('flushes what is waiting', async () => {
    const { appends, queue } = heldLog();
    await queue.flush();
    const all = ['a', 'b'].map((actor) => queue.append(event(actor), 1));
    let flushed = false;
    const flush = queue.flush().then(() => {
      flushed = true;
    });
    appends[0]?.end();
    await all[0];
    await turn();
    assert.equal(flushed, false);
    appends[1]?.end();
    await flush;
  });
});
