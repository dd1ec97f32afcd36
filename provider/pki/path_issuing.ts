import type { Certificate } from './certificate.ts';
import { PkiError } from './errors.ts';
import { GeneralNameTag, readGeneralNames } from './general_name.ts';
import { isHostName, readText } from './name_constraints.ts';
import { certificateExtensions } from './object_identifiers.ts';

/**
 * RFC 5280's rules for those who issue certificates, beyond what §6.1 has a verifier ask: key identifiers (§4.2.1.1,
 * §4.2.1.2), what must be critical (§4.2.1.6, §4.2.1.9, §4.2.1.11), and host names that are host names (§4.2.1.6).
 *
 * @param path the certificate in question first, the one that the root signed last.
 * @throws PkiError `certificate_malformed`.
 */
export function checkIssuing(path: readonly Certificate[], root: Certificate): void {
  for (const certificate of path) {
    mustHold(certificate.extensions.authorityKeyIdentifier !== undefined, 'the issuer’s key is not named');
    checkAlternativeNames(certificate);
  }
  for (const authority of [...path.slice(1), root]) {
    const { subjectKeyIdentifier, policyConstraints, critical } = authority.extensions;
    mustHold(subjectKeyIdentifier !== undefined, 'an authority’s key has no identifier');
    mustHold(critical.includes(certificateExtensions.basicConstraints), 'an authority’s constraints are not critical');
    mustHold(
      policyConstraints === undefined || critical.includes(certificateExtensions.policyConstraints),
      'policy constraints are not critical',
    );
  }
}

function checkAlternativeNames({ subject, extensions }: Certificate): void {
  const { subjectAltName, critical } = extensions;
  const hasSubject = subject.length > 2;
  mustHold(
    hasSubject || critical.includes(certificateExtensions.subjectAltName),
    'the only name of the certificate is not critical',
  );
  if (subjectAltName === undefined) return;
  for (const { tag, value } of readGeneralNames(subjectAltName)) {
    if (tag !== GeneralNameTag.dNSName) continue;
    const host = readText(value).replace(/^\*\./, '').toLowerCase();
    // RFC 1034 §3.5 has no underscores, and a top-level domain is never a number.
    mustHold(isHostName(host) && !host.includes('_') && !/(^|\.)\d+$/.test(host), 'a host name is none');
  }
}

function mustHold(kept: boolean, rule: string): void {
  if (!kept) throw new PkiError('certificate_malformed', `a rule for issuers is broken: ${rule}`);
}
