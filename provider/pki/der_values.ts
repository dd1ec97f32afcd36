import type { DerElement, DerReader } from './der.ts';
import { malformed, octet, Tag } from './der.ts';

/** Longer than any registered arc; bounds the work of decoding one. */
const MAX_OBJECT_IDENTIFIER_OCTETS = 64;

/** BOOLEAN: DER knows only 00 and FF (X.690 §11.1). */
export function readBoolean(element: DerElement): boolean {
  if (element.length !== 1) throw malformed('a boolean is not one octet');
  const value = octet(element.bytes, element.contentStart);
  if (value !== 0x00 && value !== 0xff) throw malformed('a boolean is neither 00 nor FF');
  return value === 0xff;
}

/** `BOOLEAN DEFAULT FALSE`. A default must not be written out (X.690 §11.5), so one that is there must be true. */
export function readDefaultFalse(reader: DerReader, tag: number = Tag.boolean): boolean {
  const element = reader.optional(tag);
  if (element === undefined) return false;
  if (!readBoolean(element)) throw malformed('a default value is written out');
  return true;
}

/** Throws unless `content` is an INTEGER or ENUMERATED in its shortest form (X.690 §8.3.2). */
export function checkInteger(content: Uint8Array): void {
  const first = octet(content, 0);
  if (content.length === 1) return;
  const second = octet(content, 1);
  if ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)) {
    throw malformed('an integer is not in its shortest form');
  }
}

/** Content octets of a non-negative INTEGER, a leading zero octet included. */
export function readUnsignedOctets(element: DerElement): Uint8Array {
  const { content } = element;
  checkInteger(content);
  if (octet(content, 0) >= 0x80) throw malformed('an integer is negative');
  return content;
}

/** A non-negative INTEGER, ENUMERATED, or either one implicitly tagged, that must be below 2^31. */
export function readSmallInteger(element: DerElement): number {
  const content = readUnsignedOctets(element);
  if (content.length > 4) throw malformed('an integer is too large');
  let value = 0;
  for (const byte of content) value = value * 256 + byte;
  return value;
}

/** A non-negative INTEGER of at most `maxOctets`. */
export function readBigInteger(element: DerElement, maxOctets: number): bigint {
  const content = readUnsignedOctets(element);
  if (content.length > maxOctets) throw malformed('an integer is too large');
  return BigInt(`0x${Buffer.from(content.buffer, content.byteOffset, content.length).toString('hex')}`);
}

/** OBJECT IDENTIFIER in dotted form. Arcs of any size are exact: some policies hang under a 128-bit UUID arc. */
export function readObjectIdentifier(element: DerElement): string {
  const { bytes, contentStart, contentEnd, length } = element;
  if (element.tag !== Tag.objectIdentifier) throw malformed('an element has an unexpected tag');
  if (length === 0 || length > MAX_OBJECT_IDENTIFIER_OCTETS) {
    throw malformed('an object identifier is empty or too long');
  }
  if (octet(bytes, contentEnd - 1) >= 0x80) throw malformed('an object identifier is cut short');
  let text = '';
  let arc = 0;
  let bigArc: bigint | undefined;
  let arcStarts = true;
  for (let index = contentStart; index < contentEnd; index++) {
    const byte = octet(bytes, index);
    if (arcStarts && byte === 0x80) throw malformed('an arc is not in its shortest form');
    const low = byte & 0x7f;
    if (bigArc !== undefined) bigArc = bigArc * 128n + BigInt(low);
    else if (arc >= 2 ** 45) bigArc = BigInt(arc) * 128n + BigInt(low);
    else arc = arc * 128 + low;
    arcStarts = byte < 0x80;
    if (!arcStarts) continue;
    if (text !== '') text += `.${bigArc ?? arc}`;
    else if (bigArc !== undefined) text = `2.${bigArc - 80n}`;
    else text = arc < 40 ? `0.${arc}` : arc < 80 ? `1.${arc - 40}` : `2.${arc - 80}`;
    arc = 0;
    bigArc = undefined;
  }
  return text;
}

/** The octets of a BIT STRING that must be a whole number of octets: a key or a signature. */
export function readBitStringOctets(element: DerElement): Uint8Array {
  const { content } = element;
  if (octet(content, 0) !== 0) throw malformed('a bit string is not a whole number of octets');
  return content.subarray(1);
}

/**
 * A BIT STRING of named bits as a number with named bit n at 1 << n, first sixteen at most. Trailing zero bits must
 * have been removed (X.690 §11.2.2), as must the value zero itself where RFC 5280 forbids it; the caller decides that.
 */
