import type { RecordSigner } from '../consent/receipt.ts';
import type { EventContent } from './subject_events.ts';

export interface SetSigner {
  /** A security event token (RFC 8417), signed by the hub as its ID tokens are (ES256). */
  sign(event: { jti: string; audience: string; issuedAt: number; content: EventContent }): Promise<string>;
}

export function createSetSigner(world: { issuer: string; statements: RecordSigner }): SetSigner {
  const { issuer, statements } = world;
  return {
    // No `exp` and no `sub` (SSF 1.0 §4.1.4, §4.1.7): it is a statement about the past, and no access token.
    sign: ({ jti, audience, issuedAt, content }) =>
      statements.sign('secevent+jwt', {
        iss: issuer,
        aud: audience,
        jti,
        iat: Math.floor(issuedAt / 1000),
        ...content,
      }),
  };
}
