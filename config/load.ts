import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { closestName } from './closest_name.ts';
import { applyRules, type Fault } from './rules.ts';
import { type Configuration, type PartialSettings, schema } from './schema.ts';
import { innerSchema, type Setting, settings, VARIABLE_PREFIX } from './setting_tree.ts';

export interface ConfigurationSources {
  /** Path of a JSON file. Keys named `$comment` are ignored wherever they stand. */
  readonly file?: string | undefined;
  /** Usually `process.env`. Every setting has a variable; lists are written as JSON, plain lists also with commas. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What the command line decided, in the shape of the file. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Folder for relative paths that come from no file. */
  readonly workingFolder?: string;
}

/** All that is wrong with a configuration, at once. */
export class ConfigurationError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ path, problem, remedy }) => `  ${path} ${problem}; ${remedy}`);
    const count = faults.length === 1 ? 'one mistake' : `${faults.length} mistakes`;
    super(`the configuration has ${count}:\n${lines.join('\n')}`);
    this.name = 'ConfigurationError';
    this.faults = Object.freeze([...faults]);
  }
}

/** Variables with our prefix that are no settings. */
const OTHER_VARIABLES = /^MUSUBI_(CONFIG|CARD_PIN|P12_PASSPHRASE|TEST_[A-Z0-9_]+)$/;
const MAX_FILE_CHARACTERS = 1_048_576;
const MAX_SHOWN_CHARACTERS = 60;

/**
 * The configuration: the command line's values before the environment, before the file, before the defaults. Every path
 * in the result is absolute. The result is deeply frozen: what was checked is what runs.
 *
 * @throws ConfigurationError with every mistake
 */
export function loadConfiguration(sources: ConfigurationSources): Configuration {
  const faults: Fault[] = [];
  const workingFolder = resolve(sources.workingFolder ?? '.');
  const fileFolder = sources.file === undefined ? workingFolder : dirname(resolve(workingFolder, sources.file));
  const layers: Layer[] = [
    { values: flatten(sources.values ?? {}, faults), folder: workingFolder },
    { values: fromEnvironment(sources.environment ?? {}, faults), folder: workingFolder },
    { values: flatten(readFile(sources.file, workingFolder, faults), faults), folder: fileFolder },
  ];
  const values = new Map<string, unknown>();
  for (const setting of settings) {
    const value = resolveSetting(setting, layers, workingFolder, faults);
    if (value !== undefined) values.set(setting.path, value);
  }
  deriveDefaults(values);
  // Every value in it has been accepted by its own schema, so what is there is of the right type.
  faults.push(...applyRules(unflatten(values) as PartialSettings));
  if (faults.length > 0) throw new ConfigurationError(faults);
  // Complete now: what deriveDefaults fills in is what Configuration promises beyond the schema.
  return deepFreeze(schema.parse(unflatten(values))) as Configuration;
}

interface Layer {
  /** By path of the setting. */
  readonly values: ReadonlyMap<string, unknown>;
  /** For relative paths. */
  readonly folder: string;
}

function resolveSetting(setting: Setting, layers: readonly Layer[], workingFolder: string, faults: Fault[]): unknown {
  const layer = layers.find(({ values }) => values.has(setting.path));
  if (!layer && setting.optionalGroup !== undefined && !isGroupUsed(setting.optionalGroup, layers)) return undefined;
  const given = layer?.values.get(setting.path);
  const result = setting.schema.safeParse(given);
  if (result.success) return absolutePaths(setting, result.data, layer?.folder ?? workingFolder);
  if (given === undefined) faults.push(describeFault(setting, setting.path, 'is missing'));
  else for (const issue of result.error.issues) faults.push(...describeIssue(setting, given, issue));
  return undefined;
}

function isGroupUsed(group: string, layers: readonly Layer[]): boolean {
  return layers.some(({ values }) => [...values.keys()].some((path) => path.startsWith(`${group}.`)));
}

function describeIssue(setting: Setting, given: unknown, issue: z.core.$ZodIssue): Fault[] {
  const path =
    setting.path + issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => describeFault(setting, `${path}.${key}`, 'is not known'));
  }
  const value = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], given);
  if (value === undefined) return [describeFault(setting, path, 'is missing')];
  const shown = setting.notes.secret ? '' : ` (it is ${shorten(JSON.stringify(value))})`;
  // Messages of our own kinds read "must be …"; zod's for objects inside lists do not.
  const problem = issue.message.startsWith('must ') ? issue.message : 'must be an object as in the example';
  return [describeFault(setting, path, problem + shown)];
}

function describeFault(setting: Setting, path: string, problem: string): Fault {
  const remedy = `write for example ${JSON.stringify(setting.notes.example)} (or set ${setting.variable})`;
  return { path, problem, remedy };
}

function shorten(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}

const COMMENT_KEY = '$comment';

