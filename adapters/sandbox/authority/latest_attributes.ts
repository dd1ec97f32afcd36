import { randomUUID } from 'node:crypto';
import {
  endOfDay,
  isPossibleLastDay,
  latestConsentStatement,
} from '../../../provider/attributes/latest_consent_text.ts';
import { HubError } from '../../../provider/errors.ts';
import { PkiError, type SignedDocument, verifySignedDocument } from '../../../provider/pki/index.ts';
import type { Clock } from '../../../provider/world.ts';
import { currentCertificates } from './issuing.ts';
import { type CertificateReference, findReference } from './linkage.ts';
import { type AuthorityState, type Citizen, type ConsentItem, conditionOf, type StoredConsent } from './state.ts';
import type { StateStore } from './state_store.ts';

/** What a person has signed to let their latest attributes be told. */
export interface ConsentRequest extends CertificateReference {
  items: ConsentItem[];
  /** Its last day, `YYYY-MM-DD`: at most ten years from the day after the consent. */
  until: string;
  /**
   * The consent as the person signed it, with the certificate that is named: CMS SignedData in base64. One of its lines is
   * the statement of items and last day. (The real service takes a signed XML document whose form is not public.)
   */
  document: string;
}

export interface LatestAttributes {
  /** ISO 8601: since when the attributes are as they are. */
  changedAt: string;
  name?: string;
  address?: string;
  /** `YYYY-MM-DD`. */
  birthdate?: string;
  /** 1 男, 2 女, 3 不明. */
  gender?: string;
}

/** The latest-attributes service (最新の利用者情報（4情報）提供サービス): consents, and what they let be told. */
export class LatestAttributesService {
  readonly #store: StateStore;
  readonly #clock: Clock;

  constructor(store: StateStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * @throws HubError `consent_document_invalid` (400) when the document was not signed by that certificate's key or says
   *   something else, `consent_expiry_invalid` (400), `certificate_ended` (409) when the signing certificate is unknown,
   *   revoked or expired
   */
  async consent(request: ConsentRequest): Promise<StoredConsent> {
    const signed = readDocument(Buffer.from(request.document, 'base64'));
    return this.#store.update((draft) => {
      const now = this.#clock();
      const certificate = findReference(draft, request);
      if (certificate?.kind !== 'signing' || conditionOf(certificate, now) !== 'good') throw certificateEnded();
      const isOurs = Buffer.from(certificate.certificate, 'base64').equals(signed.unverifiedCertificate);
      const lines = Buffer.from(signed.content).toString().split('\n');
      if (!isOurs || !lines.includes(latestConsentStatement(request))) throw invalidDocument();
      if (!isPossibleLastDay(request.until, now)) {
        throw new HubError('consent_expiry_invalid', 400, 'A consent ends in the future, within ten years.');
      }
      const consent: StoredConsent = {
        id: randomUUID(),
        citizen: certificate.citizen,
        items: request.items,
        consentedAt: now,
        expires: endOfDay(request.until),
        withdrawnAt: null,
      };
      draft.consents.push(consent);
      return consent;
    });
  }

  /** @throws HubError `consent_unknown` (404), `consent_ended` (410) */
  async withdraw(id: string): Promise<StoredConsent> {
    return this.#store.update((draft) => {
      const consent = this.#liveConsent(draft, id);
      consent.withdrawnAt = this.#clock();
      return consent;
    });
  }

  /**
   * @throws HubError `consent_unknown` (404), `consent_ended` (410) when withdrawn or run out, `certificate_ended` (409)
   *   when the person has no valid certificate left
   */
  latest(id: string): LatestAttributes {
    const { state } = this.#store;
    const consent = this.#liveConsent(state, id);
    const citizen = state.citizens.find(({ name }) => name === consent.citizen);
    if (!citizen || !this.#hasValidCertificate(state, citizen)) throw certificateEnded();
    const { name, address, birthDate, gender } = citizen.attributes;
    const all = { name, address, birthdate: birthDate, gender };
    const told = Object.fromEntries(consent.items.map((item) => [item, all[item]]));
    return { changedAt: new Date(citizen.changedAt).toISOString(), ...told };
  }

  #liveConsent(state: AuthorityState, id: string): StoredConsent {
    const consent = state.consents.find((candidate) => candidate.id === id);
    if (!consent) throw new HubError('consent_unknown', 404, 'There is no such consent.');
    if (consent.withdrawnAt !== null || consent.expires <= this.#clock()) {
      throw new HubError('consent_ended', 410, 'The consent was withdrawn or has run out.');
    }
    return consent;
  }

  /** A consent outlives a revoked signing certificate (moving house revokes it), but not the person's last certificate. */
  #hasValidCertificate(state: AuthorityState, citizen: Citizen): boolean {
    return (['card', 'phone'] as const)
      .flatMap((device) => currentCertificates(state, citizen, undefined, device))
      .some((certificate) => conditionOf(certificate, this.#clock()) === 'good');
  }
}

function readDocument(der: Uint8Array): SignedDocument {
  try {
    return verifySignedDocument(der);
  } catch (cause) {
    if (cause instanceof PkiError) throw invalidDocument(cause);
    throw cause;
  }
}

const invalidDocument = (cause?: unknown): HubError =>
  new HubError('consent_document_invalid', 400, 'The document is not what that certificate must have signed.', {
    cause,
  });

const certificateEnded = (): HubError =>
  new HubError('certificate_ended', 409, 'The certificate that this rests on is not valid any more.');
