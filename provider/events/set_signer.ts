import { importJWK, SignJWT } from 'jose';
import type { SigningKeys } from '../oidc/signing_keys.ts';
import type { Clock } from '../world.ts';
import type { EventContent } from './subject_events.ts';

export interface SetSigner {
  /** A security event token (RFC 8417), signed by the hub as its ID tokens are (ES256). */
  sign(event: { jti: string; audience: string; issuedAt: number; content: EventContent }): Promise<string>;
}

/** How long (ms) the key of now is taken for it without asking: as long as every process takes to see a rotation. */
const REMEMBERED = 30_000;

export function createSetSigner(world: {
  issuer: string;
  keys: Pick<SigningKeys, 'current'>;
  clock: Clock;
}): SetSigner {
  const { issuer, keys, clock } = world;
  let known: { readonly kid: string; readonly key: Awaited<ReturnType<typeof importJWK>>; readonly until: number };

  async function signingKey() {
    if (known && clock() < known.until) return known;
    const { jwks } = await keys.current();
    const jwk = jwks.find(({ alg }) => alg === 'ES256');
    if (!jwk?.kid) throw new Error('there is no key to sign events with');
    known = { kid: jwk.kid, key: await importJWK(jwk, 'ES256'), until: clock() + REMEMBERED };
    return known;
  }

  return {
    async sign({ jti, audience, issuedAt, content }) {
      const { kid, key } = await signingKey();
      // No `exp` and no `sub` (SSF 1.0 §4.1.4, §4.1.7): it is a statement about the past, and no access token.
      return new SignJWT({
        iss: issuer,
        aud: audience,
        jti,
        iat: Math.floor(issuedAt / 1000),
        ...content,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'secevent+jwt', kid })
        .sign(key);
    },
  };
}
