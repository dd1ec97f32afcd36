import type { FeedFilter } from './metadata/read_metadata.ts';
import type { ServiceProvider, ServiceProviderMetadata, ServiceProviderSettings } from './service_provider.ts';

/** A service provider as it is kept. Times are milliseconds since 1970. */
export interface ServiceProviderRecord extends ServiceProvider {
  /** Undefined where its metadata was brought as a file. */
  readonly sourceId: string | undefined;
  /** Another at every change. */
  readonly version: number;
  readonly addedAt: number;
  readonly changedAt: number;
}

/** Where metadata is fetched from again and again. */
export interface MetadataSource {
  readonly sourceId: string;
  /** `mdq`: a metadata query service, asked for one entity. `feed`: an aggregate, of which those come that fit. */
  readonly kind: 'url' | 'mdq' | 'feed';
  readonly url: string;
  /** Of a feed: who is wanted, and the settings that they begin with. */
  readonly filter: FeedFilter | undefined;
  readonly settings: ServiceProviderSettings | undefined;
  /** X.509, base64 of DER. Empty: whoever answers is believed. */
  readonly pinnedCertificates: readonly string[];
  readonly addedAt: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** When it was last known to be current. */
  readonly fetchedAt: number;
  /** Milliseconds from one look to the next, by what the answer in use says of itself. */
  readonly refreshEvery: number;
  readonly nextRefreshAt: number;
  /** In a row. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

/** What a look at a source came to. */
export interface SourceLook {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly fetchedAt: number;
  readonly refreshEvery: number;
  readonly nextRefreshAt: number;
}

export interface ServiceProviderStore {
  find(entityId: string): Promise<ServiceProviderRecord | undefined>;
  /** The same, and nobody else changes or removes it until the transaction ends: what is made of it must fit it then. */
  findLocked(entityId: string): Promise<ServiceProviderRecord | undefined>;
  /** By entity id. */
  list(): Promise<readonly ServiceProviderRecord[]>;
  ofSource(sourceId: string): Promise<readonly ServiceProviderRecord[]>;
  /** Its client and its source are there already. False when there is one with this entity id. */
  insert(provider: ServiceProvider, sourceId: string | undefined, now: number): Promise<boolean>;
  /** False when there is none. */
  setMetadata(metadata: ServiceProviderMetadata, now: number): Promise<boolean>;
  /** False when there is none. */
  setSettings(entityId: string, settings: ServiceProviderSettings, now: number): Promise<boolean>;
  /** False when there is none. */
  remove(entityId: string): Promise<boolean>;

  findSource(sourceId: string): Promise<MetadataSource | undefined>;
  /** By source id. */
  listSources(): Promise<readonly MetadataSource[]>;
  /** False when there is one with this id. */
  insertSource(source: Omit<MetadataSource, 'failures' | 'lastError'>): Promise<boolean>;
  /** Nothing comes from it any more. False when there is none. */
  removeSource(sourceId: string): Promise<boolean>;
  /**
   * Takes a source that is due for itself until `until`, or until `looked` or `lookFailed`. Undefined when there is none
   * that nobody else is at.
   */
  claimDue(owner: string, now: number, until: number): Promise<MetadataSource | undefined>;
  /** The same for this one, due or not. */
  claim(sourceId: string, owner: string, now: number, until: number): Promise<MetadataSource | undefined>;
  /** Holds on to a claimed source. False when it is claimed by this owner no longer. */
  extend(sourceId: string, owner: string, until: number): Promise<boolean>;
  /** Gives a claimed source free. False when it is claimed by this owner no longer: then nothing of it may be stored. */
  looked(sourceId: string, owner: string, look: SourceLook): Promise<boolean>;
  /** Likewise, after a failure. */
  lookFailed(sourceId: string, owner: string, reason: string, nextRefreshAt: number): Promise<boolean>;
}
