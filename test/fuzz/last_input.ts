import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/*
 * The input that a process is at, in a file, where it is found although the process never returns from it, or dies of it.
 * Three numbers (how many inputs there were, length of the name, length of the input), then both.
 */

const HEAD_LENGTH = 12;

export interface LastInput {
  /** How many inputs there were. */
  readonly count: number;
  readonly parser: string;
  readonly input: Uint8Array;
}

/** Notes each input before it is read. Must be closed. */
export class InputNotes {
  readonly #file: number;
  #count = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  note(parser: string, input: Uint8Array): void {
    const name = Buffer.from(parser);
    const head = Buffer.alloc(HEAD_LENGTH);
    this.#count += 1;
    head.writeUInt32LE(this.#count, 0);
    head.writeUInt32LE(name.length, 4);
    head.writeUInt32LE(input.length, 8);
    const note = Buffer.concat([head, name, input]);
    writeSync(this.#file, note, 0, note.length, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** What was noted last; undefined when nothing was yet. */
export function readLastInput(path: string): LastInput | undefined {
  const bytes = readNotes(path);
  if (bytes.length < HEAD_LENGTH) return undefined;
  const nameEnd = HEAD_LENGTH + bytes.readUInt32LE(4);
  const parser = bytes.toString('utf8', HEAD_LENGTH, nameEnd);
  return { count: bytes.readUInt32LE(0), parser, input: bytes.subarray(nameEnd, nameEnd + bytes.readUInt32LE(8)) };
}

function readNotes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
