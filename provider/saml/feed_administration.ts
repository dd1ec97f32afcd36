import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';
import type { FeedFilter } from './metadata/read_metadata.ts';
import { type MetadataRefresh, underwayElsewhere } from './metadata_refresh.ts';
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
  /** With every service provider that came from it. @throws HubError `saml_feed_not_found`, `saml_refresh_underway` */
  remove(name: string): Promise<void>;
}

/** Milliseconds after which another process would take over a first look that was cut off. */
const FIRST_LOOK = 10 * 60_000;
/** Milliseconds in which a feed with everybody in it is removed. */
const LONGEST_REMOVAL = 10 * 60_000;
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
    const started = clock();
    // A look at the same time would bring back who has just gone.
    if (!(await storage.serviceProviders.claim(sourceId, 'removal', started, started + LONGEST_REMOVAL))) {
      throw underwayElsewhere();
    }
    const left = (await storage.serviceProviders.ofSource(sourceId)).map(({ metadata }) => metadata.entityId);
    for (let start = 0; start < left.length; start += BATCH) {
      await storage.transaction(async (stores) => {
        for (const entityId of left.slice(start, start + BATCH)) {
          if (!(await stores.serviceProviders.find(entityId))) continue; // an operator was faster
          await unregister(stores, entityId, { actor: 'operator', now: clock() });
        }
      });
    }
    await storage.transaction(async (stores) => {
      await stores.serviceProviders.removeSource(sourceId);
      await stores.audit.append({ kind: 'metadata_feed.removed', actor: 'operator', data: { name } }, clock());
    });
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
