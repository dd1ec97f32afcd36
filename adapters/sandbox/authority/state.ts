import type { JWK } from 'jose';
import type { SoftCardFile } from '../../card/soft_card_file.ts';
import type { AuthorityKind, FourAttributes, RevocationReason } from '../pki/index.ts';

/** Everything that the authority remembers. Times are milliseconds since 1970, serials lower-case hex, DER is base64. */
export interface AuthorityState {
  format: 'musubi-sandbox-authority:1';
  organization: string;
  /** Where it was last reached; what new certificates name as their OCSP responder. */
  address: string;
  roots: StoredRoot[];
  /** One counter for each authority, over all of its generations. */
  nextSerial: Record<AuthorityKind, string>;
  /** PKCS#8 PEM of the OCSP responders' key. */
  responderKey: string;
  /** Private ES256 key that linkage and attribute answers are signed with. */
  answerKey: JWK;
  certificates: StoredCertificate[];
  citizens: Citizen[];
  consents: StoredConsent[];
  /** Cards that were decided and may not have reached the cards folder yet; written again at the next start. */
  pendingCards: SoftCardFile[];
}

export interface StoredRoot {
  kind: AuthorityKind;
  /** 1, 2, 3: oldest first. */
  generation: number;
  certificate: string;
  privateKey: string;
  serial: string;
  notBefore: number;
  notAfter: number;
  /** The highest number that any list of this key has had. */
  crlNumber: number;
  /** Goes up with each revocation: a list made at an older revision is out of date. */
  revision: number;
}

export interface StoredCertificate {
  kind: AuthorityKind;
  generation: number;
  serial: string;
  citizen: string;
  /** Code of the municipality whose list it would stand in. */
  municipality: string;
  notBefore: number;
  notAfter: number;
  certificate: string;
  /** Missing for the card, where nearly all are. */
  device?: 'phone';
  revocation: { at: number; reason: RevocationReason } | null;
  /** Serial, under the same authority, of the certificate that came after it. */
  successor: string | null;
}

export interface Label {
  ja: string;
  en: string;
}

/** Where a person's keys are. Each device has a user and a signing certificate of its own. */
export type Device = 'card' | 'phone';

/** Serials of the latest certificates of one device. */
export interface LatestSerials {
  user: string;
  signing: string | null;
}

/** With the card's serials in itself. */
export interface Citizen extends LatestSerials {
  name: string;
  label: Label;
  /** As registered now, which is not always what the signing certificate still says. */
  attributes: FourAttributes;
  changedAt: number;
  municipality: string;
  /** Whoever never had one has none. */
  phone?: LatestSerials;
}

export const CONSENT_ITEMS = ['name', 'address', 'birthdate', 'gender'] as const;
export type ConsentItem = (typeof CONSENT_ITEMS)[number];

export interface StoredConsent {
  id: string;
  citizen: string;
  items: ConsentItem[];
  consentedAt: number;
  expires: number;
  withdrawnAt: number | null;
}

export const latestOf = (citizen: Citizen, device: Device): LatestSerials | undefined =>
  device === 'card' ? citizen : citizen.phone;

export const deviceOf = ({ device }: StoredCertificate): Device => device ?? 'card';

/** By authority and serial; built again when certificates have been added. They are never taken away. */
const indexes = new WeakMap<AuthorityState, Map<string, StoredCertificate>>();

export function findCertificate(
  state: AuthorityState,
  kind: AuthorityKind,
  serial: string,
): StoredCertificate | undefined {
  let index = indexes.get(state);
  if (index?.size !== state.certificates.length) {
    index = new Map(
      state.certificates.map((certificate) => [`${certificate.kind}:${certificate.serial}`, certificate]),
    );
    indexes.set(state, index);
  }
  return index.get(`${kind}:${serial}`);
}

/** Serials as they are kept: lower-case hex of the number, whole octets. */
export function serialHex(serialNumber: bigint): string {
  const hex = serialNumber.toString(16);
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

export type CertificateCondition = 'good' | 'revoked' | 'expired';

export function conditionOf(certificate: StoredCertificate, now: number): CertificateCondition {
  if (certificate.revocation) return 'revoked';
  return now > certificate.notAfter ? 'expired' : 'good';
}
