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
  kenpo: number;
  kokuho: number;
  card: number;
  points: number;
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
  const anchors = await readAnchors(dataFolder);
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
    trust: { anchors: await anchorSettings(dataFolder) },
    revocation: {
      refreshSeconds: LOOK_AT_LISTS_EVERY,
      lists: current.map((anchor) => ({ anchor: nameOf(anchor), url: addresses.authority + anchor.crl.full })),
      responders: current.map((anchor) => ({ anchor: nameOf(anchor), url: addresses.authority + anchor.ocsp })),
    },
    linkage: {
      url: `${addresses.authority}/linkage`,
      tokenFile: join(authorityFolder(dataFolder), 'service-token'),
      keysFile: join(authorityFolder(dataFolder), 'answer-keys.json'),
      latestAttributesUrl: addresses.authority,
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

/** The setting `trust.anchors` for the roots of a sandbox. */
export async function anchorSettings(dataFolder: string): Promise<{ name: string; file: string; kind: string }[]> {
  const anchors = await readAnchors(dataFolder);
  return anchors.map((anchor) => ({
    name: nameOf(anchor),
    file: join(authorityFolder(dataFolder), anchor.file),
    kind: anchor.kind,
  }));
}

async function readAnchors(dataFolder: string): Promise<AnchorsFile['anchors']> {
  const text = await readFile(join(authorityFolder(dataFolder), 'anchors.json'), 'utf8');
  return (JSON.parse(text) as AnchorsFile).anchors;
}

function authorityFolder(dataFolder: string): string {
  return join(dataFolder, 'sandbox', 'authority');
}

function nameOf({ kind, generation }: { kind: string; generation: number }): string {
  return `${kind}-${generation}`;
}
