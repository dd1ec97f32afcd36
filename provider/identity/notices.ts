import { randomUUID } from 'node:crypto';
import { type MailToPerson, noMail } from '../notices_by_mail/mail_to_person.ts';
import type { Stores } from '../storage.ts';
import type { SubjectEvents } from './happenings.ts';

/**
 * What a person is told: at the next sign-in with another of their certificates, by mail where they have given an address, and
 * by the operator's own service for mail, which hears of it as of a security event (events/event_types.ts).
 * - `card_renewed`: a new card signs in in the place of the old one.
 * - `device_added`: a card or phone signs in beside the one that was known.
 * - `registration_taken_over`: a card that no line connects with the earlier one took the registration over.
 * - `attributes_stale`: nobody vouches for the four attributes any more; the person is asked to enrol again.
 * - `unusual_sign_in`: a card or phone signed in that had not for a long time (identity.ts).
 * - `account_unlocked`: the operator has lifted the lock that the person had put on the account.
 */
export type NoticeKind =
  | 'card_renewed'
  | 'device_added'
  | 'registration_taken_over'
  | 'attributes_stale'
  | 'unusual_sign_in'
  | 'account_unlocked';

export interface Notice {
  readonly kind: NoticeKind;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface NoticeRecord extends Notice {
  readonly id: string;
  readonly subjectId: string;
  /** `lookup` of the certificate that was shown when it happened. */
  readonly causedBy: Uint8Array | undefined;
}

export interface NoticeStore {
  add(notice: NoticeRecord): Promise<void>;
  /** Of the unseen ones those that somebody else's certificate than this caused; from then on they are seen. */
  takeUnseen(subjectId: string, lookup: Uint8Array, now: number): Promise<readonly Notice[]>;
  /** Newest first. */
  list(subjectId: string, limit: number): Promise<readonly Notice[]>;
}

/** Writes a notice in the transaction of what it is about. */
export type Notify = (
  stores: Stores,
  notice: { subjectId: string; kind: NoticeKind; causedBy: Uint8Array | undefined; at: number },
) => Promise<void>;

/**
 * @param events by which the operator's own service hears of it, and writes to the person.
 * @param mail by which the hub itself writes to them.
 */
export function createNotify(events: SubjectEvents, mail: MailToPerson = noMail): Notify {
  return async (stores, notice) => {
    await stores.notices.add({ id: randomUUID(), ...notice });
    await events.emit(stores, notice.subjectId, [`notice:${notice.kind}`]);
    await mail.tell(stores, notice.subjectId, { kind: notice.kind }, notice.at);
  };
}
