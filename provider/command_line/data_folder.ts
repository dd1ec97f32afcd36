import { resolve } from 'node:path';
import type { CommandLineIo, Invocation } from './command.ts';

/** The sandbox's data folder, absolute: `--data`, MUSUBI_DATA_FOLDER, or `data` where the command was typed. */
export function sandboxDataFolder(io: CommandLineIo, invocation: Invocation): string {
  return resolve(io.workingFolder, invocation.values.data ?? io.environment.MUSUBI_DATA_FOLDER ?? 'data');
}
