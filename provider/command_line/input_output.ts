import { open, readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HubError } from '../errors.ts';
import type { CommandLineIo, Invocation } from './command.ts';

const MAX_INPUT_BYTES = 1_048_576;

/** Prints data for a person, or with `--json` for a program. */
export function printData<T>(io: CommandLineIo, invocation: Invocation, data: T, toText: (data: T) => string): void {
  io.stdout.write(invocation.json ? `${JSON.stringify(data, null, 2)}\n` : toText(data));
}

/** Rows in aligned columns, the names of the columns on top. */
export function textTable(rows: readonly Readonly<Record<string, string>>[], columns: readonly string[]): string {
  const lines = [columns.map((column) => column.toUpperCase()), ...rows.map((row) => columns.map((c) => row[c] ?? ''))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => displayWidth(line[index] ?? ''))));
  return lines
    .map((line) => line.map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - displayWidth(cell))).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/**
 * JSON from a file, or from standard input when the name is `-` or missing.
 *
 * @throws HubError `input_too_large`, `input_invalid`; the file system's own error
 */
export async function readJson(io: CommandLineIo, file: string | undefined): Promise<unknown> {
  const text = file === undefined || file === '-' ? await readInput(io) : await readSmallFile(io, file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HubError('input_invalid', 400, 'The input is not JSON.', { cause });
  }
}

/** Standard input to its end, as text. @throws HubError `input_too_large` */
export async function readInput(io: CommandLineIo): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_INPUT_BYTES) throw tooLarge();
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The first octets of a file, `most` of them at most: whoever wants one more than may be sees that it is too much. */
export async function readFileStart(path: string, most: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(most);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

async function readSmallFile(io: CommandLineIo, file: string): Promise<string> {
  const path = resolve(io.workingFolder, file);
  if ((await stat(path)).size > MAX_INPUT_BYTES) throw tooLarge();
  return readFile(path, 'utf8');
}

function tooLarge(): HubError {
  return new HubError('input_too_large', 413, 'The input is larger than 1 MB.');
}

/** Terminal columns: East Asian wide characters take two (UAX #11, as far as names and labels need it). */
function displayWidth(text: string): number {
  return [...text].reduce(
    (width, character) =>
      width +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(character)
        ? 2
        : 1),
    0,
  );
}
