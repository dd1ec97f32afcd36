import { isIP } from 'node:net';
import { systemClock } from '../../../provider/world.ts';
import {
  type CertificateOverrides,
  defaultSerialNumber,
  type IssuedCertificate,
  signCertificate,
} from './certificates.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts';
import { generateEcKey, type KeyPair, keyIdentifier, subjectPublicKeyInfo } from './keys.ts';
import { dnsName, encodeName, ipAddress, type RelativeName } from './names.ts';
import { OID } from './object_identifiers.ts';

/** An ordinary web CA: it certifies servers and relying parties' clients, never citizens. P-256 keys by default. */
export interface WebAuthority extends IssuedCertificate {
  name: Buffer;
  subjectKeyIdentifier: Buffer;
}

export interface WebCertificateOptions {
  key?: KeyPair;
  serialNumber?: bigint;
  /** Milliseconds since 1970; default now. */
  notBefore?: number;
  /** Milliseconds since 1970; default 825 days later, the most that browsers take from a local root. */
  notAfter?: number;
  overrides?: CertificateOverrides;
}

const DAY = 86_400_000;
const defaultNotAfter = (notBefore: number): number => notBefore + 825 * DAY;

export async function createWebAuthority(
  options: WebCertificateOptions & { commonName?: string } = {},
): Promise<WebAuthority> {
  const key = options.key ?? (await generateEcKey());
  const name = encodeName([
    ['O', 'Musubi Sandbox'],
    ['CN', options.commonName ?? 'Musubi Sandbox Web CA'],
  ]);
  const identifier = keyIdentifier(subjectPublicKeyInfo(key.publicKey));
  const notBefore = options.notBefore ?? systemClock();
  const certificate = await signCertificate(
    {
      serialNumber: options.serialNumber ?? defaultSerialNumber(),
      issuer: name,
      subject: name,
      notBefore,
      notAfter: options.notAfter ?? notBefore + 3650 * DAY,
      key,
      extensions: [keyUsage(['keyCertSign', 'cRLSign']), basicConstraints(true), subjectKeyIdentifier(identifier)],
    },
    key.privateKey,
    options.overrides,
  );
  return { ...certificate, name, subjectKeyIdentifier: identifier };
}

/** GeneralName of a host: IP addresses as octets, everything else as dNSName. */
function hostName(host: string): Buffer {
  const family = isIP(host);
  if (family === 0) return dnsName(host);
  if (family === 4) return ipAddress(Buffer.from(host.split('.').map(Number)));
  const [head = '', tail] = host.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return ipAddress(Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex'));
}

async function issueWebCertificate(
  authority: WebAuthority,
  subject: readonly RelativeName[],
  purpose: string,
  hosts: readonly string[],
  options: WebCertificateOptions,
): Promise<IssuedCertificate> {
  const key = options.key ?? (await generateEcKey());
  const notBefore = options.notBefore ?? systemClock();
  return signCertificate(
    {
      serialNumber: options.serialNumber ?? defaultSerialNumber(),
      issuer: authority.name,
      subject: encodeName(subject),
      notBefore,
      notAfter: options.notAfter ?? defaultNotAfter(notBefore),
      key,
      extensions: [
        keyUsage(['digitalSignature']),
        extendedKeyUsage([purpose]),
        ...(hosts.length === 0 ? [] : [subjectAltName(hosts.map(hostName))]),
        authorityKeyIdentifier(authority.subjectKeyIdentifier),
        subjectKeyIdentifier(keyIdentifier(subjectPublicKeyInfo(key.publicKey))),
      ],
    },
    authority.key.privateKey,
    options.overrides,
  );
}

/** @param names host names and IP addresses; the first one is the common name too */
export const issueTlsServerCertificate = (
  authority: WebAuthority,
  names: readonly string[],
  options: WebCertificateOptions = {},
): Promise<IssuedCertificate> =>
  issueWebCertificate(authority, [['CN', names[0] ?? 'localhost']], OID.serverAuth, names, options);

/**
 * A relying party's certificate for `tls_client_auth` (RFC 8705 §2.1).
 * @param names goes into subjectAltName, for `tls_client_auth_san_dns` and `…_san_ip`
 */
export const issueTlsClientCertificate = (
  authority: WebAuthority,
  { subject, names = [], ...options }: WebCertificateOptions & { subject: readonly RelativeName[]; names?: string[] },
): Promise<IssuedCertificate> => issueWebCertificate(authority, subject, OID.clientAuth, names, options);

/** A relying party's own certificate for `self_signed_tls_client_auth` (RFC 8705 §2.2). */
export async function createSelfSignedClientCertificate({
  commonName,
  ...options
}: WebCertificateOptions & { commonName: string }): Promise<IssuedCertificate> {
  const key = options.key ?? (await generateEcKey());
  const notBefore = options.notBefore ?? systemClock();
  const name = encodeName([['CN', commonName]]);
  return signCertificate(
    {
      serialNumber: options.serialNumber ?? defaultSerialNumber(),
      issuer: name,
      subject: name,
      notBefore,
      notAfter: options.notAfter ?? defaultNotAfter(notBefore),
      key,
      extensions: [
        keyUsage(['digitalSignature']),
        extendedKeyUsage([OID.clientAuth]),
        subjectKeyIdentifier(keyIdentifier(subjectPublicKeyInfo(key.publicKey))),
      ],
    },
    key.privateKey,
    options.overrides,
  );
}
