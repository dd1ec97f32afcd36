import { cleanText, longMoment } from './safe_values.ts';
import { type Language, type Words, wordsIn } from './words/words.ts';

/* How values of claims are shown to the person whose they are, whatever claims a hub's catalogue has. */

type Bilingual = Readonly<Record<Language, string>>;

/** What a value of a claim is: as much of the catalogue's types as a page needs to know. */
export type ShownType =
  | { readonly kind: 'boolean' }
  /** Seconds since 1970. */
  | { readonly kind: 'moment' }
  | {
      readonly kind: 'integer' | 'number';
      readonly unit?: string | undefined;
      /** Where most people's values are. */
      readonly ordinary?: Range | undefined;
    }
  | {
      readonly kind: 'text';
      /** `date` and `month` are written as people write them. */
      readonly format?: string | undefined;
      readonly values?: Readonly<Record<string, Bilingual>> | undefined;
    }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, ShownMember>> }
  | { readonly kind: 'list'; readonly items: ShownType };

export interface ShownMember {
  readonly label: Bilingual;
  readonly type: ShownType;
}

interface Range {
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
}

export interface Cell {
  readonly text: string;
  readonly isNumber: boolean;
  /** A value outside the ordinary range, in words. */
  readonly mark: string | undefined;
}

/** What a template writes. */
export type ValueBlock =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'facts'; readonly facts: readonly { readonly label: string; readonly text: string }[] }
  | {
      readonly kind: 'table';
      readonly head: readonly { readonly label: string; readonly isNumber: boolean }[];
      /** The first cell of each says what the row is about. */
      readonly rows: readonly (readonly Cell[])[];
    };

/** Rows of a list that a page shows: what is longer is in the download. */
const MOST_ROWS = 100;
/** Days of measurements beside each other. */
const MOMENTS_IN_A_TABLE = 3;
/** Code points of one text in a value. */
const TEXT_LIMIT = 500;

/**
 * A value as blocks: a text, the lines of a certificate, a table, or, for what is measured again and again, tables with a
 * column for each time and the ordinary range beside them.
 *
 * @param type of the catalogue; a value that has none, or is of another, is shown by what it looks like.
 */
export function valueBlocks(
  value: unknown,
  type: ShownType | undefined,
  language: Language,
): { readonly blocks: readonly ValueBlock[]; readonly hasRanges: boolean } {
  const known = type ?? typeOf(value);
  if (known.kind === 'object' && isRecord(value)) return { blocks: [facts(value, known, language)], hasRanges: false };
  if (known.kind !== 'list' || !Array.isArray(value))
    return { blocks: [text(known, value, language)], hasRanges: false };
  const rows = value.slice(0, MOST_ROWS);
  const { empty } = wordsIn(language).portal.attributes;
  if (rows.length === 0) return { blocks: [{ kind: 'text', text: empty }], hasRanges: false };
  const { items } = known;
  if (items.kind !== 'object') return { blocks: rows.map((row) => text(items, row, language)), hasRanges: false };
  const hasRanges = Object.values(items.members).some((member) => rangeOf(member.type) !== undefined);
  const records = rows.filter(isRecord);
  return {
    blocks: hasRanges ? comparisons(records, items.members, language) : [table(records, items.members, language)],
    hasRanges,
  };
}

function text(type: ShownType, value: unknown, language: Language): ValueBlock {
  return { kind: 'text', text: plainText(type, value, language) };
}

function facts(
  value: Readonly<Record<string, unknown>>,
  { members }: Extract<ShownType, { kind: 'object' }>,
  language: Language,
): ValueBlock {
  const shown = Object.entries(members).filter(([name]) => value[name] !== undefined);
  const [only] = shown;
  // A record of one line needs no label beside the claim's own.
  if (only && Object.keys(members).length === 1) return text(only[1].type, value[only[0]], language);
  return {
    kind: 'facts',
    facts: shown.map(([name, { label, type }]) => ({
      label: cleanText(label[language], TEXT_LIMIT),
      text: plainText(type, value[name], language),
    })),
  };
}

function table(
  rows: readonly Readonly<Record<string, unknown>>[],
  members: Readonly<Record<string, ShownMember>>,
  language: Language,
): ValueBlock {
  const columns = Object.entries(members).filter(([name]) => rows.some((row) => row[name] !== undefined));
  return {
    kind: 'table',
    head: columns.map(([, { label, type }]) => ({
      label: cleanText(label[language], TEXT_LIMIT),
      isNumber: isNumber(type),
    })),
    rows: rows.map((row) => columns.map(([name, { type }]) => cell(type, row[name], language))),
  };
}

/** One row a measure and one column a time, newest first; the first member is the time. */
function comparisons(
  rows: readonly Readonly<Record<string, unknown>>[],
  members: Readonly<Record<string, ShownMember>>,
  language: Language,
): readonly ValueBlock[] {
  const { attributes } = wordsIn(language).portal;
  const [when, ...measures] = Object.entries(members);
  if (when === undefined) return [];
  const [moment, { type: momentType }] = when;
  const newestFirst = rows.toSorted((one, other) => (String(one[moment]) < String(other[moment]) ? 1 : -1));
  const blocks: ValueBlock[] = [];
  for (let from = 0; from < newestFirst.length; from += MOMENTS_IN_A_TABLE) {
    const beside = newestFirst.slice(from, from + MOMENTS_IN_A_TABLE);
    blocks.push({
      kind: 'table',
      head: [
        { label: attributes.item, isNumber: false },
        ...beside.map((row) => ({ label: plainText(momentType, row[moment], language), isNumber: true })),
        { label: attributes.ordinary, isNumber: false },
      ],
      rows: measures
        .filter(([name]) => beside.some((row) => row[name] !== undefined))
        .map(([name, { label, type }]) => [
          { text: cleanText(label[language], TEXT_LIMIT), isNumber: false, mark: undefined },
          ...beside.map((row) => ({ ...cell(type, row[name], language), isNumber: true })),
          { text: rangeText(type, language), isNumber: false, mark: undefined },
        ]),
    });
  }
  return blocks;
}

