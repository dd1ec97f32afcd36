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
  readCertificateFile,
  type TrustAnchor,
} from './pki/index.ts';

/** The two certificates of a card. */
export type CertificateKind = 'user' | 'signing';

/** Whom the operator trusts to issue one kind of certificate, and what such a certificate must be. */
export interface Trust {
  readonly profile: CertificateProfile;
  readonly anchors: readonly { readonly name: string; readonly anchor: TrustAnchor }[];
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
  };
}

function profileOf({ mode }: Configuration, kind: CertificateKind): CertificateProfile {
  if (kind === 'signing') return mode === 'sandbox' ? jpkiSigningTest : jpkiSigning;
  return mode === 'sandbox' ? jpkiUserTest : jpkiUser;
}

function readOne(file: string): Uint8Array {
  const [certificate, ...others] = readCertificateFile(readFileSync(file));
  if (certificate === undefined || others.length > 0) {
    throw new PkiError('anchor_invalid', 'the file holds more than one certificate');
  }
  return certificate;
}
