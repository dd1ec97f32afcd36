import { createHash, createPrivateKey } from 'node:crypto';
import type { Clock } from '../../../provider/world.ts';
import {
  type AuthorityKind,
  answerOcsp,
  type CertId,
  createOcspResponder,
  keyPairOf,
  type OcspCertificateStatus,
  type OcspRequest,
  type OcspResponder,
  ocspError,
  readOcspRequest,
  subjectPublicKeyBits,
  subjectPublicKeyInfo,
} from '../pki/index.ts';
import { takeSerial } from './issuing.ts';
import { restoreStoredRoot } from './roots_of_state.ts';
import { findCertificate, serialHex } from './state.ts';
import type { StateStore } from './state_store.ts';

const DAY = 86_400_000;
const RESPONDER_VALID_FOR = 30 * DAY;
const NEW_RESPONDER_AFTER = 7 * DAY;
/** A verifier's clock may be a little behind ours. */
const BACKDATED = 60_000;

/** Answers for all generations of both authorities, each by a responder that the same key has certified. */
export class OcspService {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #responders = new Map<string, Promise<OcspResponder>>();

  constructor(store: StateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The OCSP response to `request`, of whatever quality that is (RFC 6960 §2.3). */
  async answer(kind: AuthorityKind, request: Uint8Array): Promise<Buffer> {
    let asked: OcspRequest;
    try {
      asked = readOcspRequest(request);
    } catch (error) {
      if (error instanceof RangeError) return ocspError('malformedRequest');
      throw error;
    }
    const generation = this.#generationAskedFor(kind, asked.certIds);
    if (generation === undefined) return ocspError('unauthorized');
    const responder = await this.#responder(kind, generation);
    const now = Math.floor(this.#clock() / 1000) * 1000;
    return answerOcsp(responder, asked, {
      status: (serialNumber) => this.#status(kind, generation, serialNumber),
      producedAt: now,
    });
  }

  /** The generation whose name and key all identifiers mean: one answer has one signer, so one authority. */
  #generationAskedFor(kind: AuthorityKind, certIds: readonly CertId[]): number | undefined {
    const generations = this.#store.state.roots.filter((root) => root.kind === kind).map((root) => root.generation);
    return generations.find((generation) => {
      const root = restoreStoredRoot(this.#store.state, kind, generation);
      const keyBits = subjectPublicKeyBits(subjectPublicKeyInfo(root.key.publicKey));
      return certIds.every(({ hash, issuerNameHash, issuerKeyHash }) => {
        if (hash === null) return false;
        const digest = (bytes: Uint8Array): Buffer => createHash(hash).update(bytes).digest();
        return digest(root.name).equals(issuerNameHash) && digest(keyBits).equals(issuerKeyHash);
      });
    });
  }

  #status(kind: AuthorityKind, generation: number, serialNumber: bigint): OcspCertificateStatus {
    const certificate =
      serialNumber < 0n ? undefined : findCertificate(this.#store.state, kind, serialHex(serialNumber));
    if (certificate?.generation !== generation) return { status: 'unknown' };
    if (!certificate.revocation) return { status: 'good' };
    return { status: 'revoked', revokedAt: certificate.revocation.at, reason: certificate.revocation.reason };
  }

  async #responder(kind: AuthorityKind, generation: number): Promise<OcspResponder> {
    const name = `${kind}/${generation}`;
    const known = await this.#responders.get(name);
    const age = known ? this.#clock() - known.notBefore : Number.POSITIVE_INFINITY;
    if (known && age >= 0 && age < NEW_RESPONDER_AFTER) return known;
    const made = this.#certifyResponder(kind, generation);
    this.#responders.set(name, made);
    made.catch(() => this.#responders.delete(name));
    return made;
  }

  async #certifyResponder(kind: AuthorityKind, generation: number): Promise<OcspResponder> {
    const serialNumber = await this.#store.update((draft) => takeSerial(draft, kind));
    const notBefore = this.#clock() - BACKDATED;
    const { state } = this.#store;
    return createOcspResponder(restoreStoredRoot(state, kind, generation), {
      key: keyPairOf(createPrivateKey(state.responderKey)),
      serialNumber,
      notBefore,
      notAfter: notBefore + RESPONDER_VALID_FOR,
    });
  }
}
