import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const KEY_BYTES = 32;
const MAX_FILE_BYTES = 4096;
const SANDBOX_COMMENT = '# Made by the Musubi sandbox. Not for production.';

/**
 * The master key in a key file: one line of base64 that stands for 32 bytes; lines that begin with `#` are comments.
 *
 * @throws Error whose message never holds anything of the file
 */
export function readEncryptionKey(file: string): Uint8Array {
  const line = keyFileLines(file).find((each) => !each.startsWith('#'));
  const key = Buffer.from(line ?? '', 'base64');
  // Decoding is lenient; writing the bytes again tells whether every character counted.
  if (!line || key.length !== KEY_BYTES || key.toString('base64') !== line) {
    throw new Error('the file does not hold 32 bytes in base64: make it with `openssl rand -base64 32`');
  }
  return new Uint8Array(key);
}

/** Whether the sandbox made the key, wherever the file was copied to. */
export function isSandboxEncryptionKey(file: string): boolean {
  return keyFileLines(file).includes(SANDBOX_COMMENT);
}

/** Makes a sandbox's key file, readable by its owner only. Does nothing when the file is there already. */
export function ensureSandboxEncryptionKey(file: string, random: (length: number) => Uint8Array = randomBytes): void {
  const key = Buffer.from(random(KEY_BYTES)).toString('base64');
  try {
    writeFileSync(file, `${SANDBOX_COMMENT}\n${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function keyFileLines(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  if (text.length > MAX_FILE_BYTES) throw new Error('the file is too large for a key file');
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}
