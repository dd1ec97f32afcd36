import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { distributionPointOf, encodePem } from '../pki/index.ts';
import { MUNICIPALITIES } from './municipalities.ts';
import type { AuthorityState } from './state.ts';
import { writeFileAtomically } from './write_file.ts';

/** `anchors.json`: what a hub needs to trust this sandbox. Paths are below the authority's address. */
export interface AnchorsFile {
  format: 'musubi-sandbox-anchors:1';
  organization: string;
  anchors: Anchor[];
  services: { linkage: string; consents: string; latestAttributes: string; keys: string };
}

export interface Anchor {
  kind: 'user' | 'signing';
  generation: number;
  /** PEM file beside anchors.json. */
  file: string;
  /** SHA-256 of the certificate, hex. */
  fingerprint: string;
  /** ISO 8601. The first generation has ended: it is listed so that its cards can be recognised and refused. */
  notBefore: string;
  notAfter: string;
  ocsp: string;
  crl: {
    full: string;
    /** The lists by municipality, each with the Name (DER, base64) that certificates' distribution points give. */
    partitions: { municipality: string; distributionPoint: string; path: string }[];
  };
}

export function describeAnchors(state: AuthorityState): AnchorsFile {
  return {
    format: 'musubi-sandbox-anchors:1',
    organization: state.organization,
    anchors: state.roots.map(({ kind, generation, certificate, notBefore, notAfter }) => ({
      kind,
      generation,
      file: `anchors/${kind}-${generation}.pem`,
      fingerprint: createHash('sha256').update(Buffer.from(certificate, 'base64')).digest('hex'),
      notBefore: new Date(notBefore).toISOString(),
      notAfter: new Date(notAfter).toISOString(),
      ocsp: `/ocsp/${kind}`,
      crl: {
        full: `/crl/${kind}/${generation}/full.crl`,
        partitions: MUNICIPALITIES.map((municipality) => ({
          municipality: municipality.code,
          distributionPoint: distributionPointOf({ kind, organization: state.organization }, municipality).toString(
            'base64',
          ),
          path: `/crl/${kind}/${generation}/${municipality.code}.crl`,
        })),
      },
    })),
    services: { linkage: '/linkage', consents: '/consents', latestAttributes: '/latest-attributes', keys: '/keys' },
  };
}

export const anchorsPem = (state: AuthorityState): string =>
  state.roots.map(({ certificate }) => encodePem('CERTIFICATE', Buffer.from(certificate, 'base64'))).join('');

/** Writes `anchors.json` and `anchors/{user,signing}-{1,2,3}.pem` into the authority's folder. */
export async function writeAnchors(folder: string, state: AuthorityState): Promise<void> {
  await mkdir(join(folder, 'anchors'), { recursive: true, mode: 0o700 });
  await Promise.all(
    state.roots.map(({ kind, generation, certificate }) =>
      writeFileAtomically(
        join(folder, 'anchors', `${kind}-${generation}.pem`),
        encodePem('CERTIFICATE', Buffer.from(certificate, 'base64')),
      ),
    ),
  );
  await writeFileAtomically(join(folder, 'anchors.json'), `${JSON.stringify(describeAnchors(state), null, 2)}\n`);
}
