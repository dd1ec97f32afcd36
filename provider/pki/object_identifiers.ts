/**
 * Every object identifier that the hub knows, in one place, so that a fact about JPKI that turns out otherwise is
 * changed here and nowhere else. JPKI's own specifications are given to verifiers under contract; each of those facts
 * therefore carries its confidence: EXACT (read from a published document or a real card), REPORTED (a secondary
 * source), INFERRED (from exact facts), UNCONFIRMED.
 */

/** Certificate policies of JPKI, arc 1.2.392.200149.8.5.1 (Ministry of Internal Affairs and Communications, PKI). */
export const jpkiPolicies = {
  /** 署名用電子証明書 on the card. EXACT: J-LIS certificate profile 3.2. */
  signing: '1.2.392.200149.8.5.1.1.20',
  /** 署名用電子証明書 on a phone. REPORTED. */
  signingOnPhone: '1.2.392.200149.8.5.1.1.40',
  /** 利用者証明用電子証明書 on the card. REPORTED: quotes the J-LIS OID list. */
  user: '1.2.392.200149.8.5.1.3.30',
  /** The authority's test hierarchy, signing. EXACT: J-LIS test certificates. */
  signingTest: '1.2.392.200149.8.5.1.0.20',
  /** The authority's test hierarchy, user. INFERRED from the signing one. */
  userTest: '1.2.392.200149.8.5.1.0.30',
  /**
   * The test hierarchy's on phones. INFERRED: signing by analogy with `signingOnPhone`, user by the pattern of the other
   * three. Production's user policy on phones is not public: `trust.phonePolicies`.
   */
  signingOnPhoneTest: '1.2.392.200149.8.5.1.0.40',
  userOnPhoneTest: '1.2.392.200149.8.5.1.0.50',
} as const;

/** otherName types of the four attributes, arc 1.2.392.200149.8.5.5. EXACT: read from signing certificates. */
export const jpkiAttributes = {
  commonName: '1.2.392.200149.8.5.5.1',
  substituteCharacterOfCommonName: '1.2.392.200149.8.5.5.2',
  gender: '1.2.392.200149.8.5.5.3',
  dateOfBirth: '1.2.392.200149.8.5.5.4',
  address: '1.2.392.200149.8.5.5.5',
  substituteCharacterOfAddress: '1.2.392.200149.8.5.5.6',
} as const;

/** Certificate extensions (RFC 5280 §4.2). */
export const certificateExtensions = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  /** RFC 6960 §4.2.2.2.1: the responder's certificate need not be checked for revocation. */
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
} as const;

/** RFC 5280 §4.2.1.4: stands for every policy. */
export const anyPolicy = '2.5.29.32.0';

/** Attributes of names that rules apply to (RFC 5280 appendix A.1). */
export const nameAttributes = {
  commonName: '2.5.4.3',
  emailAddress: '1.2.840.113549.1.9.1',
} as const;

/** CRL and CRL entry extensions (RFC 5280 §5.2, §5.3). */
export const crlExtensions = {
  cRLNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  deltaCRLIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
} as const;

/** Extended key usages (RFC 5280 §4.2.1.12). */
export const extendedKeyUsages = {
  any: '2.5.29.37.0',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;

/** Access methods (RFC 5280 §4.2.2.1) and OCSP types (RFC 6960 §4.2.1, §4.4.1). */
export const ocspObjects = {
  accessMethod: '1.3.6.1.5.5.7.48.1',
  basicResponse: '1.3.6.1.5.5.7.48.1.1',
  nonce: '1.3.6.1.5.5.7.48.1.2',
} as const;

/** Public keys (RFC 3279 §2.3.1, RFC 5480 §2.1). */
export const keyTypes = {
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
} as const;

/** Signatures (RFC 4055 §5, RFC 5758 §3.2). */
export const signatureTypes = {
  sha256WithRSAEncryption: '1.2.840.113549.1.1.11',
  sha384WithRSAEncryption: '1.2.840.113549.1.1.12',
  sha512WithRSAEncryption: '1.2.840.113549.1.1.13',
  ecdsaWithSHA256: '1.2.840.10045.4.3.2',
  ecdsaWithSHA384: '1.2.840.10045.4.3.3',
} as const;

/** Digests that OCSP names an issuer by (RFC 6960 §4.1.1), and those of signed documents (RFC 5754 §2). */
export const digestTypes = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
} as const;

/** Signed documents: types of content (RFC 5652 §4, §5.1), signed attributes (§11) and ESS's own (RFC 5035 §3). */
export const cmsObjects = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;
