import { foldAddress, foldName, UNKNOWN_CHARACTER } from './fold_attributes.ts';
import type { AttributeName, FourAttributes, RegisteredDate, RegisteredText } from './four_attributes.ts';

/** The four attributes as a person typed them into a form. */
export interface TypedAttributes {
  readonly name: string;
  readonly address: string;
  /** Year, month and day in this order. */
  readonly birthdate: string;
  /** `female`, `male`, or anything else that a form offers. */
  readonly gender: string;
}

export type Verdict = 'same' | 'different' | 'unknown';

/** What the person is told, by key. */
export type ComparisonReason =
  /** same */
  | 'identical'
  | 'written_otherwise'
  /** different */
  | 'differs'
  | 'too_long'
  | 'no_date'
  /** unknown */
  | 'not_typed'
  | 'not_registered'
  | 'substitute_characters'
  | 'partly_registered';

export interface Comparison {
  readonly verdict: Verdict;
  readonly reason: ComparisonReason;
}

/** Characters that anybody types for a name or an address; the authority's own bound for an address is 200. */
const MAX_TYPED_CHARACTERS = 400;

const same = (reason: 'identical' | 'written_otherwise'): Comparison => ({ verdict: 'same', reason });
const different = (reason: 'differs' | 'too_long' | 'no_date'): Comparison => ({ verdict: 'different', reason });
const unknown = (
  reason: 'not_typed' | 'not_registered' | 'substitute_characters' | 'partly_registered',
): Comparison => ({ verdict: 'unknown', reason });

/**
 * Compares what a person typed with what their certificate says, attribute by attribute. `same`: a reader would say that it
 * is, whatever the characters. `different`: they would not. `unknown`: the certificate does not say enough; a person must
 * look.
 *
 * It is a courtesy to who mistypes, and proves nothing: the certificate is who signed, whatever the form says.
 */
export function compareAttributes(
  registered: FourAttributes,
  typed: TypedAttributes,
): Readonly<Record<AttributeName, Comparison>> {
  return {
    name: compareText(registered.name, typed.name, foldName),
    address: compareText(registered.address, typed.address, foldAddress),
    birthdate: compareDate(registered.birthdate, typed.birthdate),
    gender: compareGender(registered.gender, typed.gender),
  };
}

function compareText(
  registered: RegisteredText | undefined,
  typed: string,
  fold: (text: string) => string,
): Comparison {
  if (registered === undefined) return unknown('not_registered');
  // Counted before anything else is done with it: evening out takes a time that grows with the square (Unicode §3.11).
  if (typed.length > 2 * MAX_TYPED_CHARACTERS) return different('too_long');
  const foldedTyped = [...fold(typed)];
  if (foldedTyped.length === 0) return unknown('not_typed');
  if (!matches([...fold(withUnknownCharacters(registered))], foldedTyped)) return different('differs');
  if (registered.substitutes.includes(true)) return unknown('substitute_characters');
  return same(registered.text === typed ? 'identical' : 'written_otherwise');
}

/** The visible character is not the registered one: it must be no reason for anything. */
function withUnknownCharacters({ text, substitutes }: RegisteredText): string {
  return Array.from(text, (character, index) => (substitutes[index] ? UNKNOWN_CHARACTER : character)).join('');
}

function matches(registered: readonly string[], typed: readonly string[]): boolean {
  return (
    registered.length === typed.length &&
    registered.every((character, index) => character === UNKNOWN_CHARACTER || character === typed[index])
  );
}

const TYPED_DATE = /^(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?$/;
/** With full-width digits, and spaces around. */
const MAX_DATE_LENGTH = 40;

function compareDate(registered: RegisteredDate | undefined, typed: string): Comparison {
  if (registered === undefined) return unknown('not_registered');
  if (typed.trim() === '') return unknown('not_typed');
  if (typed.length > MAX_DATE_LENGTH) return different('too_long');
  const parts = TYPED_DATE.exec(typed.normalize('NFKC').trim());
  if (parts === null) return different('no_date');
  const [year, month, day] = parts.slice(1).map(Number);
  const pairs = [
    [registered.year, year],
    [registered.month, month],
    [registered.day, day],
  ];
  if (pairs.some(([known, part]) => known !== undefined && known !== part)) return different('differs');
  if (pairs.some(([known]) => known === undefined)) return unknown('partly_registered');
  return same('identical');
}

function compareGender(registered: FourAttributes['gender'], typed: string): Comparison {
  if (registered === undefined || registered === 'unknown') return unknown('not_registered');
  if (typed === '') return unknown('not_typed');
  return registered === typed ? same('identical') : different('differs');
}
