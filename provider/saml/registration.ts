import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { HubError } from '../errors.ts';
import type { Stores } from '../storage.ts';
import { internalClient } from './internal_client.ts';
import { assertPossible, changedSettings, type SettingsChange } from './provider_settings.ts';
import type { ServiceProvider, ServiceProviderMetadata } from './service_provider.ts';
import type { ServiceProviderRecord } from './service_provider_store.ts';

/* Changes to the register. Each is made with its client and its audit event in the transaction of whoever calls. */

export type RegistrationStores = Pick<Stores, 'serviceProviders' | 'clients' | 'latestConsents' | 'audit'>;

export interface RegistrationWorld {
  readonly catalogue: Catalogue;
  /** The hub's public URL. */
  readonly issuer: string;
  /** A client as the engine keeps it. Throws HubError `invalid_client_metadata`. */
  readonly judgeClient: (metadata: Record<string, unknown>) => Record<string, unknown>;
}

type Actor = 'operator' | 'hub';

/** Addresses and keys that one audit event names at most. */
const NAMED = 10;

/**
 * @throws HubError `service_provider_exists`, `client_exists` when an OpenID Connect client has this id,
 *   `saml_settings_impossible`, `invalid_client_metadata`; nothing is stored then, and the transaction can go on
 */
export async function register(
  stores: RegistrationStores,
  { catalogue, issuer, judgeClient }: RegistrationWorld,
  provider: ServiceProvider,
  { sourceId, actor, now }: { sourceId: string | undefined; actor: Actor; now: number },
): Promise<void> {
  const { entityId } = provider.metadata;
  assertPossible(provider.metadata, provider.settings, catalogue);
  const client = { clientId: entityId, metadata: judgeClient(internalClient(provider, issuer)), createdAt: now };
  if (!(await stores.clients.insert(client))) {
    throw (await stores.serviceProviders.find(entityId))
      ? new HubError('service_provider_exists', 409, `The service provider ${entityId} is registered already.`)
      : new HubError('client_exists', 409, `The client id ${entityId} is taken.`);
  }
  await stores.serviceProviders.insert(provider, sourceId, now);
  const data = { source: sourceId ?? 'file', ...trustOf(provider.metadata), settings: provider.settings };
  await stores.audit.append({ kind: 'service_provider.added', actor, clientId: entityId, data }, now);
}

/**
 * New metadata of one that is registered (as `findLocked` gives it), and whether it says anything new. That it holds for longer is stored, and is no
 * event.
 *
 * @throws HubError `invalid_client_metadata`; nothing is stored then
 */
export async function renewMetadata(
  stores: RegistrationStores,
  { issuer, judgeClient }: RegistrationWorld,
  current: ServiceProviderRecord,
  metadata: ServiceProviderMetadata,
  { actor, now }: { actor: Actor; now: number },
): Promise<boolean> {
  const changed = changedParts(current.metadata, metadata);
  if (changed.length === 0) return false;
  const { entityId } = metadata;
  if (changed.every((part) => part === 'validUntil')) {
    await stores.serviceProviders.setMetadata(metadata, now);
    return false;
  }
  const client = judgeClient(internalClient({ metadata, settings: current.settings }, issuer));
  await stores.serviceProviders.setMetadata(metadata, now);
  await stores.clients.replace(entityId, client);
  const data = { changed, ...trustOf(metadata), before: trustOf(current.metadata) };
  await stores.audit.append({ kind: 'service_provider.refreshed', actor, clientId: entityId, data }, now);
  return true;
}

/**
 * Other settings for one that is registered (as `findLocked` gives it).
 *
 * @throws HubError `saml_settings_impossible`, `invalid_client_metadata`; nothing is stored then
 */
export async function decide(
  stores: RegistrationStores,
  { catalogue, issuer, judgeClient }: RegistrationWorld,
  { metadata, settings: before }: ServiceProvider,
  change: SettingsChange,
  now: number,
): Promise<void> {
  const settings = changedSettings(before, change);
  assertPossible(metadata, settings, catalogue);
  const changed = Object.keys(change).filter((name) => change[name as keyof SettingsChange] !== undefined);
  if (changed.length === 0) return;
  const { entityId } = metadata;
  const client = judgeClient(internalClient({ metadata, settings }, issuer));
  await stores.serviceProviders.setSettings(entityId, settings, now);
  await stores.clients.replace(entityId, client);
  const data = { changed, settings };
  await stores.audit.append({ kind: 'service_provider.changed', actor: 'operator', clientId: entityId, data }, now);
}

/** Its tokens and latest-attributes consents end with it. @throws HubError `service_provider_not_found` */
export async function unregister(
  stores: RegistrationStores,
  entityId: string,
  { actor, now }: { actor: Actor; now: number },
): Promise<void> {
  if (!(await stores.serviceProviders.remove(entityId))) throw notFound(entityId);
  await stores.clients.remove(entityId);
  await stores.latestConsents.endAllOf(entityId, now);
  await stores.audit.append({ kind: 'service_provider.removed', actor, clientId: entityId }, now);
}

export function notFound(entityId: string): HubError {
  return new HubError('service_provider_not_found', 404, `No service provider ${entityId} is registered.`);
}

/** SHA-256 of a certificate, as much of it as tells two apart. */
export function shortFingerprint(certificate: string): string {
  return createHash('sha256').update(Buffer.from(certificate, 'base64')).digest('hex').slice(0, 16);
}

/** What an attacker would have to change to be sent what is another's. */
function trustOf(metadata: ServiceProviderMetadata): Record<string, readonly string[]> {
  return {
    signingKeys: metadata.signingCertificates.slice(0, NAMED).map(shortFingerprint),
    encryptionKeys: metadata.encryptionCertificates.slice(0, NAMED).map(shortFingerprint),
    assertionConsumerServices: metadata.assertionConsumerServices.slice(0, NAMED).map(({ location }) => location),
  };
}

/** Names of what is not the same. */
export function changedParts(before: ServiceProviderMetadata, after: ServiceProviderMetadata): string[] {
  // As it is stored: what is undefined is not there.
  const stored: Record<string, unknown> = JSON.parse(JSON.stringify(after));
  const known: Record<string, unknown> = JSON.parse(JSON.stringify(before));
  const names = [...new Set([...Object.keys(known), ...Object.keys(stored)])];
  return names.filter((name) => !isDeepStrictEqual(known[name], stored[name]));
}
