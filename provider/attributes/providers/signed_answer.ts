import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import { verifySignature } from '../../pki/index.ts';

/*
 * What is asked of a provider's answer as a JWS (RFC 7515, compact) and a JWT (RFC 7519, RFC 8725), in this thread: three
 * answers a sign-in, each of a fraction of a millisecond, cost less so than handing them to another thread and back, and wait
 * for no name server there. jose judges the same in the tests.
 */

type Algorithm = 'ES256' | 'RS256' | 'PS256' | 'EdDSA';

/** What a header says of the key that a token was signed with. */
export interface MeantKey {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
}

/** Finds the one key that is meant. Throws UnknownKey where there is none, and Error where it could be several. */
export type FindKey = (meant: MeantKey) => KeyObject | Promise<KeyObject>;

/** There is no such key among those that are known. */
export class UnknownKey extends Error {
  constructor() {
    super('it means no key that is known');
    this.name = 'UnknownKey';
  }
}

/** What a signed token holds. */
export interface OpenedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** By algorithm, the type of key that it takes (node:crypto's names). */
const KEY_TYPES: Readonly<Record<Algorithm, string>> = { ES256: 'ec', RS256: 'rsa', PS256: 'rsa', EdDSA: 'ed25519' };
/** RFC 7518 §3.3. */
const LEAST_RSA_BITS = 2048;
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/** Finds among the keys of a set; those of other kinds and for other uses are left out. Which is meant is never found out by trying. */
export function findIn({ keys }: JSONWebKeySet): FindKey {
  const known = keys.flatMap((jwk) => {
    const key = publicKeyOf(jwk);
    return key ? [{ key, kid: jwk.kid, alg: jwk.alg }] : [];
  });
  return ({ alg, kid }) => {
    const [only, ...others] = known.filter(
      (each) =>
        each.key.asymmetricKeyType === KEY_TYPES[alg] &&
        (each.alg === undefined || each.alg === alg) &&
        (kid === undefined || each.kid === kid),
    );
    if (only === undefined) throw new UnknownKey();
    if (others.length > 0) throw new Error('it could mean several keys');
    return only.key;
  };
}

function publicKeyOf(jwk: JWK): KeyObject | undefined {
  const { use, key_ops: operations } = jwk;
  if ((use !== undefined && use !== 'sig') || operations?.includes('verify') === false) return undefined;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const { modulusLength = LEAST_RSA_BITS, namedCurve = 'prime256v1' } = key.asymmetricKeyDetails ?? {};
    return modulusLength >= LEAST_RSA_BITS && namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined; // of a kind that is not known here
  }
}

/**
 * What a token says, once it is sure that it was signed by exactly the key that it means, is of the type, from the issuer, for
 * the audience, and in time. `exp` and `iat` must be there.
 *
 * @param expected.audience anybody's unless given.
 * @param expected.now milliseconds since 1970.
 * @param expected.tolerance seconds by which clocks may differ.
 * @throws Error that says what is wrong; what `find` throws.
 */
export async function openSigned(
  token: string,
  find: FindKey,
  expected: { typ: string; issuer: string; audience?: string; now: number; tolerance: number },
): Promise<OpenedToken> {
  const [, head, body, signature] = COMPACT.exec(token) ?? [];
  if (head === undefined || body === undefined || signature === undefined) throw new Error('it is no compact JWS');
  const header = readObject(head);
  const meant = keyMeantBy(header);
  if (!isSignedBy(await find(meant), meant.alg, `${head}.${body}`, signature)) {
    throw new Error('the signature is not right');
  }
  if (mediaType(header.typ) !== mediaType(expected.typ)) throw new Error('it is of another type');
  const payload = readObject(body);
  checkClaims(payload, expected);
  return { header, payload };
}

function keyMeantBy({ alg, kid, crit }: OpenedToken['header']): MeantKey {
  if (crit !== undefined) throw new Error('it asks for an extension');
  if (typeof alg !== 'string' || !Object.hasOwn(KEY_TYPES, alg)) {
    throw new Error('the algorithm is none of those allowed');
  }
  if (kid !== undefined && typeof kid !== 'string') throw new Error('kid is no text');
  return { alg: alg as Algorithm, kid };
}

function isSignedBy(key: KeyObject, algorithm: Algorithm, signed: string, signature: string): boolean {
  const [data, octets] = [Buffer.from(signed), Buffer.from(signature, 'base64url')];
  return algorithm === 'EdDSA' ? verify(null, data, key, octets) : verifySignature(key, algorithm, data, octets);
}

function checkClaims(
  { iss, aud, iat, exp, nbf }: OpenedToken['payload'],
  { issuer, audience, now, tolerance }: { issuer: string; audience?: string; now: number; tolerance: number },
): void {
  const seconds = Math.floor(now / 1000);
  if (iss !== issuer) throw new Error('it is from somebody else');
  const isForUs = audience === undefined || aud === audience || (Array.isArray(aud) && aud.includes(audience));
  if (!isForUs) throw new Error('it is for somebody else');
  if (typeof iat !== 'number') throw new Error('it does not say when it was made');
  if (typeof exp !== 'number' || exp <= seconds - tolerance) throw new Error('it has expired, or never does');
  const isBegun = nbf === undefined || (typeof nbf === 'number' && nbf <= seconds + tolerance);
  if (!isBegun) throw new Error('it is not valid yet');
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readObject(part: string): Readonly<Record<string, unknown>> {
  const read: unknown = JSON.parse(utf8.decode(Buffer.from(part, 'base64url')));
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new Error('it holds no JSON object');
  return read as Readonly<Record<string, unknown>>;
}

/** RFC 7515 §4.1.9: `application/` may be left out. */
function mediaType(typ: unknown): string | undefined {
  if (typeof typ !== 'string') return undefined;
  return (typ.includes('/') ? typ : `application/${typ}`).toLowerCase();
}
