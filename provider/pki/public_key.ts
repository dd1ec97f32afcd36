import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import type { DerElement } from './der.ts';
import { malformed, octet, openSequence, Tag } from './der.ts';
import { readBitStringOctets, readObjectIdentifier, readUnsignedOctets } from './der_values.ts';
import { PkiError } from './errors.ts';
import { keyTypes } from './object_identifiers.ts';

/** What a public key is, before any arithmetic. */
export type PublicKeyFacts =
  | { readonly type: 'RSA'; readonly bits: number; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | { readonly type: 'P-256' | 'P-384'; readonly x: Uint8Array; readonly y: Uint8Array };

export interface SubjectPublicKey {
  readonly facts: PublicKeyFacts;
  /** Contents of the BIT STRING: what key identifiers and OCSP's issuerKeyHash are digests of. */
  readonly octets: Uint8Array;
}

/** Larger moduli only cost time: verification grows with the square, and nobody issues them. */
const MAX_RSA_BITS = 8192;

const curves: ReadonlyMap<string, { type: 'P-256' | 'P-384'; size: number }> = new Map([
  [keyTypes.p256, { type: 'P-256', size: 32 }],
  [keyTypes.p384, { type: 'P-384', size: 48 }],
]);

/**
 * Reads a SubjectPublicKeyInfo: RSA of 2048 to 8192 bits with an odd exponent from 65537 up, or an uncompressed point
 * on P-256 or P-384. Throws `PkiError('certificate_key')` for every other key, `der_malformed` for bad DER.
 */
export function readSubjectPublicKey(element: DerElement): SubjectPublicKey {
  const reader = element.open();
  const algorithm = reader.next(Tag.sequence).open();
  const octets = readBitStringOctets(reader.next(Tag.bitString));
  reader.finish();
  const type = readObjectIdentifier(algorithm.next());
  if (type === keyTypes.rsaEncryption) {
    if (algorithm.next(Tag.null).content.length !== 0) throw malformed('NULL parameters are not empty');
    algorithm.finish();
    return { facts: readRsa(octets), octets };
  }
  if (type === keyTypes.ecPublicKey) {
    const curve = curves.get(readObjectIdentifier(algorithm.next()));
    algorithm.finish();
    if (curve === undefined) throw new PkiError('certificate_key', 'the curve is not P-256 or P-384');
    if (octets.length !== 1 + 2 * curve.size || octet(octets, 0) !== 0x04) {
      throw new PkiError('certificate_key', 'the elliptic curve point is not uncompressed or has the wrong length');
    }
    const x = octets.subarray(1, 1 + curve.size);
    return { facts: { type: curve.type, x, y: octets.subarray(1 + curve.size) }, octets };
  }
  throw new PkiError('certificate_key', 'the key is neither RSA nor elliptic curve');
}

function readRsa(octets: Uint8Array): PublicKeyFacts {
  const reader = openSequence(octets);
  const modulus = withoutLeadingZero(readUnsignedOctets(reader.next(Tag.integer)));
  const exponent = withoutLeadingZero(readUnsignedOctets(reader.next(Tag.integer)));
  reader.finish();
  const bits = modulus.length * 8 - Math.clz32(octet(modulus, 0)) + 24;
  if (bits < 2048 || bits > MAX_RSA_BITS)
    throw new PkiError('certificate_key', 'the RSA modulus is not 2048 to 8192 bits');
  if ((octet(modulus, modulus.length - 1) & 1) === 0) throw new PkiError('certificate_key', 'the RSA modulus is even');
  // Small exponents invite forgeries where padding is checked loosely (e = 1 forges at once); huge ones cost as much as signing.
  let value = 0;
  for (const byte of exponent) value = value * 256 + byte;
  if (exponent.length > 4 || value < 65_537 || value % 2 === 0) {
    throw new PkiError('certificate_key', 'the RSA exponent is not an odd number from 65537 to 2^32');
  }
  return { type: 'RSA', bits, modulus, exponent };
}

function withoutLeadingZero(octets: Uint8Array): Uint8Array {
  return octets.length > 1 && octet(octets, 0) === 0 ? octets.subarray(1) : octets;
}

/**
 * The key as node:crypto wants it, by the shortest way, since a certificate's key is imported for one verification.
 * OpenSSL's decoders for SPKI try every format they know, while PKCS#1 and JWK name theirs. And it is a string for RSA,
 * because Node finds out whether any object is a KeyObject by catching what native calls throw: four times for
 * `{ key: bytes, format: 'der' }`, which takes longer than the signature's verification.
 *
 * Throws `PkiError('certificate_key')` for a point that is not on its curve.
 */
export function importPublicKey({ facts, octets }: SubjectPublicKey): KeyObject {
  try {
    if (facts.type === 'RSA') return createPublicKey(asPkcs1Pem(octets));
    const key = { kty: 'EC', crv: facts.type, x: base64url(facts.x), y: base64url(facts.y) };
    return createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    throw new PkiError('certificate_key', 'the public key is not usable', { cause });
  }
}

function asPkcs1Pem(octets: Uint8Array): string {
  return `-----BEGIN RSA PUBLIC KEY-----\n${asBuffer(octets).toString('base64')}\n-----END RSA PUBLIC KEY-----\n`;
}

function base64url(octets: Uint8Array): string {
  return asBuffer(octets).toString('base64url');
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}
