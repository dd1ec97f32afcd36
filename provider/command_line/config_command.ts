import { describeConfiguration, describeSettings } from '../../config/describe.ts';
import { ConfigurationError } from '../../config/load.ts';
import type { CommandHandler, CommandLineIo, Invocation } from './command.ts';
import { printData } from './input_output.ts';
import { loadCommandConfiguration } from './load_command_configuration.ts';

/** `musubi config check` and `musubi config describe`. */
export const run: CommandHandler = async (io, invocation) => {
  if (invocation.command[1] === 'check') return check(io, invocation);
  printData(io, invocation, describeSettings(), describeConfiguration);
  return 0;
};

function check(io: CommandLineIo, invocation: Invocation): number {
  try {
    const { mode, publicUrl } = loadCommandConfiguration(io, invocation);
    printData(io, invocation, { faults: [] }, () => `The configuration is sound (${mode}, ${publicUrl}).\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigurationError) || !invocation.json) throw error;
    printData(io, invocation, { faults: error.faults }, () => '');
    return 1;
  }
}
