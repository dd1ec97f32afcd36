import { HubError } from '../errors.ts';

/**
 * An account that its person has locked: nobody signs in as them, by whatever way, and nothing is told of them, until the
 * operator, who has made sure who asks, ends it.
 */
export interface AccountLock {
  /** What the person and the operator call it by. It tells nothing of who it is. */
  readonly reference: string;
  /** Milliseconds since 1970. */
  readonly lockedAt: number;
}

export interface AccountLockStore {
  /** False when it is locked already. */
  lock(subjectId: string, lock: AccountLock): Promise<boolean>;
  find(subjectId: string): Promise<AccountLock | undefined>;
  /** Whose it was; undefined when nothing is locked by that reference (any more). */
  unlock(reference: string): Promise<string | undefined>;
  /** Newest first. */
  list(limit: number): Promise<readonly AccountLock[]>;
}

/** The reference is for the log alone: the person has it, and who is at their card may not be them. */
export function accountLocked({ reference }: Pick<AccountLock, 'reference'>): HubError {
  return new HubError('account_locked', 403, 'This account has been locked.', { details: { lock: reference } });
}
