import { randomBytes } from 'node:crypto';
import type { VerifiedCertificate } from '../../provider/authentication/verify_certificate.ts';
import { guard } from './leaks/leak_guard.ts';

/** A verified card as far as the identity room looks at one: it reads these fields and no others. */
export function verifiedCard(
  serial: Uint8Array,
  options: { issuer?: string | Uint8Array; now: number; thisUpdate?: number },
): VerifiedCertificate {
  guard.secrets.serial(serial);
  const { issuer = 'Authority A', now, thisUpdate = now - 500 } = options;
  return {
    certificate: {
      issuer: Buffer.from(issuer),
      serial,
      fingerprint: randomBytes(32).toString('hex'),
      notBefore: now - 1000,
      notAfter: now + 1000,
    },
    revocation: { checkedAt: now, source: 'crl', thisUpdate },
    demand: { purpose: 'sign_in', policy: { name: 'default', sources: ['crl'] }, clientId: 'rp' },
  } as unknown as VerifiedCertificate;
}
