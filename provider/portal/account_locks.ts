import { HubError } from '../errors.ts';
import type { AccountLock } from '../identity/account_lock.ts';
import type { SubjectEvents } from '../identity/happenings.ts';
import type { Notify } from '../identity/notices.ts';
import type { SubjectSessions } from '../identity/revocation_effects.ts';
import type { MailToPerson } from '../notices_by_mail/mail_to_person.ts';
import type { Storage } from '../storage.ts';
import type { Clock, Random } from '../world.ts';
import { newReference } from './reference.ts';

/** A lock as the operator sees it: not whose it is. */
export interface ShownLock {
  readonly reference: string;
  /** ISO 8601. */
  readonly locked: string;
}

export interface AccountLocks {
  /**
   * Locks the person's account: nobody signs in and nothing is told from then on, every session and token ends, and the
   * relying parties hear of that.
   *
   * @returns the reference by which the operator unlocks it. One that is locked already keeps its own.
   */
  lock(subjectId: string): Promise<string>;
  /** Undefined for an account that is not locked. */
  find(subjectId: string): Promise<AccountLock | undefined>;
  /** The newest hundred. */
  list(): Promise<readonly ShownLock[]>;
  /**
   * For the operator, who has made sure that it is the person who asks. The person is told, in case it was not.
   *
   * @throws HubError `lock_unknown` (404).
   */
  unlock(reference: string): Promise<void>;
}

const SHOWN = 100;

export function createAccountLocks(world: {
  storage: Storage;
  sessions: SubjectSessions;
  events: SubjectEvents;
  mail: MailToPerson;
  notify: Notify;
  clock: Clock;
  random: Random;
}): AccountLocks {
  const { storage, sessions, events, mail, notify, clock } = world;
  return {
    async lock(subjectId) {
      const lock = { reference: newReference('L', world.random), lockedAt: clock() };
      const isNew = await storage.transaction(async (stores) => {
        if (!(await stores.accountLocks.lock(subjectId, lock))) return false;
        await stores.audit.append(
          {
            kind: 'account.locked',
            actor: `subject:${subjectId}`,
            subjectId,
            data: { reference: lock.reference },
          },
          lock.lockedAt,
        );
        await events.emit(stores, subjectId, ['sessions_ended']);
        await mail.tell(stores, subjectId, { kind: 'account_locked' }, lock.lockedAt);
        return true;
      });
      // After the lock, which lets nobody begin anything new.
      await sessions.endAllOf(subjectId);
      return isNew ? lock.reference : ((await storage.accountLocks.find(subjectId))?.reference ?? lock.reference);
    },

    find: (subjectId) => storage.accountLocks.find(subjectId),

    async list() {
      return (await storage.accountLocks.list(SHOWN)).map(({ reference, lockedAt }) => ({
        reference,
        locked: new Date(lockedAt).toISOString(),
      }));
    },

    async unlock(reference) {
      await storage.transaction(async (stores) => {
        const subjectId = await stores.accountLocks.unlock(reference.trim().toUpperCase());
        if (subjectId === undefined) {
          throw new HubError('lock_unknown', 404, `No account is locked by the number "${reference}".`);
        }
        const at = clock();
        await stores.audit.append({ kind: 'account.unlocked', actor: 'operator', subjectId, data: { reference } }, at);
        await notify(stores, { subjectId, kind: 'account_unlocked', causedBy: undefined, at });
      });
    },
  };
}
