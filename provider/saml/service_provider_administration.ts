import { HubError } from '../errors.ts';
import type { Storage, Stores } from '../storage.ts';
import type { Clock } from '../world.ts';
import { createFeedAdministration, type FeedAdministration } from './feed_administration.ts';
import { internalClient } from './internal_client.ts';
import { fetchMetadata, metadataQueryUrl } from './metadata/fetch_metadata.ts';
import type { MetadataReader } from './metadata/metadata_reader.ts';
import { isEntityId, type ReadEntity } from './metadata/read_entity.ts';
import type { MetadataRefresh } from './metadata_refresh.ts';
import { readPins } from './pinned_certificates.ts';
import { assertPossible, changedSettings, DEFAULT_SETTINGS, type SettingsChange } from './provider_settings.ts';
import { notFound, type RegistrationWorld, register, renewMetadata, unregister } from './registration.ts';
import type { MetadataSource, ServiceProviderRecord } from './service_provider_store.ts';
import {
  entitySourceId,
  type ShownServiceProvider,
  type ShownServiceProviderDetails,
  shown,
  shownDetails,
  sourceName,
} from './shown_service_provider.ts';

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

/** What came of looking at one source, by entity id or name of the feed. */
export interface RefreshReport {
  readonly source: string;
  readonly outcome: 'changed' | 'unchanged' | 'failed';
  readonly failure?: string;
}

/** The register of service providers, as operators work on it. */
export interface ServiceProviderAdministration {
  /**
   * Registers a service provider by its metadata; a file brings one that came as a file up to date, and leaves its settings
   * as they are but for those that are given.
   *
   * @param options.pins a file of certificates, PEM or DER, of which one must have signed the document
   * @throws HubError `saml_metadata_invalid`, `saml_metadata_expired`, `saml_metadata_signature_invalid`,
   *   `saml_metadata_unreachable`, `saml_entity_not_found`, `saml_pin_invalid`, `saml_settings_impossible`,
   *   `service_provider_exists`, `client_exists`, `invalid_client_metadata`
   */
  add(
    origin: MetadataOrigin,
    options?: { readonly settings?: SettingsChange; readonly pins?: Uint8Array },
  ): Promise<ShownServiceProviderDetails>;
  list(): Promise<readonly ShownServiceProvider[]>;
  /** @throws HubError `service_provider_not_found` */
  show(entityId: string): Promise<ShownServiceProviderDetails>;
  /** @throws HubError `service_provider_not_found`, `saml_settings_impossible`, `invalid_client_metadata` */
  set(entityId: string, change: SettingsChange): Promise<ShownServiceProviderDetails>;
  /**
   * Looks now at where its metadata is.
   *
   * @throws HubError `service_provider_not_found`, `saml_no_source` for one that was brought as a file,
   *   `saml_refresh_underway`, or why it failed; what is registered stays in use then
   */
  refresh(entityId: string): Promise<'changed' | 'unchanged'>;
  /** Looks now at everything that has an address, feeds too. One that fails does not keep the others from it. */
  refreshAll(): Promise<readonly RefreshReport[]>;
  /**
   * Its tokens end with it. One of a feed comes back with the feed.
   *
   * @throws HubError `service_provider_not_found`
   */
  remove(entityId: string): Promise<void>;
  readonly feeds: FeedAdministration;
}

export interface ServiceProviderAdministrationWorld {
  readonly storage: Pick<Storage, 'serviceProviders' | 'transaction'>;
  readonly registration: RegistrationWorld;
  readonly reader: MetadataReader;
  readonly refresh: MetadataRefresh;
  /** The guarded one. */
  readonly fetch: typeof fetch;
  readonly clock: Clock;
}

