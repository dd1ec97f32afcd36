import { constants, type KeyObject, verify } from 'node:crypto';

type Digest = 'sha256' | 'sha384' | 'sha512';

interface SignatureAlgorithm {
  readonly digest: Digest;
  readonly scheme: 'rsa_pkcs1' | 'rsa_pss' | 'ecdsa';
}

const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
const MORE_2007 = 'http://www.w3.org/2007/05/xmldsig-more#';

/**
 * What a signature may be made with (RFC 9231 §2.3). What is not here has no name here: SHA-1, MD5, DSA, HMAC — whose key
 * would be a public one —, and PSS with parameters of its own.
 */
const SIGNATURES: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  [`${MORE}rsa-sha256`, { digest: 'sha256', scheme: 'rsa_pkcs1' }],
  [`${MORE}rsa-sha384`, { digest: 'sha384', scheme: 'rsa_pkcs1' }],
  [`${MORE}rsa-sha512`, { digest: 'sha512', scheme: 'rsa_pkcs1' }],
  [`${MORE_2007}sha256-rsa-MGF1`, { digest: 'sha256', scheme: 'rsa_pss' }],
  [`${MORE_2007}sha384-rsa-MGF1`, { digest: 'sha384', scheme: 'rsa_pss' }],
  [`${MORE_2007}sha512-rsa-MGF1`, { digest: 'sha512', scheme: 'rsa_pss' }],
  [`${MORE}ecdsa-sha256`, { digest: 'sha256', scheme: 'ecdsa' }],
  [`${MORE}ecdsa-sha384`, { digest: 'sha384', scheme: 'ecdsa' }],
  [`${MORE}ecdsa-sha512`, { digest: 'sha512', scheme: 'ecdsa' }],
]);

/** What a digest may be made with: SHA-2 (W3C xmlenc-core §5.7, RFC 9231 §2.1). */
const DIGESTS: ReadonlyMap<string, Digest> = new Map([
  ['http://www.w3.org/2001/04/xmlenc#sha256', 'sha256'],
  [`${MORE}sha384`, 'sha384'],
  ['http://www.w3.org/2001/04/xmlenc#sha512', 'sha512'],
]);

/** Octets of r, and of s. */
const CURVES: ReadonlyMap<string, number> = new Map([
  ['prime256v1', 32],
  ['secp384r1', 48],
  ['secp521r1', 66],
]);

const DIGEST_OCTETS: Readonly<Record<Digest, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** Modulus bits: less is broken, more only costs time. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
/** Small exponents invite forgeries; huge ones cost as much as signing. */
const MIN_EXPONENT = 65_537n;
const MAX_EXPONENT = 2n ** 32n;

/** The largest signature value that can be right, in octets: RSA of the largest modulus. */
export const MAX_SIGNATURE_OCTETS = MAX_RSA_BITS / 8;

export function isSignatureAlgorithm(uri: string): boolean {
  return SIGNATURES.has(uri);
}

/** Name for node:crypto and length in octets of a digest method; undefined when it is none of ours. */
export function digestMethod(uri: string): { readonly name: Digest; readonly octets: number } | undefined {
  const name = DIGESTS.get(uri);
  return name && { name, octets: DIGEST_OCTETS[name] };
}

/** Whether signatures by this key can be believed at all: RSA of 2048 to 8192 bits, or P-256, P-384, P-521. */
export function isSigningKey(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.type !== 'public') return false;
  if (key.asymmetricKeyType === 'ec') return CURVES.has(namedCurve);
  if (key.asymmetricKeyType !== 'rsa') return false;
  if (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS) return false;
  return publicExponent >= MIN_EXPONENT && publicExponent <= MAX_EXPONENT && publicExponent % 2n === 1n;
}

/**
 * Whether `signature` over `data` was made by the holder of `key` with the algorithm of this name. The name is the
 * sender's word, so it must fit the key; PSS salts are as long as the digest (RFC 9231 §2.3.10).
 *
 * @param ecdsa r‖s as XML Signature has it (RFC 9231 §2.3.6), or DER too: the Redirect binding leaves open which, and
 *   Java and Python send what their libraries make
 */
export function verifies(
  uri: string,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  ecdsa: 'raw' | 'raw_or_der' = 'raw',
): boolean {
  const algorithm = SIGNATURES.get(uri);
  if (!algorithm || !isSigningKey(key)) return false;
  const { digest, scheme } = algorithm;
  if (key.asymmetricKeyType !== (scheme === 'ecdsa' ? 'ec' : 'rsa')) return false;
  if (scheme === 'rsa_pkcs1') return verify(digest, data, key, signature);
  if (scheme === 'rsa_pss') {
    const saltLength = DIGEST_OCTETS[digest];
    return verify(digest, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
  }
  const size = CURVES.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 0;
  if (signature.length === 2 * size) return verify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
  return ecdsa === 'raw_or_der' && verify(digest, data, { key, dsaEncoding: 'der' }, signature);
}
