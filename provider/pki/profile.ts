import type { Certificate } from './certificate.ts';
import type { PkiErrorCode } from './errors.ts';
import { PkiError } from './errors.ts';
import type { KeyUsage } from './extensions.ts';
import { extendedKeyUsages, jpkiPolicies } from './object_identifiers.ts';
import type { PublicKeyFacts } from './public_key.ts';
import type { SignatureAlgorithm } from './signature.ts';

/** What an end-entity certificate of one kind must look like. Data, so that another community is another value. */
export interface CertificateProfile {
  /** For logs and configuration. */
  readonly id: string;
  /** At least one of these policies must be asserted, and granted all along the path; empty where none is asked for. */
  readonly policies: readonly string[];
  /** Policies of the certificate that people confuse with this one, and the code that tells them so. */
  readonly mistakenFor?: { readonly policies: readonly string[]; readonly code: PkiErrorCode };
  /** Most authorities that may stand between the certificate and a pinned root. */
  readonly maxIntermediates: number;
  /**
   * Refuse what breaks RFC 5280's rules for issuers too, key identifiers and criticality among them. They harm nobody
   * who verifies, and authorities in use break them; where a community does not, this keeps it so.
   */
  readonly strictIssuing?: boolean;
  /** Whether keyUsage may be missing, which permits every use (RFC 5280 §4.2.1.3). */
  readonly keyUsageOptional?: boolean;
  readonly keyUsageRequired: readonly KeyUsage[];
  readonly keyUsageForbidden: readonly KeyUsage[];
  /** If the certificate restricts its extended usage, to nothing but these. */
  readonly extendedKeyUsage: readonly string[];
  /** One of `extendedKeyUsage` is enough, whatever stands beside it: staff cards serve for log-on and mail too. */
  readonly extendedKeyUsageShared?: boolean;
  readonly keys: readonly PublicKeyFacts['type'][];
  readonly signatureAlgorithms: readonly SignatureAlgorithm[];
}

