import { HubError } from '../errors.ts';
import type { Logger } from '../operations/logger.ts';
import type { Storage, Stores } from '../storage.ts';
import type { Clock, Random } from '../world.ts';
import { type FetchedMetadata, fetchMetadata } from './metadata/fetch_metadata.ts';
import type { MetadataReader } from './metadata/metadata_reader.ts';
import type { ReadEntity } from './metadata/read_entity.ts';
import { type RegistrationWorld, renewMetadata } from './registration.ts';
import type { MetadataSource, SourceLook } from './service_provider_store.ts';
import { takeFeed } from './take_feed.ts';

/** What came of a look at a source of metadata. */
export type RefreshOutcome = 'changed' | 'unchanged' | 'failed';

/** Keeps metadata that comes from an address current. */
export interface MetadataRefresh {
  /** Looks for sources that are due by itself from now on. */
  start(): void;
  /** Looks at every source that is due. Never rejects: what fails is tried again, and serves as it is until it expires. */
  refreshDue(): Promise<void>;
  /**
   * Looks at one source now. What it rejects with has been noted on the source as well.
   *
   * @throws HubError `saml_refresh_underway` when another process is at it; why it failed
   */
  refresh(sourceId: string): Promise<'changed' | 'unchanged'>;
  /** When the next look is to be, by what a document says of itself. */
  plan(read: {
    validUntil: number | undefined;
    cacheDuration: number | undefined;
  }): Pick<SourceLook, 'refreshEvery' | 'nextRefreshAt'>;
  /** Resolves when nothing is under way. */
  stop(): Promise<void>;
}

export interface MetadataRefreshWorld {
  readonly storage: Pick<Storage, 'serviceProviders' | 'transaction'>;
  readonly registration: RegistrationWorld;
  readonly reader: MetadataReader;
  /** The guarded one. */
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Milliseconds between two looks at a source, unless its metadata asks for more of them. */
  readonly every: number;
  observe(outcome: RefreshOutcome): void;
}

/** How often a process looks for sources that are due (ms). */
const LOOK_EVERY = 30_000;
/** A source is left to the process that is at it for this long (ms) after it has last been heard of. */
const CLAIM_LIFETIME = 10 * 60_000;
/** Milliseconds: whatever metadata says, nobody is asked more often. */
const SHORTEST = 5 * 60_000;
/** Milliseconds until a failed look is tried again, doubled with each further failure up to `every`. */
const FIRST_DELAY = 60_000;
const LONGEST_REASON = 300;

