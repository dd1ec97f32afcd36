import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RandomAccess } from '../../provider/pki/index.ts';

/** A file that is read at any place. */
export interface IndexFile extends RandomAccess {
  close(): void;
}

/**
 * Opens an index to be read in place: what many processes read at once is in the system's cache once. A read is
 * synchronous, since a block from that cache costs a microsecond and a turn of the event loop many.
 *
 * After `close` a read throws: the number of the descriptor may already mean another file.
 */
export function openIndexFile(path: string): IndexFile {
  let descriptor: number | undefined = openSync(path, 'r');
  const { size } = fstatSync(descriptor);
  return {
    size,
    read(into, position, length = into.length) {
      if (descriptor === undefined) throw new Error('the index has been closed');
      const count = readSync(descriptor, into, 0, length, position);
      // A file that somebody cut short must not be taken for one that does not name a serial.
      if (count !== length) throw new Error('the index is shorter than it was');
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
