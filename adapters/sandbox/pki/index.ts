/**
 * The certificate factory: the sandbox's authority issues with it, and so do all tests that need a certificate, a
 * revocation list or an OCSP answer, right or wrong.
 *
 *     const root = await createRoot({ kind: 'user' });
 *     const card = await issueUserCertificate(root, { notBefore });
 *     const list = await createCrl(root, { entries: [{ serialNumber: card.serialNumber, revokedAt, reason: 'superseded' }] });
 *
 * Everything follows the authority's profile unless told otherwise. Common deviations are options (policies, keyUsage,
 * authority, extendedKeyUsage, notAfter, key…); everything else is in `overrides`:
 *
 *     issueUserCertificate(root, { overrides: { extensions: addExtensions(unknownExtension()) } })   // unknown, critical
 *     issueUserCertificate(root, { overrides: { toBeSigned: withNonMinimalLength } })                // signed, yet not DER
 *     issueUserCertificate(root, { overrides: { signingKey: other.privateKey } })                    // forged issuer
 *     issueUserCertificate(root, { overrides: { version: 'v1' } })
 *     createRoot({ kind: 'user', key: other, subjectKeyIdentifier: root.subjectKeyIdentifier })      // impostor root
 *     createCrl(root, { number: null, scope: { onlyContainsCACerts: true } })
 *     answerOcsp(responder, request, { status: () => ({ status: 'good' }), overrides: { nonce: Buffer.alloc(16) } })
 *
 * Times are milliseconds since 1970 and default to the system's clock; keys default to fresh ones, which is slow for
 * RSA. Tests take keys from the pool in test/adapters/sandbox/pki/key_pool.ts.
 */
export { attributeNames, encodeDateOfBirth, type FourAttributes } from './attributes.ts';
export { type CertificateOverrides, encodePem, type IssuedCertificate, signCertificate } from './certificates.ts';
export {
  type CitizenCertificateOptions,
  issueSigningCertificate,
  issueUserCertificate,
  opaqueCommonName,
  type SigningCertificateOptions,
} from './citizen_certificates.ts';
export {
  type CrlEntry,
  type CrlOptions,
  type CrlOverrides,
  type CrlScope,
  certificateIssuer,
  cRLNumber,
  createCrl,
  deltaCRLIndicator,
  invalidityDate,
  issuingDistributionPoint,
  REVOCATION_REASON,
  type RevocationReason,
} from './crls.ts';
export * as der from './der.ts';
export { withIndefiniteLength, withNonMinimalLength, withTrailingBytes } from './der.ts';
export {
  addExtensions,
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  cRLDistributionPoints,
  type Extension,
  extendedKeyUsage,
  issuerAltName,
  type KeyUsage,
  keyUsage,
  replaceExtension,
  subjectAltName,
  subjectKeyIdentifier,
  unknownExtension,
  withoutExtension,
} from './extensions.ts';
export {
  generateEcKey,
  generateRsaKey,
  type KeyPair,
  keyIdentifier,
  keyPairOf,
  rsaPublicKeyInfo,
  subjectPublicKeyBits,
  subjectPublicKeyInfo,
} from './keys.ts';
export { directoryName, dnsName, encodeName, otherName, type RelativeName } from './names.ts';
export { OID } from './object_identifiers.ts';
export {
  answerOcsp,
  asOcspResponder,
  createOcspRequest,
  createOcspResponder,
  encodeCertId,
  type OcspAnswerOptions,
  type OcspCertificateStatus,
  type OcspOverrides,
  type OcspResponder,
  type OcspResponderOptions,
  ocspError,
} from './ocsp.ts';
export { type CertId, type OcspRequest, readOcspRequest } from './ocsp_request.ts';
export {
  type AuthorityKind,
  CHIYODA,
  createRoot,
  distributionPointOf,
  type Municipality,
  type Root,
  type RootOptions,
  restoreRoot,
  rootRelativeNames,
  SANDBOX_ORGANIZATION,
} from './roots.ts';
export type { SignatureAlgorithm } from './signatures.ts';
export { endOfJapaneseDay, fifthBirthday, yearsLater } from './validity.ts';
export {
  createSelfSignedClientCertificate,
  createWebAuthority,
  issueTlsClientCertificate,
  issueTlsServerCertificate,
  type WebAuthority,
  type WebCertificateOptions,
} from './web_certificates.ts';