export function createMetadataRefresh(world: MetadataRefreshWorld): MetadataRefresh {
  const { storage, registration, reader, clock, log, every } = world;
  const owner = Buffer.from(world.random(8)).toString('hex');
  let timer: NodeJS.Timeout | undefined;
  let underway: Promise<void> | undefined;
  let stopped = false;

  /** Looks that are due at once would come at once again: up to a tenth less. */
  const spread = (delay: number) => Math.round(delay * (1 - (world.random(1)[0] ?? 0) / 2560));

  const plan: MetadataRefresh['plan'] = ({ validUntil, cacheDuration }) => {
    const now = clock();
    // Twice within its validity, so that one failure does not let it expire.
    const untilHalf = validUntil === undefined ? every : (validUntil - now) / 2;
    const refreshEvery = Math.round(Math.max(SHORTEST, Math.min(every, cacheDuration ?? every, untilHalf)));
    return { refreshEvery, nextRefreshAt: now + spread(refreshEvery) };
  };

  async function look(source: MetadataSource): Promise<'changed' | 'unchanged'> {
    const { sourceId } = source;
    try {
      const answer = await fetchMetadata(world.fetch, source.url, source);
      const outcome = answer === 'unchanged' ? await keep(source) : await take(source, answer);
      world.observe(outcome);
      return outcome;
    } catch (error) {
      world.observe('failed');
      const reason = error instanceof HubError ? error.message : 'The look failed.';
      log.warn(
        { err: error, source: sourceId, url: source.url },
        'metadata could not be refreshed; what is there serves',
      );
      const delay = Math.min(every, FIRST_DELAY * 2 ** Math.min(source.failures, 20));
      await storage.serviceProviders.lookFailed(
        sourceId,
        owner,
        reason.slice(0, LONGEST_REASON),
        clock() + spread(delay),
      );
      throw error;
    }
  }

  async function keep({ sourceId, etag, lastModified, refreshEvery }: MetadataSource): Promise<'unchanged'> {
    const now = clock();
    const nextRefreshAt = now + spread(refreshEvery);
    const look = { etag, lastModified, fetchedAt: now, refreshEvery, nextRefreshAt };
    await storage.serviceProviders.looked(sourceId, owner, look);
    return 'unchanged';
  }

  async function take(source: MetadataSource, answer: FetchedMetadata): Promise<'changed' | 'unchanged'> {
    const { octets, ...validators } = answer;
    const pinned = source.pinnedCertificates;
    if (source.kind === 'feed') {
      const read = await reader.feed(octets, source.filter ?? {}, pinned);
      const changed = await takeFeed(world, source, read, holdOn(source));
      await storage.serviceProviders.looked(source.sourceId, owner, {
        ...validators,
        fetchedAt: clock(),
        ...plan(soonest([...read.entities.values()])),
      });
      return changed ? 'changed' : 'unchanged';
    }
    const [registered] = await storage.serviceProviders.ofSource(source.sourceId);
    if (!registered) return 'unchanged'; // removed meanwhile
    const { entityId } = registered.metadata;
    const { metadata, cacheDuration } = await reader.entity(octets, entityId, pinned);
    const now = clock();
    const changed = await storage.transaction(async (stores) => {
      const look = { ...validators, fetchedAt: now, ...plan({ validUntil: metadata.validUntil, cacheDuration }) };
      if (!(await stores.serviceProviders.looked(source.sourceId, owner, look))) return false;
      const current = await stores.serviceProviders.findLocked(entityId);
      return current !== undefined && renewMetadata(stores, registration, current, metadata, { actor: 'hub', now });
    });
    return changed ? 'changed' : 'unchanged';
  }

  /** Only who still holds the claim may change anything. */
  const holdOn =
    ({ sourceId }: MetadataSource) =>
    async ({ serviceProviders }: Pick<Stores, 'serviceProviders'>) => {
      if (!(await serviceProviders.extend(sourceId, owner, clock() + CLAIM_LIFETIME))) throw underwayElsewhere();
    };

  async function refreshDue(): Promise<void> {
    try {
      while (!stopped) {
        const now = clock();
        const source = await storage.serviceProviders.claimDue(owner, now, now + CLAIM_LIFETIME);
        if (!source) return;
        await look(source).catch(() => {}); // noted and logged
      }
    } catch (err) {
      if (!stopped) log.warn({ err }, 'the sources of metadata could not be read');
    }
  }

  return {
    start() {
      timer = setInterval(() => {
        underway ??= refreshDue().finally(() => {
          underway = undefined;
        });
      }, LOOK_EVERY);
      timer.unref();
    },
    refreshDue,
    async refresh(sourceId) {
      const now = clock();
      const source = await storage.serviceProviders.claim(sourceId, owner, now, now + CLAIM_LIFETIME);
      if (!source) throw underwayElsewhere();
      return look(source);
    },
    plan,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await underway;
    },
  };
}

/** What ends or is to be asked for first decides for all that came with it. */
function soonest(entities: readonly ReadEntity[]): {
  validUntil: number | undefined;
  cacheDuration: number | undefined;
} {
  const least = (values: readonly (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined);
    return known.length > 0 ? known.reduce((one, other) => Math.min(one, other)) : undefined;
  };
  return {
    validUntil: least(entities.map(({ metadata }) => metadata.validUntil)),
    cacheDuration: least(entities.map(({ cacheDuration }) => cacheDuration)),
  };
}

export function underwayElsewhere(): HubError {
  return new HubError('saml_refresh_underway', 409, 'Another process is looking at this metadata just now.');
}
