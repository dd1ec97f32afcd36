import { CompactSign, calculateJwkThumbprint, importJWK, type JWK } from 'jose';

/** Name of the header that carries an answer's signature. */
export const SIGNATURE_HEADER = 'authority-signature';

/**
 * Signs answers: a JWS with detached payload (RFC 7515 appendix F, `header..signature`) over the exact bytes of the
 * body, ES256 by the key at /keys. The body itself says when it was answered and what was asked, so that one answer
 * cannot be shown for another.
 */
export class AnswerSigner {
  readonly #key: Parameters<CompactSign['sign']>[0];
  /** The public key, as /keys publishes it. */
  readonly publicJwk: JWK;

  private constructor(key: Parameters<CompactSign['sign']>[0], publicJwk: JWK) {
    this.#key = key;
    this.publicJwk = publicJwk;
  }

  static async create(privateJwk: JWK): Promise<AnswerSigner> {
    const { kty, crv, x, y } = privateJwk;
    const publicJwk: JWK = { ...(kty && { kty }), ...(crv && { crv }), ...(x && { x }), ...(y && { y }) };
    const kid = await calculateJwkThumbprint(publicJwk);
    const key = await importJWK({ ...privateJwk, alg: 'ES256' });
    return new AnswerSigner(key, { ...publicJwk, kid, alg: 'ES256', use: 'sig' });
  }

  async sign(body: Uint8Array): Promise<string> {
    const header = { alg: 'ES256', kid: this.publicJwk.kid, typ: 'musubi-sandbox-answer' };
    const compact = await new CompactSign(body).setProtectedHeader(header).sign(this.#key);
    const [protectedHeader, , signature] = compact.split('.');
    return `${protectedHeader}..${signature}`;
  }
}
