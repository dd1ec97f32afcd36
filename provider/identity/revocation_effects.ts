import type { RevocationVerdict } from '../authentication/revocation.ts';
import { type Revocation, revocationReasons } from '../pki/index.ts';
import type { Storage, Stores } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { Happening, SubjectEvents } from './happenings.ts';
import type { Notify } from './notices.ts';
import { effectOf, type PersonState, personState } from './person_state.ts';
import type { RevocableCertificate, StoredRevocation } from './revocation_store.ts';

/** How many came to an end. */
export interface EndedSessions {
  readonly sessions: number;
  readonly grants: number;
}

/** Everything that lives of a person's sign-ins. */
export interface SubjectSessions {
  /**
   * Ends every session and grant of the subject with all tokens, and has the relying parties of the sessions told. What
   * a request in flight stores a moment later is not among them.
   */
  endAllOf(subjectId: string): Promise<EndedSessions>;
}

/** What a list says of a certificate of ours. */
export interface ListedRevocation extends Revocation {
  /** thisUpdate of the list (ms). */
  readonly asOf: number;
}

export interface Effects extends EndedSessions {
  /** Whether it was not known before. */
  readonly isNews: boolean;
  readonly alert: boolean;
}

export interface RevocationEffects {
  /**
   * Lets a revocation take effect as the table says (person_state.ts): it is recorded on the certificate, so that no
   * sign-in that rests on an older word comes through from then on, with the events for relying parties that come of it,
   * and the person's sessions end. Any number of times: what is settled is left alone.
   *
   * @param isLast that nobody can be in the middle of a sign-in any more who was let in by the word before.
   */
  apply(found: RevocableCertificate, said: ListedRevocation, isLast: boolean): Promise<Effects>;
  /**
   * The same for an answer that somebody was given who asked about one certificate, as a hub that has no lists hears of it.
   * Nothing follows where the certificate is nobody's, or good.
   *
   * @param lookup what the certificate is found by.
   */
  applyVerdict(lookup: Uint8Array, verdict: RevocationVerdict): Promise<void>;
}

const PURPOSE = 'certificate.revocation';
const NONE: EndedSessions = { sessions: 0, grants: 0 };

