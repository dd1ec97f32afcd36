import type { Certificate } from './certificate.ts';
import { parseCertificate } from './certificate.ts';
import { sameOctets } from './der_values.ts';
import { PkiError } from './errors.ts';
import type { CertificateProfile } from './profile.ts';

/** A pinned root and the kind of certificate that it may vouch for. */
export interface TrustAnchor {
  /** SHA-256 fingerprint of the root, in lower-case hex: how configuration, lists and logs name it. */
  readonly id: string;
  readonly certificate: Certificate;
  /** JPKI has one root for each kind of certificate; a signing root must not vouch for a sign-in. */
  readonly profile: CertificateProfile;
  /** The root lays down rules for those below it (RFC 5937), which `checkPath` follows and `findAnchor` does not. */
  readonly constrained: boolean;
}

/**
 * Reads a root that the operator pins. It must be a CA (RFC 5280 §4.2.1.9) that may sign certificates and has signed
 * itself; whether it is in date is asked at each use, so that an old generation may stay configured.
 *
 * @throws PkiError `anchor_invalid`, with the reason as cause where there is one.
 */
export function loadTrustAnchor(der: Uint8Array, options: { profile: CertificateProfile }): TrustAnchor {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(der);
  } catch (cause) {
    throw new PkiError('anchor_invalid', 'the trust anchor is not a readable certificate', { cause });
  }
  const { extensions } = certificate;
  if (extensions.basicConstraints?.cA !== true) throw new PkiError('anchor_invalid', 'the trust anchor is not a CA');
  // RFC 5280 §6.1.4 (n): only a keyUsage that is there can forbid.
  if (extensions.keyUsage !== undefined && !extensions.keyUsage.has('keyCertSign')) {
    throw new PkiError('anchor_invalid', 'the trust anchor may not sign certificates');
  }
  if (extensions.unprocessedCritical.length > 0) {
    throw new PkiError('anchor_invalid', 'the trust anchor has a critical extension that is not understood');
  }
  const { nameConstraints, policyConstraints, inhibitAnyPolicy, policyMappings } = extensions;
  const constrained = [nameConstraints, policyConstraints, inhibitAnyPolicy].some((rule) => rule !== undefined);
  if (policyMappings.length > 0 || (constrained && options.profile.maxIntermediates === 0)) {
    throw new PkiError('anchor_invalid', 'the trust anchor lays down rules that are not followed here');
  }
  if (!sameOctets(certificate.issuer, certificate.subject) || !certificate.isSignedBy(certificate.publicKey)) {
    throw new PkiError('anchor_invalid', 'the trust anchor has not signed itself');
  }
  return { id: certificate.fingerprint, certificate, profile: options.profile, constrained };
}

/**
 * The anchor whose key signed this certificate. JPKI's roots of several generations share one name, and a stranger
 * can copy a name and a key identifier, so both only say where to look; the signature alone decides.
 *
 * This is the whole path of a JPKI certificate, which has no intermediates. Communities that have them need
 * `checkPath`, which also follows what a root lays down for those below it.
 *
 * @param anchors the pinned roots that may vouch for this kind of certificate.
 * @param now milliseconds since 1970; an anchor that is out of date vouches for nothing.
 * @throws PkiError `certificate_untrusted`, or `certificate_anchor_expired` when only a former root signed it.
 */
export function findAnchor(certificate: Certificate, anchors: readonly TrustAnchor[], now: number): TrustAnchor {
  const candidates = anchors.filter(
    (anchor) => !anchor.constrained && sameOctets(anchor.certificate.subject, certificate.issuer),
  );
  if (candidates.length > 1) {
    const likelihood = (anchor: TrustAnchor) => (namesKeyOf(certificate, anchor.certificate) ? 1 : 0);
    candidates.sort((left, right) => likelihood(right) - likelihood(left));
  }
  let expired = false;
  for (const anchor of candidates) {
    if (!certificate.isSignedBy(anchor.certificate.publicKey)) continue;
    const timeliness = timelinessOf(anchor.certificate, now);
    if (timeliness === 'in-date') return anchor;
    expired ||= timeliness === 'late';
  }
  if (expired) throw new PkiError('certificate_anchor_expired', 'the root that signed the certificate has expired');
  throw new PkiError('certificate_untrusted', 'no trusted root signed the certificate');
}

/** Whether the certificate gives the issuer's key identifier. Saves the arithmetic of asking the wrong keys first. */
export function namesKeyOf(certificate: Certificate, issuer: Certificate): boolean {
  const wanted = certificate.extensions.authorityKeyIdentifier;
  const offered = issuer.extensions.subjectKeyIdentifier;
  return wanted !== undefined && offered !== undefined && sameOctets(wanted, offered);
}

/**
 * The certificate is in its period of validity, both ends included (RFC 5280 §4.1.2.5). Its times are whole seconds, so
 * the last one counts to its end.
 *
 * @throws PkiError `certificate_not_yet_valid` or `certificate_expired`.
 */
export function checkValidity(certificate: Certificate, now: number): void {
  const timeliness = timelinessOf(certificate, now);
  if (timeliness === 'early') throw new PkiError('certificate_not_yet_valid', 'the certificate is not valid yet');
  if (timeliness === 'late') throw new PkiError('certificate_expired', 'the certificate has expired');
}

/** Where `now` (milliseconds since 1970) stands to a certificate's period of validity. */
export function timelinessOf(
  { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
  now: number,
): 'early' | 'in-date' | 'late' {
  if (now < notBefore) return 'early';
  return now < notAfter + 1000 ? 'in-date' : 'late';
}
