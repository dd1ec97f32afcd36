import { isDeepStrictEqual } from 'node:util';
import { errors, type Provider } from 'oidc-provider';
import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock, Random } from '../world.ts';
import type { StoredClient } from './oidc_stores.ts';
import { PORTAL_CLIENT_ID } from './portal_client.ts';

export type ClientMetadata = Record<string, unknown>;

export interface Clients {
  /**
   * Registers a relying party from RFC 7591 metadata; the engine's own schema judges it. Returns the registered
   * client with its id and, this once, its secret. Throws HubError `invalid_client_metadata` or `client_exists`.
   */
  add(metadata: ClientMetadata): Promise<ClientMetadata>;
  /** Without secrets, and without those that stand for SAML service providers. */
  list(): Promise<readonly ClientMetadata[]>;
  /** Without the secret. Throws HubError `client_not_found`. */
  show(clientId: string): Promise<ClientMetadata>;
  /**
   * Its tokens die with it: the engine finds no client for them. Throws HubError `client_not_found`,
   * `client_is_service_provider`.
   */
  remove(clientId: string): Promise<void>;
}

/** Metadata that only a registration response may hold (RFC 7591 §3.2.1): the hub decides it. */
const NOT_THEIRS = ['client_id_issued_at', 'client_secret_expires_at', 'registration_access_token', 'saml_sector'];

export function createClients(world: {
  storage: Storage;
  engine: () => Provider;
  clock: Clock;
  random: Random;
  /** Plain http on this machine, for development. */
  allowLoopback: boolean;
}): Clients {
  const { storage, clock, random } = world;

  const clients: Clients = {
    async add(metadata) {
      for (const name of NOT_THEIRS) {
        if (name in metadata) throw invalid(`${name} is given by the hub`);
      }
      const { Client } = world.engine();
      const clientId = metadata.client_id ?? `rp-${Buffer.from(random(9)).toString('base64url')}`;
      const draft: ClientMetadata = { ...metadata, client_id: clientId };
      if (needsSecret(Client, draft)) draft.client_secret ??= Buffer.from(random(32)).toString('base64url');

      assertRedirectUris(metadata.redirect_uris, world);
      const registered = registeredClient(Client, draft);
      warnOfUnknown(metadata, registered);
      const stored: StoredClient = { clientId: String(clientId), metadata: registered, createdAt: clock() };
      await storage.transaction(async (stores) => {
        if (stored.clientId === PORTAL_CLIENT_ID || !(await stores.clients.insert(stored))) {
          throw new HubError('client_exists', 409, `The client id ${stored.clientId} is taken.`);
        }
        await stores.audit.append(
          {
            kind: 'client.added',
            actor: 'operator',
            clientId: stored.clientId,
            data: { name: registered.client_name },
          },
          clock(),
        );
      });
      await checkSector(Client, stored.clientId);
      return { ...registered, client_id_issued_at: Math.floor(stored.createdAt / 1000) };
    },

    async list() {
      const stored = await storage.clients.list();
      return stored.filter(({ metadata }) => !isInternal(metadata)).map(({ metadata }) => withoutSecret(metadata));
    },

    async show(clientId) {
      const metadata = await storage.clients.find(clientId);
      if (!metadata) throw notFound(clientId);
      return withoutSecret(metadata);
    },

    async remove(clientId) {
      await storage.transaction(async (stores) => {
        const metadata = await stores.clients.find(clientId);
        if (metadata && isInternal(metadata)) {
          const message = `${clientId} is a SAML service provider: remove it by musubi saml remove.`;
          throw new HubError('client_is_service_provider', 409, message);
        }
        if (!(await stores.clients.remove(clientId))) throw notFound(clientId);
        await stores.latestConsents.endAllOf(clientId, clock());
        await stores.audit.append({ kind: 'client.removed', actor: 'operator', clientId }, clock());
      });
    },
  };
  return clients;

  /** `sector_identifier_uri` is fetched and compared by the engine when it loads the client; a bad one is not kept. */
  async function checkSector(Client: Provider['Client'], clientId: string): Promise<void> {
    try {
      await Client.find(clientId);
    } catch (error) {
      await clients.remove(clientId);
      throw error instanceof errors.OIDCProviderError
        ? invalid(error.error_description ?? error.message, error)
        : error;
    }
  }
}

/**
 * The metadata as the engine keeps it: judged by its schema, defaults filled in.
 *
 * @throws HubError `invalid_client_metadata`
 */
export function registeredClient(Client: Provider['Client'], draft: ClientMetadata): ClientMetadata {
  try {
    const Registered = Client as unknown as new (metadata: ClientMetadata) => { metadata(): ClientMetadata }; // the constructor is left out of its type declarations
    return new Registered(draft).metadata();
  } catch (error) {
    // The schema computes with values before it has judged their types: what it stumbles over is the input's fault.
    if (error instanceof errors.OIDCProviderError) throw invalid(error.error_description ?? error.message, error);
    if (error instanceof TypeError) throw invalid(error.message, error);
    throw error;
  }
}

/**
 * Redirect addresses are absolute, without user info, and https; a private scheme is an app's (RFC 8252 §7.1), and plain
 * http is for this machine, where the operator allows it. What else they must be is the engine's to say.
 */
function assertRedirectUris(uris: unknown, { allowLoopback }: { allowLoopback: boolean }): void {
  if (uris === undefined) return;
  if (!Array.isArray(uris)) throw invalid('redirect_uris must be a list');
  for (const uri of uris) {
    if (typeof uri !== 'string' || !URL.canParse(uri)) throw invalid(`${JSON.stringify(uri)} is not an absolute URI`);
    const { protocol, hostname, username, password } = new URL(uri);
    if (username !== '' || password !== '') throw invalid(`${uri} has user info`);
    if (['javascript:', 'data:', 'vbscript:', 'file:', 'blob:'].includes(protocol))
      throw invalid(`${uri} is no address`);
    const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
    if (protocol === 'http:' && !(allowLoopback && isLoopback)) {
      throw invalid(`${uri} must be https${allowLoopback ? ', or http on this machine' : ''}`);
    }
  }
}

/** A misspelt name would be dropped in silence and the relying party wonder why; say which. */
function warnOfUnknown(given: ClientMetadata, registered: ClientMetadata): void {
  const dropped = Object.keys(given).filter(
    (name) => !Object.hasOwn(registered, name) && !isDeepStrictEqual(given[name], []),
  );
  if (dropped.length > 0) throw invalid(`not known to this hub: ${dropped.join(', ')}`);
}

function needsSecret(Client: Provider['Client'], draft: ClientMetadata): boolean {
  // Static in the engine, absent from its type declarations.
  return (Client as unknown as { needsSecret(metadata: ClientMetadata): boolean }).needsSecret(draft);
}

/** Whether the client stands for a SAML service provider. */
function isInternal(metadata: ClientMetadata): boolean {
  return metadata.saml_sector !== undefined;
}

function withoutSecret({ client_secret: _secret, ...metadata }: ClientMetadata): ClientMetadata {
  return metadata;
}

function invalid(message: string, cause?: unknown): HubError {
  return new HubError('invalid_client_metadata', 400, `The client metadata is not valid: ${message}`, { cause });
}

function notFound(clientId: string): HubError {
  return new HubError('client_not_found', 404, `No client ${clientId} is registered.`);
}
