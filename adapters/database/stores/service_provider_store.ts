import type { FeedFilter } from '../../../provider/saml/metadata/read_metadata.ts';
import type { ServiceProviderMetadata, ServiceProviderSettings } from '../../../provider/saml/service_provider.ts';
import type {
  MetadataSource,
  ServiceProviderRecord,
  ServiceProviderStore,
} from '../../../provider/saml/service_provider_store.ts';
import type { Queries, Statement } from '../database.ts';
import { storable } from '../storable_text.ts';

const PROVIDER = 'metadata, settings, source_id, version, added_at, changed_at';
const SOURCE = `source_id, kind, url, filter, settings, pinned_certificates, added_at, etag, last_modified, fetched_at,
  refresh_every, next_refresh_at, failures, last_error`;

const FIND: Statement = {
  name: 'service_provider_find',
  text: `SELECT ${PROVIDER} FROM service_provider WHERE entity_id = $1`,
};
const FIND_LOCKED: Statement = {
  name: 'service_provider_find_locked',
  text: `SELECT ${PROVIDER} FROM service_provider WHERE entity_id = $1 FOR UPDATE`,
};
const LIST: Statement = {
  name: 'service_provider_list',
  text: `SELECT ${PROVIDER} FROM service_provider ORDER BY entity_id`,
};
const OF_SOURCE: Statement = {
  name: 'service_provider_of_source',
  text: `SELECT ${PROVIDER} FROM service_provider WHERE source_id = $1 ORDER BY entity_id`,
};
const INSERT: Statement = {
  name: 'service_provider_insert',
  text: `INSERT INTO service_provider (entity_id, metadata, settings, source_id, added_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (entity_id) DO NOTHING`,
};
const SET_METADATA: Statement = {
  name: 'service_provider_set_metadata',
  text: 'UPDATE service_provider SET metadata = $2, version = version + 1, changed_at = $3 WHERE entity_id = $1',
};
const SET_SETTINGS: Statement = {
  name: 'service_provider_set_settings',
  text: 'UPDATE service_provider SET settings = $2, version = version + 1, changed_at = $3 WHERE entity_id = $1',
};
const REMOVE: Statement = {
  name: 'service_provider_remove',
  text: 'DELETE FROM service_provider WHERE entity_id = $1',
};
const FIND_SOURCE: Statement = {
  name: 'metadata_source_find',
  text: `SELECT ${SOURCE} FROM metadata_source WHERE source_id = $1`,
};
const LIST_SOURCES: Statement = {
  name: 'metadata_source_list',
  text: `SELECT ${SOURCE} FROM metadata_source ORDER BY source_id`,
};
const INSERT_SOURCE: Statement = {
  name: 'metadata_source_insert',
  text: `INSERT INTO metadata_source (source_id, kind, url, filter, settings, pinned_certificates, added_at, etag,
      last_modified, fetched_at, refresh_every, next_refresh_at)
    VALUES ($1, $2, $3, $4, $5, $6::text[], $7, $8, $9, $10, $11, $12) ON CONFLICT (source_id) DO NOTHING`,
};
const REMOVE_SOURCE: Statement = {
  name: 'metadata_source_remove',
  text: 'DELETE FROM metadata_source WHERE source_id = $1',
};
const CLAIM_DUE: Statement = {
  name: 'metadata_source_claim_due',
  text: `UPDATE metadata_source SET claimed_by = $1, claimed_until = $3
    WHERE source_id = (
      SELECT source_id FROM metadata_source
      WHERE next_refresh_at <= $2 AND (claimed_until IS NULL OR claimed_until <= $2)
      ORDER BY next_refresh_at, source_id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING ${SOURCE}`,
};
const CLAIM_ONE: Statement = {
  name: 'metadata_source_claim_one',
  text: `UPDATE metadata_source SET claimed_by = $1, claimed_until = $3
    WHERE source_id = $4 AND (claimed_until IS NULL OR claimed_until <= $2)
    RETURNING ${SOURCE}`,
};
const EXTEND: Statement = {
  name: 'metadata_source_extend',
  text: 'UPDATE metadata_source SET claimed_until = $3 WHERE source_id = $1 AND claimed_by = $2',
};
const LOOKED: Statement = {
  name: 'metadata_source_looked',
  text: `UPDATE metadata_source SET claimed_by = NULL, claimed_until = NULL, failures = 0, last_error = NULL,
      etag = $3, last_modified = $4, fetched_at = $5, refresh_every = $6, next_refresh_at = $7
    WHERE source_id = $1 AND claimed_by = $2`,
};
const LOOK_FAILED: Statement = {
  name: 'metadata_source_look_failed',
  text: `UPDATE metadata_source SET claimed_by = NULL, claimed_until = NULL, failures = failures + 1, last_error = $3,
      next_refresh_at = $4
    WHERE source_id = $1 AND claimed_by = $2`,
};

