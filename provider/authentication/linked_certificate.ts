import { hash } from 'node:crypto';
import { HubError } from '../errors.ts';
import type { DecisionLog, StatusDemand } from './decision_log.ts';
import type { CertificateVerifier } from './verify_certificate.ts';

/**
 * What a sign-in found out about a signing certificate of the same person. `revoked` while the user certificate is good
 * means that the four attributes have changed; it never stands in the way of the sign-in (fact sheet §3.2).
 */
export type LinkedStatus = 'good' | 'revoked' | 'unavailable' | 'unknown' | 'not_authentic';

export interface LinkedCertificates {
  /** Checks and records. Rejects only when it cannot be recorded. */
  check(der: Uint8Array, demand: Omit<StatusDemand, 'purpose'>): Promise<LinkedStatus>;
}

const STATUS_BY_CODE: Readonly<Record<string, LinkedStatus>> = {
  certificate_revoked: 'revoked',
  certificate_superseded: 'revoked',
  certificate_on_hold: 'revoked',
  certificate_unknown: 'unknown',
  revocation_unavailable: 'unavailable',
};

/** @param signing verifies signing certificates, against the roots of kind `signing`. */
export function createLinkedCertificates(signing: CertificateVerifier, decisions: DecisionLog): LinkedCertificates {
  return {
    async check(der, demand) {
      const full: StatusDemand = { ...demand, purpose: 'linked_signing_certificate' };
      try {
        const { recorded } = await signing.checkStatus(signing.authenticate(der), full);
        await recorded;
        return 'good';
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        const status = STATUS_BY_CODE[error.code];
        if (status !== undefined) return status;
        if (error.status !== 403) throw error;
        // Expired since it was linked, or of a root that is no longer pinned: nobody was asked about it.
        const certificate = { fingerprint: hash('sha256', der, 'hex') };
        await decisions.record(certificate, full, { status: 'not_authentic', reason: error.code });
        return 'not_authentic';
      }
    },
  };
}
