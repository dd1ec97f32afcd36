/** Takes a card's lock and never gives it back: `node hold_lock.ts LOCKFILE`; writes `held` to stdout, then waits to be killed. */
import { writeSync } from 'node:fs';
import { withCardLock } from '../../../adapters/card/card_lock.ts';

await withCardLock(process.argv[2] ?? '', () => {
  writeSync(1, 'held');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
