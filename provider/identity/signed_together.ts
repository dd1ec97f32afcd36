import { readCardToken } from '../authentication/card_token.ts';
import type { ChallengePurpose, Challenges } from '../authentication/challenge.ts';
import type { StatusDemand } from '../authentication/decision_log.ts';
import { checkChallengeSignature } from '../authentication/verify_card_token.ts';
import type { CertificateVerifier, VerifiedCertificate } from '../authentication/verify_certificate.ts';
import { HubError } from '../errors.ts';
import { type Certificate, PkiError, type SignedDocument, verifySignedDocument } from '../pki/index.ts';
import { type FourAttributes, readFourAttributes } from './four_attributes.ts';
import type { CertificateReference, LinkageSource } from './linkage.ts';

/** What both keys of a card answered in one session, and what they were asked. */
export interface SignedTogetherRequest {
  /** The user key's answer to the challenge, as the page delivered it. */
  readonly token: string;
  /** DER of the document signed with the signing key. */
  readonly document: Uint8Array;
  /** What had to be signed: exactly these octets in UTF-8, the origin and the nonce among its lines. */
  readonly text: string;
  readonly nonce: string;
  /** Origin of our own page: what the browser named to the card agent. */
  readonly origin: string;
  /** The interaction that asked. */
  readonly session: string;
  readonly purpose: ChallengePurpose;
  /** What the user certificate is checked for; the signing certificate is checked by the same policy. */
  readonly demand: StatusDemand;
}

export interface SignedTogether {
  readonly user: VerifiedCertificate;
  readonly signing: VerifiedCertificate;
  /** What the signing certificate states. */
  readonly attributes: FourAttributes;
}

export interface SignatureVerifier {
  /**
   * Verifies both certificates, and that both keys signed the same challenge: the user key itself, the signing key as a
   * line of the document. Cheap and local checks come first, the authority's word on either certificate last. Whatever
   * comes of it, the challenge is spent.
   *
   * Throws HubError: the codes of a sign-in (CardVerifier); `signing_certificate_not_accepted`,
   * `signing_certificate_revoked`, `signing_certificate_expired`, `signed_document_unreadable`, `signed_document_changed`,
   * `attributes_unreadable` (403).
   */
  verify(request: SignedTogetherRequest): Promise<SignedTogether>;
  /**
   * Has the authority confirm that both certificates are one person's.
   *
   * Throws HubError `signing_not_one_person` (403), `linkage_unavailable` (503).
   */
  confirmOnePerson(signed: SignedTogether): Promise<void>;
}

export interface SignatureVerifierWorld {
  challenges: Challenges;
  /** Verifies user certificates. */
  userCertificates: CertificateVerifier;
  /** Verifies signing certificates, against the roots of that kind. */
  signingCertificates: CertificateVerifier;
  linkage: LinkageSource;
  /** Hears of each question to the linkage, with the relying party on whose behalf: they are counted. */
  onLinkageQuestion?(clientId: string | undefined): void;
}

/** One list for whatever a person signs with both keys of a card: an application, a consent. */
export function createSignatureVerifier(world: SignatureVerifierWorld): SignatureVerifier {
  const { challenges, userCertificates, signingCertificates, linkage } = world;
  return {
    async verify({ token, document, text, nonce, origin, session, purpose, demand }) {
      await challenges.spend(nonce, { origin, session, purpose });
      const answer = readCardToken(token);
      const authenticUser = userCertificates.authenticate(answer.unverifiedCertificate);
      checkChallengeSignature(authenticUser.certificate, answer, origin, nonce);

      const signed = readSignedDocument(document);
      // Our own octets were signed: nothing else is read from the document, and the nonce in it is this one.
      if (!isText(signed.content, text)) throw changed();
      const authenticSigning = await ofSigning(async () =>
        signingCertificates.authenticate(signed.unverifiedCertificate),
      );
      const attributes = readFourAttributes(authenticSigning.certificate);

      const user = await userCertificates.checkStatus(authenticUser, demand);
      const signing = await ofSigning(() =>
        signingCertificates.checkStatus(authenticSigning, { ...demand, purpose: 'enrolment' }),
      );
      await Promise.all([user.recorded, signing.recorded]);
      return { user, signing, attributes };
    },

    /** Asked from the signing certificate, as flows §2 does: which card does the signer sign in with? */
    async confirmOnePerson({ user, signing }) {
      world.onLinkageQuestion?.(user.demand.clientId);
      const counterpart = await linkage.counterpart(signing.certificate, 'user');
      if (counterpart !== undefined && isOf(user.certificate, counterpart)) return;
      throw new HubError('signing_not_one_person', 403, 'The two certificates do not belong together.');
    },
  };
}

function readSignedDocument(document: Uint8Array): SignedDocument {
  try {
    return verifySignedDocument(document);
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw new HubError('signed_document_unreadable', 403, 'The signed document cannot be read.', {
      details: { reason: cause.code },
      cause,
    });
  }
}

function isText(octets: Uint8Array, text: string): boolean {
  return Buffer.compare(octets, Buffer.from(text)) === 0;
}

function isOf({ issuer, serial }: Certificate, reference: CertificateReference): boolean {
  return Buffer.compare(issuer, reference.issuer) === 0 && Buffer.compare(serial, reference.serial) === 0;
}

const changed = () => new HubError('signed_document_changed', 403, 'What was signed is not what was shown.');

/** The card is good and somebody else's than the one who is signed in. */
export const otherPerson = () => new HubError('signing_other_person', 403, 'The card belongs to somebody else.');

/** A sign-in's codes speak of the card; the person has to know that it is the other certificate. */
const OF_SIGNING: Readonly<Record<string, string>> = {
  certificate_revoked: 'signing_certificate_revoked',
  certificate_superseded: 'signing_certificate_revoked',
  certificate_on_hold: 'signing_certificate_revoked',
  certificate_expired: 'signing_certificate_expired',
};

async function ofSigning<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (!(cause instanceof HubError) || cause.status !== 403) throw cause;
    const code = OF_SIGNING[cause.code] ?? 'signing_certificate_not_accepted';
    throw new HubError(code, 403, 'The signing certificate is not accepted.', {
      details: { reason: cause.code },
      cause,
    });
  }
}