export function createRevocationEffects(world: {
  storage: Pick<Storage, 'revocations' | 'transaction'>;
  vault: Vault;
  sessions: SubjectSessions;
  events: SubjectEvents;
  notify: Notify;
  clock: Clock;
}): RevocationEffects {
  const { storage, vault, sessions, events, notify, clock } = world;

  /** With its audit event and what relying parties are told, or not at all; another process may have been faster. */
  function record(
    found: RevocableCertificate,
    said: ListedRevocation,
    state: PersonState,
    news: readonly Happening[],
  ): Promise<void> {
    return storage.transaction(async (stores) => {
      if (!(await stores.revocations.record(found, sealRevocation(vault, said)))) return;
      await stores.audit.append(
        {
          kind: 'certificate.revoked',
          actor: 'hub',
          subjectId: found.subjectId,
          data: { certificate: Buffer.from(found.fingerprint).toString('hex'), kind: found.kind, state },
        },
        clock(),
      );
      await events.emit(stores, found.subjectId, await heardOf(stores, found, news));
      await noticeStale(stores, found);
    });
  }

  /** Who has another card or phone that is good can be reached as before. */
  async function heardOf(stores: Stores, { subjectId, lookup }: RevocableCertificate, news: readonly Happening[]) {
    if (!news.includes('contact_needed')) return news;
    const isReachable = await stores.identity.hasOtherUserCertificate(subjectId, lookup, clock());
    return isReachable ? news.filter((happening) => happening !== 'contact_needed') : news;
  }

  /** The person is asked to enrol again when the certificate that states their attributes is gone, for whatever reason. */
  async function noticeStale(stores: Stores, { kind, subjectId, lookup, status }: RevocableCertificate): Promise<void> {
    if (kind !== 'signing' || status !== 'current') return;
    if (!(await stores.enrolments.isStatedBy(subjectId, lookup))) return;
    await notify(stores, { subjectId, kind: 'attributes_stale', causedBy: undefined, at: clock() });
  }

  async function endSessions(subjectId: string, state: PersonState): Promise<EndedSessions> {
    const ended = await sessions.endAllOf(subjectId);
    if (ended.sessions + ended.grants > 0) {
      await storage.transaction((stores) =>
        stores.audit.append({ kind: 'sessions.ended', actor: 'hub', subjectId, data: { state, ...ended } }, clock()),
      );
    }
    return ended;
  }

  const effects: RevocationEffects = {
    async apply(found, said, isLast) {
      const known = found.revocation && openRevocation(vault, found.revocation);
      const isNews = known?.reason !== said.reason || known.revokedAt !== said.revokedAt;
      const isOld = known !== undefined && known.asOf > said.asOf;
      if (isOld || (!isNews && found.isSettled)) return { ...NONE, isNews: false, alert: false };

      // Of the two certificates this one has spoken: what the other says changes nothing about sessions (table).
      const [signing, user] =
        found.kind === 'user' ? (['none', said.reason] as const) : ([said.reason, 'good'] as const);
      const state = personState(signing, user);
      const effect = effectOf(signing, user);
      // A reason that becomes another must not be heard where the two are not to be told apart.
      const before = known ? happeningsOf(found, known) : [];
      const news = happeningsOf(found, said).filter((happening) => !before.includes(happening));
      // First, so that nobody signs in between.
      if (isNews) await record(found, said, state, news);
      const isFollowed = effect.sessions === 'end_unless_followed' && found.status === 'superseded';
      const endsNothing = effect.sessions === 'go_on' || isFollowed;
      const ended = endsNothing ? NONE : await endSessions(found.subjectId, state);
      if (isLast || endsNothing) await storage.revocations.settle(found.lookup);
      return { ...ended, isNews, alert: isNews && effect.alert };
    },

    async applyVerdict(lookup, verdict) {
      if (verdict.status === 'good') return;
      const [found] = await storage.revocations.findByLookups([lookup]);
      if (found) await effects.apply(found, saidBy(verdict), false);
    },
  };
  return effects;
}

/** What a responder's answer says of a certificate that is not good, in the words of a list. */
export function saidBy({ reason, revokedAt, thisUpdate: asOf }: RevocationVerdict): ListedRevocation {
  return { reason: reason ?? 'unspecified', revokedAt: revokedAt ?? asOf, asOf };
}

/** What relying parties hear of when this is said of a certificate; of one that has a successor here, less. */
function happeningsOf(
  { kind, status }: Pick<RevocableCertificate, 'kind' | 'status'>,
  { reason }: Pick<Revocation, 'reason'>,
): readonly Happening[] {
  const isCurrent = status === 'current';
  if (kind === 'signing') {
    return isCurrent ? ['attributes_stale'] : [];
  }
  const { sessions } = effectOf('none', reason);
  const ends = sessions === 'end' || (sessions === 'end_unless_followed' && isCurrent);
  const isOver = isCurrent && personState('none', reason) !== 'renewed';
  return [...(ends ? (['sessions_ended'] as const) : []), ...(isOver ? (['contact_needed'] as const) : [])];
}

/**
 * Reason (1 octet, RFC 5280 §5.3.1) and date (8), so that all are of one length: encrypted or not, a length must not tell
 * of a death.
 */
export function sealRevocation(vault: Vault, { reason, revokedAt, asOf }: ListedRevocation): StoredRevocation {
  const plain = Buffer.alloc(9);
  plain.writeUInt8(revocationReasons.indexOf(reason));
  plain.writeBigInt64BE(BigInt(revokedAt), 1);
  return { sealed: vault.seal(PURPOSE, plain), asOf };
}

export function openRevocation(vault: Vault, { sealed, asOf }: StoredRevocation): ListedRevocation {
  const plain = Buffer.from(vault.open(PURPOSE, sealed));
  const reason = revocationReasons[plain.readUInt8()] ?? 'unspecified';
  return { reason, revokedAt: Number(plain.readBigInt64BE(1)), asOf };
}
