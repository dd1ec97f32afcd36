/** Every reason for which this room turns something away. Stable: tests, logs and pages are keyed by these words. */
export type PkiErrorCode =
  // any DER structure
  | 'der_malformed'
  // certificates
  | 'certificate_too_large'
  | 'certificate_malformed'
  | 'certificate_algorithm'
  | 'certificate_key'
  | 'certificate_critical_extension'
  | 'certificate_is_authority'
  | 'certificate_is_signing'
  | 'certificate_is_user'
  | 'certificate_untrusted'
  | 'certificate_anchor_expired'
  | 'certificate_not_yet_valid'
  | 'certificate_expired'
  | 'certificate_key_usage'
  | 'certificate_policy'
  | 'anchor_invalid'
  // the authorities between a certificate and a pinned root
  | 'path_too_long'
  | 'path_length_exceeded'
  | 'path_not_authority'
  | 'path_issuer_expired'
  | 'path_critical_extension'
  | 'path_name_constraints'
  | 'path_policy'
  | 'path_work_exceeded'
  // signatures over challenges and documents
  | 'signature_invalid'
  // signed documents
  | 'cms_too_large'
  | 'cms_malformed'
  | 'cms_content'
  | 'cms_attributes'
  | 'cms_algorithm'
  | 'cms_digest'
  | 'cms_signer'
  | 'cms_signature'
  // revocation lists
  | 'crl_too_large'
  | 'crl_malformed'
  | 'crl_algorithm'
  | 'crl_issuer'
  | 'crl_signer'
  | 'crl_signature'
  | 'crl_number_missing'
  | 'crl_not_yet_valid'
  | 'crl_stale'
  | 'crl_scope'
  | 'crl_delta'
  | 'crl_critical_extension'
  // the compiled form of a list
  | 'index_damaged'
  // OCSP
  | 'ocsp_too_large'
  | 'ocsp_malformed'
  | 'ocsp_try_later'
  | 'ocsp_unauthorized'
  | 'ocsp_refused'
  | 'ocsp_algorithm'
  | 'ocsp_responder'
  | 'ocsp_signature'
  | 'ocsp_nonce'
  | 'ocsp_certificate'
  | 'ocsp_not_yet_valid'
  | 'ocsp_stale'
  | 'ocsp_critical_extension';

/**
 * Thrown by everything in this room, and nothing else is. The message is for the log: it names the rule that was
 * broken and never quotes the certificate, because a serial or an attribute must not reach a log (design.md §3).
 */
export class PkiError extends Error {
  readonly code: PkiErrorCode;

  constructor(code: PkiErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PkiError';
    this.code = code;
  }
}

/**
 * Runs `read` and gives what the DER reader throws the code of the structure being read, so that a caller learns
 * what was malformed and not merely that something was.
 */
export function readingAs<T>(code: PkiErrorCode, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PkiError && error.code === 'der_malformed') {
      throw new PkiError(code, error.message, { cause: error });
    }
    throw error;
  }
}
