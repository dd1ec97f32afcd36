/** What the hub keeps of providers that are asked as OpenID Providers: secrets, people on their way there, and tokens. */
export interface ProviderSignInStore {
  /** @param stateHash SHA-256 of the state. @param expiresAt milliseconds since 1970. */
  keepAttempt(stateHash: Uint8Array, sealed: Uint8Array, expiresAt: number): Promise<void>;
  /** Takes it out in one atomic statement: of any number of callers exactly one gets it. */
  takeAttempt(stateHash: Uint8Array): Promise<{ sealed: Uint8Array; expiresAt: number } | undefined>;
  /** Deletes what expired before `now`; returns how many rows went. */
  sweepAttempts(now: number): Promise<number>;

  /** In the place of the one before; undefined removes it. */
  setSecret(providerId: string, sealed: Uint8Array | undefined): Promise<void>;
  findSecret(providerId: string): Promise<Uint8Array | undefined>;

  /** Of a membership that has none yet. */
  keepTokens(membershipId: string, sealed: Uint8Array): Promise<void>;
  /** Undefined when there are none; `sealed` is undefined when the provider takes them no more. */
  findTokens(membershipId: string): Promise<{ sealed: Uint8Array | undefined } | undefined>;
  /**
   * Lets whoever asks renew them, alone. The tokens of this moment; undefined when somebody else does it until later than
   * `now`, or there are none to renew.
   *
   * @param lease names who asks. @param until milliseconds since 1970.
   */
  leaseTokens(membershipId: string, lease: string, until: number, now: number): Promise<Uint8Array | undefined>;
  /** In the place of those of the lease, which ends. False when it is not theirs (any more), or the membership has ended. */
  renewTokens(membershipId: string, lease: string, sealed: Uint8Array): Promise<boolean>;
  /** Ends the lease and leaves the tokens as they are. */
  releaseTokens(membershipId: string, lease: string): Promise<void>;
  /** Ends the lease and the tokens, which the provider takes no more. Whose they were; undefined as `renewTokens`. */
  lapseTokens(membershipId: string, lease: string): Promise<{ subjectId: string; providerId: string } | undefined>;
  /** Deletes those of the subject's memberships at this provider that have ended, and returns them. */
  dropTokens(subjectId: string, providerId: string): Promise<readonly Uint8Array[]>;
  /** Live memberships whose tokens the provider takes no more. */
  lapsed(subjectId: string): Promise<readonly string[]>;
}
