import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import Provider, { type ClientMetadata, type Configuration } from 'oidc-provider';
import { builtInCatalogue, claimsByScope } from '../../provider/attributes/catalogue/catalogue.ts';

/**
 * A hub without cards, pages and database, for tests of relying parties: oidc-provider with its in-memory store, and
 * interactions that decide by themselves.
 */
export interface BareHub {
  readonly issuer: string;
  /** Opens it for these clients; before, every request is answered with 503. */
  open(clients: readonly Record<string, unknown>[]): void;
  /** What the next sign-ins are like; change it at will. */
  person: { accountId: string; acr: string; amr: string[]; claims: Record<string, unknown>; refuses: boolean };
  /** Answers for a path in place of the engine's own. */
  readonly overrides: Map<string, { status: number; body: unknown }>;
  /** A JWT signed with the key that this hub's ID tokens are signed with. */
  signJwt(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export async function startBareHub(): Promise<BareHub> {
  const key: JWK = { ...newKey(), alg: 'ES256', use: 'sig', kid: 'bare-hub' };
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  let engine: Provider | undefined;

  const hub: BareHub = {
    issuer,
    person: {
      accountId: 'hanako',
      acr: 'aal3',
      amr: ['sc', 'pin', 'hwk', 'mfa'],
      claims: { card_status: { status: 'good', checked_at: 1_800_000_000, source: 'crl', as_of: 1_799_990_000 } },
      refuses: false,
    },
    overrides: new Map(),
    open(clients) {
      engine = new Provider(issuer, configuration(hub, key, clients));
    },
    async signJwt(claims, header = {}) {
      const protectedHeader = { alg: 'ES256', kid: 'bare-hub', typ: 'logout+jwt', ...header };
      return new SignJWT(claims).setProtectedHeader(protectedHeader).sign(await importJWK(key, 'ES256'));
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };

  server.on('request', (request, response) => {
    answer(hub, engine, request, response).catch(() => response.writeHead(500).end());
  });
  return hub;
}

async function answer(hub: BareHub, engine: Provider | undefined, request: IncomingMessage, response: ServerResponse) {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const override = hub.overrides.get(path);
  if (override || !engine) {
    response.writeHead(override?.status ?? 503, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(override?.body ?? {}));
    return;
  }
  if (!path.startsWith('/interaction/')) {
    await engine.callback()(request, response);
    return;
  }
  const { accountId, acr, amr, refuses } = hub.person;
  await engine.interactionFinished(
    request,
    response,
    refuses ? { error: 'access_denied' } : { login: { accountId, acr, amr } },
  );
}

function configuration(hub: BareHub, key: JWK, clients: readonly Record<string, unknown>[]): Configuration {
  return {
    clients: clients as unknown as ClientMetadata[], // RFC 7591 metadata; the engine's schema judges it
    jwks: { keys: [key as never] },
    cookies: { keys: ['bare-hub'] },
    // The engine's dispatcher refuses loopback, where the relying parties of a test are.
    fetch: (url, options) => fetch(url, { ...(options as RequestInit), dispatcher: undefined } as RequestInit),
    acrValues: ['aal3'],
    claims: {
      ...{ acr: null, amr: null, auth_time: null, iss: null, sid: null },
      ...claimsByScope(builtInCatalogue),
      // With every answer, as the hub's own (claims_provenance.ts).
      openid: ['sub', 'claims_provenance', 'claims_unavailable'],
    },
    subjectTypes: ['pairwise'],
    // The engine's sector is host and port; the ports of a test change, and OIDC Core §8.1 means the host alone.
    pairwiseIdentifier: async (_ctx, accountId, client) => {
      const { sectorIdentifier } = client as typeof client & { sectorIdentifier: string };
      return `${accountId}@${new URL(`http://${sectorIdentifier}`).hostname}`;
    },
    findAccount: async (_ctx, accountId) => ({
      accountId,
      claims: async () => ({ sub: accountId, ...hub.person.claims }),
    }),
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
      grant.addOIDCScope(String(ctx.oidc.params?.scope));
      await grant.save();
      return grant;
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    extraClientMetadata: { properties: ['client_name#ja', 'client_name#en', 'purpose#ja', 'purpose#en'] },
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], clientAuthSigningAlgValues: ['ES256'] },
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic'],
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      claimsParameter: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
    },
    renderError(ctx, out) {
      ctx.body = out;
    },
  };
}

export function newKey(): JWK {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as JWK;
}
