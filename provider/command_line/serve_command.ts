import type { CommandHandler } from './command.ts';
import { loadCommandConfiguration } from './load_command_configuration.ts';
import { runHub } from './run_hub.ts';

/** `musubi serve`: the hub alone, beside neighbours that are there already. */
export const run: CommandHandler = async (io, invocation) => {
  const { ended } = await runHub(loadCommandConfiguration(io, invocation));
  return ended;
};
