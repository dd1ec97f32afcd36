import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type { FeedFilter } from './metadata/read_metadata.ts';
import type { MetadataRefresh } from './metadata_refresh.ts';
import { readPins } from './pinned_certificates.ts';
import { changedSettings, DEFAULT_SETTINGS, type SettingsChange } from './provider_settings.ts';
import { unregister } from './registration.ts';
import { feedId, type ShownFeed, shownFeed } from './shown_service_provider.ts';

export interface FeedDraft {
  /** By which operators name it. */
  readonly name: string;
  readonly url: string;
  /** Which of its entities are wanted. Without any list: every service provider in it. */
  readonly filter: FeedFilter;
  /** What its entities begin with; each can be changed by itself afterwards. */
  readonly settings?: SettingsChange;
  /** A file of certificates of which one must have signed the feed. */
  readonly pins?: Uint8Array;
}

/** Aggregates of metadata, as federations publish them: whoever fits is registered while they stand in it. */
export interface FeedAdministration {
  /** @throws HubError `saml_feed_exists`, `saml_pin_invalid`, or why its first look failed: then it is not kept */
  add(draft: FeedDraft): Promise<ShownFeed>;
  list(): Promise<readonly ShownFeed[]>;
  /** Looks at it now. @throws HubError `saml_feed_not_found`, `saml_refresh_underway`, or why it failed */
  refresh(name: string): Promise<'changed' | 'unchanged'>;
  /** With every service provider that came from it. @throws HubError `saml_feed_not_found` */
  remove(name: string): Promise<void>;
}

/** Milliseconds after which another process would take over a first look that was cut off. */
const FIRST_LOOK = 10 * 60_000;
/** Service providers that one transaction removes. */
const BATCH = 25;

export function createFeedAdministration(world: {
  readonly storage: Pick<Storage, 'serviceProviders' | 'transaction'>;
  readonly refresh: MetadataRefresh;
  readonly clock: Clock;
}): FeedAdministration {
  const { storage, refresh, clock } = world;

  async function show(sourceId: string): Promise<ShownFeed> {
    const source = await storage.serviceProviders.findSource(sourceId);
    if (!source) throw feedNotFound();
    return shownFeed(source, (await storage.serviceProviders.ofSource(sourceId)).length);
  }

  async function remove(name: string): Promise<void> {
    const sourceId = feedId(name);
    if (!(await storage.serviceProviders.findSource(sourceId))) throw feedNotFound();
    for (;;) {
      const isLast = await storage.transaction(async (stores) => {
        const now = clock();
        const left = await stores.serviceProviders.ofSource(sourceId);
        for (const { metadata } of left.slice(0, BATCH)) {
          await unregister(stores, metadata.entityId, { actor: 'operator', now });
        }
        if (left.length > BATCH) return false;
        await stores.serviceProviders.removeSource(sourceId);
        await stores.audit.append({ kind: 'metadata_feed.removed', actor: 'operator', data: { name } }, now);
        return true;
      });
      if (isLast) return;
    }
  }

  return {
    async add({ name, url, filter, settings = {}, pins }) {
      const now = clock();
      const sourceId = feedId(name);
      const pinnedCertificates = pins === undefined ? [] : readPins(pins);
      await storage.transaction(async (stores) => {
        const isNew = await stores.serviceProviders.insertSource({
          ...{ sourceId, kind: 'feed', url, filter, pinnedCertificates, addedAt: now },
          settings: changedSettings(DEFAULT_SETTINGS, settings),
          ...{ etag: undefined, lastModified: undefined },
          ...{ fetchedAt: now, refreshEvery: FIRST_LOOK, nextRefreshAt: now + FIRST_LOOK },
        });
        if (!isNew) throw new HubError('saml_feed_exists', 409, `There is a feed called ${name} already.`);
        const data = { name, url, filter, isPinned: pinnedCertificates.length > 0 };
        await stores.audit.append({ kind: 'metadata_feed.added', actor: 'operator', data }, now);
      });
      try {
        await refresh.refresh(sourceId);
      } catch (error) {
        await remove(name);
        throw error;
      }
      return show(sourceId);
    },

    async list() {
      const sources = await storage.serviceProviders.listSources();
      return Promise.all(sources.filter(({ kind }) => kind === 'feed').map(({ sourceId }) => show(sourceId)));
    },

    async refresh(name) {
      const sourceId = feedId(name);
      if (!(await storage.serviceProviders.findSource(sourceId))) throw feedNotFound();
      return refresh.refresh(sourceId);
    },

    remove,
  };
}

function feedNotFound(): HubError {
  return new HubError('saml_feed_not_found', 404, 'There is no feed of that name.');
}
