import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import { fetchMetadata, metadataQueryUrl } from './metadata/fetch_metadata.ts';
import type { MetadataReader } from './metadata/metadata_reader.ts';
import { isEntityId } from './metadata/read_entity.ts';
import type { MetadataRefresh } from './metadata_refresh.ts';
import { readPins } from './pinned_certificates.ts';
import { changedSettings, DEFAULT_SETTINGS, type SettingsChange } from './provider_settings.ts';
import { decide, type RegistrationWorld, register, renewMetadata } from './registration.ts';
import type { ServiceProviderMetadata } from './service_provider.ts';
import { entitySourceId } from './shown_service_provider.ts';

/** Where the metadata of one service provider is. */
export type MetadataOrigin =
  /** A document; `entityId` where it is about several. */
  | { readonly kind: 'file'; readonly document: Uint8Array; readonly entityId?: string }
  /** The address of one, which is asked again and again. */
  | { readonly kind: 'url'; readonly url: string; readonly entityId?: string }
  /** A metadata query service. */
  | {
      readonly kind: 'mdq';
      readonly url: string;
      readonly entityId: string;
      /** How the service wants the entity id: as it is, or as the digest `{sha1}…`. */
      readonly transform: 'plain' | 'sha1';
    };

export interface AdditionOptions {
  readonly settings?: SettingsChange;
  /** A file of certificates, PEM or DER, of which one must have signed the document. */
  readonly pins?: Uint8Array;
}

export interface AdditionWorld {
  readonly storage: Pick<Storage, 'serviceProviders' | 'transaction'>;
  readonly registration: RegistrationWorld;
  readonly reader: MetadataReader;
  readonly refresh: Pick<MetadataRefresh, 'plan'>;
  /** The guarded one. */
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

/** See `ServiceProviderAdministration.add`. @returns the entity id */
export async function addServiceProvider(
  world: AdditionWorld,
  origin: MetadataOrigin,
  { settings = {}, pins: pinFile }: AdditionOptions = {},
): Promise<string> {
  if (origin.entityId !== undefined && !isEntityId(origin.entityId)) {
    throw new HubError('invalid_request', 400, 'An entity id is a URI of at most 1024 ASCII characters.');
  }
  const pins = pinFile === undefined ? [] : readPins(pinFile);
  if (origin.kind !== 'file') return addFetched(world, origin, settings, pins);
  const { metadata } = await world.reader.entity(origin.document, origin.entityId, pins);
  await addFile(world, metadata, settings);
  return metadata.entityId;
}

async function addFile(
  { storage, registration, clock }: AdditionWorld,
  metadata: ServiceProviderMetadata,
  change: SettingsChange,
): Promise<void> {
  const now = clock();
  await storage.transaction(async (stores) => {
    const current = await stores.serviceProviders.findLocked(metadata.entityId);
    if (current && current.sourceId === undefined) {
      await renewMetadata(stores, registration, current, metadata, { actor: 'operator', now });
      await decide(stores, registration, { ...current, metadata }, change, now);
      return;
    }
    const settings = changedSettings(DEFAULT_SETTINGS, change);
    await register(stores, registration, { metadata, settings }, { sourceId: undefined, actor: 'operator', now });
  });
}

async function addFetched(
  world: AdditionWorld,
  origin: Exclude<MetadataOrigin, { kind: 'file' }>,
  change: SettingsChange,
  pins: readonly string[],
): Promise<string> {
  const { storage, registration, clock } = world;
  if (!URL.canParse(origin.url)) throw new HubError('invalid_request', 400, 'The address of the metadata is none.');
  const url = origin.kind === 'mdq' ? metadataQueryUrl(origin.url, origin.entityId, origin.transform) : origin.url;
  const answer = await fetchMetadata(world.fetch, url, undefined);
  if (answer === 'unchanged') throw new Error('nothing was known before');
  const { octets, etag, lastModified } = answer;
  const { metadata, cacheDuration } = await world.reader.entity(octets, origin.entityId, pins);
  const now = clock();
  const sourceId = entitySourceId(metadata.entityId);
  const source = {
    ...{ sourceId, kind: origin.kind, url, filter: undefined, settings: undefined, pinnedCertificates: pins },
    ...{ addedAt: now, etag, lastModified, fetchedAt: now },
    ...world.refresh.plan({ validUntil: metadata.validUntil, cacheDuration }),
  };
  await storage.transaction(async (stores) => {
    await stores.serviceProviders.insertSource(source);
    const settings = changedSettings(DEFAULT_SETTINGS, change);
    await register(stores, registration, { metadata, settings }, { sourceId, actor: 'operator', now });
  });
  return metadata.entityId;
}
