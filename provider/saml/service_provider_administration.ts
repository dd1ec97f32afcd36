import { HubError } from '../errors.ts';
import type { Stores } from '../storage.ts';
import {
  type AdditionOptions,
  type AdditionWorld,
  addServiceProvider,
  type MetadataOrigin,
} from './add_service_provider.ts';
import { createFeedAdministration, type FeedAdministration } from './feed_administration.ts';
import type { MetadataRefresh } from './metadata_refresh.ts';
import type { SettingsChange } from './provider_settings.ts';
import { decide, notFound, unregister } from './registration.ts';
import type { MetadataSource, ServiceProviderRecord } from './service_provider_store.ts';
import {
  entitySourceId,
  type ShownServiceProvider,
  type ShownServiceProviderDetails,
  shown,
  shownDetails,
  sourceName,
} from './shown_service_provider.ts';

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
   * @throws HubError `saml_metadata_invalid`, `saml_metadata_expired`, `saml_metadata_signature_invalid`,
   *   `saml_metadata_unreachable`, `saml_entity_not_found`, `saml_pin_invalid`, `saml_settings_impossible`,
   *   `service_provider_exists`, `client_exists`, `invalid_client_metadata`
   */
  add(origin: MetadataOrigin, options?: AdditionOptions): Promise<ShownServiceProviderDetails>;
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
   * Its tokens end with it. One of a feed comes back when the feed changes, unless its filter leaves it out.
   *
   * @throws HubError `service_provider_not_found`
   */
  remove(entityId: string): Promise<void>;
  readonly feeds: FeedAdministration;
}

export type ServiceProviderAdministrationWorld = AdditionWorld & { readonly refresh: MetadataRefresh };

export function createServiceProviderAdministration(
  world: ServiceProviderAdministrationWorld,
): ServiceProviderAdministration {
  const { storage, clock } = world;

  async function details(entityId: string): Promise<ShownServiceProviderDetails> {
    const record = await found(storage, entityId);
    const { sourceId } = record;
    const source = sourceId === undefined ? undefined : await storage.serviceProviders.findSource(sourceId);
    return shownDetails(record, source, clock());
  }

  return {
    add: async (origin, options) => details(await addServiceProvider(world, origin, options)),

    async list() {
      const records = await storage.serviceProviders.list();
      const sources = new Map<string | undefined, MetadataSource>(
        (await storage.serviceProviders.listSources()).map((source) => [source.sourceId, source]),
      );
      return records.map((record) => shown(record, sources.get(record.sourceId), clock()));
    },

    show: details,

    async set(entityId, change) {
      await storage.transaction(async (stores) => {
        const record = await stores.serviceProviders.findLocked(entityId);
        if (!record) throw notFound(entityId);
        await decide(stores, world.registration, record, change, clock());
      });
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
