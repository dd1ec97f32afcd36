/**
 * A DER writer (X.690 §10): every function returns one complete element. It writes what it is told to, so the only
 * guarantee is the encoding: minimal lengths, minimal integers, definite form. The `with…` functions at the end break
 * exactly that, for fixtures that a reader must refuse.
 */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([0x80 | octets.length, ...octets]);
}

/** One element with a single-byte tag; the contents are joined in the order given. */
export function element(tag: number, contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), encodeLength(length), ...contents]);
}

export const sequence = (...contents: Uint8Array[]): Buffer => element(TAG.sequence, contents);
export const sequenceOf = (contents: readonly Uint8Array[]): Buffer => element(TAG.sequence, contents);
export const set = (...contents: Uint8Array[]): Buffer => element(TAG.set, contents);
/** `[number] EXPLICIT`, or an IMPLICIT tag over a constructed type when given its contents. */
export const context = (number: number, ...contents: Uint8Array[]): Buffer => element(0xa0 | number, contents);
/** `[number] IMPLICIT` over a primitive type, given its content octets. */
export const contextPrimitive = (number: number, content: Uint8Array): Buffer => element(0x80 | number, [content]);
export const boolean = (value: boolean): Buffer => element(TAG.boolean, [Buffer.from([value ? 0xff : 0x00])]);
export const nullValue = (): Buffer => element(TAG.null, []);
export const octetString = (content: Uint8Array): Buffer => element(TAG.octetString, [content]);
export const bitString = (content: Uint8Array, unusedBits = 0): Buffer =>
  element(TAG.bitString, [Buffer.from([unusedBits]), content]);
export const utf8String = (text: string): Buffer => element(TAG.utf8String, [Buffer.from(text, 'utf8')]);
export const printableString = (text: string): Buffer => element(TAG.printableString, [Buffer.from(text, 'latin1')]);
export const ia5String = (text: string): Buffer => element(TAG.ia5String, [Buffer.from(text, 'latin1')]);
export const enumerated = (value: number): Buffer => element(TAG.enumerated, [Buffer.from([value])]);

/** The content octets of an INTEGER: two's complement, as short as possible (X.690 §8.3). */
export function integerContent(value: bigint | number): Buffer {
  const number = BigInt(value);
  let size = 1;
  while (BigInt.asIntN(size * 8, number) !== number) size += 1;
  const hex = BigInt.asUintN(size * 8, number)
    .toString(16)
    .padStart(size * 2, '0');
  return Buffer.from(hex, 'hex');
}

export const integer = (value: bigint | number): Buffer => element(TAG.integer, [integerContent(value)]);
/** An INTEGER whose content octets the caller chooses, minimal or not. */
export const rawInteger = (content: Uint8Array): Buffer => element(TAG.integer, [content]);

/** A BIT STRING of named bits without trailing zero bits (X.690 §11.2.2): `namedBits([0, 1])` is `03 02 06 C0`. */
export function namedBits(bits: readonly number[]): Buffer {
  const highest = Math.max(-1, ...bits);
  const content = Buffer.alloc(Math.ceil((highest + 1) / 8));
  for (const bit of bits) content[bit >> 3] = (content[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return bitString(content, content.length * 8 - (highest + 1));
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    octets.push(...groups);
  }
  return element(TAG.objectIdentifier, [Buffer.from(octets)]);
}

/** `YYYYMMDDHHMMSSZ`; fractions of a second are cut off. */
const digits = (time: number): string => `${new Date(time).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;

/** @param time milliseconds since 1970 */
export const utcTime = (time: number): Buffer => element(TAG.utcTime, [Buffer.from(digits(time).slice(2), 'latin1')]);
/** @param time milliseconds since 1970 */
export const generalizedTime = (time: number): Buffer =>
  element(TAG.generalizedTime, [Buffer.from(digits(time), 'latin1')]);
/** UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). */
export const time = (value: number): Buffer =>
  new Date(value).getUTCFullYear() < 2050 ? utcTime(value) : generalizedTime(value);

/** The same element with one length octet more than DER allows. */
export function withNonMinimalLength(der: Uint8Array): Buffer {
  const first = der[1] ?? 0;
  const lengthOctets = first < 0x80 ? Buffer.from([first]) : Buffer.from(der.subarray(2, 2 + (first & 0x7f)));
  const content = der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
  return Buffer.concat([
    Buffer.from([der[0] ?? 0, 0x80 | (lengthOctets.length + 1), 0x00]),
    Buffer.from(lengthOctets),
    content,
  ]);
}

/** The same constructed element in BER's indefinite form. */
export function withIndefiniteLength(der: Uint8Array): Buffer {
  const first = der[1] ?? 0;
  const content = der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
  return Buffer.concat([Buffer.from([der[0] ?? 0, 0x80]), content, Buffer.from([0, 0])]);
}

export const withTrailingBytes = (der: Uint8Array, trailing: Uint8Array = Buffer.from([0x05, 0x00])): Buffer =>
  Buffer.concat([der, trailing]);
