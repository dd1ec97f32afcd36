import { commands } from './command_line/commands.ts';
import { runCommandLine } from './command_line/run_command_line.ts';

// Set and not exited with: what has been written to a pipe must arrive.
process.exitCode = await runCommandLine(
  process.argv.slice(2),
  {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    workingFolder: process.cwd(),
  },
  commands,
);
