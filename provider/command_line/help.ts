import type { Command } from './command.ts';

/** Columns of the left side, if what stands there is not longer. */
const MIN_WIDTH = 22;

/** Help for a group of commands; for all of them when `group` is empty. */
export function groupHelp(commands: readonly Command[], group: readonly string[]): string {
  const members = commands.filter(({ path }) => group.every((word, index) => path[index] === word));
  const rows = members.map(({ path, summary }) => [path.join(' '), summary] as const);
  const name = ['musubi', ...group].join(' ');
  return `Usage: ${name} COMMAND [options]

${table(rows)}

${name} COMMAND --help explains a command.${group.length === 0 ? ' musubi --version tells the version.' : ''}
Exit codes: 0 done, 1 failed, 2 mistyped.
`;
}

/** Help for one command, with those below it (`sandbox` runs, `sandbox citizen …` are its neighbours). */
export function commandHelp(command: Command, commands: readonly Command[]): string {
  const { path, summary, details, options, positionals = [], yieldsData } = command;
  const typed = positionals.map(({ name, optional }) => (optional ? `[${name}]` : name));
  const rows = [
    ...positionals.map(({ name, help }) => [name, help] as const),
    ...Object.entries(options).map(([name, { value, help, required }]) => {
      const left = value ? `--${name} ${value}` : `--${name}`;
      return [left, required ? `${help} (required)` : help] as const;
    }),
    ...(yieldsData ? [['--json', 'print JSON for programs'] as const] : []),
    ['--help', 'show this'] as const,
  ];
  const below = commands.filter(
    (other) => other !== command && path.every((word, index) => other.path[index] === word),
  );
  const neighbours =
    below.length > 0
      ? `\nCommands:\n${table(below.map((each) => [each.path.join(' '), each.summary] as const))}\n`
      : '';
  return `Usage: ${['musubi', ...path, ...typed].join(' ')} [options]

${sentence(summary)}${details ? `\n${details}` : ''}

${table(rows)}
${neighbours}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(MIN_WIDTH, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}
