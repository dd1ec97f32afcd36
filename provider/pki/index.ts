/**
 * X.509 for the hub: bytes in, verdicts out. No HTTP, no database, no clock of its own. A sign-in calls, in order,
 * `parseCertificate`, `checkProfile`, `findAnchor`, `checkValidity`, `checkKeyUsage`, `checkPolicy` and
 * `verifySignature`; revocation is asked of a `RevocationList` or an OCSP answer. A document that was signed goes
 * through `verifySignedDocument` before that. Everything throws `PkiError`.
 */

export { Certificate, MAX_CERTIFICATE_SIZE, parseCertificate } from './certificate.ts';
export type {
  CertificateChecks,
  CertificateChecksOptions,
  CertificateStep,
  CertificateStepListener,
  CheckedCertificate,
} from './certificate_checks.ts';
export { certificateSteps, createCertificateChecks } from './certificate_checks.ts';
export { MAX_CERTIFICATE_FILE_SIZE, readCertificateFile } from './certificate_file.ts';
export type { DocumentStep, DocumentStepListener, SignedDocument } from './cms.ts';
export {
  documentSteps,
  looksLikeSignedDocument,
  MAX_SIGNED_DOCUMENT_SIZE,
  verifySignedDocument,
} from './cms.ts';
export type { DocumentDraft } from './cms_writer.ts';
export { draftSignedDocument } from './cms_writer.ts';
export { parseRevocationList, RevocationList, writeRevocationList } from './crl.ts';
export type { RevocationListDifference } from './crl_difference.ts';
export { compareRevocationLists } from './crl_difference.ts';
export type { RevocationListFacts, RevocationListOptions } from './crl_walk.ts';
export { RevocationListWalk } from './crl_walk.ts';
export { listAddressesOf } from './distribution_point.ts';
export type { PkiErrorCode } from './errors.ts';
export { PkiError } from './errors.ts';
export type { CertificateExtensions, KeyUsage, OtherName } from './extensions.ts';
export { isAboutPersonsOnly, readOtherNameText } from './extensions.ts';
export { jpkiAttributes, jpkiPolicies } from './object_identifiers.ts';
export type { AskedCertificate, CertIdDigest, OcspAnswer, OcspResponseOptions } from './ocsp.ts';
export { buildOcspRequest, MAX_OCSP_RESPONSE_SIZE, parseOcspResponse } from './ocsp.ts';
export type { TrustAnchor } from './path.ts';
export { checkValidity, findAnchor, loadTrustAnchor } from './path.ts';
export type { CertificatePath, PathLimits, PathOptions } from './path_building.ts';
export { checkPath, defaultPathLimits, policyInputs, readOffered } from './path_building.ts';
export type { PathCrl } from './path_crl.ts';
export { MAX_PATH_CRL_SIZE, readPathCrl } from './path_crl.ts';
export type { PolicyInputs } from './path_policy.ts';
export type { PathRevocation, PathRevocationOptions } from './path_revocation.ts';
export { checkPathRevocation } from './path_revocation.ts';
export type { CertificateProfile } from './profile.ts';
export {
  checkKeyUsage,
  checkPolicy,
  checkProfile,
  jpkiSigning,
  jpkiSigningTest,
  jpkiUser,
  jpkiUserTest,
  plainUser,
} from './profile.ts';
export type { OctetSink, RandomAccess } from './revocation_index.ts';
export { checkRevocationIndex } from './revocation_index.ts';
export type { Revocation, RevocationReason } from './revocation_reason.ts';
export { revocationReasons } from './revocation_reason.ts';
export { writeSelfSignedCertificate } from './self_signed_certificate.ts';
export type { SignatureAlgorithm } from './signature.ts';
export { checkSignature, isSignatureAlgorithm, verifySignature } from './signature.ts';
