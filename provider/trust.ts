import { readFileSync } from 'node:fs';
import type { Configuration } from '../config/schema.ts';
import {
  type CertificateProfile,
  jpkiSigning,
  jpkiSigningTest,
  jpkiUser,
  jpkiUserTest,
  loadTrustAnchor,
  PkiError,
  parseCertificate,
  plainUser,
  readCertificateFile,
  type TrustAnchor,
} from './pki/index.ts';

/** The two certificates of a card. */
export type CertificateKind = 'user' | 'signing';

/** Whom the operator trusts to issue one kind of certificate, and what such a certificate must be. */
export interface Trust {
  readonly profile: CertificateProfile;
  readonly anchors: readonly { readonly name: string; readonly anchor: TrustAnchor }[];
  /** Named like roots, since they have lists of their own; trusted in nothing. */
  readonly intermediates: readonly { readonly name: string; readonly anchor: TrustAnchor }[];
}

/** @throws PkiError for a root that cannot be one; the file system's own error. */
export function openTrust(config: Configuration): Readonly<Record<CertificateKind, Trust>> {
  return { user: openKind(config, 'user'), signing: openKind(config, 'signing') };
}

function openKind(config: Configuration, kind: CertificateKind): Trust {
  const profile = profileOf(config, kind);
  return {
    profile,
    anchors: config.trust.anchors
      .filter((anchor) => anchor.kind === kind)
      .map(({ name, file }) => ({ name, anchor: loadTrustAnchor(readOne(file), { profile }) })),
    intermediates:
      kind === 'user'
        ? config.trust.intermediates.map(({ name, file }) => ({ name, anchor: loadIntermediate(file, profile) }))
        : [],
  };
}

function profileOf({ trust }: Configuration, kind: CertificateKind): CertificateProfile {
  const isTest = trust.profile === 'jpki-test';
  if (kind === 'signing') return isTest ? jpkiSigningTest : jpkiSigning;
  if (trust.profile === 'plain') return { ...plainUser, policies: trust.policies };
  if (isTest) return jpkiUserTest;
  return { ...jpkiUser, policies: [...jpkiUser.policies, ...trust.phonePolicies] };
}

/** Every path through it is checked when it is used: here it must only be readable. */
function loadIntermediate(file: string, profile: CertificateProfile): TrustAnchor {
  const certificate = parseCertificate(readOne(file));
  return { id: certificate.fingerprint, certificate, profile, constrained: false };
}

function readOne(file: string): Uint8Array {
  const [certificate, ...others] = readCertificateFile(readFileSync(file));
  if (certificate === undefined || others.length > 0) {
    throw new PkiError('anchor_invalid', 'the file holds more than one certificate');
  }
  return certificate;
}
