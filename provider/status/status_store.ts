import type { StoredRevocation } from '../identity/revocation_store.ts';

/** How the status room reads what is recorded. Times are milliseconds since 1970. */

/** A current certificate of the person behind one of the identifiers that were asked about. */
export interface RecordedCertificate {
  /** By which the person was asked about. */
  readonly identifier: string;
  /** Where it was asked for. */
  readonly lookup: Uint8Array | undefined;
  readonly kind: 'user' | 'signing';
  readonly notBefore: number;
  readonly notAfter: number;
  /** Index of its issuer among those that were named; undefined for any other. */
  readonly issuer: number | undefined;
  /** What a list said last, if one ever said anything. */
  readonly revocation: StoredRevocation | undefined;
  /** How old the authority's word was at the last sign-in with it, or when it was linked. */
  readonly checkAsOf: number;
}

/** Everything that is found of a batch of identifiers. */
export interface RecordedPeople {
  /** Those of the identifiers that are the sector's, of people whose consent lives; any other is nobody's, as far as it can know. */
  readonly known: ReadonlySet<string>;
  readonly certificates: readonly RecordedCertificate[];
}

export interface StatusStore {
  /**
   * One statement for some ten thousand identifiers.
   *
   * @param issuerHashes SHA-256 of issuers' DER names: what `RecordedCertificate.issuer` refers to.
   * @param withLookups whether the certificates will have to be found again, one by one.
   */
  find(
    asking: { readonly sector: string; readonly clientId: string; readonly now: number },
    identifiers: readonly string[],
    issuerHashes: readonly Uint8Array[],
    withLookups: boolean,
  ): Promise<RecordedPeople>;
}
