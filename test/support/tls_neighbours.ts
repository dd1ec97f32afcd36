import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { ClientCertificateFiles } from '../../adapters/outbound/client_certificate.ts';
import {
  createWebAuthority,
  type IssuedCertificate,
  issueTlsClientCertificate,
  issueTlsServerCertificate,
} from '../../adapters/sandbox/pki/index.ts';

/** PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** A certification authority for servers on loopback and for their clients. */
export interface NeighbourAuthority {
  /** Its certificate, PEM. */
  readonly ca: string;
  server(): Promise<TlsIdentity>;
  client(commonName: string): Promise<TlsIdentity>;
}

export async function createNeighbourAuthority(): Promise<NeighbourAuthority> {
  const authority = await createWebAuthority({ commonName: 'Neighbours' });
  return {
    ca: authority.pem,
    server: async () => identityOf(await issueTlsServerCertificate(authority, ['127.0.0.1'])),
    client: async (name) => identityOf(await issueTlsClientCertificate(authority, { subject: [['CN', name]] })),
  };
}

function identityOf({ pem, key }: IssuedCertificate): TlsIdentity {
  return { cert: pem, key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Has this process believe servers of the authority, too, as NODE_EXTRA_CA_CERTS does. */
export function trustInThisProcess({ ca }: NeighbourAuthority): void {
  setDefaultCACertificates([...getCACertificates('default'), ca]);
}

/** A client certificate in files, as an operator has it. */
export function writeIdentity(identity: TlsIdentity): ClientCertificateFiles & {
  /** Replaces what is given. */
  replace(by: Partial<TlsIdentity>): void;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-client-certificate-'));
  const files = { certificateFile: join(folder, 'hub.crt'), keyFile: join(folder, 'hub.key') };
  const replace = ({ cert, key }: Partial<TlsIdentity>) => {
    if (cert !== undefined) writeFileSync(files.certificateFile, cert);
    if (key !== undefined) writeFileSync(files.keyFile, key);
  };
  replace(identity);
  return { ...files, replace, remove: () => rmSync(folder, { recursive: true }) };
}
