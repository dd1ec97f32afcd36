import { readFileSync, statSync } from 'node:fs';
import { HubError } from '../../provider/errors.ts';

const KEY_SHAPE = /^[A-Za-z0-9+/]{43}=$/;
/** Far more keys than anybody rotates through; a wrong file is noticed before it is read. */
const MAX_FILE_BYTES = 16_384;

/**
 * Reads the master keys for `createVault`: one a line, 32 bytes in base64, oldest first (add the next one at the end). The
 * sandbox makes its file with `ensureSandboxEncryptionKey`.
 *
 * @throws HubError `master_key_missing`, `master_key_invalid`, or `master_key_exposed` when others than the file's
 *   owner and group may read it
 */
export function loadMasterKeys(file: string): readonly Uint8Array[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) throw refused('master_key_missing', file, 'There is no master key file');
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

function refused(code: string, file: string, message: string): HubError {
  return new HubError(code, 500, `${message}: ${file}`);
}
