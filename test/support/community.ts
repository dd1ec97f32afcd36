import { randomBytes } from 'node:crypto';
import {
  authorityKeyIdentifier,
  basicConstraints,
  type CertificateOverrides,
  certificatePolicies,
  type Extension,
  encodeName,
  extendedKeyUsage,
  type IssuedCertificate,
  type KeyPair,
  keyIdentifier,
  keyUsage,
  OID,
  type Root,
  signCertificate,
  subjectKeyIdentifier,
  subjectPublicKeyInfo,
} from '../../adapters/sandbox/pki/index.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { guard } from './leaks/leak_guard.ts';

const DAY = 86_400_000;
const ORGANIZATION = 'Example Hospital';

export interface CommunityOptions {
  /** Default one of the pool, by the common name. */
  key?: KeyPair;
  /** Milliseconds since 1970; default now. */
  now?: number;
  policies?: readonly string[];
  /** Of an authority. */
  pathLength?: number;
  /** Behind all others. */
  extensions?: readonly Extension[];
  overrides?: CertificateOverrides;
}

/**
 * An authority of a community other than JPKI: a root, or one below `issuer`. In the shape of the sandbox's roots, so that
 * lists and answers are made with it as with them.
 */
export async function communityAuthority(
  commonName: string,
  issuer?: Root,
  options: CommunityOptions = {},
): Promise<Root> {
  const key = options.key ?? (await rsaKey(`community ${commonName}`));
  const name = nameOf(commonName);
  const identifier = keyIdentifier(subjectPublicKeyInfo(key.publicKey));
  const certificate = await issue(name, key, issuer?.name ?? name, issuer?.key ?? key, options, [
    keyUsage(['keyCertSign', 'cRLSign']),
    basicConstraints(true, options.pathLength),
    ...(options.policies ? [certificatePolicies(options.policies, null)] : []),
    subjectKeyIdentifier(identifier),
    ...(issuer ? [authorityKeyIdentifier(issuer.subjectKeyIdentifier)] : []),
  ]);
  return {
    ...certificate,
    kind: 'user',
    organization: ORGANIZATION,
    name,
    alternativeName: name,
    subjectKeyIdentifier: identifier,
  };
}

/** A card of somebody who works there. */
export async function staffCard(
  commonName: string,
  issuer: Root,
  options: CommunityOptions = {},
): Promise<IssuedCertificate> {
  const key = options.key ?? (await rsaKey('citizen'));
  const card = await issue(nameOf(commonName), key, issuer.name, issuer.key, options, [
    keyUsage(['digitalSignature']),
    extendedKeyUsage([OID.clientAuth]),
    ...(options.policies ? [certificatePolicies(options.policies, null)] : []),
    authorityKeyIdentifier(issuer.subjectKeyIdentifier),
  ]);
  guard.secrets.certificate(card.der);
  return card;
}

const ABOVE = [
  ['C', 'JP'],
  ['O', ORGANIZATION],
] as const;
/** Above every name of the community. */
export const organizationName: Buffer = encodeName(ABOVE);
export const nameOf = (commonName: string): Buffer => encodeName([...ABOVE, ['CN', commonName]]);

function issue(
  subject: Buffer,
  key: KeyPair,
  issuerName: Buffer,
  issuerKey: KeyPair,
  { now = Date.now(), extensions = [], overrides = {} }: CommunityOptions,
  profile: Extension[],
): Promise<IssuedCertificate> {
  return signCertificate(
    {
      serialNumber: BigInt(`0x5a${randomBytes(15).toString('hex')}`),
      issuer: issuerName,
      subject,
      notBefore: now - 30 * DAY,
      notAfter: now + 365 * DAY,
      key,
      extensions: [...profile, ...extensions],
    },
    issuerKey.privateKey,
    overrides,
  );
}
