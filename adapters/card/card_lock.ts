import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { CardError } from './card_errors.ts';

/** Milliseconds between two looks at a lock that another process holds; the work under it takes a few. */
const RETRY_EVERY = 5;
/** Milliseconds after which the other process must have stopped in a debugger: better an error than a hanging page. */
const GIVE_UP_AFTER = 5_000;
const SQLITE_BUSY = 5;

/**
 * Runs `work` while no other process, and no other call in this one, holds the lock at `path`.
 *
 * Node has no flock. An SQLite write transaction on an empty file is one: the operating system drops it when its holder
 * dies, however it dies, so that no stale lock file has to be judged by age or process id, which two waiters can get
 * wrong at once. `work` is synchronous, so that nothing else in this process runs while the lock is held.
 *
 * @throws CardError `card_busy` when the lock is not free within five seconds.
 */
export async function withCardLock<T>(path: string, work: () => T): Promise<T> {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever written; without this the lock would still create and delete a journal file each time.
    lock.exec('PRAGMA journal_mode = MEMORY');
    await acquire(lock);
    return work();
  } finally {
    lock.close();
  }
}

async function acquire(lock: DatabaseSync): Promise<void> {
  for (let waited = 0; !tryBegin(lock); waited += RETRY_EVERY) {
    if (waited >= GIVE_UP_AFTER) throw new CardError('card_busy', { retryAfter: 5 });
    await delay(RETRY_EVERY);
  }
}

function tryBegin(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