function readFile(file: string | undefined, workingFolder: string, faults: Fault[]): unknown {
  if (file === undefined) return {};
  const path = resolve(workingFolder, file);
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > MAX_FILE_CHARACTERS) throw new Error('it is larger than 1 MB');
    return withoutComments(JSON.parse(text));
  } catch (error) {
    const problem = `cannot be read: ${(error as Error).message}`;
    faults.push({ path, problem, remedy: 'name a readable JSON file, as config/production.example.json shows' });
    return {};
  }
}

function withoutComments(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutComments);
  if (!isGroup(value)) return value;
  const kept = Object.entries(value).filter(([key]) => key !== COMMENT_KEY);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutComments(member)]));
}

/** By path of the setting; whatever is no setting becomes a fault. */
function flatten(given: unknown, faults: Fault[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  visit(given, '');
  return found;

  function visit(value: unknown, path: string): void {
    if (path !== '' && settings.some((setting) => setting.path === path)) {
      // Undefined is what an option that was not typed gives: the same as nothing.
      if (value !== undefined) found.set(path, value);
      return;
    }
    const members = settings.filter((setting) => path === '' || setting.path.startsWith(`${path}.`));
    if (members.length === 0) {
      const closest = closestName(
        path,
        settings.map((setting) => setting.path),
      );
      const remedy = closest ? `did you mean ${closest}?` : 'remove it; docs/configuration.md lists the settings';
      faults.push({ path, problem: 'is not a setting', remedy });
    } else if (!isGroup(value)) {
      const where = path || 'the configuration';
      const inside = [...new Set(members.map(({ keys }) => keys[path === '' ? 0 : path.split('.').length]))].join(', ');
      if (value !== undefined)
        faults.push({ path: where, problem: 'must be an object', remedy: `with ${inside} inside` });
    } else {
      for (const [key, member] of Object.entries(value)) visit(member, path === '' ? key : `${path}.${key}`);
    }
  }
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fromEnvironment(
  environment: NonNullable<ConfigurationSources['environment']>,
  faults: Fault[],
): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || OTHER_VARIABLES.test(variable) || text === undefined) continue;
    const setting = settings.find((each) => each.variable === variable);
    if (setting) {
      found.set(setting.path, readVariable(setting, text));
      continue;
    }
    const closest = closestName(
      variable,
      settings.map((each) => each.variable),
    );
    const remedy = closest ? `did you mean ${closest}?` : 'remove it; docs/configuration.md lists the variables';
    faults.push({ path: variable, problem: 'is not a setting', remedy });
  }
  return found;
}

/** What the text stands for; text that stands for nothing of the kind stays text, and its schema says what is wrong. */
function readVariable(setting: Setting, text: string): unknown {
  const kind = innerSchema(setting.schema);
  if (kind instanceof z.ZodNumber) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (kind instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  if (!(kind instanceof z.ZodArray)) return text;
  if (!text.trimStart().startsWith('[')) {
    return text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function absolutePaths(setting: Setting, value: unknown, folder: string): unknown {
  const { path } = setting.notes;
  if (path === undefined || value === undefined) return value;
  if (path === true) {
    return Array.isArray(value) ? value.map((each) => resolve(folder, each)) : resolve(folder, String(value));
  }
  return (value as Record<string, unknown>[]).map((item) => ({
    ...item,
    ...Object.fromEntries(path.map((key) => [key, resolve(folder, String(item[key]))])),
  }));
}

/** The defaults that follow from other settings (`derivedDefault` in the schema says them in words). */
function deriveDefaults(values: Map<string, unknown>): void {
  const isSandbox = values.get('mode') === 'sandbox';
  const dataFolder = values.get('dataFolder');
  const fill = (path: string, value: unknown) => {
    if (!values.has(path)) values.set(path, value);
  };
  if (typeof dataFolder === 'string') {
    fill('database.folder', join(dataFolder, 'database'));
    fill('revocation.listFolder', join(dataFolder, 'revocation-lists'));
    if (isSandbox) fill('encryptionKeyFile', join(dataFolder, 'encryption.key'));
  }
  fill('trust.profile', isSandbox ? 'jpki-test' : 'jpki');
  fill('relyingParties.allowLoopback', isSandbox);
  fill('outbound.allowPlainHttp', isSandbox);
  fill('outbound.allowedNetworks', isSandbox ? ['127.0.0.0/8', '::1'] : []);
  fill('logging.format', isSandbox ? 'text' : 'json');
}

function unflatten(values: ReadonlyMap<string, unknown>): unknown {
  const root: Record<string, unknown> = {};
  for (const setting of settings) {
    if (!values.has(setting.path)) continue;
    let group = root;
    for (const key of setting.keys.slice(0, -1)) {
      group[key] ??= {};
      group = group[key] as Record<string, unknown>; // made the line before, or by an earlier setting of the group
    }
    group[setting.keys.at(-1) ?? ''] = values.get(setting.path);
  }
  return root;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
