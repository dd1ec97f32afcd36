import type { KnownLookup } from './identity_store.ts';

/** How the identity room keeps what enrolment brought. */

export interface KeptAttributes {
  readonly subjectId: string;
  /** The four attributes under Vault.seal. */
  readonly sealed: Uint8Array;
  /** `lookup` of the signing certificate that states them. */
  readonly certificate: Uint8Array;
  /** Milliseconds since 1970. */
  readonly obtainedAt: number;
  /** Vault.index of the attributes in one form; undefined where nobody could be found by them. */
  readonly match: Uint8Array | undefined;
}

export interface FoundAttributes {
  readonly sealed: Uint8Array;
  readonly obtainedAt: number;
  /** That the certificate that states them is in date and nobody has said that it is revoked. */
  readonly isCurrent: boolean;
}

export interface SignedApplication {
  readonly id: string;
  readonly subjectId: string;
  /** `lookup` of the certificate it was signed with. */
  readonly certificate: Uint8Array;
  /** The document under Vault.seal. */
  readonly sealedDocument: Uint8Array;
  readonly termsVersion: string;
  /** Milliseconds since 1970. */
  readonly enrolledAt: number;
}

/** Somebody who registered the same four attributes before, by the signing certificate that stated them. */
export interface RegisteredBefore extends KnownLookup {
  /** That one of their user certificates may still sign in: then nobody else takes their place. */
  readonly hasLivingCard: boolean;
}

export interface EnrolmentStore {
  /** In the place of what was kept of this subject before. */
  keepAttributes(kept: KeptAttributes): Promise<void>;
  /** Whether it is this certificate that states what is kept of the subject. */
  isStatedBy(subjectId: string, certificate: Uint8Array): Promise<boolean>;
  findAttributes(subjectId: string, now: number): Promise<FoundAttributes | undefined>;
  /** Up to `limit` of them. */
  findRegistered(match: Uint8Array, now: number, limit: number): Promise<readonly RegisteredBefore[]>;
  keepApplication(application: SignedApplication): Promise<void>;
  /** Newest first. */
  listApplications(subjectId: string, limit: number): Promise<readonly SignedApplication[]>;
  /** Of the subject's signing certificates those that are revoked or past: no sign-in need ask about them any more. */
  supersedePastSigningCertificates(subjectId: string, now: number): Promise<void>;
}