function cell(type: ShownType, value: unknown, language: Language): Cell {
  return { text: plainText(type, value, language), isNumber: isNumber(type), mark: markOf(type, value, language) };
}

function markOf(type: ShownType, value: unknown, language: Language): string | undefined {
  const range = rangeOf(type);
  if (range === undefined || typeof value !== 'number') return undefined;
  const { high, low } = wordsIn(language).portal.attributes;
  if (range.maximum !== undefined && value > range.maximum) return high;
  return range.minimum !== undefined && value < range.minimum ? low : undefined;
}

function rangeText(type: ShownType, language: Language): string {
  const { minimum, maximum } = rangeOf(type) ?? {};
  const { atLeast, atMost, between } = wordsIn(language).portal.attributes;
  const shown = (value: number) => plainText(type, value, language);
  if (minimum !== undefined && maximum !== undefined) return between(shown(minimum), shown(maximum));
  if (minimum !== undefined) return atLeast(shown(minimum));
  return maximum === undefined ? '' : atMost(shown(maximum));
}

/** A value in one line; one that is not of its type is written as it is. */
function plainText(type: ShownType, value: unknown, language: Language): string {
  const words = wordsIn(language);
  const { attributes } = words.portal;
  if (value === undefined || value === null || value === '') return attributes.noValue;
  if (typeof value === 'boolean') return value ? attributes.yes : attributes.no;
  if (typeof value === 'number') return numberText(type, value, language, words);
  if (typeof value === 'string') return cleanText(writtenText(type, value, language, words), TEXT_LIMIT);
  if (type.kind === 'object' && isRecord(value)) {
    const parts = Object.entries(type.members).filter(([name]) => value[name] !== undefined);
    const line = parts.map(
      ([name, member]) => `${member.label[language]}: ${plainText(member.type, value[name], language)}`,
    );
    return cleanText(line.join(' / '), TEXT_LIMIT);
  }
  if (type.kind === 'list' && Array.isArray(value)) {
    const items = value.slice(0, MOST_ROWS).map((item) => plainText(type.items, item, language));
    return cleanText(items.join(' / '), TEXT_LIMIT);
  }
  return cleanText(JSON.stringify(value), TEXT_LIMIT);
}

function numberText(type: ShownType, value: number, language: Language, words: Words): string {
  if (type.kind === 'moment') return longMoment(value * 1000, language);
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 6 }).format(value);
  if ((type.kind !== 'integer' && type.kind !== 'number') || type.unit === undefined) return number;
  const units: Readonly<Record<string, string>> = words.portal.units;
  return `${number}${Object.hasOwn(units, type.unit) ? units[type.unit] : ` ${type.unit}`}`;
}

function writtenText(type: ShownType, value: string, language: Language, words: Words): string {
  if (type.kind !== 'text') return value;
  if (type.values && Object.hasOwn(type.values, value)) return type.values[value]?.[language] ?? value;
  if (type.format === 'date') {
    const [, year = '', month, day] = /^(\d{4})(?:-(\d\d)-(\d\d))?$/.exec(value) ?? [];
    // OpenID Connect Core §5.1: of a birthdate the year may be 0000, or the day left out.
    const part = (digits: string | undefined) => (Number(digits) > 0 ? Number(digits) : undefined);
    return year === '' ? value : words.enrolment.done.date(part(year), part(month), part(day));
  }
  if (type.format === 'month') {
    const [, year, month] = /^(\d{4})-(\d\d)$/.exec(value) ?? [];
    return year === undefined ? value : words.portal.attributes.month(Number(year), Number(month));
  }
  return value;
}

function rangeOf(type: ShownType): Range | undefined {
  return type.kind === 'integer' || type.kind === 'number' ? type.ordinary : undefined;
}

function isNumber(type: ShownType): boolean {
  return type.kind === 'integer' || type.kind === 'number';
}

/** For what no catalogue describes: members by their own names. */
function typeOf(value: unknown): ShownType {
  if (typeof value === 'boolean') return { kind: 'boolean' };
  if (typeof value === 'number') return { kind: 'number' };
  if (Array.isArray(value)) {
    const [first] = value.filter(isRecord);
    return { kind: 'list', items: first ? recordType(Object.assign({}, ...value.filter(isRecord))) : typeOf(value[0]) };
  }
  return isRecord(value) ? recordType(value) : { kind: 'text' };
}

function recordType(value: Readonly<Record<string, unknown>>): ShownType {
  const members = Object.entries(value).map(([name, member]): [string, ShownMember] => {
    const label = name.replaceAll('_', ' ');
    // What is inside of what is inside stands in one line, as it is.
    const type: ShownType = typeof member === 'object' ? { kind: 'text' } : typeOf(member);
    return [name, { label: { ja: label, en: label }, type }];
  });
  return { kind: 'object', members: Object.fromEntries(members) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
