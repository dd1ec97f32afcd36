import type { Consent, ReceiptEvent } from './consent_store.ts';

/** Type of a receipt's JWS. */
export const RECEIPT_TYPE = 'consent-receipt+jwt';

/** Signs what the hub states in its own name, so that anybody can verify it with the keys that it publishes. */
export interface RecordSigner {
  /**
   * @param type of the JWS (`typ`, RFC 8725 §3.11): no record is to be taken for another kind, or for a token.
   * @returns the compact JWS (ES256).
   */
  sign(type: string, content: Readonly<Record<string, unknown>>): Promise<string>;
}

export type ReceiptLanguage = 'ja' | 'en';

/** The two sides of a consent, as a receipt names them. */
export interface ReceiptParties {
  /** The relying party as it is registered now, in that language. */
  readonly controller: {
    readonly id: string;
    readonly name: string;
    readonly contacts: readonly string[];
    readonly url: string | undefined;
    readonly privacyPolicyUrl: string | undefined;
  };
  /** The pairwise identifier by which it knows the person; undefined where it is registered no longer. */
  readonly subject: string | undefined;
}

/** What the person may do at any time (TS 27560, withdrawal method). */
const WITHDRAWAL: Readonly<Record<ReceiptLanguage, string>> = {
  ja: '本人がこのハブの利用者ページで、いつでも撤回できます。撤回前の提供には影響しません。',
  en: 'The person can withdraw at any time on their own pages of this hub. What was given before stays given.',
};

/**
 * Content of a consent receipt: the fields of ISO/IEC TS 27560:2023 by its names, as claims of a JWT (RFC 7519). Times are
 * seconds since 1970, durations too.
 *
 * @param at milliseconds since 1970.
 */
export function receiptContent(decision: {
  issuer: string;
  receiptId: string;
  event: ReceiptEvent;
  consent: Consent;
  parties: ReceiptParties;
  language: ReceiptLanguage;
  isSensitive: (claim: string) => boolean;
  at: number;
}): Record<string, unknown> {
  const { issuer, receiptId, event, consent, parties, language, isSensitive, at } = decision;
  const { controller, subject } = parties;
  const seconds = (ms: number) => Math.floor(ms / 1000);
  return {
    iss: issuer,
    jti: receiptId,
    iat: seconds(at),
    ...(subject !== undefined && { sub: subject }),
    consent_receipt: {
      schema_version: 'ISO/IEC TS 27560:2023',
      record_id: consent.id,
      ...(subject !== undefined && { pii_principal_id: subject }),
      language,
      ...(controller.privacyPolicyUrl !== undefined && { privacy_notice: controller.privacyPolicyUrl }),
      purposes: purposesOf(consent, isSensitive, { controller: controller.id, withdrawal: WITHDRAWAL[language] }),
      refused: [...consent.declined],
      party_identification: [
        {
          party_id: controller.id,
          party_role: 'pii_controller',
          party_name: controller.name,
          ...(controller.url !== undefined && { party_url: controller.url }),
          party_contact: [...controller.contacts],
        },
        { party_id: issuer, party_role: 'consent_manager', party_url: issuer },
      ],
      event: {
        event_time: seconds(at),
        event_type: 'explicit',
        event_state: event,
        entity_id: subject ?? 'pii_principal',
        period: consent.period,
        ...(event !== 'withdrawn' && {
          valid_until: seconds(consent.expiresAt),
          validity_duration: seconds(consent.expiresAt - at),
        }),
      },
    },
  };
}

/** One entry for each purpose as it was shown, with the claims that are given for it. */
function purposesOf(
  { granted, purpose, terms, passing, passingUntil }: Consent,
  isSensitive: (claim: string) => boolean,
  common: { controller: string; withdrawal: string },
) {
  const byPurpose = Map.groupBy(granted, (claim) => terms[claim]?.shown ?? purpose ?? '');
  return [...byPurpose].map(([text, claims]) => ({
    purpose: text,
    lawful_basis: 'consent',
    pii_information: claims.map((claim) => ({
      pii_type: claim,
      pii_optional: !(claim === 'sub' || terms[claim]?.required === true),
      sensitive_pii: isSensitive(claim),
      ...(passing.includes(claim) && passingUntil !== undefined && { valid_until: Math.floor(passingUntil / 1000) }),
    })),
    pii_controllers: [common.controller],
    collection_method: 'openid_connect_or_saml',
    withdrawal_method: common.withdrawal,
  }));
}
