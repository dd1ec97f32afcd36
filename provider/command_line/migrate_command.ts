import { migrateDatabase } from '../hub.ts';
import type { CommandHandler } from './command.ts';
import { printData } from './input_output.ts';
import { loadCommandConfiguration } from './load_command_configuration.ts';

/** `musubi migrate`: `serve` does the same at start; this is for those who want it as a step of its own. */
export const run: CommandHandler = async (io, invocation) => {
  const ran = await migrateDatabase(loadCommandConfiguration(io, invocation));
  printData(io, invocation, { ran }, () =>
    ran.length === 0 ? 'The tables are up to date.\n' : `${ran.map((name) => `ran ${name}\n`).join('')}`,
  );
  return 0;
};
