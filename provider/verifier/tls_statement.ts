import { createHash } from 'node:crypto';
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import type { Client } from 'oidc-provider';
import { z } from 'zod';
import { HubError } from '../errors.ts';
import { CLIENT_SIGNING } from '../oidc/engine.ts';

/** RFC 8725 §3.11: no other token of the relying party can be taken for one. */
export const STATEMENT_TYPE = 'tls-statement+jwt';

/** Seconds that a statement may live: it travels from one server to another. */
const LIFETIME = 60;
/** Seconds by which the relying party's clock may be ahead of ours. */
const TOLERANCE = 5;

const claimsSchema = z.object({
  iat: z.int(),
  exp: z.int(),
  jti: z.string().min(1).max(255),
  aud: z.string(),
  'x5t#S256': z.string(),
  /** RFC 9266 §2: 32 octets. It ties the statement to a connection in the relying party's own records; kept nowhere here. */
  tls_exporter: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

export interface TlsStatement {
  /** To be used once. */
  readonly jti: string;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** Keys of a client, registered or fetched from its `jwks_uri` through the guarded fetch. Not in the type declarations. */
interface ClientKeys {
  fresh(): boolean;
  refresh(): Promise<void>;
  selectForVerify(wanted: { alg: string; kid: string | undefined }): readonly object[];
  getKeyObject(jwk: object, isPublic: boolean): Promise<Parameters<typeof jwtVerify>[1]>;
}

/**
 * Reads what a relying party says of a TLS handshake that it completed: with whom (`x5t#S256`, RFC 8705 §3.1), for this
 * endpoint only, within the last minute. That it has not been used before is the caller's to look at.
 *
 * @param expected `leaf`: DER of the certificate that is presented; `now`: milliseconds since 1970.
 * @throws HubError `statement_invalid` (403).
 */
export async function readTlsStatement(
  statement: string,
  expected: { readonly client: Client; readonly audience: string; readonly leaf: Uint8Array; readonly now: number },
): Promise<TlsStatement> {
  const { client, audience, leaf, now } = expected;
  const payload = await verifiedPayload(statement, client, audience, now);
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success) throw invalid(claims.error.issues[0]?.path.join('.') ?? 'claims');
  const { iat, exp, jti, 'x5t#S256': thumbprint } = claims.data;
  const seconds = now / 1000;
  if (exp - iat > LIFETIME || iat > seconds + TOLERANCE || iat < seconds - LIFETIME) throw invalid('iat');
  if (thumbprint !== createHash('sha256').update(leaf).digest('base64url')) throw invalid('x5t#S256');
  return { jti, issuedAt: iat, expiresAt: exp };
}

async function verifiedPayload(statement: string, client: Client, audience: string, now: number): Promise<JWTPayload> {
  const keys = (client as unknown as { asymmetricKeyStore: ClientKeys }).asymmetricKeyStore;
  const { alg, kid } = headerOf(statement);
  const algorithms: readonly string[] = CLIENT_SIGNING;
  if (alg === undefined || !algorithms.includes(alg)) throw invalid('alg');
  for (;;) {
    for (const jwk of keys.selectForVerify({ alg, kid })) {
      try {
        const verified = await jwtVerify(statement, await keys.getKeyObject(jwk, true), {
          ...{ algorithms: [alg], typ: STATEMENT_TYPE, issuer: client.clientId, audience },
          ...{ currentDate: new Date(now), requiredClaims: ['iat', 'exp', 'jti'] },
        });
        return verified.payload;
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) continue;
        throw invalid(error instanceof errors.JOSEError ? error.code : 'key', error);
      }
    }
    if (keys.fresh()) throw invalid('signature');
    await keys.refresh().catch((error: unknown) => {
      throw invalid('jwks_uri', error);
    });
  }
}

function headerOf(statement: string): { alg: string | undefined; kid: string | undefined } {
  try {
    const { alg, kid } = decodeProtectedHeader(statement);
    return { alg, kid };
  } catch (error) {
    throw invalid('header', error);
  }
}

function invalid(part: string, cause?: unknown): HubError {
  return new HubError('statement_invalid', 403, 'The statement is not one about this certificate, now, for this hub.', {
    details: { part },
    cause,
  });
}
