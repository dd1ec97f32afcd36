import { checkPrimeSync, createECDH, createPrivateKey, hash } from 'node:crypto';
import { type KeyPair, keyPairOf } from '../../adapters/sandbox/pki/index.ts';

/*
 * Keys that are the same in every run, on every machine: an input that was found in one run must be as well signed in the
 * next. They are made and not checked in, so that nobody takes them for somebody's.
 */

const EXPONENT = 65_537n;
const PRIME_BITS = 1024n;
/** Enough for numbers that nobody chose to deceive, at a sixteenth of the time that the default takes. */
const ROUNDS = 4;

/** An RSA-2048 key by the name. Takes some 100 ms. */
export function fixedRsaKey(name: string): KeyPair {
  const [p, q] = [primeOf(`${name} p`), primeOf(`${name} q`)];
  const d = inverseOf(EXPONENT, (p - 1n) * (q - 1n));
  const key = {
    kty: 'RSA',
    n: base64url(p * q),
    e: base64url(EXPONENT),
    d: base64url(d),
    p: base64url(p),
    q: base64url(q),
    dp: base64url(d % (p - 1n)),
    dq: base64url(d % (q - 1n)),
    qi: base64url(inverseOf(q, p)),
  };
  return keyPairOf(createPrivateKey({ key, format: 'jwk' }));
}

/** A key on P-256 by the name. */
export function fixedEcKey(name: string): KeyPair {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(hash('sha256', name, 'buffer'));
  const point = curve.getPublicKey();
  const key = {
    kty: 'EC',
    crv: 'P-256',
    d: curve.getPrivateKey('base64url'),
    x: point.toString('base64url', 1, 33),
    y: point.toString('base64url', 33),
  };
  return keyPairOf(createPrivateKey({ key, format: 'jwk' }));
}

/** The first prime after a number that the name decides, its two highest bits set so that products have 2048. */
function primeOf(name: string): bigint {
  const digests = Array.from({ length: 4 }, (_, index) => hash('sha256', `${name} ${index}`, 'hex'));
  let candidate = BigInt(`0x${digests.join('')}`) | (3n << (PRIME_BITS - 2n)) | 1n;
  while (candidate % EXPONENT === 1n || !checkPrimeSync(candidate, { checks: ROUNDS })) candidate += 2n;
  return candidate;
}

/** `value` to the power of -1 by Euclid's extended algorithm. */
function inverseOf(value: bigint, modulus: bigint): bigint {
  let [rest, nextRest] = [modulus, value];
  let [factor, nextFactor] = [0n, 1n];
  while (nextRest !== 0n) {
    const quotient = rest / nextRest;
    [rest, nextRest] = [nextRest, rest - quotient * nextRest];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return factor < 0n ? factor + modulus : factor;
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}
