import { parseArgs } from 'node:util';
import { closestName } from '../../config/closest_name.ts';
import { type Command, type Invocation, UsageError } from './command.ts';

/** Checks what was typed after the command's name. @throws UsageError */
export function parseArguments(command: Command, args: readonly string[]): Invocation {
  const known = Object.keys(command.options);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { value }]) => [name, { type: value ? 'string' : 'boolean' } as const]),
  );
  if (command.yieldsData) options.json = { type: 'boolean' };
  const parsed = parse(args, options, [...known, 'help', ...(command.yieldsData ? ['json'] : [])]);

  for (const [name, { required }] of Object.entries(command.options)) {
    if (required && parsed.values[name] === undefined) throw new UsageError(`--${name} is missing`);
  }
  const expected = command.positionals ?? [];
  const missing = expected.slice(parsed.positionals.length).find(({ optional }) => !optional);
  if (missing) throw new UsageError(`${missing.name} is missing`);
  const surplus = parsed.positionals[expected.length];
  if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is more than the command takes`);

  const entries = Object.entries(parsed.values);
  return {
    command: command.path,
    values: Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    switches: new Set(entries.filter(([, value]) => value === true).map(([name]) => name)),
    positionals: parsed.positionals,
    json: parsed.values.json === true,
  };
}

function parse(
  args: readonly string[],
  options: Record<string, { type: 'string' | 'boolean' }>,
  known: readonly string[],
): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  // parseArgs reads `--x -` well, but knows nothing of repetition: the last would win without a word.
  const seen = new Set<string>();
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
      tokens: true,
    });
    for (const token of tokens) {
      if (token.kind !== 'option') continue;
      if (seen.has(token.name)) throw new UsageError(`--${token.name} is given twice`);
      seen.add(token.name);
    }
    return { values, positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(explain(error as NodeJS.ErrnoException, known));
  }
}

function explain(error: NodeJS.ErrnoException, known: readonly string[]): string {
  const option = /'(-{1,2}[^' =]+)/.exec(error.message)?.[1] ?? 'an option';
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const closest = closestName(option.replace(/^-+/, ''), known);
    return `there is no option ${option}${closest ? `; did you mean --${closest}?` : ''}`;
  }
  if (error.code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    return error.message.includes('does not take an argument')
      ? `${option} takes no value`
      : `${option} needs a value (write ${option}=VALUE when the value begins with a dash)`;
  }
  return error.message;
}
