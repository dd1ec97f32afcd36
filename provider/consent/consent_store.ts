export interface Consent {
  id: string;
  subjectId: string;
  clientId: string;
  /** Claim names of the catalogue that the person agreed to give. */
  granted: readonly string[];
  /** Claim names that the person was asked for and left out: not asked again until the relying party asks for more. */
  declined: readonly string[];
  /** The relying party's stated purpose as it was shown. */
  purpose: string | undefined;
  /** Milliseconds since the epoch. */
  grantedAt: number;
  expiresAt: number;
}

export type Exit = 'id_token' | 'userinfo' | 'introspection' | 'verifier' | 'assertion' | 'attribute_query';

export interface ConsentStore {
  /** The live consent of (subject, relying party): not withdrawn, not expired at `now`. */
  findLive(subjectId: string, clientId: string, now: number): Promise<Consent | undefined>;
  /** Withdraws what is live for the pair and inserts this one; at no moment are two live. */
  replace(consent: Consent): Promise<void>;
  /** With what rests on it (LatestConsentStore). False when there was nothing live to withdraw. */
  withdraw(consentId: string, now: number): Promise<boolean>;
  /**
   * Writes the disclosure row and returns the claims that may leave, in one statement: those of `claims` that the live
   * consent grants. Undefined, and no row, when the pair has no live consent (invariant 6).
   */
  disclose(disclosure: {
    subjectId: string;
    clientId: string;
    exit: Exit;
    claims: readonly string[];
    now: number;
  }): Promise<readonly string[] | undefined>;
  /** Newest first. */
  listDisclosures(
    subjectId: string,
    limit: number,
  ): Promise<readonly { clientId: string; consentId: string; exit: Exit; claims: readonly string[]; at: number }[]>;
}
