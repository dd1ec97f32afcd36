import { createHash, type KeyObject } from 'node:crypto';
import packageJson from '../../package.json' with { type: 'json' };
import type { CardChallenge, SignatureAlgorithm, WebEidToken } from './card.ts';
import { CardError } from './card_errors.ts';

const APP_VERSION = `https://musubi.example/card-agent/releases/${packageJson.version}`;

/** Base64 text: 44 characters are the 32 bytes that Web eID asks for at least; 256 is a bound of ours. */
const NONCE_LENGTH = { min: 44, max: 256 };
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Longer than any origin: a DNS name has 253 characters at most. */
const MAX_ORIGIN_LENGTH = 300;

/** The hash of each algorithm; `hash(origin)‖hash(nonce)` and the signature over it use the same one. */
export const HASH_OF: Record<SignatureAlgorithm, 'sha256' | 'sha384' | 'sha512'> = {
  RS256: 'sha256',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
};

/**
 * Refuses what must not be signed. An origin that is not its own ASCII serialisation (trailing slash or dot, capital
 * letters, default port, a path) would hash to something that no website can be; `null` is every sandboxed page at once.
 *
 * @throws CardError `challenge_origin_invalid`, `challenge_nonce_invalid`.
 */
export function checkChallenge({ origin, nonce }: CardChallenge): void {
  if (!isWebOrigin(origin)) throw new CardError('challenge_origin_invalid');
  if (nonce.length < NONCE_LENGTH.min || nonce.length > NONCE_LENGTH.max || !BASE64.test(nonce)) {
    throw new CardError('challenge_nonce_invalid');
  }
}

/** The bytes that the user key signs: hash(origin) ‖ hash(nonce), the nonce as the UTF-8 of its base64 text. */
export function challengeBytes({ origin, nonce }: CardChallenge, algorithm: SignatureAlgorithm): Uint8Array {
  const hash = (text: string) => createHash(HASH_OF[algorithm]).update(text, 'utf8').digest();
  return Buffer.concat([hash(origin), hash(nonce)]);
}

/** A token from its parts; `certificate` is DER. */
export function webEidToken(parts: {
  certificate: Uint8Array;
  algorithm: SignatureAlgorithm;
  signature: Uint8Array;
}): WebEidToken {
  return {
    format: 'web-eid:1.0',
    unverifiedCertificate: Buffer.from(parts.certificate).toString('base64'),
    algorithm: parts.algorithm,
    signature: Buffer.from(parts.signature).toString('base64'),
    appVersion: APP_VERSION,
  };
}

/**
 * The algorithm that a key signs with: RS256 for RSA (JPKI cards), ES256/384/512 by curve.
 *
 * @throws CardError `card_key_unsupported`: no name in the token format for this key.
 */
export function algorithmOf(key: KeyObject): SignatureAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return 'ES256';
  if (curve === 'secp384r1') return 'ES384';
  if (curve === 'secp521r1') return 'ES512';
  throw new CardError('card_key_unsupported', { details: { keyType: key.asymmetricKeyType } });
}

/** Whether `origin` is the ASCII serialisation of a website's origin, and not a longer or another spelling of it. */
export function isWebOrigin(origin: string): boolean {
  if (origin.length > MAX_ORIGIN_LENGTH || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  return (
    (url.protocol === 'https:' || url.protocol === 'http:') && url.origin === origin && !url.hostname.endsWith('.')
  );
}
