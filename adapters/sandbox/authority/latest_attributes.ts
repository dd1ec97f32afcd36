import { randomUUID, verify, X509Certificate } from 'node:crypto';
import { HubError } from '../../../provider/errors.ts';
import type { Clock } from '../../../provider/world.ts';
import { yearsLater } from '../pki/index.ts';
import { currentCertificates } from './issuing.ts';
import { type CertificateReference, findReference } from './linkage.ts';
import { type AuthorityState, type Citizen, type ConsentItem, conditionOf, type StoredConsent } from './state.ts';
import type { StateStore } from './state_store.ts';

const DAY = 86_400_000;

/** What a person has signed to let their latest attributes be told. */
export interface ConsentRequest extends CertificateReference {
  items: ConsentItem[];
  /** ISO 8601; default, and at most, ten years from the day after the consent. */
  expires?: string | undefined;
  /** RS256 by the signing certificate's key over consentBytes, base64url. */
  signature: string;
}

/**
 * The bytes that a person signs: the request without its signature as JSON, keys sorted, no white space (RFC 8785).
 * The real service takes a signed XML document whose form is not public.
 */
export function consentBytes({ expires, issuer, items, serial }: Omit<ConsentRequest, 'signature'>): Buffer {
  return Buffer.from(JSON.stringify({ ...(expires === undefined ? {} : { expires }), issuer, items, serial }), 'utf8');
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
   * @throws HubError `consent_signature_invalid` (400), `consent_expiry_invalid` (400), `certificate_ended` (409) when
   *   the signing certificate is unknown, revoked or expired
   */
  async consent(request: ConsentRequest): Promise<StoredConsent> {
    return this.#store.update((draft) => {
      const now = this.#clock();
      const certificate = findReference(draft, request);
      if (certificate?.kind !== 'signing' || conditionOf(certificate, now) !== 'good') throw certificateEnded();
      const { publicKey } = new X509Certificate(Buffer.from(certificate.certificate, 'base64'));
      const signature = Buffer.from(request.signature, 'base64url');
      if (!verify('sha256', consentBytes(request), publicKey, signature)) {
        throw new HubError('consent_signature_invalid', 400, 'The signature does not match the consent.');
      }
      const latest = yearsLater(now + DAY, 10);
      const expires = request.expires === undefined ? latest : Date.parse(request.expires);
      if (!(expires > now && expires <= latest)) {
        throw new HubError('consent_expiry_invalid', 400, 'A consent ends in the future, within ten years.');
      }
      const consent: StoredConsent = {
        id: randomUUID(),
        citizen: certificate.citizen,
        items: request.items,
        consentedAt: now,
        expires,
        withdrawnAt: null,
      };
      draft.consents.push(consent);
      return consent;
    });
  }

  /** @throws HubError `consent_unknown` (404), `consent_ended` (410) */
  async withdraw(id: string): Promise<void> {
    await this.#store.update((draft) => {
      this.#liveConsent(draft, id).withdrawnAt = this.#clock();
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

const certificateEnded = (): HubError =>
  new HubError('certificate_ended', 409, 'The certificate that this rests on is not valid any more.');
