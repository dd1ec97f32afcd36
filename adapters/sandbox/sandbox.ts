import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ProviderAdministration } from '../../provider/attributes/providers/provider_administration.ts';
import type { Clients } from '../../provider/oidc/clients.ts';
import type { Clock } from '../../provider/world.ts';
import { ensureProviderKey, registerProviders } from './attribute_providers/register_providers.ts';
import { type ProviderName, SANDBOX_PROVIDERS } from './attribute_providers/sandbox_providers.ts';
import { writeFileAtomically } from './authority/write_file.ts';
import { hubSettings, type SandboxPorts } from './hub_settings.ts';
import { type Neighbour, startNeighbour } from './neighbour.ts';
import {
  clinicMetadata,
  generateClinicKey,
  type SiteCredentials,
  shopMetadata,
  sites,
} from './relying_parties/sites.ts';
import { ensureWebTls } from './web_tls.ts';

/** The neighbours that must be there before the hub: the authority and the card agent. */
export interface Sandbox {
  /** Settings for a hub among them, in the shape of a configuration file. */
  readonly settings: Record<string, unknown>;
  readonly cardsFolder: string;
  /** Registers the demo relying parties at the hub (once) and starts them. */
  startRelyingParties(hub: { issuer: string; clients: Clients }): Promise<{ clinic: string; shop: string }>;
  /**
   * Starts the insurers and the card issuers, registers them at the hub (once), and says what the relying parties, which
   * are registered by then, accept.
   */
  startAttributeProviders(hub: { issuer: string; attributeProviders: ProviderAdministration }): Promise<void>;
  /** Stops every neighbour. */
  stop(): Promise<void>;
}

export const DEFAULT_PORTS: SandboxPorts = {
  hub: 3000,
  mutualTls: 3443,
  signInTls: 3444,
  authority: 3100,
  cardAgent: 35_975,
  clinic: 4001,
  shop: 4002,
  kenpo: 4101,
  kokuho: 4102,
  card: 4103,
  points: 4104,
};

/** Starts the simulated authority and the card agent beside each other, each a process of its own. */
export async function startSandbox(options: {
  /** Absolute. */
  dataFolder: string;
  ports: SandboxPorts;
  clock: Clock;
}): Promise<Sandbox> {
  const { dataFolder, ports, clock } = options;
  const cardsFolder = join(dataFolder, 'cards');
  await mkdir(cardsFolder, { recursive: true, mode: 0o700 });
  const started: Promise<Neighbour>[] = [];
  const start = (name: string, script: string, args: readonly string[]) => {
    const neighbour = startNeighbour(name, script, args);
    started.push(neighbour);
    return neighbour;
  };
  const stop = async () => {
    // One that is still starting while another has failed is waited for: it would be left behind otherwise.
    const neighbours = await Promise.allSettled(started);
    await Promise.all(neighbours.map((each) => (each.status === 'fulfilled' ? each.value.stop() : undefined)));
  };

  try {
    const [authority, cardAgent, tls] = await Promise.all([
      start('authority', './authority/main.ts', ['--data', dataFolder, '--port', String(ports.authority)]),
      start('card agent', '../card/main.ts', ['--cards', cardsFolder, '--port', String(ports.cardAgent)]),
      ensureWebTls(dataFolder),
    ]);
    const addresses = { authority: String(authority.listening), cardAgent: String(cardAgent.listening) };
    return {
      settings: await hubSettings({ dataFolder, ports, addresses, tls, now: clock() }),
      cardsFolder,
      stop,

      async startRelyingParties({ issuer, clients }) {
        const file = join(dataFolder, 'sandbox', 'relying-parties.json');
        await writeFileAtomically(file, `${JSON.stringify(await registerSites(file, clients, ports), null, 2)}\n`);
        const parties = await start('relying parties', './relying_parties/main.ts', [
          '--issuer',
          issuer,
          '--clients',
          file,
          '--clinic-port',
          String(ports.clinic),
          '--shop-port',
          String(ports.shop),
        ]);
        return parties.listening as { clinic: string; shop: string };
      },

      async startAttributeProviders({ issuer, attributeProviders }) {
        const names = Object.keys(SANDBOX_PROVIDERS) as ProviderName[];
        const folder = join(dataFolder, 'sandbox');
        const running = await Promise.all(
          names.map(async (name) => {
            const { file, keys } = await ensureProviderKey(folder, name);
            const provider = await start(`attribute provider ${name}`, './attribute_providers/main.ts', [
              ...['--provider', name, '--issuer', issuer, '--key', file, '--port', String(ports[name])],
            ]);
            return { provider: SANDBOX_PROVIDERS[name], url: String(provider.listening), keys };
          }),
        );
        await registerProviders(attributeProviders, running);
        for (const name of ['clinic', 'shop'] as const) {
          await attributeProviders.accept(CLIENT_IDS[name], sites[name].accepts, true);
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const CLIENT_IDS = { clinic: 'musubi-clinic', shop: 'musubi-store' } as const;

const savedSchema = z.object({
  clinic: z.object({ client_id: z.string(), private_jwk: z.looseObject({ kty: z.string() }) }),
  shop: z.object({ client_id: z.string(), client_secret: z.string() }),
});

/** The two demo sites as clients of the hub: registered at first start, and again when the ports have changed. */
async function registerSites(file: string, clients: Clients, ports: SandboxPorts): Promise<SiteCredentials> {
  const saved = savedSchema.safeParse(await readJson(file)).data;
  const clinicKey = (saved?.clinic.private_jwk ?? generateClinicKey()) as SiteCredentials['clinic']['private_jwk'];
  const secret = saved?.shop.client_secret ?? randomBytes(32).toString('base64url');
  const origin = (site: 'clinic' | 'shop') => `http://${sites[site].host}:${ports[site]}`;
  await ensureClient(clients, CLIENT_IDS.clinic, clinicMetadata(origin('clinic'), clinicKey));
  await ensureClient(clients, CLIENT_IDS.shop, shopMetadata(origin('shop')), secret);
  return {
    clinic: { client_id: CLIENT_IDS.clinic, private_jwk: clinicKey },
    shop: { client_id: CLIENT_IDS.shop, client_secret: secret },
  };
}

async function ensureClient(
  clients: Clients,
  clientId: string,
  metadata: Record<string, unknown>,
  secret?: string,
): Promise<void> {
  const known = (await clients.list()).find((client) => client.client_id === clientId);
  if (known && Object.entries(metadata).every(([name, value]) => isDeepStrictEqual(known[name], value))) return;
  if (known) await clients.remove(clientId);
  await clients.add({ ...metadata, client_id: clientId, ...(secret ? { client_secret: secret } : {}) });
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}
