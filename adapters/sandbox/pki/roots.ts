import { systemClock } from '../../../provider/world.ts';
import {
  type CertificateOverrides,
  defaultSerialNumber,
  type IssuedCertificate,
  signCertificate,
} from './certificates.ts';
import {
  basicConstraints,
  cRLDistributionPoints,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts';
import { generateRsaKey, type KeyPair, keyIdentifier, subjectPublicKeyInfo } from './keys.ts';
import { directoryName, encodeName, type RelativeName } from './names.ts';
import { endOfJapaneseDay, yearsLater } from './validity.ts';

/** The two certification authorities: 利用者証明用 and 署名用. */
export type AuthorityKind = 'user' | 'signing';

/** The sandbox's O; the authority's own is `JPKI`, its test hierarchy's `JPKI-TEST`. */
export const SANDBOX_ORGANIZATION = 'Musubi Sandbox';

const UNIT: Record<AuthorityKind, string> = {
  user: 'JPKI for user authentication',
  signing: 'JPKI for digital signature',
};

const ALTERNATIVE_UNIT: Record<AuthorityKind, string> = {
  user: '公的個人認証サービス利用者証明用',
  signing: '公的個人認証サービス署名用',
};

/** One root: a name, a key and a certificate. Several generations share the name. */
export interface Root extends IssuedCertificate {
  kind: AuthorityKind;
  organization: string;
  /** Subject and issuer, DER. */
  name: Buffer;
  /** The Japanese directoryName that stands in subjectAltName, and in the leaves' issuerAltName. */
  alternativeName: Buffer;
  subjectKeyIdentifier: Buffer;
}

export interface RootOptions {
  kind: AuthorityKind;
  organization?: string;
  key?: KeyPair;
  serialNumber?: bigint;
  /** Milliseconds since 1970; default now. */
  notBefore?: number;
  /** Milliseconds since 1970; default ten years after notBefore, at 23:59:59 in Japan. */
  notAfter?: number;
  /** Claims another root's key identifier; leaves repeat it. */
  subjectKeyIdentifier?: Uint8Array;
  overrides?: CertificateOverrides;
}

export const rootRelativeNames = (kind: AuthorityKind, organization: string): RelativeName[] => [
  ['C', 'JP'],
  ['O', organization],
  ['OU', UNIT[kind]],
  ['OU', 'Japan Agency for Local Authority Information Systems'],
];

const alternativeRelativeNames = (kind: AuthorityKind): RelativeName[] => [
  ['C', 'JP'],
  ['O', '公的個人認証サービス'],
  ['OU', ALTERNATIVE_UNIT[kind]],
  ['OU', '地方公共団体情報システム機構'],
];

/** The distribution point of one municipality's partition, named and never located: a directoryName has no URL. */
export const distributionPointOf = (
  { kind, organization }: Pick<Root, 'kind' | 'organization'>,
  municipality: Municipality,
): Buffer =>
  encodeName([
    ['C', 'JP'],
    ['O', organization],
    ['OU', UNIT[kind]],
    ['OU', 'CRL Distribution Points'],
    ['OU', municipality.prefecture],
    ['CN', `${municipality.name} CRLDP`],
  ]);

/** A municipality as certificates name it. */
export interface Municipality {
  /** 全国地方公共団体コード without its check digit: five digits. */
  code: string;
  /** Romaji, `Tokyo-to`. */
  prefecture: string;
  /** Romaji, `Chiyoda-ku`. */
  name: string;
}

export const CHIYODA: Municipality = { code: '13101', prefecture: 'Tokyo-to', name: 'Chiyoda-ku' };

/** A self-signed root of the profile: five extensions, no key identifier of its issuer, no policy. */
export async function createRoot(options: RootOptions): Promise<Root> {
  const { kind, organization = SANDBOX_ORGANIZATION, notBefore = systemClock() } = options;
  const key = options.key ?? (await generateRsaKey());
  const name = encodeName(rootRelativeNames(kind, organization));
  const alternativeName = encodeName(alternativeRelativeNames(kind));
  const identifier = Buffer.from(options.subjectKeyIdentifier ?? keyIdentifier(subjectPublicKeyInfo(key.publicKey)));
  const certificate = await signCertificate(
    {
      serialNumber: options.serialNumber ?? defaultSerialNumber(),
      issuer: name,
      subject: name,
      notBefore,
      notAfter: options.notAfter ?? endOfJapaneseDay(yearsLater(notBefore, 10)),
      key,
      extensions: [
        keyUsage(['keyCertSign', 'cRLSign']),
        subjectAltName([directoryName(alternativeName)]),
        basicConstraints(true),
        cRLDistributionPoints(directoryName(name)),
        subjectKeyIdentifier(identifier),
      ],
    },
    key.privateKey,
    options.overrides,
  );
  return { ...certificate, kind, organization, name, alternativeName, subjectKeyIdentifier: identifier };
}

/** A root that was made earlier, from its certificate and key as they were kept. */
export function restoreRoot(kept: {
  kind: AuthorityKind;
  organization: string;
  certificate: Omit<IssuedCertificate, 'issuer'>;
}): Root {
  const { kind, organization, certificate } = kept;
  const name = encodeName(rootRelativeNames(kind, organization));
  return {
    ...certificate,
    issuer: name,
    kind,
    organization,
    name,
    alternativeName: encodeName(alternativeRelativeNames(kind)),
    subjectKeyIdentifier: keyIdentifier(subjectPublicKeyInfo(certificate.key.publicKey)),
  };
}
