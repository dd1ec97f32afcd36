import { z } from 'zod';
import { type SettingNotes, schema } from './schema.ts';

/** One setting: a leaf of the schema. */
export interface Setting {
  /** As faults and the manual write it: `database.poolSize`. */
  readonly path: string;
  readonly keys: readonly string[];
  /** `MUSUBI_DATABASE_POOL_SIZE`. */
  readonly variable: string;
  readonly schema: z.ZodType;
  readonly notes: SettingNotes;
  /** The group that need not be there at all, if the setting is in one: `mutualTls`. */
  readonly optionalGroup: string | undefined;
}

export const VARIABLE_PREFIX = 'MUSUBI_';

/** Every setting, in the order of the schema. */
export const settings: readonly Setting[] = collect(schema, [], undefined);

/** The schema below `.default()` and `.optional()`. */
export function innerSchema(wrapped: z.ZodType): z.ZodType {
  let inner = wrapped;
  // The two wrappers are all that the schema uses; their inner type is a full schema, though zod types it by its core.
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) inner = inner.def.innerType as z.ZodType;
  return inner;
}

/** The setting's default, or undefined when it has none or one that follows from other settings. */
export function defaultOf(setting: Setting): unknown {
  return setting.schema instanceof z.ZodDefault ? setting.schema.def.defaultValue : undefined;
}

function collect(group: z.ZodObject, parents: readonly string[], optionalGroup: string | undefined): Setting[] {
  return Object.entries(group.shape as Record<string, z.ZodType>).flatMap(([key, member]) => {
    const keys = [...parents, key];
    const path = keys.join('.');
    const inner = innerSchema(member);
    if (inner instanceof z.ZodObject) {
      return collect(inner, keys, member instanceof z.ZodOptional ? path : optionalGroup);
    }
    const variable = VARIABLE_PREFIX + keys.map(upperSnakeCase).join('_');
    // `setting()` in schema.ts puts the notes on every leaf, and a test looks for them.
    const notes = member.meta() as unknown as SettingNotes;
    return [{ path, keys, variable, schema: member, notes, optionalGroup }];
  });
}

function upperSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
