import type { KeyObject } from 'node:crypto';
import { constants, createVerify, verify } from 'node:crypto';
import type { DerElement } from './der.ts';
import { malformed, Tag } from './der.ts';
import { readObjectIdentifier } from './der_values.ts';
import { PkiError } from './errors.ts';
import { signatureTypes } from './object_identifiers.ts';

/** Names of RFC 7518 §3.1, used for certificates too. */
export type SignatureAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384';

interface AlgorithmFacts {
  readonly digest: string;
  readonly keyType: 'rsa' | 'ec';
  readonly curve?: string;
  /** Octets of r‖s. */
  readonly rawLength?: number;
  readonly saltLength?: number;
}

/** PSS salts are as long as the digest (RFC 7518 §3.5); any other length is another algorithm and is refused. */
const facts: Readonly<Record<SignatureAlgorithm, AlgorithmFacts>> = {
  RS256: { digest: 'sha256', keyType: 'rsa' },
  RS384: { digest: 'sha384', keyType: 'rsa' },
  RS512: { digest: 'sha512', keyType: 'rsa' },
  PS256: { digest: 'sha256', keyType: 'rsa', saltLength: 32 },
  PS384: { digest: 'sha384', keyType: 'rsa', saltLength: 48 },
  PS512: { digest: 'sha512', keyType: 'rsa', saltLength: 64 },
  ES256: { digest: 'sha256', keyType: 'ec', curve: 'prime256v1', rawLength: 64 },
  ES384: { digest: 'sha384', keyType: 'ec', curve: 'secp384r1', rawLength: 96 },
};

/** True when `name` is one of the algorithms that can be verified here. */
export function isSignatureAlgorithm(name: string): name is SignatureAlgorithm {
  return Object.hasOwn(facts, name);
}

/**
 * Whether `signature` over `data` was made by the holder of `publicKey` with exactly this algorithm.
 *
 * The algorithm is often named by the client, so it must fit the key: otherwise the client could choose how its
 * own signature is judged. ECDSA signatures are r‖s (IEEE P1363), as in Web eID and JOSE, unless `encoding` is `der`,
 * as in X.509. PKCS#1 v1.5 is compared as a whole, so that nothing can hide behind the digest (Bleichenbacher 2006).
 */
export function verifySignature(
  publicKey: KeyObject,
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
  signature: Uint8Array,
  encoding: 'raw' | 'der' = 'raw',
): boolean {
  const { digest, keyType, curve, rawLength, saltLength } = facts[algorithm];
  if (publicKey.type !== 'public' || publicKey.asymmetricKeyType !== keyType) return false;
  if (keyType === 'rsa') {
    // A key of type `rsa` verifies PKCS#1 v1.5 unless told otherwise, and telling OpenSSL so costs as much as verifying.
    if (saltLength === undefined) return verify(digest, data, publicKey, signature);
    return verify(digest, data, { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
  }
  if (publicKey.asymmetricKeyDetails?.namedCurve !== curve) return false;
  if (encoding === 'raw' && signature.length !== rawLength) return false;
  // As with RSA, the key alone: with `dsaEncoding` beside it, verifying costs half as much again.
  return verify(digest, data, publicKey, encoding === 'raw' ? derSignature(signature) : signature);
}

/** r‖s as an ECDSA-Sig-Value (RFC 3279 §2.2.3). Of curves of 384 bits at most, so that each length is one octet. */
function derSignature(raw: Uint8Array): Buffer {
  const half = raw.length / 2;
  const [r, s] = [derInteger(raw.subarray(0, half)), derInteger(raw.subarray(half))];
  return Buffer.concat([Buffer.of(Tag.sequence, r.length + s.length), r, s]);
}

/** The shortest form of a number that is not negative (X.690 §8.3). */
function derInteger(octets: Uint8Array): Buffer {
  const start = octets.findIndex((octet) => octet !== 0);
  const magnitude = start === -1 ? Buffer.of(0) : octets.subarray(start);
  const isNegativeByItself = (magnitude[0] ?? 0) >= 0x80;
  const content = isNegativeByItself ? Buffer.concat([Buffer.of(0), magnitude]) : magnitude;
  return Buffer.concat([Buffer.of(Tag.integer, content.length), content]);
}

/** A signature over data that comes in pieces. */
export interface SignatureCheck {
  /** Takes the next octets of the data. */
  update(data: Uint8Array): void;
  /** After the last octet, once: whether this is the signature over them. */
  isBy(signature: Uint8Array): boolean;
}

/**
 * `verifySignature` for data that is too large for memory.
 *
 * @returns undefined when the algorithm does not fit the key.
 */
export function startSignatureCheck(
  publicKey: KeyObject,
  algorithm: SignatureAlgorithm,
  encoding: 'raw' | 'der',
): SignatureCheck | undefined {
  const { digest, keyType, curve, rawLength, saltLength } = facts[algorithm];
  if (publicKey.type !== 'public' || publicKey.asymmetricKeyType !== keyType) return undefined;
  if (curve !== undefined && publicKey.asymmetricKeyDetails?.namedCurve !== curve) return undefined;
  const check = createVerify(digest);
  return {
    update: (data) => void check.update(data),
    isBy(signature) {
      if (encoding === 'raw' && rawLength !== undefined && signature.length !== rawLength) return false;
      const padding = saltLength === undefined ? {} : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
      const dsaEncoding = encoding === 'raw' ? 'ieee-p1363' : 'der';
      return check.verify({ key: publicKey, dsaEncoding, ...padding }, signature);
    },
  };
}

/** The same as `verifySignature`, throwing `PkiError('signature_invalid')` instead of answering false. */
export function checkSignature(
  publicKey: KeyObject,
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
  signature: Uint8Array,
): void {
  if (!verifySignature(publicKey, algorithm, data, signature)) {
    throw new PkiError('signature_invalid', `the ${algorithm} signature does not verify`);
  }
}

const byObjectIdentifier: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  [signatureTypes.sha256WithRSAEncryption, 'RS256'],
  [signatureTypes.sha384WithRSAEncryption, 'RS384'],
  [signatureTypes.sha512WithRSAEncryption, 'RS512'],
  [signatureTypes.ecdsaWithSHA256, 'ES256'],
  [signatureTypes.ecdsaWithSHA384, 'ES384'],
]);

/**
 * The algorithm that an AlgorithmIdentifier names, or undefined when it is not one of ours: SHA-1, MD5, DSA and the
 * rest have no name here. Parameters are NULL for RSA (RFC 4055 §5) and absent for ECDSA (RFC 5758 §3.2); anything
 * else throws `der_malformed`.
 */
export function readSignatureAlgorithm(element: DerElement): SignatureAlgorithm | undefined {
  const reader = element.open();
  const algorithm = byObjectIdentifier.get(readObjectIdentifier(reader.next()));
  if (algorithm === undefined) return undefined;
  if (facts[algorithm].keyType === 'rsa' && reader.next(Tag.null).content.length !== 0) {
    throw malformed('NULL parameters are not empty');
  }
  reader.finish();
  return algorithm;
}
