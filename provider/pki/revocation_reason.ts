/**
 * CRLReason (RFC 5280 §5.3.1) by its number; 7 was never given out. What the authority means by each is a matter of
 * the sign-in policy, not of this room.
 */
export const revocationReasons = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
] as const;

export type RevocationReason = Exclude<(typeof revocationReasons)[number], undefined>;

/** A certificate's entry in a list, or an answer about it. */
export interface Revocation {
  readonly reason: RevocationReason;
  /** Milliseconds since 1970, whole seconds. */
  readonly revokedAt: number;
}
