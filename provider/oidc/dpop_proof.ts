import { hash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import { HubError } from '../errors.ts';

/** Seconds by which a proof's `iat` may differ from our time: what the engine allows at the token endpoint. */
export const PROOF_WINDOW = 300;
/** A proof is a key and six claims. */
const MAX_PROOF_LENGTH = 8192;

export interface ProvedKey {
  /** Thumbprint (RFC 7638) of the key whose possession was proved. */
  readonly thumbprint: string;
  /** To be used once. */
  readonly jti: string;
}

/**
 * Checks a DPoP proof for a resource of ours (RFC 9449 §4.3, save the replay, which is the caller's to look for). The
 * engine checks those that arrive at its own endpoints.
 *
 * @throws HubError `invalid_dpop_proof` (401).
 */
export async function checkProof(
  proof: string,
  expected: {
    readonly method: string;
    /** Without query and fragment. */
    readonly url: string;
    readonly accessToken: string;
    readonly algorithms: readonly string[];
    /** Milliseconds since 1970. */
    readonly now: number;
  },
): Promise<ProvedKey> {
  const refuse = (cause?: unknown) =>
    new HubError('invalid_dpop_proof', 401, 'The DPoP proof does not fit this request.', { cause });
  if (proof.length > MAX_PROOF_LENGTH) throw refuse();
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: [...expected.algorithms],
      typ: 'dpop+jwt',
      currentDate: new Date(expected.now),
    });
    const { iat, jti, htm, htu, ath } = payload;
    const isRecent = typeof iat === 'number' && Math.abs(expected.now / 1000 - iat) <= PROOF_WINDOW;
    const isForThis = htm === expected.method && withoutQuery(htu) === withoutQuery(expected.url);
    if (!isRecent || !isForThis || ath !== hash('sha256', expected.accessToken, 'base64url')) throw refuse();
    if (typeof jti !== 'string' || jti === '' || !protectedHeader.jwk) throw refuse();
    return { thumbprint: await calculateJwkThumbprint(protectedHeader.jwk), jti };
  } catch (error) {
    throw error instanceof HubError ? error : refuse(error);
  }
}

/** RFC 9449 §4.3 (9.): compared without query and fragment, after normalisation. */
function withoutQuery(address: unknown): string | undefined {
  const url = typeof address === 'string' ? URL.parse(address) : null;
  if (!url) return undefined;
  url.search = '';
  url.hash = '';
  return url.href;
}
