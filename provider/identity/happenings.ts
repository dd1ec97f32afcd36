import type { Stores } from '../storage.ts';
import type { NoticeKind } from './notices.ts';

/**
 * What relying parties may be told about a person of theirs, by whoever knows of it.
 *
 * - `sessions_ended`: whatever rests on a sign-in of before is no longer to be relied on.
 * - `contact_needed`: the card can no longer be used; why is told to nobody.
 * - `attributes_stale`: nobody vouches any more for the attributes as they were enrolled.
 * - `attributes_current`: attributes have been enrolled (anew), and are vouched for.
 * - `consent_withdrawn`: the person took back what this relying party was allowed.
 * - `notice:…`: something that the person is told (notices.ts), for the operator's own service that writes to people.
 */
export type Happening =
  | 'sessions_ended'
  | 'contact_needed'
  | 'attributes_stale'
  | 'attributes_current'
  | 'consent_withdrawn'
  | `notice:${NoticeKind}`;

/** Tells them. Implemented by the events room. */
export interface SubjectEvents {
  /**
   * Has every relying party told that knows this person and wants to hear of it: when the transaction is committed, and
   * only then. Costs one statement where nobody does.
   *
   * @param stores of the transaction that makes it happen.
   * @param clientId the one relying party whose business it is; otherwise all of the person's.
   */
  emit(
    stores: Pick<Stores, 'events'>,
    subjectId: string,
    happenings: readonly Happening[],
    clientId?: string,
  ): Promise<void>;
}
