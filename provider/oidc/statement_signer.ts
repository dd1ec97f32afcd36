import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { RecordSigner } from '../consent/receipt.ts';
import type { Clock } from '../world.ts';
import type { SigningKey } from './oidc_stores.ts';
import type { SigningKeys } from './signing_keys.ts';

/** How long (ms) the key of now is taken for it without asking: as long as every process takes to see a rotation. */
const REMEMBERED = 30_000;

/** Signs statements as the hub signs its ID tokens. */
export function createStatementSigner(world: { keys: Pick<SigningKeys, 'current'>; clock: Clock }): RecordSigner {
  const { keys, clock } = world;
  let known: { readonly kid: string; readonly key: KeyObject; readonly until: number };

  async function signingKey() {
    if (known && clock() < known.until) return known;
    const { jwks } = await keys.current();
    const jwk = jwks.find(({ alg }) => alg === 'ES256');
    if (!jwk?.kid) throw new Error('there is no key to sign statements with');
    known = { kid: jwk.kid, key: createPrivateKey({ key: jwk, format: 'jwk' }), until: clock() + REMEMBERED };
    return known;
  }

  return {
    async sign(type, content) {
      const { kid, key } = await signingKey();
      const signed = [{ alg: 'ES256', typ: type, kid }, content].map(encode).join('.');
      // In this thread: it takes less than handing it to another and back.
      const signature = rawSignature(sign('sha256', Buffer.from(signed), key));
      return `${signed}.${signature.toString('base64url')}`;
    },
  };
}

/**
 * r‖s of a P-256 signature (RFC 7518 §3.4) out of OpenSSL's own form, an ECDSA-Sig-Value: asking node:crypto for it (`dsaEncoding`)
 * costs more than signing does.
 */
function rawSignature(der: Buffer): Buffer {
  // SEQUENCE and its length, INTEGER and its length, r, INTEGER and its length, s.
  const r = der.subarray(4, 4 + der.readUInt8(3));
  const s = der.subarray(4 + r.length + 2);
  const raw = Buffer.alloc(64);
  for (const [integer, end] of [
    [r, 32],
    [s, 64],
  ] as const) {
    // An octet of zero stands before those that would be negative.
    const magnitude = integer.subarray(Math.max(0, integer.length - 32));
    magnitude.copy(raw, end - magnitude.length);
  }
  return raw;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/**
 * The public half of every key that ever signed statements. The hub forgets none: a receipt is shown to somebody years after
 * its key stopped signing, and the key set for tokens (`jwks_uri`) lists only those that still count there.
 */
export function statementKeys(keys: readonly SigningKey[]): Record<string, unknown>[] {
  return keys
    .filter(({ purpose, alg }) => purpose === 'oidc' && alg === 'ES256')
    .map(({ kid, jwk: { kty, crv, x, y } }) => ({ kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }));
}
