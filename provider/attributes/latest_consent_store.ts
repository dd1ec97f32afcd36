import type { AttributeName } from '../identity/four_attributes.ts';

export interface LatestConsent {
  readonly id: string;
  readonly subjectId: string;
  readonly clientId: string;
  /** What is told, in the order of `attributeNames`. */
  readonly items: readonly AttributeName[];
  /** The authority's name for it under Vault.seal. */
  readonly sealedReference: Uint8Array;
  /** Milliseconds since 1970. */
  readonly consentedAt: number;
  readonly expiresAt: number;
}

export interface SignedLatestConsent extends LatestConsent {
  /** The signed document under Vault.seal. */
  readonly sealedDocument: Uint8Array;
}

/** Who ended a consent before its time; `replaced`: the person gave a new one. */
export type LatestConsentEnd = 'person' | 'replaced' | 'authority' | 'consent_withdrawn' | 'client_removed';

/** How latest-attributes consents are kept. Ending the ordinary consent of the pair (ConsentStore.withdraw) ends them, too. */
export interface LatestConsentStore {
  /** The consent of the pair that has not ended and does not end before `now`. */
  findLive(subjectId: string, clientId: string, now: number): Promise<LatestConsent | undefined>;
  /** In the place of what the pair has, which ends by it; at no moment are there two. */
  replace(consent: SignedLatestConsent): Promise<void>;
  /** False when it had ended already. What the authority ended it need not be told. */
  end(id: string, by: LatestConsentEnd, now: number): Promise<boolean>;
  /** Ends those of every person for this relying party; returns how many. */
  endAllOf(clientId: string, now: number): Promise<number>;
  /**
   * Up to `limit` consents that have ended and of which the authority has not been told, marked as being told now. Those
   * that somebody has tried since `triedBefore` are left alone; longest untried first.
   */
  takeUntold(
    now: number,
    triedBefore: number,
    limit: number,
  ): Promise<readonly Pick<LatestConsent, 'id' | 'sealedReference'>[]>;
  /** The authority knows. */
  noteTold(id: string, now: number): Promise<void>;
}
