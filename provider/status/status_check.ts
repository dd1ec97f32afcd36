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
      const isListed = issuers.every(({ isFresh }) => isFresh);
      const { known, certificates } = await storage.status.find(
        { ...party, now: checkedAt },
        identifiers,
        hashes,
        !isListed,
      );
      // Whatever is revoked stays so, and what has run out nobody vouches for.
      const open = certificates.flatMap((certificate) => {
        const { lookup, revocation, notAfter } = certificate;
        const age = ageOf(certificate);
        const isOpen = revocation === undefined && notAfter >= checkedAt && age?.isFresh === false;
        return lookup && isOpen ? [{ lookup, issuerHash: age.issuerHash }] : [];
      });
      const heard = await responders.hear(open, party.clientId);
      const people = new Map<string, RecordedCertificate | RecordedCertificate[]>();
      for (const certificate of certificates) {
        const others = people.get(certificate.identifier);
        people.set(certificate.identifier, others ? [others, certificate].flat() : certificate);
      }
      // Most have one certificate, which is good: they share the answers, of which there is one an issuer.
      const ordinary: (SubjectStatus | undefined)[] = [];
      const answerOf = (identifier: string): SubjectStatus => {
        const found = people.get(identifier);
        if (found === undefined) return known.has(identifier) ? statusOf([], checkedAt) : UNKNOWN;
        const isOrdinary =
          !Array.isArray(found) &&
          found.kind === 'user' &&
          found.revocation === undefined &&
          found.notAfter >= checkedAt &&
          ageOf(found)?.asOf !== undefined &&
          !(found.lookup && heard.has(found.lookup));
        const shared = isOrdinary && found.issuer !== undefined ? ordinary[found.issuer] : undefined;
        if (shared) return shared;
        const states = [found].flat().map((one) => stateOf(one, ageOf(one), one.lookup && heard.get(one.lookup)));
        const answer = statusOf(states, checkedAt);
        if (isOrdinary && found.issuer !== undefined) ordinary[found.issuer] = answer;
        return answer;
      };
      const answers = identifiers.map(answerOf);
      const unknown = answers.filter(({ status }) => status === 'unknown').length;
      await audit.append(
        {
          kind: 'status.checked',
          actor,
          clientId: party.clientId,
          data: { subjects: identifiers.length, unknown },
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
