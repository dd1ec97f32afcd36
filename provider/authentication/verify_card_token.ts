import { hash } from 'node:crypto';
import { HubError } from '../errors.ts';
import { type Certificate, PkiError, verifySignature } from '../pki/index.ts';
import { readCardToken, type UnverifiedCardToken } from './card_token.ts';
import type { Challenges } from './challenge.ts';
import type { StatusDemand } from './decision_log.ts';
import type { CertificateVerifier, VerifiedCertificate } from './verify_certificate.ts';

export interface CardSignInRequest {
  /** The token as the page delivered it. */
  token: string;
  nonce: string;
  /** Origin of our own sign-in page: what the browser must have named to the card agent. */
  origin: string;
  /** The interaction that asked. */
  session: string;
  demand: StatusDemand;
}

export interface CardVerifier {
  /** Throws HubError; see the list of checks. Whatever comes of it, the challenge is spent. */
  verify(request: CardSignInRequest): Promise<VerifiedCertificate>;
}

/**
 * Card sign-in, top to bottom. Cheap checks come first and possession of the key is proved before anything asks the
 * network, so that nobody without a card can make the hub ask the authority anything.
 */
export function createCardVerifier(world: { challenges: Challenges; certificates: CertificateVerifier }): CardVerifier {
  const { challenges, certificates } = world;
  return {
    async verify({ token, nonce, origin, session, demand }) {
      await challenges.spend(nonce, { origin, session, purpose: 'sign-in' });
      const unverified = readCardToken(token);
      const authentic = certificates.authenticate(unverified.unverifiedCertificate);
      checkChallengeSignature(authentic.certificate, unverified, origin, nonce);
      return certificates.checkStatus(authentic, demand);
    },
  };
}

/**
 * The signature covers H(origin) ‖ H(nonce) (Web eID). Without the origin a token could be relayed: a hostile website
 * would show our nonce as its own and hand us the answer.
 *
 * @throws HubError 403 `token_signature_invalid`.
 */
export function checkChallengeSignature(
  certificate: Certificate,
  token: UnverifiedCardToken,
  origin: string,
  nonce: string,
): void {
  const digest = token.algorithm.endsWith('384') ? 'sha384' : 'sha256';
  const signed = Buffer.concat([hash(digest, origin, 'buffer'), hash(digest, nonce, 'buffer')]);
  let valid: boolean;
  try {
    valid = verifySignature(certificate.publicKey, token.algorithm, signed, token.signature);
  } catch (error) {
    // An algorithm that does not fit the key: what the client names never decides, the key does.
    if (!(error instanceof PkiError)) throw error;
    valid = false;
  }
  if (!valid)
    throw new HubError('token_signature_invalid', 403, 'The signature of the card is not valid for this page.');
}
