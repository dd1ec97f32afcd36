import { importJWK, type JWTPayload, SignJWT } from 'jose';
import type { Clock } from '../world.ts';
import type { SigningKeys } from './signing_keys.ts';

/** Signs what the hub states in its own name, as it signs its ID tokens (ES256). */
export interface StatementSigner {
  /**
   * @param type of the JWS (`typ`, RFC 8725 §3.11): no statement is to be taken for another kind, or for a token.
   * @returns the compact JWS.
   */
  sign(type: string, content: Readonly<Record<string, unknown>>): Promise<string>;
}

/** How long (ms) the key of now is taken for it without asking: as long as every process takes to see a rotation. */
const REMEMBERED = 30_000;

export function createStatementSigner(world: { keys: Pick<SigningKeys, 'current'>; clock: Clock }): StatementSigner {
  const { keys, clock } = world;
  let known: { readonly kid: string; readonly key: Awaited<ReturnType<typeof importJWK>>; readonly until: number };

  async function signingKey() {
    if (known && clock() < known.until) return known;
    const { jwks } = await keys.current();
    const jwk = jwks.find(({ alg }) => alg === 'ES256');
    if (!jwk?.kid) throw new Error('there is no key to sign statements with');
    known = { kid: jwk.kid, key: await importJWK(jwk, 'ES256'), until: clock() + REMEMBERED };
    return known;
  }

  return {
    async sign(type, content) {
      const { kid, key } = await signingKey();
      return new SignJWT(content as JWTPayload).setProtectedHeader({ alg: 'ES256', typ: type, kid }).sign(key);
    },
  };
}
