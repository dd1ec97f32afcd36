import type { KeyObject } from 'node:crypto';
import { bitString, context, integer, rawInteger, sequence, time } from './der.ts';
import { type Extension, encodeExtensions } from './extensions.ts';
import { type KeyPair, subjectPublicKeyInfo } from './keys.ts';
import { algorithmIdentifier, defaultAlgorithm, type SignatureAlgorithm, signBytes } from './signatures.ts';

/** What a certificate says, before it is signed. Times are milliseconds since 1970; names are DER. */
export interface CertificateFields {
  serialNumber: bigint;
  issuer: Uint8Array;
  subject: Uint8Array;
  notBefore: number;
  notAfter: number;
  key: KeyPair;
  extensions: Extension[];
}

/** Every way to make a certificate other than the profile says. What is not named stays as the profile has it. */
export interface CertificateOverrides {
  /** v1 and v2 leave the extensions out (RFC 5280 §4.1.2.9) unless `version` is given as a plain number. */
  version?: 'v1' | 'v2' | 'v3' | number;
  /** A number, or the content octets of the INTEGER as they shall stand (negative, padded, twenty-one bytes…). */
  serialNumber?: bigint | Uint8Array;
  issuer?: Uint8Array;
  subject?: Uint8Array;
  notBefore?: number;
  notAfter?: number;
  /** How times are written; default RFC 5280 §4.1.2.5. */
  time?: (value: number) => Uint8Array;
  /** SubjectPublicKeyInfo, e.g. from `rsaPublicKeyInfo`. */
  publicKeyInfo?: Uint8Array;
  /** A new list from the profile's: see replaceExtension, withoutExtension, addExtensions, unknownExtension. */
  extensions?: (extensions: Extension[]) => Extension[];
  /** Signs and is named in both places. */
  algorithm?: SignatureAlgorithm;
  /** Named in the outer signatureAlgorithm only, unlike what was signed with. */
  outerAlgorithm?: SignatureAlgorithm;
  /** Signs instead of the issuer's key, under the issuer's name and key identifier. */
  signingKey?: KeyObject;
  /** The last word before signing: the signature will be right over whatever this returns. */
  toBeSigned?: (der: Buffer) => Buffer;
  /** The last word after signing. */
  certificate?: (der: Buffer) => Buffer;
}

export interface IssuedCertificate {
  der: Buffer;
  pem: string;
  key: KeyPair;
  serialNumber: bigint;
  /** The issuer's Name, DER, as it stands in the certificate. */
  issuer: Buffer;
  /** Milliseconds since 1970. */
  notBefore: number;
  notAfter: number;
}

const VERSION = { v1: 0, v2: 1, v3: 2 } as const;

/** Serial numbers where the caller gives none: four bytes, rising, unique within the process. */
let nextSerial = 0x06d18007n;
export const defaultSerialNumber = (): bigint => nextSerial++;

/** Signs a TBS structure into the three-part form that certificates, CRLs and OCSP answers share. */
export async function signStructure(
  toBeSigned: Uint8Array,
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  outerAlgorithm: SignatureAlgorithm = algorithm,
  ...rest: Uint8Array[]
): Promise<Buffer> {
  const signature = await signBytes(algorithm, toBeSigned, key);
  return sequence(toBeSigned, algorithmIdentifier(outerAlgorithm), bitString(signature), ...rest);
}

/** Makes one certificate; the profile functions (roots.ts, citizen_certificates.ts…) decide what goes in. */
export async function signCertificate(
  fields: CertificateFields,
  issuerKey: KeyObject,
  overrides: CertificateOverrides = {},
): Promise<IssuedCertificate> {
  const signingKey = overrides.signingKey ?? issuerKey;
  const algorithm = overrides.algorithm ?? defaultAlgorithm(signingKey);
  const version = overrides.version ?? 'v3';
  const versionNumber = typeof version === 'number' ? version : VERSION[version];
  const extensions = overrides.extensions ? overrides.extensions([...fields.extensions]) : fields.extensions;
  const withExtensions = extensions.length > 0 && version !== 'v1' && version !== 'v2';
  const serial = overrides.serialNumber ?? fields.serialNumber;
  const encodeTime = overrides.time ?? time;
  const notBefore = overrides.notBefore ?? fields.notBefore;
  const notAfter = overrides.notAfter ?? fields.notAfter;
  const issuer = Buffer.from(overrides.issuer ?? fields.issuer);

  const toBeSigned = sequence(
    ...(versionNumber === 0 ? [] : [context(0, integer(versionNumber))]),
    typeof serial === 'bigint' ? integer(serial) : rawInteger(serial),
    algorithmIdentifier(algorithm),
    issuer,
    sequence(encodeTime(notBefore), encodeTime(notAfter)),
    overrides.subject ?? fields.subject,
    overrides.publicKeyInfo ?? subjectPublicKeyInfo(fields.key.publicKey),
    ...(withExtensions ? [context(3, encodeExtensions(extensions))] : []),
  );
  const signed = await signStructure(
    overrides.toBeSigned ? overrides.toBeSigned(toBeSigned) : toBeSigned,
    algorithm,
    signingKey,
    overrides.outerAlgorithm,
  );
  const der = overrides.certificate ? overrides.certificate(signed) : signed;
  return {
    der,
    pem: encodePem('CERTIFICATE', der),
    key: fields.key,
    serialNumber: typeof serial === 'bigint' ? serial : BigInt(`0x${Buffer.from(serial).toString('hex') || '0'}`),
    issuer,
    notBefore,
    notAfter,
  };
}

export function encodePem(label: 'CERTIFICATE' | 'X509 CRL', der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
