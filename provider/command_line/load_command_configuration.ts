import { loadConfiguration } from '../../config/load.ts';
import type { Configuration } from '../../config/schema.ts';
import type { CommandLineIo, Invocation } from './command.ts';

/** The configuration that `--config` (or MUSUBI_CONFIG) and the environment give. @throws ConfigurationError */
export function loadCommandConfiguration(
  io: CommandLineIo,
  invocation: Invocation,
  values: Readonly<Record<string, unknown>> = {},
): Configuration {
  return loadConfiguration({
    file: invocation.values.config ?? io.environment.MUSUBI_CONFIG,
    environment: io.environment,
    values,
    workingFolder: io.workingFolder,
  });
}
