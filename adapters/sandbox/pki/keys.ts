import { createHash, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { bitString, integer, nullValue, objectIdentifier, sequence } from './der.ts';
import { readChildren, readElement } from './der_reader.ts';

const generate = promisify(generateKeyPair);

export interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

/** An RSA key, made on the thread pool (50 to 300 ms for 2048 bits: hand one in where many certificates are made). */
export function generateRsaKey({ bits = 2048, exponent = 65537 } = {}): Promise<KeyPair> {
  return generate('rsa', { modulusLength: bits, publicExponent: exponent });
}

export function generateEcKey(namedCurve: 'P-256' | 'P-384' | 'P-521' = 'P-256'): Promise<KeyPair> {
  return generate('ec', { namedCurve });
}

export const keyPairOf = (privateKey: KeyObject): KeyPair => ({ privateKey, publicKey: createPublicKey(privateKey) });

export const subjectPublicKeyInfo = (publicKey: KeyObject): Buffer => publicKey.export({ type: 'spki', format: 'der' });

/** Any modulus and exponent, such as e = 1, that no generator would make. */
export const rsaPublicKeyInfo = (modulus: bigint, exponent: bigint): Buffer =>
  sequence(
    sequence(objectIdentifier('1.2.840.113549.1.1.1'), nullValue()),
    bitString(sequence(integer(modulus), integer(exponent))),
  );

/** The content of the subjectPublicKey BIT STRING; for RSA the PKCS#1 RSAPublicKey. */
export function subjectPublicKeyBits(info: Uint8Array): Buffer {
  const bits = readChildren(readElement(info).content)[1];
  if (bits?.tag !== 0x03) throw new TypeError('not a SubjectPublicKeyInfo');
  return Buffer.from(bits.content.subarray(1));
}

/** SHA-1 of the subjectPublicKey bits (RFC 5280 §4.2.1.2 method 1), which is what the authority uses. */
export const keyIdentifier = (info: Uint8Array): Buffer =>
  createHash('sha1').update(subjectPublicKeyBits(info)).digest();
