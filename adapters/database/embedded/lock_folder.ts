import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HubError } from '../../../provider/errors.ts';

/**
 * Takes a folder for this process alone; a second process would corrupt PGlite's files. Returns what gives it free.
 *
 * The lock is the operating system's own on an (empty) SQLite file, the one exclusive file lock that Node has without
 * a native addon: the kernel drops it when the process ends in any way, so that a lock is never stale and there is no
 * moment in which two take over from a dead one.
 *
 * @throws HubError `database_in_use` with the holder's process id in its details
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const holder = join(folder, 'holder.json');
  const lock = new DatabaseSync(join(folder, 'lock'));
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!/locked/.test(error instanceof Error ? error.message : '')) throw error;
    const pid = readHolder(holder);
    throw new HubError(
      'database_in_use',
      503,
      `The database folder is in use by ${pid === undefined ? 'another process' : `process ${pid}`}.`,
      { details: { folder, pid } },
    );
  }
  // Only to name the holder in that message: the lock does not depend on it.
  writeFileSync(holder, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
  return () => lock.close();
}

function readHolder(file: string): number | undefined {
  try {
    const { pid }: { pid?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    return undefined;
  }
}
