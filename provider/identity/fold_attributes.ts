import { commonFormOf } from './variant_characters.ts';

/*
 * Names and addresses in one form, whoever wrote them: two that come out equal are taken for the same. What is folded away
 * is how a thing is written (width, old forms, spaces, dashes, 丁目 or a hyphen), never what it says.
 */

/**
 * Stands for a character that nobody knows; folding leaves it where it is. Unicode sets it aside for such uses (a
 * noncharacter), so that no text has it by right.
 */
export const UNKNOWN_CHARACTER = '\ufdd0';

/** Of what is left after NFKC: hyphens, dashes, minus, lines of boxes; people type any of them for any other. */
const DASH = String.raw`[\-\u02d7\u2010-\u2015\u2043\u2212\u2500\u2501\u30a0]`;
/** And the sign of a long vowel, which is a dash only where it cannot be that. */
const DASH_OR_LONG_VOWEL = String.raw`(?:${DASH}|\u30fc)`;

const dashesAndLongVowels = new RegExp(DASH_OR_LONG_VOWEL, 'gu');
const dashesBetweenDigits = new RegExp(String.raw`(?<=\d)${DASH_OR_LONG_VOWEL}+(?=\d)`, 'gu');
/** A dash between anything but digits says nothing: ９－１－Ａ and ９－１Ａ are one place. */
const otherDashes = new RegExp(String.raw`(?<!\d)${DASH}|${DASH}(?!\d)`, 'gu');
/** The certificate's address begins with the prefecture. */
const postalCode = new RegExp(String.raw`^\s*〒?\s*\d{3}${DASH_OR_LONG_VOWEL}?\d{4}(?!\d)`, 'u');

/** Invisible: variation selectors, joiners, direction marks. */
const invisible = /\p{Default_Ignorable_Code_Point}/gu;
const spaces = /\s+/gu;
const spacesBetweenDigits = /(?<=\d)\s+(?=\d)/gu;

/** 番町 is a place; 番 alone counts blocks. */
const numeralsBeforeUnit = /[〇一二三四五六七八九十百]+(?=丁目|番(?!町)|号)/gu;
const unitsAfterDigits = /(?<=\d)(?:丁目|番(?!町)地?の?|号室?|の(?=\d))/gu;
/** 霞が関, 霞ヶ関, 霞ケ関. */
const small = new RegExp(
  String.raw`(?<=[\p{Script=Han}${UNKNOWN_CHARACTER}])[ヶケがガ](?=[\p{Script=Han}${UNKNOWN_CHARACTER}])`,
  'gu',
);

/** A name: spaces and the case of letters do not count, and every dash is like another. */
export function foldName(text: string): string {
  return foldCharacters(text).replace(spaces, '').replace(dashesAndLongVowels, '-');
}

/** An address: likewise, and its numbers stand with hyphens between, however they were divided. */
export function foldAddress(text: string): string {
  return foldCharacters(text)
    .replace(postalCode, '')
    .replace(numeralsBeforeUnit, (numerals) => String(numberOf(numerals)))
    .replace(spacesBetweenDigits, '-')
    .replace(spaces, '')
    .replace(unitsAfterDigits, '-')
    .replace(dashesBetweenDigits, '-')
    .replace(otherDashes, '')
    .replace(small, 'ケ');
}

function foldCharacters(text: string): string {
  const even = text.normalize('NFKC').replace(invisible, '').toLowerCase();
  return Array.from(even, commonFormOf).join('');
}

const numeralDigits = '〇一二三四五六七八九';

/** 十二 and 一二 are both 12; beyond 百 no house is numbered in them. */
function numberOf(numerals: string): number {
  let value = 0;
  let digits = 0;
  for (const numeral of numerals) {
    const unit = numeral === '十' ? 10 : numeral === '百' ? 100 : undefined;
    if (unit === undefined) {
      digits = digits * 10 + numeralDigits.indexOf(numeral);
    } else {
      value += (digits || 1) * unit;
      digits = 0;
    }
  }
  return value + digits;
}
