import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/**
 * Locks `path` against every other process, and every other call in this one, until `release`; null when somebody
 * holds it. An SQLite write transaction is a lock that the operating system drops when its holder dies, however it
 * dies: no stale file has to be judged by a process id, which another process may have taken over.
 */
export function tryLock(path: string): { release(): void } | null {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null;
    throw error;
  }
  return { release: () => database.close() };
}
