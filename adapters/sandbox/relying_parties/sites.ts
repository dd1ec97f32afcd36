import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';

export type SiteName = 'clinic' | 'shop';
export type Language = 'ja' | 'en';

/** What sets the two demo sites apart; everything else they share. */
export interface Site {
  readonly name: SiteName;
  /**
   * The host is the sector of a pairwise identifier (OIDC Core §8.1). Two names of this machine are two hosts, so the same
   * person is somebody else at each site.
   */
  readonly host: 'localhost' | '127.0.0.1';
  readonly brand: Readonly<Record<Language, string>>;
  readonly purpose: Readonly<Record<Language, string>>;
  /** What single claims are for, where that is something of their own; the consent page shows it beside the claim. */
  readonly claimPurposes: Readonly<Record<string, Readonly<Record<Language, string>>>>;
  /** Scopes beside `openid`; at this hub each asks for the claim of the same name. */
  readonly claims: readonly string[];
  /** The claim that a visit here is about: whether the person can check in, or pay. */
  readonly visitIsAbout: string;
  /** What it is accredited to be told by attribute providers. */
  readonly accepts: readonly string[];
  /** Hands the request to the hub directly instead of through the browser (PAR, RFC 9126). */
  readonly pushesRequests: boolean;
}

export const sites: Readonly<Record<SiteName, Site>> = {
  clinic: {
    name: 'clinic',
    host: 'localhost',
    brand: { ja: 'むすび診療所', en: 'Musubi Clinic' },
    purpose: {
      ja: '診療の予約と問診票の作成に使います。',
      en: 'To book appointments and to fill in your questionnaire for you.',
    },
    claimPurposes: {
      health_insurance_valid: {
        ja: '受付で、保険証の代わりに、今日の資格を確かめます。',
        en: 'To check you in today without your insurance card.',
      },
    },
    visitIsAbout: 'health_insurance_valid',
    claims: ['card_status', 'name', 'address', 'birthdate', 'gender', 'health_insurance_valid'],
    accepts: ['health_insurance_valid', 'health_insurance', 'medical_costs', 'checkup_results'],
    pushesRequests: true,
  },
  shop: {
    name: 'shop',
    host: '127.0.0.1',
    brand: { ja: 'むすび商店', en: 'Musubi Store' },
    purpose: {
      ja: '会員として次回も同じ方だと分かるようにするために使います。',
      en: 'To recognise you as the same customer next time.',
    },
    claimPurposes: {
      payment_token: {
        ja: 'お支払いに使います。カード番号は受け取りません。',
        en: 'To take your payment. We never receive your card number.',
      },
    },
    visitIsAbout: 'payment_token',
    claims: ['card_status', 'payment_token'],
    accepts: ['card_customer_valid', 'payment_token', 'spending_category'],
    pushesRequests: false,
  },
};

export function scopeOf(site: Site): string {
  return ['openid', ...site.claims].join(' ');
}

/** What a site needs to prove to the hub who it is, as the registration gave it. */
export interface ClinicCredentials {
  client_id: string;
  /** A P-256 private key; the hub knows the public half from `jwks`. */
  private_jwk: JWK;
}
export interface ShopCredentials {
  client_id: string;
  client_secret: string;
}
export interface SiteCredentials {
  clinic: ClinicCredentials;
  shop: ShopCredentials;
}

/** A new key for the clinic's `private_jwk`. The private half never leaves the relying party: the hub gets `jwks`. */
export function generateClinicKey(): JWK {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...(privateKey.export({ format: 'jwk' }) as JWK), alg: 'ES256', use: 'sig', kid: 'clinic-1' };
}

/**
 * RFC 7591 metadata with which the clinic is registered: it authenticates with a key of its own (`private_key_jwt`).
 *
 * @param origin where it is reached, without a path
 * @param privateJwk its key; only the public half is in the result
 */
export function clinicMetadata(origin: string, privateJwk: JWK): Record<string, unknown> {
  const { kty, crv, x, y } = createPrivateKey({ key: privateJwk, format: 'jwk' }).export({ format: 'jwk' });
  const { alg, use, kid } = privateJwk;
  return {
    ...commonMetadata(sites.clinic, origin),
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [{ kty, crv, x, y, alg, use, kid }] },
  };
}

/** RFC 7591 metadata with which the shop is registered: the hub answers with its `client_secret`. */
export function shopMetadata(origin: string): Record<string, unknown> {
  return { ...commonMetadata(sites.shop, origin), token_endpoint_auth_method: 'client_secret_basic' };
}

function commonMetadata(site: Site, origin: string): Record<string, unknown> {
  return {
    client_name: site.brand.ja,
    'client_name#ja': site.brand.ja,
    'client_name#en': site.brand.en,
    'purpose#ja': site.purpose.ja,
    'purpose#en': site.purpose.en,
    claim_purposes: site.claimPurposes,
    client_uri: `${origin}/`,
    policy_uri: `${origin}/privacy`,
    tos_uri: `${origin}/terms`,
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/`],
    backchannel_logout_uri: `${origin}/backchannel-logout`,
    // Without it there is no `sid`, and a sign-out elsewhere would end this person's sessions on every device.
    backchannel_logout_session_required: true,
    scope: scopeOf(site),
    grant_types: ['authorization_code'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
    require_auth_time: true,
    subject_type: 'pairwise',
  };
}
