import { defaultOf, type Setting, settings } from './setting_tree.ts';

/** One setting as the manual and `musubi config describe --json` show it. */
export interface DescribedSetting {
  readonly path: string;
  readonly variable: string;
  readonly meaning: string;
  readonly unit?: string;
  readonly example: unknown;
  /** The value, or the default in words; undefined when the setting must be given. */
  readonly default?: unknown;
}

export function describeSettings(): DescribedSetting[] {
  return settings.map((setting) => {
    const { meaning, unit, example, derivedDefault } = setting.notes;
    const value = defaultOf(setting) ?? derivedDefault;
    return {
      path: setting.path,
      variable: setting.variable,
      meaning,
      ...(unit === undefined ? {} : { unit }),
      example,
      ...(value === undefined ? {} : { default: value }),
    };
  });
}

/** docs/configuration.md, made from the schema; `node config/write_documentation.ts` writes it, a test compares. */
export function describeConfiguration(): string {
  return `# Configuration

<!-- Made from config/schema.ts by \`node config/write_documentation.ts\`. Do not edit by hand. -->

\`musubi serve --config FILE\` reads a JSON file (\`config/production.example.json\` is one to start from). Every setting
can also be given by an environment variable, which wins over the file. Lists are written in a variable as JSON, plain
lists also with commas. Keys named \`$comment\` are ignored. Relative paths count from the folder of the file, or, from a
variable, from the folder that the hub was started in. \`musubi config check --config FILE\` tells every mistake at once.

${settings.map(describeSetting).join('\n')}`;
}

function describeSetting(setting: Setting): string {
  const { meaning, unit, example, derivedDefault } = setting.notes;
  const value = defaultOf(setting);
  const defaultText = value !== undefined ? code(value) : (derivedDefault ?? whenMissing(setting));
  const lines = [
    `- Variable: \`${setting.variable}\``,
    ...(unit === undefined ? [] : [`- Unit: ${unit}`]),
    `- Default: ${defaultText}`,
    `- Example: ${code(example)}`,
  ];
  return `## \`${setting.path}\`\n\n${meaning}.\n\n${lines.join('\n')}\n`;
}

function whenMissing(setting: Setting): string {
  if (setting.schema.safeParse(undefined).success) return 'none';
  if (setting.optionalGroup !== undefined) return `none: needed when \`${setting.optionalGroup}\` is used`;
  return 'none: it must be given';
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}
