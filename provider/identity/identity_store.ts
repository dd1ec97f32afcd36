import type { RevocationVerdict } from '../authentication/revocation.ts';
import type { StoredRevocation } from './revocation_store.ts';

/** How the identity room keeps subjects, their certificates and their pairwise identifiers. */

/** What the last check of a subject's card said; the only fact about the card that may leave the hub, with consent. */
export interface CardCheck {
  /** When the hub checked it (ms). */
  checkedAt: number;
  source: RevocationVerdict['source'];
  /** How old the authority's word was then: thisUpdate of the CRL or OCSP answer (ms). */
  asOf: number;
}

export interface CertificateRecord {
  /** HMAC over issuer and serial (Vault.index): the only way to find the row. */
  lookup: Uint8Array;
  kind: 'user' | 'signing';
  subjectId: string;
  /** The serial's content octets under Vault.seal; opened only to ask the authority about it. */
  sealedSerial: Uint8Array;
  /** SHA-256 of the issuer's DER name: tells which authority the sealed serial belongs to. */
  issuerHash: Uint8Array;
  /** For a signing certificate all of it, under Vault.seal: each sign-in checks it anew (path, dates, status). */
  sealedCertificate?: Uint8Array;
  /** How its subject was recognised, where nobody had proved to be that. */
  link?: CertificateLink;
  /** First 8 bytes of the certificate's SHA-256: what the console and the log may show. */
  fingerprint: Uint8Array;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
}

/**
 * How it is known whose an unknown certificate is. By the authority's word:
 * - `linkage`: by the certificate that it replaced, itself or over others. That one signs in no more.
 * - `other device`: by a user certificate on the other one of card and phone. Both stay good.
 * - `signing linkage`: by a signing certificate. The subject's other user certificates stay what the lists say.
 *
 * And without it, where the authority knows of no line:
 * - `attributes`: by the signing certificate of an earlier enrolment that states the same four attributes, of a person whose
 *   cards have all ended, and who confirmed with their signature to be that (enrolment.ts).
 */
export type LinkMethod = 'linkage' | 'other device' | 'signing linkage' | 'attributes';

export interface CertificateLink {
  readonly method: LinkMethod;
  /** `lookup` of the certificate that was known. */
  readonly by: Uint8Array;
}

export interface KnownCertificate {
  subjectId: string;
  kind: 'user' | 'signing';
  /** When it was last checked before (ms): at a sign-in, or when it was bound. */
  checkedBefore: number;
  /** `superseded` when a linkage names a successor: then only the successor may sign in. */
  status: 'current' | 'superseded' | 'unlinked';
  /** What a revocation list said of it last, if one ever did. */
  revocation: StoredRevocation | undefined;
  /** Whether there is something that its holder has not been told. */
  hasNotices: boolean;
  /** Reference of the lock (account_lock.ts), where the person has locked their account. */
  lock: string | undefined;
  /** The subject's signing certificates that are current: `sealedCertificate` of each. */
  sealedSigningCertificates: readonly Uint8Array[];
}

/** A certificate that the hub knows, by how it is found. */
export interface KnownLookup {
  readonly lookup: Uint8Array;
  readonly subjectId: string;
  readonly kind: 'user' | 'signing';
  readonly status: KnownCertificate['status'];
  readonly fingerprint: Uint8Array;
}

/** A certificate that was recognised by another one. */
export interface RecordedLink {
  /** Fingerprints, as the console and the log show them. */
  readonly fingerprint: Uint8Array;
  readonly by: Uint8Array;
  readonly method: LinkMethod;
  /** Milliseconds since 1970. */
  readonly linkedAt: number;
  readonly status: KnownCertificate['status'];
}

export interface IdentityStore {
  /**
   * Finds the certificate, notes when and how it was last checked, and finds what else is to be checked with it: one
   * statement.
   */
  recordSignIn(lookup: Uint8Array, check: CardCheck): Promise<KnownCertificate | undefined>;
  /** The newest check among the subject's user certificates. */
  lastCardCheck(subjectId: string): Promise<CardCheck | undefined>;
  /** What is known of a certificate; nothing is noted. */
  find(lookup: Uint8Array): Promise<KnownLookup | undefined>;
  /**
   * Within a transaction: until it ends, nobody else binds any of these certificates, undoes a link to or from one, or
   * finds who was bound by one that is not visible yet. Who binds a certificate reserves it with all others that may be the
   * same person's, and looks for them once more: two that are shown at the same moment must not become two people.
   */
  reserve(lookups: readonly Uint8Array[]): Promise<void>;
  /** Those of the certificates that are known. Some dozens at most. */
  findAll(lookups: readonly Uint8Array[]): Promise<readonly KnownLookup[]>;
  /** Whether the subject has another user certificate than this, in date and of which nobody says that it is revoked. */
  hasOtherUserCertificate(subjectId: string, lookup: Uint8Array, now: number): Promise<boolean>;
  /** Marks a current certificate as replaced, in one statement; false when it is not current (any more). */
  supersede(lookup: Uint8Array): Promise<boolean>;
  /** Newest first; those that were undone as well. */
  listLinks(limit: number): Promise<readonly RecordedLink[]>;
  /** The certificate of this fingerprint that was recognised by another one, and may still sign in. */
  findLink(fingerprint: Uint8Array): Promise<KnownLookup | undefined>;
  /** Fingerprints of the certificates that were recognised by this one and whose links stand. */
  recognisedBy(lookup: Uint8Array): Promise<readonly Uint8Array[]>;
  /**
   * Undoes the link of a certificate: it may sign in no more, and the one that it replaced, if it did, may again. False when
   * it is no link that stands (any more).
   */
  undoLink(lookup: Uint8Array): Promise<boolean>;
  /** Creates the subject. */
  insertSubject(subjectId: string, now: number): Promise<void>;
  /** False when the certificate is already bound (to whomever): the caller then reads it again and drops its own subject. */
  insertCertificate(record: CertificateRecord, check: CardCheck, now: number): Promise<boolean>;
  /** The stored identifier of (subject, sector); stores `candidate` first if there is none. One statement; two callers get one answer. */
  pairwiseIdentifier(subjectId: string, sector: string, candidate: string): Promise<string>;
  /** Back from the identifier, for `login_hint`, `id_token_hint` and operators. */
  findSubjectByPairwise(sector: string, identifier: string): Promise<string | undefined>;
}
