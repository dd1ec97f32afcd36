import { randomBytes } from 'node:crypto';
import { systemClock } from '../../../provider/world.ts';
import { attributeNames, type FourAttributes } from './attributes.ts';
import {
  type CertificateOverrides,
  defaultSerialNumber,
  type IssuedCertificate,
  signCertificate,
} from './certificates.ts';
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  cRLDistributionPoints,
  type Extension,
  extendedKeyUsage,
  issuerAltName,
  type KeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts';
import { generateRsaKey, type KeyPair, keyIdentifier, subjectPublicKeyInfo } from './keys.ts';
import { directoryName, encodeName, type RelativeName } from './names.ts';
import { OID } from './object_identifiers.ts';
import { CHIYODA, distributionPointOf, type Municipality, type Root } from './roots.ts';
import { endOfJapaneseDay, yearsLater } from './validity.ts';

const CPS = 'http://www.jpki.go.jp/cps.html';

/** Nobody answers there: a fixture without a responder must not reach for the authority's own. */
const NO_RESPONDER = 'http://ocsp.sandbox.invalid/';

export interface CitizenCertificateOptions {
  key?: KeyPair;
  serialNumber?: bigint;
  municipality?: Municipality;
  /** Opaque on a real card: 14 characters, the municipality's code, three digits, `A`. */
  commonName?: string;
  /** Milliseconds since 1970; default now. */
  notBefore?: number;
  /** Milliseconds since 1970; default five years after notBefore, at 23:59:59 in Japan. See fifthBirthday. */
  notAfter?: number;
  /** Policy identifiers; default the authority's test arc. */
  policies?: readonly string[];
  keyUsage?: readonly KeyUsage[];
  /** Null leaves the extension out. Default clientAuth for user certificates, none for signing ones. */
  extendedKeyUsage?: readonly string[] | null;
  /** Real leaves have no basicConstraints; true makes a leaf that says it is a CA. */
  authority?: boolean;
  /** Where the certificate says that OCSP answers. */
  ocspUrl?: string;
  overrides?: CertificateOverrides;
}

export interface SigningCertificateOptions extends CitizenCertificateOptions {
  attributes: FourAttributes;
  /** A new list of otherNames from the profile's six: shuffled, doubled, with unknown ones. */
  otherNames?: (names: Buffer[]) => Buffer[];
}

const CN_CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** An opaque common name in the shape of a real one, e.g. `997794E9AGCIEG13221003A`. */
export function opaqueCommonName(municipality: Municipality): string {
  const opaque = [...randomBytes(14)].map((octet) => CN_CHARACTERS[octet % CN_CHARACTERS.length]).join('');
  return `${opaque}${municipality.code}001A`;
}

interface LeafProfile {
  subject: RelativeName[];
  policies: readonly string[];
  keyUsage: readonly KeyUsage[];
  extendedKeyUsage: readonly string[] | null;
  /** Follows the key usages: subjectAltName, in the signing certificate. */
  names: Extension[];
}

async function issueLeaf(
  root: Root,
  profile: LeafProfile,
  options: CitizenCertificateOptions,
): Promise<IssuedCertificate> {
  const municipality = options.municipality ?? CHIYODA;
  const key = options.key ?? (await generateRsaKey());
  const notBefore = options.notBefore ?? systemClock();
  const purposes = options.extendedKeyUsage === undefined ? profile.extendedKeyUsage : options.extendedKeyUsage;
  return signCertificate(
    {
      serialNumber: options.serialNumber ?? defaultSerialNumber(),
      issuer: root.name,
      subject: encodeName(profile.subject),
      notBefore,
      notAfter: options.notAfter ?? endOfJapaneseDay(yearsLater(notBefore, 5)),
      key,
      extensions: [
        keyUsage(options.keyUsage ?? profile.keyUsage),
        ...(purposes === null ? [] : [extendedKeyUsage(purposes)]),
        ...profile.names,
        certificatePolicies(options.policies ?? profile.policies, CPS),
        issuerAltName([directoryName(root.alternativeName)]),
        ...(options.authority === undefined ? [] : [basicConstraints(options.authority)]),
        cRLDistributionPoints(directoryName(distributionPointOf(root, municipality))),
        authorityInfoAccess(options.ocspUrl ?? `${NO_RESPONDER}${root.kind}`),
        authorityKeyIdentifier(root.subjectKeyIdentifier),
        subjectKeyIdentifier(keyIdentifier(subjectPublicKeyInfo(key.publicKey))),
      ],
    },
    root.key.privateKey,
    options.overrides,
  );
}

/** A user certificate (利用者証明用電子証明書): for signing in, without a single personal attribute. */
export function issueUserCertificate(root: Root, options: CitizenCertificateOptions = {}): Promise<IssuedCertificate> {
  const municipality = options.municipality ?? CHIYODA;
  return issueLeaf(
    root,
    {
      subject: [
        ['C', 'JP'],
        ['CN', options.commonName ?? opaqueCommonName(municipality)],
      ],
      policies: [OID.policyUserTest],
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [OID.clientAuth],
      names: [],
    },
    options,
  );
}

/** A signing certificate (署名用電子証明書): carries the four attributes in subjectAltName. */
export function issueSigningCertificate(root: Root, options: SigningCertificateOptions): Promise<IssuedCertificate> {
  const municipality = options.municipality ?? CHIYODA;
  const names = attributeNames(options.attributes);
  return issueLeaf(
    root,
    {
      subject: [
        ['C', 'JP'],
        ['L', municipality.prefecture],
        ['L', municipality.name],
        ['CN', options.commonName ?? opaqueCommonName(municipality)],
      ],
      policies: [OID.policySigningTest],
      keyUsage: ['digitalSignature', 'nonRepudiation'],
      extendedKeyUsage: null,
      names: [subjectAltName(options.otherNames ? options.otherNames(names) : names)],
    },
    options,
  );
}
