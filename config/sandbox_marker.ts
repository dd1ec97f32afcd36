import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MARKER = 'MADE_BY_THE_SANDBOX';

/** Makes the data folder, closed to others, and marks it so that production refuses it for ever. */
export function markAsSandbox(dataFolder: string): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(dataFolder, MARKER),
    'This folder belongs to a Musubi sandbox. Its keys and people are made up; production refuses it.\n',
  );
}

export function isMarkedAsSandbox(dataFolder: string): boolean {
  return existsSync(join(dataFolder, MARKER));
}
