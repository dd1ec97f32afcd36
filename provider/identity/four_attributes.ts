import { HubError } from '../errors.ts';
import { type Certificate, jpkiAttributes, type OtherName, PkiError, readOtherNameText } from '../pki/index.ts';

/** 基本4情報, in the order in which they are always named. */
export const attributeNames = ['name', 'address', 'birthdate', 'gender'] as const;
export type AttributeName = (typeof attributeNames)[number];

/**
 * The four attributes as the municipality registered them and a signing certificate carries them; undefined where the
 * certificate lacks one. Personal data: never log, never show unasked.
 */
export interface FourAttributes {
  readonly name: RegisteredText | undefined;
  readonly address: RegisteredText | undefined;
  readonly birthdate: RegisteredDate | undefined;
  readonly gender: RegisteredGender | undefined;
}

export interface RegisteredText {
  /** As it stands in the certificate, no form of it evened out. */
  readonly text: string;
  /** For each code point of `text`, whether it stands in for a character that the certificate cannot carry. */
  readonly substitutes: readonly boolean[];
}

/** Parts that are not known are undefined. Years are Gregorian. */
export interface RegisteredDate {
  readonly year: number | undefined;
  readonly month: number | undefined;
  readonly day: number | undefined;
}

/** The values of OpenID Connect (Core §5.1), and 不明. */
export type RegisteredGender = 'female' | 'male' | 'unknown';

/** Code points of a name or an address: the authority's own limit for an address is 200. */
const MAX_CHARACTERS = 400;

const CONTROL_CHARACTER = /\p{Cc}/u;

/** Era from 明治 (1) to 令和 (5), 0 for none, before the Gregorian date. */
const DATE_OF_BIRTH = /^[0-5](\d{4})(\d{2})(\d{2})$/;

/** 1 男, 2 女, 3 不明; of 9 only one source knows, who says the same. */
const genders: ReadonlyMap<string, RegisteredGender> = new Map([
  ['1', 'male'],
  ['2', 'female'],
  ['3', 'unknown'],
  ['9', 'unknown'],
]);

/**
 * Reads the four attributes of a signing certificate by their object identifiers (fact sheet §2.5), in whatever order they
 * stand. Other names under the same arc are passed over: the authority adds some, such as the furigana.
 *
 * @throws HubError 403 `attributes_unreadable` when one is there twice or is not of its own form; `details` say which and
 *   why, and never the value.
 */
export function readFourAttributes({ extensions }: Certificate): FourAttributes {
  const { otherNames } = extensions;
  const nameText = readOnly(otherNames, 'commonName');
  const nameFlags = readOnly(otherNames, 'substituteCharacterOfCommonName');
  const addressText = readOnly(otherNames, 'address');
  const addressFlags = readOnly(otherNames, 'substituteCharacterOfAddress');
  const dateOfBirth = readOnly(otherNames, 'dateOfBirth');
  const gender = readOnly(otherNames, 'gender');
  return {
    name: registeredText('name', nameText, nameFlags),
    address: registeredText('address', addressText, addressFlags),
    birthdate: dateOfBirth === undefined ? undefined : registeredDate(dateOfBirth),
    gender: gender === undefined ? undefined : registeredGender(gender),
  };
}

/** Those that the certificate carries, known or not: all of them that may be shown to anybody else. */
export function attributesPresent(attributes: FourAttributes): AttributeName[] {
  return attributeNames.filter((name) => attributes[name] !== undefined);
}

/** Two of one kind would be two statements, of which each reader takes the one that it meets. */
function readOnly(otherNames: readonly OtherName[], kind: keyof typeof jpkiAttributes): string | undefined {
  const [found, second] = otherNames.filter(({ type }) => type === jpkiAttributes[kind]);
  if (second !== undefined) throw unreadable(kind, 'it is there twice');
  if (found === undefined) return undefined;
  try {
    return readOtherNameText(found);
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw unreadable(kind, cause.message);
  }
}

/** Characters are counted by code point. Where there are no flags, nothing was substituted. */
function registeredText(
  attribute: 'name' | 'address',
  text: string | undefined,
  flags: string | undefined,
): RegisteredText | undefined {
  if (text === undefined) {
    if (flags !== undefined) throw unreadable(attribute, 'it has flags and no text');
    return undefined;
  }
  const length = [...text].length;
  if (length === 0 || length > MAX_CHARACTERS) throw unreadable(attribute, 'it is empty or too long');
  if (CONTROL_CHARACTER.test(text)) throw unreadable(attribute, 'it holds a control character');
  if (flags === undefined) return { text, substitutes: Array.from({ length }, () => false) };
  if (!/^[01]*$/.test(flags)) throw unreadable(attribute, 'its flags are not 0 and 1');
  if (flags.length !== length) throw unreadable(attribute, 'it has more or fewer flags than characters');
  return { text, substitutes: [...flags].map((flag) => flag === '1') };
}

function registeredDate(text: string): RegisteredDate {
  const digits = DATE_OF_BIRTH.exec(text);
  if (digits === null) throw unreadable('birthdate', 'it is not an era and eight digits');
  const [year, month, day] = digits.slice(1).map((part) => Number(part) || undefined);
  if (!isPossible(year, month, day)) throw unreadable('birthdate', 'there is no such day');
  return { year, month, day };
}

/** What is unknown may be anything, a leap year too. */
function isPossible(year = 2000, month = 1, day = 1): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function registeredGender(digit: string): RegisteredGender {
  const gender = genders.get(digit);
  if (gender === undefined) throw unreadable('gender', 'it is not 1, 2, 3 or 9');
  return gender;
}

function unreadable(attribute: string, reason: string): HubError {
  return new HubError('attributes_unreadable', 403, 'The attributes in the signing certificate cannot be read.', {
    details: { reason: `${attribute}: ${reason}` },
  });
}
