import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';

const KEY_BYTES = 32;
const MAX_FILE_BYTES = 16_384;
const SANDBOX_COMMENT = '# Made by the Musubi sandbox. Not for production.';

/**
 * What is wrong with a file of master keys, in words that hold nothing of the file; undefined when it can be used. It
 * holds one key a line, 32 bytes in base64, oldest first; lines that begin with `#` are comments.
 */
export function encryptionKeyProblem(file: string): string | undefined {
  let lines: string[];
  try {
    const { mode, size } = statSync(file);
    if ((mode & 0o007) !== 0) return 'can be read by everybody on this machine (chmod 600 it)';
    if (size > MAX_FILE_BYTES) return 'is too large for a key file';
    lines = keyFileLines(file).filter((line) => !line.startsWith('#'));
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`;
  }
  if (lines.length === 0 || !lines.every(isKey)) return 'does not hold 32 bytes in base64 on each line';
  return undefined;
}

/** Whether the sandbox made the key, wherever the file was copied to. */
export function isSandboxEncryptionKey(file: string): boolean {
  try {
    return keyFileLines(file).includes(SANDBOX_COMMENT);
  } catch {
    return false; // encryptionKeyProblem tells
  }
}

/**
 * Makes a sandbox's key file, readable by its owner only, with a comment by which production knows it. Does nothing
 * when the file is there already; if two processes do this at once, both find the same key afterwards.
 */
export function ensureSandboxEncryptionKey(file: string, random: (length: number) => Uint8Array = randomBytes): void {
  if (statSync(file, { throwIfNoEntry: false })) return;
  const draft = `${file}.${Buffer.from(random(6)).toString('hex')}.draft`;
  const key = Buffer.from(random(KEY_BYTES)).toString('base64');
  writeFileSync(draft, `${SANDBOX_COMMENT}\n${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    // Unlike a rename, a link never replaces a file that somebody else has made meanwhile.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

function keyFileLines(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

function isKey(line: string): boolean {
  const key = Buffer.from(line, 'base64');
  // Decoding is lenient; writing the bytes again tells whether every character counted.
  return key.length === KEY_BYTES && key.toString('base64') === line;
}
