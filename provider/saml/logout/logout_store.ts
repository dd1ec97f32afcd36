/** Single logouts that are on their way through a browser. */
export interface LogoutStore {
  /**
   * Begins with step 1.
   *
   * @param key SHA-256 of what the browser holds.
   * @param expiresAt milliseconds since 1970.
   */
  keep(key: Uint8Array, sealed: Uint8Array, expiresAt: number): Promise<void>;
  /** Undefined when there is none, or it has expired at `now`. */
  find(key: Uint8Array, now: number): Promise<{ readonly sealed: Uint8Array; readonly step: number } | undefined>;
  /** Goes on to the next step, unless somebody has already. Of any number of callers one does. */
  advance(key: Uint8Array, step: number, sealed: Uint8Array): Promise<boolean>;
  /** Takes it out, unless it has gone on since this step. Of any number of callers one does. */
  take(key: Uint8Array, step: number): Promise<boolean>;
  /** Deletes what expired before `now`; returns how many rows went. */
  sweep(now: number): Promise<number>;
}
