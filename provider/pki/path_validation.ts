import type { Certificate } from './certificate.ts';
import { PkiError, readingAs } from './errors.ts';
import type { TrustAnchor } from './path.ts';
import { checkValidity, timelinessOf } from './path.ts';
import { checkIssuing } from './path_issuing.ts';
import { NameRules } from './path_names.ts';
import type { PolicyInputs } from './path_policy.ts';
import { PolicyState } from './path_policy.ts';

/**
 * RFC 5280 §6.1 over a path whose links have been proved: each certificate names the one above as its issuer and
 * carries that one's signature. Everything else that §6.1 asks for is asked here, from the pinned root downwards;
 * what the root's own certificate lays down counts too (RFC 5937). Revocation (§6.3) is asked of others.
 *
 * @param path the certificate in question first, the one that the root signed last.
 * @param now milliseconds since 1970.
 * @throws PkiError about the certificate in question `certificate_not_yet_valid`, `certificate_expired`,
 *   `certificate_critical_extension`; about those above it `path_issuer_expired`, `path_critical_extension`,
 *   `path_not_authority`; about the whole `path_length_exceeded`, `path_name_constraints`, `path_policy`,
 *   `path_work_exceeded`.
 */
export function validatePath(
  path: readonly Certificate[],
  anchor: TrustAnchor,
  options: { readonly now: number; readonly policies: PolicyInputs; readonly strictIssuing: boolean },
): void {
  const { now } = options;
  if (options.strictIssuing) checkIssuing(path, anchor.certificate);
  const root = anchor.certificate.extensions;
  const names = new NameRules();
  const policies = new PolicyState(path.length, options.policies);
  let authoritiesLeft = Math.min(path.length, root.basicConstraints?.pathLength ?? path.length);
  names.add(root.nameConstraints);
  policies.constrain(anchor.certificate);

  for (const [index, certificate] of path.toReversed().entries()) {
    const isFinal = index === path.length - 1;
    if (isFinal) checkFinal(certificate, now);
    else checkAuthority(certificate, now);
    // §6.1.3 (b), (c): an authority that certifies its own next key need not fit its own rules.
    if (isFinal || !certificate.isSelfIssued) {
      readingAs('certificate_malformed', () => names.check(certificate));
    }
    policies.descend(certificate, isFinal);
    if (isFinal) {
      policies.finish(certificate);
      continue;
    }
    policies.prepare(certificate);
    names.add(certificate.extensions.nameConstraints);
    // §6.1.4 (l), (m).
    if (!certificate.isSelfIssued) {
      if (authoritiesLeft === 0) {
        throw new PkiError('path_length_exceeded', 'an authority is further from the root than it may be');
      }
      authoritiesLeft -= 1;
    }
    authoritiesLeft = Math.min(authoritiesLeft, certificate.extensions.basicConstraints?.pathLength ?? authoritiesLeft);
  }
}

/**
 * §6.1.3 (a)(2), §6.1.5 (f) for the certificate in question.
 *
 * @throws PkiError `certificate_not_yet_valid`, `certificate_expired` or `certificate_critical_extension`.
 */
export function checkFinal(certificate: Certificate, now: number): void {
  checkValidity(certificate, now);
  if (certificate.extensions.unprocessedCritical.length > 0) {
    throw new PkiError('certificate_critical_extension', 'a critical extension is not understood');
  }
}

/**
 * §6.1.3 (a)(2), §6.1.4 (k), (n), (o): the certificate is in date and its holder may issue others.
 *
 * @throws PkiError `path_not_authority`, `path_issuer_expired` or `path_critical_extension`.
 */
export function checkAuthority(authority: Certificate, now: number): void {
  const { basicConstraints, keyUsage, unprocessedCritical } = authority.extensions;
  if (basicConstraints?.cA !== true) throw new PkiError('path_not_authority', 'an issuer is not an authority');
  if (keyUsage !== undefined && !keyUsage.has('keyCertSign')) {
    throw new PkiError('path_not_authority', 'an issuer may not sign certificates');
  }
  if (timelinessOf(authority, now) !== 'in-date') {
    throw new PkiError('path_issuer_expired', 'an issuer’s certificate is not in date');
  }
  if (unprocessedCritical.length > 0) {
    throw new PkiError('path_critical_extension', 'a critical extension of an issuer is not understood');
  }
}
