import type { AuditQueue } from '../audit/group_commit.ts';
import type { CertificateWord } from '../identity/person_state.ts';
import { openRevocation } from '../identity/revocation_effects.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock } from '../world.ts';
import type { IssuerAge, ListAges } from './list_ages.ts';
import type { Heard, Responders } from './responders.ts';
import { type KnownCertificateState, type SubjectStatus, statusOf } from './status_rules.ts';
import type { RecordedCertificate } from './status_store.ts';

/** Who asks, and whose identifiers it may ask about. */
export interface AskingParty {
  readonly clientId: string;
  readonly sector: string;
}

/** The answers to one question, in its order. */
export interface StatusReport {
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
  readonly answers: readonly SubjectStatus[];
}

export interface StatusCheck {
  /**
   * What has become of the people behind a relying party's own identifiers (現況確認): never of whom else, never why.
   * Some ten thousand at most. The audit chain hears who asked, and about how many.
   *
   * @param actor `client:<id>`, or `operator` for a command.
   */
  check(party: AskingParty, identifiers: readonly string[], actor: string): Promise<StatusReport>;
}

export interface StatusCheckWorld {
  readonly storage: Pick<Storage, 'status'>;
  readonly vault: Vault;
  readonly ages: ListAges;
  /** Asked about certificates that no list covers. */
  readonly responders: Responders;
  readonly audit: Pick<AuditQueue, 'append'>;
  readonly clock: Clock;
  /** Counts the answers by their status. */
  observe(status: SubjectStatus['status'], count: number): void;
}

const UNKNOWN: SubjectStatus = Object.freeze({ status: 'unknown' });

/**
 * Rests on what is recorded: the hub follows the authority's lists by itself, within a minute (identity/follow_lists.ts).
 * Responders are asked where no list in date covers a certificate, within the relying party's budget; beyond it the answer
 * is what was seen last, with its age.
 */
export function createStatusCheck(world: StatusCheckWorld): StatusCheck {
  const { storage, vault, ages, responders, audit, clock } = world;

  function stateOf(
    certificate: RecordedCertificate,
    age: IssuerAge | undefined,
    heard: Heard | undefined,
  ): KnownCertificateState {
    const { kind, notBefore, notAfter, revocation, checkAsOf } = certificate;
    if (heard) return { kind, notBefore, notAfter, word: heard.word, asOf: heard.asOf, source: 'ocsp' };
    const word: CertificateWord = revocation ? openRevocation(vault, revocation).reason : 'good';
    // One age for everybody whom a list covers: when this person's card was looked at is nothing that may be read off.
    if (age?.asOf !== undefined) return { kind, notBefore, notAfter, word, asOf: age.asOf, source: 'crl' };
    return { kind, notBefore, notAfter, word, asOf: Math.max(checkAsOf, revocation?.asOf ?? 0), source: 'recorded' };
  }

  return {
    async check(party, identifiers, actor) {
      const checkedAt = clock();
      const issuers = await ages.read();
      const hashes = issuers.map(({ issuerHash }) => issuerHash);
      const ageOf = ({ issuer }: RecordedCertificate) => (issuer === undefined ? undefined : issuers[issuer]);
      const { known, certificates } = await storage.status.find(party.sector, identifiers, hashes);
      // Whatever is revoked stays so, and what has run out nobody vouches for.
      const open = certificates.filter(
        (certificate) =>
          certificate.revocation === undefined &&
          certificate.notAfter >= checkedAt &&
          ageOf(certificate)?.isFresh === false,
      );
      const heard = await responders.hear(
        open.map((certificate) => ({
          lookup: certificate.lookup,
          issuerHash: ageOf(certificate)?.issuerHash ?? new Uint8Array(),
        })),
        party.clientId,
      );
      const states = new Map<number, KnownCertificateState[]>();
      for (const certificate of certificates) {
        const state = stateOf(certificate, ageOf(certificate), heard.get(certificate.lookup));
        const others = states.get(certificate.place);
        if (others) others.push(state);
        else states.set(certificate.place, [state]);
      }
      const answers = identifiers.map((_, place) =>
        known.has(place) ? statusOf(states.get(place) ?? [], checkedAt) : UNKNOWN,
      );
      await audit.append(
        {
          kind: 'status.checked',
          actor,
          clientId: party.clientId,
          data: { subjects: identifiers.length, unknown: identifiers.length - known.size },
        },
        checkedAt,
      );
      for (const [status, count] of countsOf(answers)) world.observe(status, count);
      return { checkedAt, answers };
    },
  };
}

function countsOf(answers: readonly SubjectStatus[]): ReadonlyMap<SubjectStatus['status'], number> {
  const counts = new Map<SubjectStatus['status'], number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}