export function readNamedBits(element: DerElement): number {
  const { bytes, contentStart, contentEnd, length } = element;
  if (length === 0) throw malformed('a bit string is empty');
  const unused = octet(bytes, contentStart);
  if (length === 1) {
    if (unused !== 0) throw malformed('an empty bit string has unused bits');
    return 0;
  }
  if (unused > 7 || length > 3) throw malformed('a bit string has too many bits');
  if ((octet(bytes, contentEnd - 1) & ((2 << unused) - 1)) !== 1 << unused) {
    throw malformed('a list of named bits has trailing zeros');
  }
  let bits = 0;
  for (let bit = 0; bit < (length - 1) * 8; bit++) {
    if ((octet(bytes, contentStart + 1 + (bit >> 3)) & (0x80 >> (bit & 7))) !== 0) bits |= 1 << bit;
  }
  return bits;
}

/** UTCTime or GeneralizedTime as milliseconds since 1970. Seconds and `Z` must be there (RFC 5280 §4.1.2.5). */
export function readTime(element: DerElement): number {
  const { tag } = element;
  if (tag !== Tag.utcTime && tag !== Tag.generalizedTime) throw malformed('an element has an unexpected tag');
  return readTimeOctets(element.bytes, element.contentStart, element.contentEnd, tag);
}

/** The same over a stretch of bytes, for walks that make no object per element. */
export function readTimeOctets(bytes: Uint8Array, start: number, end: number, tag: number): number {
  // PKITS asks that GeneralizedTime be read before 2050 too, although a CA must not write it so.
  const yearDigits = tag === Tag.generalizedTime ? 4 : 2;
  if (end - start !== yearDigits + 11 || octet(bytes, end - 1) !== 0x5a) throw malformed('a time is not YYMMDDHHMMSSZ');
  let year = digits(bytes, start, yearDigits);
  if (yearDigits === 2) year += year < 50 ? 2000 : 1900;
  const at = start + yearDigits;
  const month = digits(bytes, at, 2);
  const day = digits(bytes, at + 2, 2);
  const hour = digits(bytes, at + 4, 2);
  const minute = digits(bytes, at + 6, 2);
  const second = digits(bytes, at + 8, 2);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59) {
    throw malformed('a time does not exist');
  }
  return (daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) * 1000;
}

function digits(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let index = start; index < start + count; index++) {
    const digit = octet(bytes, index) - 0x30;
    if (digit < 0 || digit > 9) throw malformed('a time holds something other than digits');
    value = value * 10 + digit;
  }
  return value;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Civil date to days, counting years from March so that the leap day comes last. `Date.UTC` maps years 0-99 to 1900. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const fromMarch = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const leapDays = Math.floor(fromMarch / 4) - Math.floor(fromMarch / 100) + Math.floor(fromMarch / 400);
  return fromMarch * 365 + leapDays + dayOfYear - 719_468;
}

/** Reads a `SEQUENCE SIZE (1..MAX) OF`, or either kind of it under an implicit tag. */
export function readList<T>(element: DerElement, read: (inner: DerReader) => T): T[] {
  const inner = element.open();
  const items: T[] = [];
  if (inner.atEnd) throw malformed('a list that must hold something is empty');
  while (!inner.atEnd) items.push(read(inner));
  return items;
}

/** ASCII text of an IA5String, such as a URI. */
export function readAscii(element: DerElement): string {
  for (const byte of element.content) {
    if (byte < 0x20 || byte > 0x7e) throw malformed('a text holds something other than printable ASCII');
  }
  return Buffer.from(element.content).toString('latin1');
}

/**
 * The elements of a SET OF, or of one under an implicit tag, each with this tag: at least one, at most `most`, in ascending
 * order, without which the same set would have many encodings (X.690 §11.6).
 */
export function readSetOf(element: DerElement, tag: number, most: number): DerElement[] {
  const elements = readList(element, (inner) => inner.next(tag));
  if (elements.length > most) throw malformed('a set holds too many elements');
  for (const [index, { der }] of elements.entries()) {
    const previous = elements[index - 1];
    if (previous !== undefined && Buffer.compare(previous.der, der) > 0) throw malformed('a set is not in order');
  }
  return elements;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a UTF8String, as it stands. */
export function readUtf8String(element: DerElement): string {
  if (element.tag !== Tag.utf8String) throw malformed('an element has an unexpected tag');
  try {
    return utf8.decode(element.content);
  } catch {
    throw malformed('a text is not UTF-8');
  }
}

/** True when both hold the same octets. For public values only: the time it takes tells where they differ. */
export function sameOctets(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0;
}
