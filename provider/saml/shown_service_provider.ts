import type { FeedFilter } from './metadata/read_metadata.ts';
import { shortFingerprint } from './registration.ts';
import type { ServiceProviderMetadata, ServiceProviderSettings } from './service_provider.ts';
import type { MetadataSource, ServiceProviderRecord } from './service_provider_store.ts';

/* Service providers and sources of metadata as operators see them. Times are ISO 8601. */

export interface ShownServiceProvider {
  readonly entityId: string;
  readonly name: string | undefined;
  readonly source: 'file' | MetadataSource['kind'];
  /** Address, or name of the feed. */
  readonly from: string | undefined;
  /** An expired one is not known to anybody until it has newer metadata. */
  readonly state: 'in use' | 'expired';
  readonly validUntil: string | undefined;
  readonly added: string;
  readonly changed: string;
  /** Why the last look at its source failed. */
  readonly failure: string | undefined;
}

export interface ShownServiceProviderDetails extends ShownServiceProvider {
  /** Fingerprints (SHA-256, the first 16 digits). */
  readonly signingKeys: readonly string[];
  readonly encryptionKeys: readonly string[];
  readonly pinnedKeys: readonly string[];
  readonly lastLook: string | undefined;
  readonly nextLook: string | undefined;
  readonly settings: ServiceProviderSettings;
  readonly metadata: Omit<ServiceProviderMetadata, 'signingCertificates' | 'encryptionCertificates'>;
}

export interface ShownFeed {
  readonly name: string;
  readonly url: string;
  readonly filter: FeedFilter;
  readonly pinnedKeys: readonly string[];
  readonly entities: number;
  readonly lastLook: string;
  readonly nextLook: string;
  readonly failure: string | undefined;
}

export function shown(
  record: ServiceProviderRecord,
  source: MetadataSource | undefined,
  now: number,
): ShownServiceProvider {
  const { metadata, addedAt, changedAt } = record;
  const { validUntil, entityId } = metadata;
  const { ja, en, other } = metadata.display.names;
  return {
    entityId,
    name: ja ?? en ?? other,
    source: source?.kind ?? 'file',
    from: source?.kind === 'feed' ? sourceName(source.sourceId) : source?.url,
    state: validUntil !== undefined && validUntil <= now ? 'expired' : 'in use',
    validUntil: validUntil === undefined ? undefined : iso(validUntil),
    added: iso(addedAt),
    changed: iso(changedAt),
    failure: source?.lastError,
  };
}

export function shownDetails(
  record: ServiceProviderRecord,
  source: MetadataSource | undefined,
  now: number,
): ShownServiceProviderDetails {
  const { signingCertificates, encryptionCertificates, ...metadata } = record.metadata;
  return {
    ...shown(record, source, now),
    signingKeys: signingCertificates.map(shortFingerprint),
    encryptionKeys: encryptionCertificates.map(shortFingerprint),
    pinnedKeys: (source?.pinnedCertificates ?? []).map(shortFingerprint),
    lastLook: source && iso(source.fetchedAt),
    nextLook: source && iso(source.nextRefreshAt),
    settings: record.settings,
    metadata,
  };
}

export function shownFeed(source: MetadataSource, entities: number): ShownFeed {
  return {
    name: sourceName(source.sourceId),
    url: source.url,
    filter: source.filter ?? {},
    pinnedKeys: source.pinnedCertificates.map(shortFingerprint),
    entities,
    lastLook: iso(source.fetchedAt),
    nextLook: iso(source.nextRefreshAt),
    failure: source.lastError,
  };
}

export function feedId(name: string): string {
  return `feed:${name}`;
}

/** Of the source that one service provider has for itself. */
export function entitySourceId(entityId: string): string {
  return `entity:${entityId}`;
}

/** What operators call it: the name of the feed, or the entity id. */
export function sourceName(sourceId: string): string {
  return sourceId.replace(/^(feed|entity):/, '');
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
