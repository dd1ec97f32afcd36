import { z } from 'zod';
import { FORMATS } from './formats.ts';

/** A text in every language of the pages. */
export interface Bilingual {
  readonly ja: string;
  readonly en: string;
}

/** What a value of a claim may be. A catalogue says it, and what providers answer is held to it. */
export type ClaimType =
  | { readonly kind: 'boolean' }
  | {
      readonly kind: 'integer' | 'number';
      readonly minimum: number;
      readonly maximum: number;
      readonly unit?: string | undefined;
      /** Where most people's values are; a page marks what is outside. */
      readonly ordinary?: { readonly minimum?: number | undefined; readonly maximum?: number | undefined } | undefined;
    }
  | {
      readonly kind: 'text';
      /** Code points. */
      readonly maxLength: number;
      /** One of FORMATS. */
      readonly format?: string | undefined;
      /** The only values, with what they are called. */
      readonly values?: Readonly<Record<string, Bilingual>> | undefined;
    }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, ClaimMember>> }
  | { readonly kind: 'list'; readonly items: ClaimType; readonly maxItems: number };

export interface ClaimMember {
  readonly label: Bilingual;
  readonly type: ClaimType;
  /** Whether it may be left out. */
  readonly optional?: boolean | undefined;
}

/** Levels of objects and lists inside each other. */
const MAX_DEPTH = 4;
const MEMBER_NAME = /^[a-z][a-z0-9_]{0,63}$/;

export const bilingualSchema = z.strictObject({ ja: z.string().min(1).max(300), en: z.string().min(1).max(300) });

function typeSchema(depth: number): z.ZodType<ClaimType> {
  const inner = z.lazy(() => typeSchema(depth + 1));
  const plain = [
    z.strictObject({ kind: z.literal('boolean') }),
    z.strictObject({
      kind: z.enum(['integer', 'number']),
      minimum: z.number().default(0),
      maximum: z.number().default(Number.MAX_SAFE_INTEGER),
      unit: z.string().min(1).max(20).optional(),
      ordinary: z.strictObject({ minimum: z.number().optional(), maximum: z.number().optional() }).optional(),
    }),
    z.strictObject({
      kind: z.literal('text'),
      maxLength: z.int().min(1).max(10_000).default(200),
      format: z
        .string()
        .refine((name) => Object.hasOwn(FORMATS, name), `is none of ${Object.keys(FORMATS).join(', ')}`)
        .optional(),
      values: z.record(z.string().min(1).max(100), bilingualSchema).optional(),
    }),
  ] as const;
  if (depth >= MAX_DEPTH) return z.discriminatedUnion('kind', [...plain]);
  return z.discriminatedUnion('kind', [
    ...plain,
    z.strictObject({
      kind: z.literal('object'),
      members: z.record(
        z.string().regex(MEMBER_NAME),
        z.strictObject({ label: bilingualSchema, type: inner, optional: z.boolean().optional() }),
      ),
    }),
    z.strictObject({ kind: z.literal('list'), items: inner, maxItems: z.int().min(1).max(1000).default(200) }),
  ]);
}

export const claimTypeSchema = typeSchema(0);

/**
 * Whether a value is of a type: every member that must be there and none that the catalogue does not know, every text
 * within its length and of its form. What it does not know was shown to nobody who consented.
 */
export function isValueOf(type: ClaimType, value: unknown): boolean {
  switch (type.kind) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isSafeInteger(value) && isBetween(type, Number(value));
    case 'number':
      return typeof value === 'number' && isBetween(type, value);
    case 'text':
      return typeof value === 'string' && isText(type, value);
    case 'object':
      return isRecord(value) && hasMembers(type.members, value);
    case 'list':
      return (
        Array.isArray(value) && value.length <= type.maxItems && value.every((item) => isValueOf(type.items, item))
      );
  }
}

function isBetween({ minimum, maximum }: { minimum: number; maximum: number }, value: number): boolean {
  return value >= minimum && value <= maximum;
}

function isText({ maxLength, format, values }: Extract<ClaimType, { kind: 'text' }>, text: string): boolean {
  // In UTF-16 it is twice as long at most: nothing endless is taken apart.
  if (text.length > maxLength * 2 || [...text].length > maxLength || /\p{Cc}/u.test(text)) return false;
  if (format !== undefined && FORMATS[format]?.(text) !== true) return false;
  return values === undefined || Object.hasOwn(values, text);
}

function hasMembers(members: Readonly<Record<string, ClaimMember>>, value: Readonly<Record<string, unknown>>): boolean {
  if (!Object.keys(value).every((name) => Object.hasOwn(members, name))) return false;
  return Object.entries(members).every(([name, { type, optional }]) =>
    Object.hasOwn(value, name) ? isValueOf(type, value[name]) : optional === true,
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
