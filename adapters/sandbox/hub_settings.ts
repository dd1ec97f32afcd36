import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AnchorsFile } from './authority/anchors.ts';
import type { TlsFiles } from './web_tls.ts';

export interface SandboxPorts {
  hub: number;
  mutualTls: number;
  /** Where browsers are asked for a citizen's certificate. */
  signInTls: number;
  authority: number;
  cardAgent: number;
  clinic: number;
  shop: number;
}

export interface SandboxAddresses {
  authority: string;
  cardAgent: string;
}

/** Seconds: the sandbox's citizens are revoked while somebody watches. */
const LOOK_AT_LISTS_EVERY = 10;

/** The hub's settings beside its simulated neighbours, in the shape of a configuration file. */
export async function hubSettings(sandbox: {
  dataFolder: string;
  ports: SandboxPorts;
  addresses: SandboxAddresses;
  tls: TlsFiles;
  now: number;
}): Promise<Record<string, unknown>> {
  const { dataFolder, ports, addresses, tls, now } = sandbox;
  const folder = join(dataFolder, 'sandbox', 'authority');
  const { anchors } = JSON.parse(await readFile(join(folder, 'anchors.json'), 'utf8')) as AnchorsFile;
  const nameOf = ({ kind, generation }: { kind: string; generation: number }) => `${kind}-${generation}`;
  // A generation that has ended signs no lists any more; its certificates are refused for the root's own date.
  const current = anchors.filter((anchor) => Date.parse(anchor.notAfter) > now);
  return {
    mode: 'sandbox',
    publicUrl: `http://localhost:${ports.hub}`,
    dataFolder,
    listen: { host: '127.0.0.1', port: ports.hub },
    mutualTls: {
      publicUrl: `https://localhost:${ports.mutualTls}`,
      port: ports.mutualTls,
      certificateFile: tls.certificateFile,
      keyFile: tls.keyFile,
      clientAuthorityFiles: [tls.authorityFile],
    },
    trust: {
      anchors: anchors.map((anchor) => ({ name: nameOf(anchor), file: join(folder, anchor.file), kind: anchor.kind })),
    },
    revocation: {
      refreshSeconds: LOOK_AT_LISTS_EVERY,
      lists: current.map((anchor) => ({ anchor: nameOf(anchor), url: addresses.authority + anchor.crl.full })),
      responders: current.map((anchor) => ({ anchor: nameOf(anchor), url: addresses.authority + anchor.ocsp })),
    },
    signIn: {
      cardAgentUrls: [addresses.cardAgent],
      tls: {
        publicUrl: `https://localhost:${ports.signInTls}`,
        port: ports.signInTls,
        certificateFile: tls.certificateFile,
        keyFile: tls.keyFile,
      },
    },
    metrics: { listen: 'same' },
  };
}