interface ProviderRow {
  metadata: ServiceProviderMetadata;
  settings: ServiceProviderSettings;
  source_id: string | null;
  version: number;
  added_at: number;
  changed_at: number;
}

interface SourceRow {
  source_id: string;
  kind: MetadataSource['kind'];
  url: string;
  filter: FeedFilter | null;
  settings: ServiceProviderSettings | null;
  pinned_certificates: string[];
  added_at: number;
  etag: string | null;
  last_modified: string | null;
  fetched_at: number;
  refresh_every: number;
  next_refresh_at: number;
  failures: number;
  last_error: string | null;
}

export function createServiceProviderStore(queries: Queries): ServiceProviderStore {
  const changedOne = async (statement: Statement, values: readonly unknown[]) =>
    (await queries.query(statement, values)).count === 1;

  async function findBy(statement: Statement, entityId: string): Promise<ServiceProviderRecord | undefined> {
    if (!storable(entityId)) return undefined;
    const { rows } = await queries.query<ProviderRow>(statement, [entityId]);
    return rows[0] && providerOf(rows[0]);
  }

  return {
    find: (entityId) => findBy(FIND, entityId),
    findLocked: (entityId) => findBy(FIND_LOCKED, entityId),
    async list() {
      return (await queries.query<ProviderRow>(LIST)).rows.map(providerOf);
    },
    async ofSource(sourceId) {
      return (await queries.query<ProviderRow>(OF_SOURCE, [sourceId])).rows.map(providerOf);
    },
    insert({ metadata, settings }, sourceId, now) {
      const values = [JSON.stringify(metadata), JSON.stringify(settings), sourceId ?? null, now];
      return changedOne(INSERT, [metadata.entityId, ...values]);
    },
    setMetadata: (metadata, now) => changedOne(SET_METADATA, [metadata.entityId, JSON.stringify(metadata), now]),
    setSettings: (entityId, settings, now) => changedOne(SET_SETTINGS, [entityId, JSON.stringify(settings), now]),
    remove: async (entityId) => storable(entityId) && changedOne(REMOVE, [entityId]),

    async findSource(sourceId) {
      if (!storable(sourceId)) return undefined;
      const { rows } = await queries.query<SourceRow>(FIND_SOURCE, [sourceId]);
      return rows[0] && sourceOf(rows[0]);
    },
    async listSources() {
      return (await queries.query<SourceRow>(LIST_SOURCES)).rows.map(sourceOf);
    },
    insertSource: (source) =>
      changedOne(INSERT_SOURCE, [
        source.sourceId,
        source.kind,
        source.url,
        source.filter === undefined ? null : JSON.stringify(source.filter),
        source.settings === undefined ? null : JSON.stringify(source.settings),
        source.pinnedCertificates,
        source.addedAt,
        source.etag ?? null,
        source.lastModified ?? null,
        source.fetchedAt,
        source.refreshEvery,
        source.nextRefreshAt,
      ]),
    removeSource: (sourceId) => changedOne(REMOVE_SOURCE, [sourceId]),
    async claimDue(owner, now, until) {
      const { rows } = await queries.query<SourceRow>(CLAIM_DUE, [owner, now, until]);
      return rows[0] && sourceOf(rows[0]);
    },
    async claim(sourceId, owner, now, until) {
      const { rows } = await queries.query<SourceRow>(CLAIM_ONE, [owner, now, until, sourceId]);
      return rows[0] && sourceOf(rows[0]);
    },
    extend: (sourceId, owner, until) => changedOne(EXTEND, [sourceId, owner, until]),
    looked(sourceId, owner, { etag, lastModified, fetchedAt, refreshEvery, nextRefreshAt }) {
      const answer = [etag ?? null, lastModified ?? null, fetchedAt, refreshEvery];
      return changedOne(LOOKED, [sourceId, owner, ...answer, nextRefreshAt]);
    },
    lookFailed: (sourceId, owner, reason, nextRefreshAt) =>
      changedOne(LOOK_FAILED, [sourceId, owner, reason, nextRefreshAt]),
  };
}

function providerOf(row: ProviderRow): ServiceProviderRecord {
  return {
    metadata: row.metadata,
    settings: row.settings,
    sourceId: row.source_id ?? undefined,
    version: row.version,
    addedAt: row.added_at,
    changedAt: row.changed_at,
  };
}

function sourceOf(row: SourceRow): MetadataSource {
  return {
    sourceId: row.source_id,
    kind: row.kind,
    url: row.url,
    filter: row.filter ?? undefined,
    settings: row.settings ?? undefined,
    pinnedCertificates: row.pinned_certificates,
    addedAt: row.added_at,
    etag: row.etag ?? undefined,
    lastModified: row.last_modified ?? undefined,
    fetchedAt: row.fetched_at,
    refreshEvery: row.refresh_every,
    nextRefreshAt: row.next_refresh_at,
    failures: row.failures,
    lastError: row.last_error ?? undefined,
  };
}