const neverInLeaf: readonly KeyUsage[] = [
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

/** RSA with SHA-256 is what cards carry today, P-384 with SHA-384 what the next card is announced to carry. */
const jpkiCommon = {
  maxIntermediates: 0,
  keys: ['RSA', 'P-384'],
  signatureAlgorithms: ['RS256', 'ES384'],
} as const;

const userCommon = {
  ...jpkiCommon,
  mistakenFor: {
    policies: [
      jpkiPolicies.signing,
      jpkiPolicies.signingOnPhone,
      jpkiPolicies.signingTest,
      jpkiPolicies.signingOnPhoneTest,
    ],
    code: 'certificate_is_signing',
  },
  keyUsageRequired: ['digitalSignature'],
  keyUsageForbidden: ['nonRepudiation', ...neverInLeaf],
  extendedKeyUsage: [extendedKeyUsages.clientAuth],
} as const satisfies Partial<CertificateProfile>;

const signingCommon = {
  ...jpkiCommon,
  mistakenFor: {
    policies: [jpkiPolicies.user, jpkiPolicies.userTest, jpkiPolicies.userOnPhoneTest],
    code: 'certificate_is_user',
  },
  keyUsageRequired: ['nonRepudiation'],
  keyUsageForbidden: neverInLeaf,
  extendedKeyUsage: [],
} as const satisfies Partial<CertificateProfile>;

/** 利用者証明用電子証明書: for signing in, on the card. A phone's policy is not public: an operator who knows it adds it. */
export const jpkiUser: CertificateProfile = { id: 'jpki-user', policies: [jpkiPolicies.user], ...userCommon };

/** 署名用電子証明書: for signing documents, on the card and on a phone. */
export const jpkiSigning: CertificateProfile = {
  id: 'jpki-signing',
  policies: [jpkiPolicies.signing, jpkiPolicies.signingOnPhone],
  ...signingCommon,
};

/** The same certificates, of card and phone, as the authority's test hierarchy and the sandbox issue them. Never for production. */
export const jpkiUserTest: CertificateProfile = {
  id: 'jpki-user-test',
  policies: [jpkiPolicies.userTest, jpkiPolicies.userOnPhoneTest],
  ...userCommon,
};

export const jpkiSigningTest: CertificateProfile = {
  id: 'jpki-signing-test',
  policies: [jpkiPolicies.signingTest, jpkiPolicies.signingOnPhoneTest],
  ...signingCommon,
};

/**
 * Another community's certificate for signing in: another country's eID, a staff card, a company's. What the
 * community asks beyond this (policies, fewer authorities) is written over it: `{ ...plainUser, policies: […] }`.
 */
export const plainUser: CertificateProfile = {
  id: 'plain-user',
  policies: [],
  maxIntermediates: 4,
  keyUsageOptional: true,
  keyUsageRequired: ['digitalSignature'],
  keyUsageForbidden: ['keyCertSign', 'cRLSign'],
  extendedKeyUsage: [extendedKeyUsages.clientAuth, extendedKeyUsages.any],
  extendedKeyUsageShared: true,
  keys: ['RSA', 'P-256', 'P-384'],
  signatureAlgorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384'],
};

/**
 * The certificate is of the kind that the profile describes: an end entity, nothing critical left unread, an
 * algorithm in use, and not the other certificate of the card.
 *
 * @throws PkiError `certificate_is_signing` or `certificate_is_user` (the person chose the wrong certificate),
 *   `certificate_is_authority`, `certificate_critical_extension`, `certificate_algorithm`, `certificate_key`.
 */
export function checkProfile(certificate: Certificate, profile: CertificateProfile): void {
  const { extensions } = certificate;
  const { mistakenFor } = profile;
  if (mistakenFor && extensions.certificatePolicies.some((policy) => mistakenFor.policies.includes(policy))) {
    throw new PkiError(mistakenFor.code, `the certificate is not one for ${profile.id}`);
  }
  // RFC 5280 §4.2.1.9: a certificate that may issue others must never pass as a person's.
  if (extensions.basicConstraints?.cA === true) {
    throw new PkiError('certificate_is_authority', 'the certificate belongs to an authority');
  }
  // RFC 5280 §4.2: a critical extension that is not understood must not be skipped.
  if (extensions.unprocessedCritical.length > 0) {
    throw new PkiError('certificate_critical_extension', 'a critical extension is not understood');
  }
  if (!profile.signatureAlgorithms.includes(certificate.signatureAlgorithm)) {
    throw new PkiError('certificate_algorithm', `${certificate.signatureAlgorithm} is not used by ${profile.id}`);
  }
  if (!profile.keys.includes(certificate.keyFacts.type)) {
    throw new PkiError('certificate_key', `${certificate.keyFacts.type} keys are not used by ${profile.id}`);
  }
}

/**
 * The key may be used as the profile uses it (RFC 5280 §4.2.1.3, §4.2.1.12). An absent extendedKeyUsage restricts
 * nothing; one that is there may name nothing outside the profile, anyExtendedKeyUsage included, unless the profile
 * shares.
 *
 * @throws PkiError `certificate_key_usage`.
 */
export function checkKeyUsage(certificate: Certificate, profile: CertificateProfile): void {
  const { keyUsage, extendedKeyUsage } = certificate.extensions;
  if (keyUsage === undefined && !profile.keyUsageOptional) {
    throw new PkiError('certificate_key_usage', 'keyUsage is missing');
  }
  for (const usage of profile.keyUsageRequired) {
    if (keyUsage?.has(usage) === false) throw new PkiError('certificate_key_usage', `keyUsage lacks ${usage}`);
  }
  for (const usage of profile.keyUsageForbidden) {
    if (keyUsage?.has(usage)) throw new PkiError('certificate_key_usage', `keyUsage has ${usage}`);
  }
  if (extendedKeyUsage === undefined) return;
  const named = (usage: string) => profile.extendedKeyUsage.includes(usage);
  if (profile.extendedKeyUsageShared ? !extendedKeyUsage.some(named) : !extendedKeyUsage.every(named)) {
    throw new PkiError('certificate_key_usage', 'extendedKeyUsage does not fit the profile');
  }
}

/**
 * The certificate was issued under one of the profile's policies (RFC 5280 §4.2.1.4), if it names any. Where
 * authorities stand in between, `checkPath` asks whether they could grant it, and by which name.
 *
 * @throws PkiError `certificate_policy`.
 */
export function checkPolicy(certificate: Certificate, profile: CertificateProfile): void {
  if (profile.policies.length === 0 || profile.maxIntermediates > 0) return;
  if (!certificate.extensions.certificatePolicies.some((policy) => profile.policies.includes(policy))) {
    throw new PkiError('certificate_policy', `the certificate asserts no policy of ${profile.id}`);
  }
}
