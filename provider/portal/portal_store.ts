import type { ConsentPeriod, Exit } from '../consent/consent_store.ts';
import type { CertificateRecord, KnownCertificate, LinkMethod } from '../identity/identity_store.ts';

/** How the portal reads what is kept of one person. Every question names the subject, and every answer has a limit. */

/** A decision as it was made. Times are milliseconds since 1970. */
export interface KeptConsent {
  readonly id: string;
  readonly clientId: string;
  readonly granted: readonly string[];
  readonly declined: readonly string[];
  readonly purpose: string | undefined;
  readonly period: ConsentPeriod;
  readonly grantedAt: number;
  readonly expiresAt: number;
  /** When it was withdrawn, or another decision took its place. */
  readonly withdrawnAt: number | undefined;
  readonly isReplaced: boolean;
}

export interface KeptDisclosure {
  /** Its place in the history: 1, 2, 3 … */
  readonly sequence: number;
  readonly clientId: string;
  readonly consentId: string;
  readonly exit: Exit;
  readonly claims: readonly string[];
  /** Of each of `claims`, at the same place; undefined for what the hub says itself. */
  readonly sources: readonly (string | undefined)[];
  readonly at: number;
  /** When the answer was handed to the network. Undefined: it was prepared, and nobody saw that it left. */
  readonly deliveredAt: number | undefined;
}

/** What is wanted of a history; everything where nothing is said. */
export interface HistoryFilter {
  readonly clientId?: string | undefined;
  readonly claim?: string | undefined;
  /** Milliseconds since 1970, inclusive. */
  readonly from?: number | undefined;
  /** Milliseconds since 1970, exclusive. */
  readonly until?: number | undefined;
}

/** How often one relying party was told one claim. */
export interface DisclosureCount {
  readonly clientId: string;
  readonly claim: string;
  readonly count: number;
  readonly lastAt: number;
}

/** A certificate of the person's, without anything that tells it from others of its kind. */
export interface KeptCertificate {
  readonly kind: CertificateRecord['kind'];
  readonly status: KnownCertificate['status'];
  readonly boundAt: number;
  readonly notAfter: number;
  readonly checkedAt: number;
  readonly previouslyCheckedAt: number | undefined;
  /** How it was recognised; undefined for the one that the person began with. */
  readonly method: LinkMethod | undefined;
  /** Whether a list has ever revoked it. */
  readonly isRevoked: boolean;
}

/** A relying party as it is, or was, registered. */
export interface KnownRelyingParty {
  readonly clientId: string;
  readonly isRegistered: boolean;
  /** RFC 7591: `client_name` in its languages and, of one that is registered, `redirect_uris` and `saml_sector`. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface PortalStore {
  /** Newest first, those that grant something at `now`. */
  listLiveConsents(subjectId: string, now: number, limit: number): Promise<readonly KeptConsent[]>;
  /** Newest first, those that grant nothing any more, from `after` (exclusive), which is one of the subject's own. */
  listPastConsents(
    subjectId: string,
    now: number,
    after: string | undefined,
    limit: number,
  ): Promise<readonly KeptConsent[]>;
  /** Those of the consents that are the subject's. */
  findConsents(subjectId: string, consentIds: readonly string[]): Promise<readonly KeptConsent[]>;
  /** Newest first, before the one with the number `before`. */
  listDisclosures(
    subjectId: string,
    filter: HistoryFilter,
    before: number | undefined,
    limit: number,
  ): Promise<readonly KeptDisclosure[]>;
  /** Of the newest `limit` claims that left. */
  countDisclosures(subjectId: string, limit: number): Promise<readonly DisclosureCount[]>;
  /** Newest first. */
  listCertificates(subjectId: string, limit: number): Promise<readonly KeptCertificate[]>;
  /** Those of the relying parties that are registered, or have been. */
  findRelyingParties(clientIds: readonly string[]): Promise<readonly KnownRelyingParty[]>;
}
