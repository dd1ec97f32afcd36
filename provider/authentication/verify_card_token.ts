import { hash } from 'node:crypto';
import { HubError } from '../errors.ts';
import {
  type Certificate,
  type CertificateProfile,
  checkKeyUsage,
  checkPolicy,
  checkProfile,
  checkValidity,
  findAnchor,
  PkiError,
  parseCertificate,
  type TrustAnchor,
  verifySignature,
} from '../pki/index.ts';
import type { Clock } from '../world.ts';
import { readCardToken, type UnverifiedCardToken } from './card_token.ts';
import type { Challenges } from './challenge.ts';
import type { RevocationChannel, RevocationSource, RevocationVerdict } from './revocation.ts';

declare const verified: unique symbol;

/** A user certificate that passed every check below. Only `verifyCardToken` makes one; only this may name a subject. */
export interface VerifiedCertificate {
  readonly [verified]: true;
  readonly certificate: Certificate;
  readonly anchor: TrustAnchor;
  readonly revocation: RevocationVerdict;
}

export interface CardSignInRequest {
  /** The token as the page delivered it. */
  token: string;
  nonce: string;
  /** Origin of our own sign-in page: what the browser must have named to the card agent. */
  origin: string;
  /** The interaction that asked. */
  session: string;
  channel: RevocationChannel;
}

export interface CardVerifier {
  /** Throws HubError; see the list of checks. Whatever comes of it, the challenge is spent. */
  verify(request: CardSignInRequest): Promise<VerifiedCertificate>;
}

/**
 * Card sign-in, top to bottom. Cheap checks come first and possession of the key is proved before anything asks the
 * network, so that nobody without a card can make the hub ask the authority anything.
 */
export function createCardVerifier(world: {
  challenges: Challenges;
  /** What a certificate must be to sign in with. */
  profile: CertificateProfile;
  /** Roots for that profile only: a signing root must not vouch for a sign-in. */
  anchors: readonly TrustAnchor[];
  revocation: RevocationSource;
  clock: Clock;
}): CardVerifier {
  const { challenges, profile, anchors, revocation, clock } = world;
  return {
    async verify({ token, nonce, origin, session, channel }) {
      await challenges.spend(nonce, { origin, session, purpose: 'sign-in' });
      const unverified = readCardToken(token);
      const { certificate, anchor } = translatePkiErrors(() => {
        const now = clock();
        const certificate = parseCertificate(unverified.unverifiedCertificate);
        checkProfile(certificate, profile);
        checkKeyUsage(certificate, profile);
        checkPolicy(certificate, profile);
        checkValidity(certificate, now);
        const anchor = findAnchor(certificate, anchors, now);
        return { certificate, anchor };
      });
      checkChallengeSignature(certificate, unverified, origin, nonce);
      const verdict = await revocation.check(certificate, anchor, channel);
      checkNotRevoked(verdict);
      return { certificate, anchor, revocation: verdict } as VerifiedCertificate; // the brand has no value: this is the one maker
    },
  };
}

/**
 * The signature covers H(origin) ‖ H(nonce) (Web eID). Without the origin a token could be relayed: a hostile website
 * would show our nonce as its own and hand us the answer.
 */
function checkChallengeSignature(
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

function checkNotRevoked(verdict: RevocationVerdict): void {
  if (verdict.status === 'good') return;
  // The browser learns what to do, never why: a death must not be told to whoever holds the card (fact sheet §3.2).
  const code =
    verdict.reason === 'superseded'
      ? 'certificate_superseded'
      : verdict.reason === 'certificateHold'
        ? 'certificate_on_hold'
        : 'certificate_revoked';
  throw new HubError(code, 403, 'The certificate on this card can no longer be used.', {
    details: { source: verdict.source, asOf: verdict.thisUpdate },
  });
}

/** Where the pki room's errors enter the hub: its codes are the ones that pages and logs know. */
function translatePkiErrors<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof PkiError) {
      throw new HubError(error.code, 403, 'The certificate on this card is not accepted.', { cause: error });
    }
    throw error;
  }
}
