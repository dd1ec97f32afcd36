import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { HubError } from '../errors.ts';

/** Bytes of `sun_path` that every Unix leaves for the name (104 on BSD and macOS, 108 on Linux), less the final zero. */
const MAX_PATH_BYTES = 100;

/**
 * Where the hub with this data folder takes commands: `control.sock` in the folder; where that name is too long for a
 * socket, a name made from it in a folder of our own below `temporaryFolder`.
 *
 * @throws HubError `control_folder_unsafe` when somebody else could have made that folder
 */
export function controlSocketPath(dataFolder: string, temporaryFolder = '/tmp'): string {
  const path = join(resolve(dataFolder), 'control.sock');
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
  const { uid } = userInfo();
  const folder = join(temporaryFolder, `musubi-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Anybody may make folders there: one that is not ours alone could lead our commands to somebody else.
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new HubError(
      'control_folder_unsafe',
      500,
      `${folder} is open to others. Remove it, or shorten the data folder.`,
    );
  }
  return join(folder, `${createHash('sha256').update(path).digest('hex').slice(0, 24)}.sock`);
}