export function createServiceProviderAdministration(
  world: ServiceProviderAdministrationWorld,
): ServiceProviderAdministration {
  const { storage, registration, reader, clock } = world;

  async function details(entityId: string): Promise<ShownServiceProviderDetails> {
    const record = await found(storage, entityId);
    const { sourceId } = record;
    const source = sourceId === undefined ? undefined : await storage.serviceProviders.findSource(sourceId);
    return shownDetails(record, source, clock());
  }

  async function addFile(read: ReadEntity, change: SettingsChange): Promise<void> {
    const { metadata } = read;
    const now = clock();
    await storage.transaction(async (stores) => {
      const current = await stores.serviceProviders.find(metadata.entityId);
      if (current && current.sourceId === undefined) {
        await renewMetadata(stores, registration, current, metadata, { actor: 'operator', now });
        await applySettings(stores, { ...current, metadata }, change, now);
        return;
      }
      const settings = changedSettings(DEFAULT_SETTINGS, change);
      await register(stores, registration, { metadata, settings }, { sourceId: undefined, actor: 'operator', now });
    });
  }

  async function addFetched(
    origin: Exclude<MetadataOrigin, { kind: 'file' }>,
    change: SettingsChange,
    pins: readonly string[],
  ): Promise<string> {
    if (!URL.canParse(origin.url)) throw new HubError('invalid_request', 400, 'The address of the metadata is none.');
    const url = origin.kind === 'mdq' ? metadataQueryUrl(origin.url, origin.entityId, origin.transform) : origin.url;
    const answer = await fetchMetadata(world.fetch, url, undefined);
    if (answer === 'unchanged') throw new Error('nothing was known before');
    const { octets, etag, lastModified } = answer;
    const { metadata, cacheDuration } = await reader.entity(octets, origin.entityId, pins);
    const now = clock();
    const source = {
      ...{ sourceId: entitySourceId(metadata.entityId), kind: origin.kind, url },
      ...{ filter: undefined, settings: undefined, pinnedCertificates: pins },
      ...{ addedAt: now, etag, lastModified, fetchedAt: now },
      ...world.refresh.plan({ validUntil: metadata.validUntil, cacheDuration }),
    };
    await storage.transaction(async (stores) => {
      const { sourceId } = source;
      await stores.serviceProviders.insertSource(source);
      const settings = changedSettings(DEFAULT_SETTINGS, change);
      await register(stores, registration, { metadata, settings }, { sourceId, actor: 'operator', now });
    });
    return metadata.entityId;
  }

  async function applySettings(
    stores: Stores,
    { metadata, settings }: Pick<ServiceProviderRecord, 'metadata' | 'settings'>,
    change: SettingsChange,
    now: number,
  ): Promise<void> {
    const changed = changedSettings(settings, change);
    assertPossible(metadata, changed);
    const names = Object.keys(change).filter((name) => change[name as keyof SettingsChange] !== undefined);
    if (names.length === 0) return;
    const { entityId } = metadata;
    const client = registration.judgeClient(internalClient({ metadata, settings: changed }, registration.issuer));
    await stores.serviceProviders.setSettings(entityId, changed, now);
    await stores.clients.replace(entityId, client);
    const data = { changed: names, settings: changed };
    await stores.audit.append({ kind: 'service_provider.changed', actor: 'operator', clientId: entityId, data }, now);
  }

  return {
    async add(origin, { settings = {}, pins: pinFile } = {}) {
      if (origin.entityId !== undefined && !isEntityId(origin.entityId)) {
        throw new HubError('invalid_request', 400, 'An entity id is a URI of at most 1024 ASCII characters.');
      }
      const pins = pinFile === undefined ? [] : readPins(pinFile);
      if (origin.kind !== 'file') return details(await addFetched(origin, settings, pins));
      const read = await reader.entity(origin.document, origin.entityId, pins);
      await addFile(read, settings);
      return details(read.metadata.entityId);
    },

    async list() {
      const records = await storage.serviceProviders.list();
      const sources = new Map<string | undefined, MetadataSource>(
        (await storage.serviceProviders.listSources()).map((source) => [source.sourceId, source]),
      );
      return records.map((record) => shown(record, sources.get(record.sourceId), clock()));
    },

    show: details,

    async set(entityId, change) {
      await storage.transaction(async (stores) =>
        applySettings(stores, await found(stores, entityId), change, clock()),
      );
      return details(entityId);
    },

    async refresh(entityId) {
      const { sourceId } = await found(storage, entityId);
      if (sourceId === undefined) {
        throw new HubError('saml_no_source', 409, 'Its metadata was brought as a file: add the newer file.');
      }
      return world.refresh.refresh(sourceId);
    },

    async refreshAll() {
      const reports: RefreshReport[] = [];
      for (const { sourceId } of await storage.serviceProviders.listSources()) {
        const source = sourceName(sourceId);
        try {
          reports.push({ source, outcome: await world.refresh.refresh(sourceId) });
        } catch (error) {
          if (!(error instanceof HubError)) throw error;
          reports.push({ source, outcome: 'failed', failure: error.message });
        }
      }
      return reports;
    },

    async remove(entityId) {
      await storage.transaction(async (stores) => {
        const { sourceId } = await found(stores, entityId);
        await unregister(stores, entityId, { actor: 'operator', now: clock() });
        if (sourceId === entitySourceId(entityId)) await stores.serviceProviders.removeSource(sourceId);
      });
    },

    feeds: createFeedAdministration(world),
  };
}

/** @throws HubError `service_provider_not_found` */
async function found(stores: Pick<Stores, 'serviceProviders'>, entityId: string): Promise<ServiceProviderRecord> {
  const record = await stores.serviceProviders.find(entityId);
  if (!record) throw notFound(entityId);
  return record;
}
