import { HubError } from '../../../provider/errors.ts';
import { type AuthorityKind, encodeName, rootRelativeNames } from '../pki/index.ts';
import {
  type AuthorityState,
  type Citizen,
  deviceOf,
  findCertificate,
  latestOf,
  type StoredCertificate,
} from './state.ts';

/**
 * The certificate of the other kind on the same device, the one before or after in a renewal, or the one of the same kind
 * on the person's other device: the phone's for the card's, the card's for the phone's (article 18(4)).
 */
export const LINKAGE_WANTS = ['auth', 'sign', 'successor', 'predecessor', 'other-device'] as const;
export type LinkageWant = (typeof LINKAGE_WANTS)[number];

export interface CertificateReference {
  /** Issuer's Name, DER, base64. */
  issuer: string;
  /** Hex. */
  serial: string;
}

export const issuerName = (state: AuthorityState, kind: AuthorityKind): string =>
  encodeName(rootRelativeNames(kind, state.organization)).toString('base64');

/** The certificate that an issuer and a serial name, whatever its case and leading zeros. */
export function findReference(
  state: AuthorityState,
  { issuer, serial }: CertificateReference,
): StoredCertificate | undefined {
  const kind = (['user', 'signing'] as const).find((candidate) => issuerName(state, candidate) === issuer);
  if (!kind) return undefined;
  const digits = serial.toLowerCase().replace(/^0+/, '');
  return findCertificate(state, kind, digits.length % 2 === 0 ? digits : `0${digits}`);
}

/**
 * Which certificate belongs to the one that is asked about (証明書紐付け情報, 証明書新旧紐付け情報, and card and phone). A
 * revoked certificate is told as well: whether it is good is for the revocation list to say.
 *
 * @throws HubError `linkage_none` (404): no such certificate, or none of that kind; the two look alike.
 *   `linkage_ended` (410): the person's certificates have ended for good.
 */
export function findLinked(
  state: AuthorityState,
  asked: CertificateReference & { want: LinkageWant },
): CertificateReference {
  const certificate = findReference(state, asked);
  if (!certificate) throw none();
  if (certificate.revocation?.reason === 'cessationOfOperation') {
    throw new HubError('linkage_ended', 410, 'The certificate has ended and nothing follows it.');
  }
  const citizen = state.citizens.find(({ name }) => name === certificate.citizen);
  const linked = citizen && linkedSerial(state, certificate, citizen, asked.want);
  if (!linked) throw none();
  return { issuer: issuerName(state, linked.kind), serial: linked.serial };
}

const none = (): HubError => new HubError('linkage_none', 404, 'There is no such linked certificate.');

function linkedSerial(
  state: AuthorityState,
  certificate: StoredCertificate,
  citizen: Citizen,
  want: LinkageWant,
): { kind: AuthorityKind; serial: string } | undefined {
  const { kind } = certificate;
  switch (want) {
    case 'auth':
    case 'sign': {
      const other = want === 'auth' ? 'user' : 'signing';
      return other === kind ? undefined : named(other, latestOf(citizen, deviceOf(certificate))?.[other]);
    }
    case 'other-device':
      return named(kind, latestOf(citizen, deviceOf(certificate) === 'card' ? 'phone' : 'card')?.[kind]);
    case 'successor':
      return named(kind, certificate.successor);
    case 'predecessor': {
      const before = state.certificates.find((old) => old.kind === kind && old.successor === certificate.serial);
      return named(kind, before?.serial);
    }
  }
}

const named = (kind: AuthorityKind, serial: string | null | undefined) => (serial ? { kind, serial } : undefined);
