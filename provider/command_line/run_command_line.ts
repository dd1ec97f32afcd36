import { closestName } from '../../config/closest_name.ts';
import { ConfigurationError } from '../../config/load.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { HubError } from '../errors.ts';
import { type Command, type CommandLineIo, UsageError } from './command.ts';
import { commandHelp, groupHelp } from './help.ts';
import { parseArguments } from './parse_arguments.ts';

/** Of the operating system, when the operator can mend it: the message is clear, the stack is of no use. */
const SYSTEM_ERRORS = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ENOSPC']);

/**
 * Runs what was typed after `musubi`. Resolves with the exit code: 0 done, 1 failed, 2 mistyped. Never rejects.
 */
export async function runCommandLine(
  args: readonly string[],
  io: CommandLineIo,
  commands: readonly Command[],
): Promise<number> {
  try {
    return await run(args, io, commands);
  } catch (error) {
    return explain(error, args, io, commands);
  }
}

async function run(args: readonly string[], io: CommandLineIo, commands: readonly Command[]): Promise<number> {
  const [first] = args;
  if (first === '--version') {
    io.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  const { command, words, rest } = findCommand(first === 'help' ? args.slice(1) : args, commands);
  const isHelpAsked = first === 'help' || asksForHelp(rest);
  if (!command) {
    const unknown = rest.find((word) => !isHelpOption(word));
    if (unknown !== undefined) throw new UsageError(describeUnknown(unknown, words, commands));
    const help = groupHelp(commands, words);
    if (isHelpAsked) io.stdout.write(help);
    else io.stderr.write(help);
    return isHelpAsked ? 0 : 2;
  }
  if (isHelpAsked) {
    io.stdout.write(commandHelp(command, commands));
    return 0;
  }
  const [next] = rest;
  const hasCommandsBelow = commands.some(({ path }) => path.length > words.length && begins(path, words));
  if (next !== undefined && !next.startsWith('-') && hasCommandsBelow && !command.positionals) {
    throw new UsageError(describeUnknown(next, words, commands));
  }
  const invocation = parseArguments(command, rest);
  const handler = await command.load();
  return await handler.run(io, invocation);
}

/** The longest run of leading words that names a command, or a group of commands. */
function findCommand(
  args: readonly string[],
  commands: readonly Command[],
): { command: Command | undefined; words: readonly string[]; rest: readonly string[] } {
  let length = 0;
  while (length < args.length && commands.some(({ path }) => begins(path, args.slice(0, length + 1)))) length += 1;
  const words = args.slice(0, length);
  const command = commands.find(({ path }) => path.length === length && begins(path, words));
  return { command, words, rest: args.slice(length) };
}

function begins(path: readonly string[], words: readonly string[]): boolean {
  return words.every((word, index) => path[index] === word);
}

function describeUnknown(unknown: string, words: readonly string[], commands: readonly Command[]): string {
  const typed = ['musubi', ...words, unknown].join(' ');
  if (unknown.startsWith('-')) return `there is no option ${unknown} before a command`;
  const names = commands.filter(({ path }) => begins(path, words)).map(({ path }) => path[words.length]);
  const closest = closestName(unknown, [...new Set(names.filter((name) => name !== undefined))]);
  return `there is no command ${JSON.stringify(typed)}${closest ? `; did you mean ${['musubi', ...words, closest].join(' ')}?` : ''}`;
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some(isHelpOption);
}

function isHelpOption(word: string): boolean {
  return word === '--help' || word === '-h';
}

function explain(error: unknown, args: readonly string[], io: CommandLineIo, commands: readonly Command[]): number {
  if (error instanceof UsageError) {
    const { words } = findCommand(args, commands);
    io.stderr.write(`musubi: ${error.message}\nSee ${['musubi', ...words, '--help'].join(' ')}\n`);
    return 2;
  }
  if (error instanceof HubError && args.includes('--json')) {
    io.stderr.write(`${JSON.stringify({ error: error.code, message: error.message })}\n`);
  } else if (error instanceof HubError) {
    io.stderr.write(`musubi: ${error.message} (${error.code})\n`);
  } else if (error instanceof ConfigurationError) {
    io.stderr.write(`musubi: ${error.message}\n`);
  } else if (isSystemError(error)) {
    io.stderr.write(`musubi: ${error.message}\n`);
  } else {
    const shown = error instanceof Error ? error.stack : String(error);
    io.stderr.write(`musubi: this should not have happened\n${shown}\n`);
  }
  return 1;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && SYSTEM_ERRORS.has(String(error.code));
}
