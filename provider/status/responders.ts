import type { RevocationVerdict } from '../authentication/revocation.ts';
import { openSerial } from '../identity/identity.ts';
import type { CertificateWord } from '../identity/person_state.ts';
import { type RevocationEffects, saidBy } from '../identity/revocation_effects.ts';
import type { RevocableCertificate } from '../identity/revocation_store.ts';
import type { Logger } from '../operations/logger.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { AuthorityQuestions } from './authority_questions.ts';
import type { AuthorityWord, NumberedCertificate } from './authority_word.ts';

/** What a responder says of a certificate. */
export interface Heard {
  readonly word: CertificateWord;
  /** thisUpdate of its answer (ms). */
  readonly asOf: number;
}

/** A certificate that no list speaks of. */
export interface OpenCertificate {
  readonly lookup: Uint8Array;
  readonly issuerHash: Uint8Array;
}

export interface Responders {
  /**
   * Of some of the certificates what the authority says, by `lookup` itself (the same object). Missing are those that
   * nobody can be asked about, whose responder does not answer, and what is beyond the relying party's budget. What is
   * newly revoked takes effect as if a list had said it.
   */
  hear(certificates: readonly OpenCertificate[], clientId: string): Promise<ReadonlyMap<Uint8Array, Heard>>;
}

/** Questions of one call: a relying party's server is waiting. Who is beyond it asks again, and finds these remembered. */
const MOST_AT_A_CALL = 1_000;
/** Questions under way. */
const AT_ONCE = 16;

export function createResponders(world: {
  storage: Pick<Storage, 'revocations'>;
  vault: Vault;
  word: AuthorityWord;
  questions: Pick<AuthorityQuestions, 'reserve' | 'giveBack' | 'count'>;
  effects: RevocationEffects;
  log: Pick<Logger, 'warn'>;
}): Responders {
  const { storage, vault, word, questions, effects, log } = world;

  /** Each with its row and number; those whose row is gone or damaged are left out. */
  async function numbered(certificates: readonly OpenCertificate[]) {
    const rows = await storage.revocations.findByLookups(certificates.map(({ lookup }) => lookup));
    const byLookup = new Map(rows.map((row) => [hex(row.lookup), row]));
    return certificates.flatMap((certificate) => {
      const found = byLookup.get(hex(certificate.lookup));
      const serial = found && serialOf(found);
      return found && serial ? [{ ...certificate, found, serial }] : [];
    });
  }

  function serialOf({ sealedSerial, subjectId }: RevocableCertificate): Uint8Array | undefined {
    try {
      return openSerial(vault, sealedSerial);
    } catch (err) {
      log.warn({ err, subjectId }, 'a certificate cannot be asked about: its serial does not open');
      return undefined;
    }
  }

  async function applied(found: RevocableCertificate, verdict: RevocationVerdict): Promise<Heard> {
    if (verdict.status === 'good') return { word: 'good', asOf: verdict.thisUpdate };
    const said = saidBy(verdict);
    await effects.apply(found, said, false);
    return { word: said.reason, asOf: said.asOf };
  }

  return {
    async hear(certificates, clientId) {
      const heard = new Map<Uint8Array, Heard>();
      const askable = certificates.filter(({ issuerHash }) => word.cost(issuerHash) > 0);
      if (askable.length === 0) return heard;
      const toAsk: (NumberedCertificate & { lookup: Uint8Array; found: RevocableCertificate })[] = [];
      for (const one of await numbered(askable)) {
        const known = word.known(one);
        if (!known) {
          toAsk.push(one);
          continue;
        }
        questions.count({ channel: 'ocsp', outcome: 'remembered', clientId });
        heard.set(one.lookup, await applied(one.found, known));
      }
      const chosen = toAsk.slice(0, MOST_AT_A_CALL);
      const wanted = chosen.reduce((sum, { issuerHash }) => sum + word.cost(issuerHash), 0);
      const granted = await questions.reserve(clientId, wanted);
      let left = granted;
      const worker = async () => {
        for (let one = chosen.shift(); one; one = chosen.shift()) {
          const cost = word.cost(one.issuerHash);
          if (cost > left) continue;
          left -= cost;
          const { verdict, questions: put } = await word.ask(one, clientId);
          left += cost - put;
          if (verdict) heard.set(one.lookup, await applied(one.found, verdict));
        }
      };
      try {
        await Promise.all(Array.from({ length: AT_ONCE }, worker));
      } finally {
        await questions.giveBack(clientId, left);
      }
      return heard;
    },
  };
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}
