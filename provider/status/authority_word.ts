import type { RevocationVerdict } from '../authentication/revocation.ts';

/** A certificate by what is kept of it: who issued it, and its number. */
export interface NumberedCertificate {
  /** SHA-256 of the issuer's DER name. */
  readonly issuerHash: Uint8Array;
  /** Content octets. */
  readonly serial: Uint8Array;
}

/** What responders say of certificates that nobody shows at the moment. Implemented by adapters/authority. */
export interface AuthorityWord {
  /** Questions that it can take to hear about one certificate of this issuer; 0 where there is nobody to ask. */
  cost(issuerHash: Uint8Array): number;
  /** An answer that is remembered and still in date. */
  known(certificate: NumberedCertificate): RevocationVerdict | undefined;
  /**
   * @param askedFor the relying party on whose behalf.
   * @returns the answer, undefined when nobody gives one, and how many questions it took.
   */
  ask(
    certificate: NumberedCertificate,
    askedFor: string,
  ): Promise<{ readonly verdict: RevocationVerdict | undefined; readonly questions: number }>;
}
