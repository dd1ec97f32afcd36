import { en } from './en.ts';
import { enErrors } from './en_errors.ts';
import type { Words } from './ja.ts';
import { ja } from './ja.ts';
import type { ErrorText } from './ja_errors.ts';
import { jaErrors } from './ja_errors.ts';

export type { Words } from './ja.ts';
export type { ErrorCode, ErrorText } from './ja_errors.ts';

/** BCP 47 tags of the languages that every page is written in; the first is the default. */
export const languages = ['ja', 'en'] as const;
export type Language = (typeof languages)[number];

const words: Readonly<Record<Language, Words>> = { ja, en };
const errors: Readonly<Record<Language, Readonly<Record<string, ErrorText>>>> = { ja: jaErrors, en: enErrors };

export function wordsIn(language: Language): Words {
  return words[language];
}

/** What to tell a person about an error code; a code that the table does not know gets the general text. */
export function errorText(code: string, language: Language): ErrorText {
  const table = errors[language];
  const text = Object.hasOwn(table, code) ? table[code] : undefined;
  return text ?? (table.unknown as ErrorText);
}
