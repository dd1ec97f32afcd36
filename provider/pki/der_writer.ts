import { contextConstructed, Tag } from './der.ts';

/** The few DER encoders that OCSP requests, signed documents and the hub’s own certificates need. All else here only reads. */

/** Tag, length and the parts joined as value. */
export function encode(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = Buffer.concat(parts);
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...encodeLength(value.length)), value]));
}

/** In the shortest form (X.690 §10.1). */
function encodeLength(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff);
  return [0x80 | octets.length, ...octets];
}

export function encodeSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(Tag.sequence, ...parts);
}

/** SET OF, its elements in the order that DER wants (X.690 §11.6). */
export function encodeSetOf(...elements: readonly Uint8Array[]): Uint8Array {
  return encode(Tag.set, ...elements.toSorted(Buffer.compare));
}

/** [number] EXPLICIT. */
export function encodeExplicit(number: number, value: Uint8Array): Uint8Array {
  return encode(contextConstructed(number), value);
}

export function encodeOctetString(value: Uint8Array): Uint8Array {
  return encode(Tag.octetString, value);
}

/** INTEGER from the octets of a number that is not negative, in its shortest form (X.690 §8.3.2). */
export function encodeUnsignedInteger(octets: Uint8Array): Uint8Array {
  const first = octets.findIndex((octet) => octet !== 0);
  const shortest = first === -1 ? Uint8Array.of(0) : octets.subarray(first);
  const [head = 0] = shortest;
  return encode(Tag.integer, ...(head >= 0x80 ? [Uint8Array.of(0)] : []), shortest);
}

/** BIT STRING of whole octets. */
export function encodeBitString(octets: Uint8Array): Uint8Array {
  return encode(Tag.bitString, Uint8Array.of(0), octets);
}

export function encodeUtf8String(text: string): Uint8Array {
  return encode(Tag.utf8String, Buffer.from(text));
}

/** A time of a certificate or document, in milliseconds since 1970: UTCTime until 2049 (RFC 5280 §4.1.2.5, RFC 5652 §11.3). */
export function encodeTime(time: number): Uint8Array {
  const digits = new Date(time).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  const isShort = digits < '2050';
  return encode(
    isShort ? Tag.utcTime : Tag.generalizedTime,
    Buffer.from(`${isShort ? digits.slice(2) : digits}Z`, 'latin1'),
  );
}

export function encodeNull(): Uint8Array {
  return encode(Tag.null);
}

/** OBJECT IDENTIFIER from its dotted form, which must be well formed: it comes from our own table. */
export function encodeObjectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    octets.push(...groups);
  }
  return encode(Tag.objectIdentifier, Uint8Array.from(octets));
}
