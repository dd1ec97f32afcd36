import { createHash } from 'node:crypto';
import type { CarriedClaim } from '../attributes/delivery.ts';

/** Type of the statement's JWS. */
export const STATEMENT_TYPE = 'carried-claim-statement+jwt';

/** A claim that is handed on as the provider made it, with what the hub says about it. */
export interface StatedClaim extends CarriedClaim {
  /** JWS of the hub (carriedStatement). */
  readonly statement: string;
}

/**
 * What the hub says of a claim that it hands on without having made it: which provider's it is, whose, for whom, and under
 * which consent. It names the token by its digest, so that neither can be exchanged for another.
 *
 * @param release.subject the pairwise identifier by which the relying party knows the person.
 * @param release.at milliseconds since 1970.
 */
export function carriedStatement(
  { claim, form, source, issuer: sourceIssuer, delivery, token }: CarriedClaim,
  release: { issuer: string; audience: string; subject: string | undefined; consentId: string; at: number },
): Readonly<Record<string, unknown>> {
  const { issuer, audience, subject, consentId, at } = release;
  return {
    ...{ iss: issuer, aud: audience, sub: subject, iat: Math.floor(at / 1000) },
    ...{ claim, form, source, source_issuer: sourceIssuer, delivery, consent: consentId },
    token_sha256: createHash('sha256').update(token).digest('base64url'),
  };
}
