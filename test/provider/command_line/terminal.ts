import type { CommandLineIo } from '../../../provider/command_line/command.ts';
import { commands } from '../../../provider/command_line/commands.ts';
import { runCommandLine } from '../../../provider/command_line/run_command_line.ts';
import { guard } from '../../support/leaks/leak_guard.ts';

export interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Types a command and returns what the terminal shows. */
export async function type(
  args: readonly string[],
  options: Partial<CommandLineIo> & { input?: string; table?: typeof commands } = {},
): Promise<Typed> {
  const { input = '', table = commands, ...io } = options;
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine(
    args,
    {
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
      stdin: (async function* () {
        yield input;
      })(),
      environment: {},
      workingFolder: '/',
      ...io,
    },
    table,
  );
  guard.command(args, [...out, ...err].join(''));
  return { code, out: out.join(''), err: err.join('') };
}
