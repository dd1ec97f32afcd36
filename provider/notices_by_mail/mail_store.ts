/** How mail to people is kept. Times are milliseconds since 1970. */

export interface MailAddressRecord {
  readonly sealedAddress: Uint8Array | undefined;
  readonly confirmedAt: number | undefined;
  /** Since when the mail server does not take it. */
  readonly refusedAt: number | undefined;
  /** Entered, and not confirmed yet. */
  readonly sealedPending: Uint8Array | undefined;
  readonly pendingUntil: number | undefined;
  /** The mail server does not take it. */
  readonly isPendingRefused: boolean;
}

export interface AskedConfirmation {
  readonly subjectId: string;
  readonly sealedAddress: Uint8Array;
  /** HMAC of the code. */
  readonly code: Uint8Array;
  readonly until: number;
  readonly now: number;
}

export interface QueuedMail {
  readonly id: string;
  readonly subjectId: string;
  readonly sealedContent: Uint8Array;
  readonly at: number;
}

export interface WaitingMail extends QueuedMail {
  readonly sealedAddress: Uint8Array;
  /** Those that failed. */
  readonly attempts: number;
}

export interface MailStore {
  findAddress(subjectId: string): Promise<MailAddressRecord | undefined>;
  /**
   * Notes what is to be confirmed, in the place of what was before; the confirmed address stays. False, and nothing is
   * noted, when the person has asked `most` times in the last `window` milliseconds.
   */
  ask(asked: AskedConfirmation, most: number, window: number): Promise<boolean>;
  /**
   * Compares and counts in one statement, so that any number of guesses at once are as many guesses. `none`: nothing waits
   * to be confirmed, any more or after `mostTries` wrong codes. `replaced` is the address that was confirmed before.
   */
  confirm(
    subjectId: string,
    code: Uint8Array,
    now: number,
    mostTries: number,
  ): Promise<{ outcome: 'confirmed' | 'wrong' | 'none'; replaced: Uint8Array | undefined }>;
  /** The confirmed address that there was; also forgets what waits to be confirmed. False when there was neither. */
  removeAddress(subjectId: string): Promise<{ removed: boolean; sealedAddress: Uint8Array | undefined }>;
  /** Forgets what nobody confirmed in time, and who has asked when it no longer counts. */
  sweepAddresses(now: number, window: number): Promise<number>;

  /** To the person's confirmed address; nothing where there is none. */
  enqueue(mail: QueuedMail): Promise<void>;
  enqueueTo(sealedAddress: Uint8Array, mail: QueuedMail, confirms: boolean): Promise<void>;
  /** Forgets mails that ask for a confirmation and were not sent. */
  dropConfirmations(subjectId: string): Promise<void>;

  /** A mail that is due, for this process alone until `until`. */
  claim(owner: string, now: number, until: number): Promise<WaitingMail | undefined>;
  /** Forgets it: it was sent, so its address is good. */
  finish(id: string, owner: string): Promise<void>;
  /** Forgets it, and notes of its address, where that is the person's still, that it is not taken. */
  refuse(id: string, owner: string, now: number): Promise<void>;
  postpone(id: string, owner: string, nextAttemptAt: number): Promise<void>;
  /** Gives up what has waited since before `before` and nobody is sending at `now`; how many. */
  dropOlder(before: number, now: number): Promise<number>;
}
