import { closeSync, fsyncSync, linkSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { HubError } from '../../provider/errors.ts';
import { type Random, systemRandom } from '../../provider/world.ts';

const KEY_BYTES = 32;
const KEY_SHAPE = /^[A-Za-z0-9+/]{43}=$/;
/** Far more keys than anybody rotates through; a wrong file is noticed before it is read. */
const MAX_FILE_BYTES = 16_384;

/**
 * Reads the master keys for `createVault`: one a line, 32 bytes in base64, oldest first (add the next one at the end).
 * With `create`, a missing file is made with one new key, readable by its owner only; if two processes do so at once,
 * both get the same key.
 *
 * @throws HubError `master_key_missing`, `master_key_invalid`, or `master_key_exposed` when others than the file's
 *   owner and group may read it
 */
export function loadMasterKeys(
  file: string,
  options: { readonly create?: boolean; readonly random?: Random } = {},
): readonly Uint8Array[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) {
    if (!options.create) throw refused('master_key_missing', file, 'There is no master key file');
    createFile(file, options.random ?? systemRandom);
    return loadMasterKeys(file);
  }
  if (process.platform !== 'win32' && (stats.mode & 0o007) !== 0) {
    throw refused('master_key_exposed', file, 'Everybody on this machine can read the master key file (chmod 600 it)');
  }
  if (stats.size > MAX_FILE_BYTES) throw refused('master_key_invalid', file, 'The master key file is too large');
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0 || lines.some((line) => !KEY_SHAPE.test(line))) {
    throw refused('master_key_invalid', file, 'The master key file must hold 32 bytes in base64 on each line');
  }
  if (new Set(lines).size !== lines.length) {
    throw refused('master_key_invalid', file, 'The master key file holds the same key twice');
  }
  return lines.map((line) => new Uint8Array(Buffer.from(line, 'base64')));
}

function createFile(file: string, random: Random): void {
  const draft = `${file}.${Buffer.from(random(6)).toString('hex')}.draft`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, `${Buffer.from(random(KEY_BYTES)).toString('base64')}\n`);
    // What this key seals is lost without it.
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    // Unlike a rename, a link never replaces a file that somebody else has made meanwhile.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

function refused(code: string, file: string, message: string): HubError {
  return new HubError(code, 500, `${message}: ${file}`);
}
