import type { AttributeName, FourAttributes } from '../identity/four_attributes.ts';
import type { CertificateReference } from '../identity/linkage.ts';
import type { LatestConsentTerms } from './latest_consent_text.ts';

/** What the authority answers when it is asked for somebody's attributes as they are now. */
export type LatestAnswer =
  | { readonly outcome: 'told'; readonly attributes: Partial<Pick<FourAttributes, AttributeName>> }
  /** Withdrawn, wherever that was, run out, or never known: it will not be answered again. */
  | { readonly outcome: 'consent_ended' }
  /** The person has no valid certificate now. A consent outlives that (fact sheet §3.4), until the next card. */
  | { readonly outcome: 'certificate_ended' };

/**
 * The authority's service for the latest four attributes (最新の利用者情報（4情報）提供サービス). Implemented by
 * adapters/authority. Each question costs money.
 *
 * All throw HubError `latest_attributes_unavailable` (503, with `retryAfter`) when the authority cannot be asked or its
 * answer cannot be believed.
 */
export interface LatestAttributesSource {
  /**
   * Hands in a consent; returns the authority's name for it.
   *
   * @param request.document DER of the signed consent, which holds `latestConsentStatement` of the terms.
   * @param request.signer the certificate that signed it.
   * @throws HubError `signing_certificate_not_accepted` (403) when the authority does not take that certificate.
   */
  consent(
    request: LatestConsentTerms & { readonly document: Uint8Array; readonly signer: CertificateReference },
  ): Promise<string>;
  latest(consent: string): Promise<LatestAnswer>;
  /** Resolves when the authority knows that the consent has ended, for the first time or already. */
  withdraw(consent: string): Promise<void>;
}
