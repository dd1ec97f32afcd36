import type { Certificate, RevocationReason, TrustAnchor } from '../pki/index.ts';

/** How the authority is asked: by its list, or by a question about one certificate. */
export type RevocationChannel = 'crl' | 'ocsp';

/** What an answer about revocation must be like to be good enough. */
export interface RevocationPolicy {
  /** As the operator named it; with what a request adds behind it (revocation_policy.ts). */
  readonly name: string;
  /** In the order in which they are asked; a later one only when an earlier one has nothing fresh and authentic. */
  readonly sources: readonly RevocationChannel[];
  /**
   * How old the authority's word may be, in milliseconds since its thisUpdate: not since we asked, because a list that
   * is fetched now may be of this morning. Undefined: for as long as the authority itself vouches for it (nextUpdate).
   */
  readonly maxAge: number | undefined;
}

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
   * An answer, good enough for `policy`, about a certificate whose path to `anchor` and whose possession have been
   * proved. Whatever the policy, `revoked` wins where another source that is known already says so.
   *
   * @param askedFor the relying party on whose behalf; questions to the authority are counted by it.
   * @throws HubError `revocation_unavailable` (503, with `retryAfter` in seconds) when no source of the policy has
   *   anything fresh and authentic: no answer, no sign-in. `certificate_unknown` (403) when the authority says that it
   *   never issued it.
   */
  check(
    certificate: Certificate,
    anchor: TrustAnchor,
    policy: RevocationPolicy,
    askedFor?: string,
  ): Promise<RevocationVerdict>;
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
