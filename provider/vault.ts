/**
 * Encryption at rest and keyed look-up, as the rooms see them. The keys live in the adapter.
 *
 * `purpose` separates uses: what was sealed for one purpose cannot be opened for another, and the same bytes have
 * unrelated look-up values under two purposes.
 */
export interface Vault {
  /** Authenticated encryption under the newest key. The result names its key, so that old rows stay readable after a rotation. */
  seal(purpose: string, plaintext: Uint8Array): Uint8Array;
  /** Opens what `seal` made. Throws when it was changed, or sealed for another purpose. */
  open(purpose: string, sealed: Uint8Array): Uint8Array;
  /** HMAC-SHA-256, 32 bytes: finds a row by a value that must not be readable at rest. Never rotates by itself. */
  index(purpose: string, value: Uint8Array): Uint8Array;
}
