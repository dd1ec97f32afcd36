import type { Certificate, RevocationReason, TrustAnchor } from '../pki/index.ts';

/** Which channel a relying party wants to be asked; `any` leaves the choice to the hub. */
export type RevocationChannel = 'crl' | 'ocsp' | 'any';

/** What is known about one certificate, from where, and how fresh. Times are milliseconds since 1970. */
export interface RevocationVerdict {
  readonly status: 'good' | 'revoked';
  /** Only for `revoked`. */
  readonly reason: RevocationReason | undefined;
  /** Only for `revoked`: when the authority says that it happened. */
  readonly revokedAt: number | undefined;
  readonly source: 'crl' | 'ocsp';
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly checkedAt: number;
}

/** Tells whether a certificate is revoked. Implemented by adapters/authority. */
export interface RevocationSource {
  /**
   * A fresh and authentic answer about a certificate whose path to `anchor` and whose possession have been proved.
   *
   * @throws HubError `revocation_unavailable` (503, with `retryAfter` in seconds) when nothing fresh and authentic can
   *   be had: no answer, no sign-in. `certificate_unknown` (403) when the authority says that it never issued it.
   */
  check(certificate: Certificate, anchor: TrustAnchor, channel: RevocationChannel): Promise<RevocationVerdict>;
}

/** Remembers the highest CRL number, so that a list cannot move backwards (design.md §3). */
export interface CrlNumberStore {
  /**
   * Raises the number for a list to `number` in one atomic step that survives a restart. False, and nothing changes,
   * when a higher number is stored already; true when it is equal.
   *
   * @param listId stable over restarts and addresses: it names the authority's key and the list's scope.
   */
  raise(listId: string, number: bigint): Promise<boolean>;
}
