import type { CertificateRecord, KnownCertificate } from './identity_store.ts';

/** How the identity room keeps what lists say about its certificates, and how far each list has been followed. */

/** A certificate of ours as a revocation finds it. */
export interface RevocableCertificate
  extends Pick<CertificateRecord, 'lookup' | 'kind' | 'subjectId' | 'sealedSerial' | 'fingerprint'> {
  readonly status: KnownCertificate['status'];
  /** What a list said before; undefined when none did. */
  readonly revocation: StoredRevocation | undefined;
  /** Whether all that follows from that has been done. */
  readonly isSettled: boolean;
}

export interface StoredRevocation {
  /** Reason and date under Vault.seal. */
  readonly sealed: Uint8Array;
  /** thisUpdate of the list that said it (ms). */
  readonly asOf: number;
}

export interface RevocationStore {
  /** Those of the certificates that are bound to somebody. One statement for a few thousand. */
  findByLookups(lookups: readonly Uint8Array[]): Promise<readonly RevocableCertificate[]>;
  /** Certificates of one issuer in order of their look-up, from `after` (exclusive; the beginning when undefined). */
  walk(issuerHash: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly RevocableCertificate[]>;
  /** False, and nothing changes, when somebody else has recorded something since `found` was read. */
  record(found: RevocableCertificate, revocation: StoredRevocation): Promise<boolean>;
  /** Notes that all that follows from the revocation recorded last has been done. */
  settle(lookup: Uint8Array): Promise<void>;
}

/** One issue of a list. */
export interface ListIssue {
  readonly number: bigint;
  readonly thisUpdate: number;
}

/** Of which process a list is, and until when (ms) it is left to it. */
export interface ListClaim {
  readonly owner: string;
  readonly now: number;
  readonly until: number;
}

/** Up to which issue of each series revocations have taken effect. Survives whoever was at it. */
export interface ListProgressStore {
  /** By series. A series that has never been followed is missing. */
  applied(): Promise<ReadonlyMap<string, ListIssue>>;
  /** False when it has been followed that far already, or is another's. Claiming again extends. */
  claim(series: string, issue: ListIssue, claim: ListClaim): Promise<boolean>;
  /** Notes that everything up to `issue` has taken effect, and gives the series free. Never goes back. */
  finish(series: string, issue: ListIssue): Promise<void>;
  /** Gives everything free that `owner` has claimed. */
  release(owner: string): Promise<void>;
}
