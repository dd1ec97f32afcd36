import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { importJWK } from 'jose';
import * as oidc from 'openid-client';
import { type Assets, loadAssets } from '../../../provider/web/assets.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../../../provider/world.ts';
import { createLogoutTokenCheck } from './back_channel_logout.ts';
import { createSignIn } from './sign_in.ts';
import { createSiteHandler, type Log } from './site_handler.ts';
import { type SiteCredentials, type SiteName, scopeOf, sites } from './sites.ts';
import { createVisitors } from './visitors.ts';

/** Milliseconds. Bodies are tiny and come from this machine. */
const REQUEST_TIMEOUT = 5_000;
const MAX_CONNECTIONS = 200;

export interface RelyingPartiesOptions {
  /** The hub's issuer. It need not be up yet. */
  issuer: string;
  /** 0 picks a free one. */
  clinicPort: number;
  shopPort: number;
  clients: SiteCredentials;
  clock?: Clock;
  random?: Random;
  /** Told of every refusal; the default writes one line of JSON to stderr. */
  log?: Log;
}

export interface RelyingParties {
  /** Origins, e.g. `http://localhost:4001`. */
  listening: Record<SiteName, string>;
  /** Finishes the requests in flight and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts both demo sites on loopback.
 *
 * @throws the system's error when a port is taken; TypeError when the clinic's key cannot be read
 */
export async function startRelyingParties(options: RelyingPartiesOptions): Promise<RelyingParties> {
  const authentication = {
    clinic: await keyAuthentication(options.clients.clinic.private_jwk),
    shop: oidc.ClientSecretBasic(options.clients.shop.client_secret),
  };
  const ownFiles = ['relying_parties.css', 'clinic.svg', 'shop.svg'];
  const assets = loadAssets({
    extraFiles: Object.fromEntries(ownFiles.map((name) => [name, join(import.meta.dirname, 'pages', name)])),
  });
  const servers = { clinic: newServer(), shop: newServer() };
  try {
    const listening = {
      clinic: `http://${sites.clinic.host}:${await listen(servers.clinic, options.clinicPort)}`,
      shop: `http://${sites.shop.host}:${await listen(servers.shop, options.shopPort)}`,
    };
    for (const name of ['clinic', 'shop'] as const) {
      servers[name].on('request', openSite(name, { options, listening, authentication: authentication[name], assets }));
    }
    return { listening, close: () => closeAll(Object.values(servers)) };
  } catch (error) {
    await closeAll(Object.values(servers));
    throw error;
  }
}

function openSite(
  name: SiteName,
  world: {
    options: RelyingPartiesOptions;
    listening: Record<SiteName, string>;
    authentication: oidc.ClientAuth;
    assets: Assets;
  },
) {
  const { clients, clock = systemClock, random = systemRandom, log = logToStderr } = world.options;
  const site = sites[name];
  const other = name === 'clinic' ? 'shop' : 'clinic';
  const origin = world.listening[name];
  const issuer = new URL(world.options.issuer);
  const clientId = clients[name].client_id;
  const signIn = createSignIn({
    issuer,
    clientId,
    authentication: world.authentication,
    redirectUri: `${origin}/callback`,
    scope: scopeOf(site),
    pushRequest: site.pushesRequests,
  });
  return createSiteHandler({
    site,
    origin,
    neighbour: { site: sites[other], origin: world.listening[other] },
    issuer,
    signIn,
    checkLogoutToken: createLogoutTokenCheck({ hub: signIn.hub, clientId, clock }),
    // Cookies ignore ports: the hub and other programs on this machine see and could overwrite one of a common name.
    visitors: createVisitors({ cookieName: `musubi_demo_${name}`, clock, random }),
    assets: world.assets,
    random,
    log,
  });
}

async function keyAuthentication(privateJwk: SiteCredentials['clinic']['private_jwk']): Promise<oidc.ClientAuth> {
  const key = await importJWK(privateJwk, 'ES256');
  if (key instanceof Uint8Array) throw new TypeError("the clinic's private_jwk is no private key");
  return oidc.PrivateKeyJwt(privateJwk.kid === undefined ? key : { key, kid: privateJwk.kid });
}

function newServer(): Server {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT, headersTimeout: REQUEST_TIMEOUT });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      if (!server.listening) return undefined;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      return closed;
    }),
  );
}

const logToStderr: Log = (line) => {
  process.stderr.write(`${JSON.stringify(line)}\n`);
};
