import type { Middleware } from 'koa';
import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { ClientStore, EndedArtefacts, SessionClient, SubjectArtefacts } from '../../provider/oidc/oidc_stores.ts';
import type { GivenNameId } from '../../provider/saml/name_ids.ts';
import type { Vault } from '../../provider/vault.ts';
import type { Clock } from '../../provider/world.ts';
import type { Queries, Statement } from '../database/database.ts';
import { sweepInBatches } from '../database/sweep_in_batches.ts';
import { artefactKey, isPossibleId } from './artefact_key.ts';
import { artefactModel, artefactModelNames } from './artefact_models.ts';
import * as sql from './artefact_statements.ts';
import { createClientAdapter } from './client_adapter.ts';
import {
  type ArtefactRow,
  batchWrites,
  currentBatch,
  type ReadAhead,
  type RequestBatch,
  saveRows,
} from './request_batch.ts';
import { createUnauthenticatedQuota, type UnauthenticatedQuota } from './unauthenticated_quota.ts';

/**
 * How long the mark of a destroyed session or revoked grant stays (ms): far longer than any request, in flight when it
 * was destroyed, can take to save its copy.
 */
const MARK_LIFETIME = 60 * 60 * 1000;

/** Live rows that strangers may cause, by model. A sign-in in progress takes about 2 kB. */
const DEFAULT_CAPS: Readonly<Record<string, number>> = {
  Interaction: 100_000,
  PushedAuthorizationRequest: 50_000,
  DeviceCode: 20_000,
};

export interface OidcStore extends SubjectArtefacts {
  /** Around the engine: sends each request's writes together before the answer leaves. */
  readonly batchWrites: Middleware;
  /**
   * Stores now what this request has to store, and so decides whether a code or token that it presents was its to use.
   *
   * @throws InvalidGrant when it was not
   */
  settle(): Promise<void>;
  /** What the engine's configuration takes as `adapter`. */
  readonly adapter: AdapterFactory;
  /** Deletes what has expired; returns how many rows went, not counting tokens that went with their grant. */
  sweep(now: number): Promise<number>;
  /** Live rows of a model, for metrics. Reads as many index entries. */
  countByModel(model: string): Promise<number>;
}

/**
 * The engine's storage. Tokens are found by their hash and their contents are sealed: a stolen database holds nothing
 * that can be presented. Every operation is one round trip at most; a request's writes go together (request_batch.ts).
 *
 * Single use and revocation do not rest on the engine's find-then-consume, through which 50 at once would all pass:
 * - `consume` succeeds for one caller (at the latest with what is saved for it); every other gets `invalid_grant`, and the grant is revoked with everything that the
 *   first one got or is about to get (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
 * - A revoked grant hides what names it from every reader, so that a token saved a moment later is dead at birth.
 * - What was used or destroyed cannot be saved again (see artefact_models.ts).
 */
export function createOidcStore(world: {
  database: Queries;
  vault: Vault;
  clients: ClientStore;
  clock: Clock;
  caps?: Readonly<Record<string, number>>;
}): OidcStore {
  const { database, clock } = world;
  const clientAdapter = createClientAdapter(world.clients, clock);

  async function count(model: string, limit: number): Promise<number> {
    const { rows } = await database.query<{ count: number }>(sql.COUNT, [model, clock(), limit]);
    return rows[0]?.count ?? 0;
  }
  const quota = createUnauthenticatedQuota({ caps: world.caps ?? DEFAULT_CAPS, count, clock });

  return {
    batchWrites: batchWrites(database, clock),
    settle: async () => currentBatch()?.flush(clock()),
    adapter: (name) => (name === 'Client' ? clientAdapter : createArtefactAdapter(name, { ...world, quota })),
    countByModel: (model) => count(model, Number.MAX_SAFE_INTEGER),
    endAllOf: (subjectId) => endAllOf(subjectId, world),
    sessionsOf: (subjectId) => sessionsOf(subjectId, world),
    endSession: (id) => endSession(id, world),
    endAt: (subjectId, clientId) => endAt(subjectId, clientId, world),
    async sweep(now) {
      let total = 0;
      for (const model of artefactModelNames) {
        total += await sweepInBatches(async (limit) => (await database.query(sql.SWEEP, [model, now, limit])).count);
      }
      return total;
    },
  };
}

/**
 * Found, then ended one by one: what is saved in between by a request in flight is the caller's to look for again.
 * Tokens need no statement of their own, since each names a grant (artefact_statements.ts).
 */
async function endAllOf(
  subjectId: string,
  { database, vault, clock }: { database: Queries; vault: Vault; clock: Clock },
): Promise<EndedArtefacts> {
  const now = clock();
  const sessions: EndedArtefacts['sessions'][number][] = [];
  let grants = 0;
  const { rows: live } = await database.query<{ key: Buffer }>(sql.FIND_OF_SUBJECT, [
    subjectKeyOf(vault, subjectId),
    now,
  ]);
  for (const { key } of live) {
    const { rows } = await database.query<Pick<Row, 'sealed_payload'> & { model: string }>(sql.END, [
      key,
      now + MARK_LIFETIME,
    ]);
    const [ended] = rows;
    if (ended?.model === 'Grant') grants += 1;
    if (ended?.model === 'Session') {
      const payload = openPayload(vault, 'Session', { key, sealed_payload: ended.sealed_payload });
      sessions.push({ clients: clientsOf(payload) });
    }
  }
  return { sessions, grants };
}

type ArtefactWorld = { database: Queries; vault: Vault; clock: Clock };

async function sessionsOf(
  subjectId: string,
  { database, vault, clock }: ArtefactWorld,
): ReturnType<SubjectArtefacts['sessionsOf']> {
  await currentBatch()?.flush(clock());
  const values = [subjectKeyOf(vault, subjectId), clock()];
  const { rows } = await database.query<Pick<Row, 'key' | 'sealed_payload'> & { expires_at: number }>(
    sql.SESSIONS_OF_SUBJECT,
    values,
  );
  return rows.flatMap(({ expires_at: expiresAt, ...row }) => {
    const payload = openPayload(vault, 'Session', row);
    const { jti: id, loginTs, acr } = payload;
    const signedInAt = typeof loginTs === 'number' ? loginTs * 1000 : undefined;
    return id === undefined ? [] : [{ ...{ id, signedInAt, expiresAt, acr }, clients: clientsOf(payload) }];
  });
}

/** First the session, so that nothing more is given in it. */
async function endSession(
  id: string,
  { database, vault, clock }: ArtefactWorld,
): ReturnType<SubjectArtefacts['endSession']> {
  const batch = currentBatch();
  const markUntil = clock() + MARK_LIFETIME;
  await batch?.flush(clock());
  forget(batch, 'Session');
  forget(batch, 'Grant');
  const key = artefactKey('Session', id);
  const { rows } = await database.query<Pick<Row, 'sealed_payload'>>(sql.END, [key, markUntil]);
  const [ended] = rows;
  if (!ended) return undefined;
  const payload = openPayload(vault, 'Session', { key, sealed_payload: ended.sealed_payload });
  const given = Object.values(authorizationsOf(payload)).filter(({ persistsLogout }) => persistsLogout !== true);
  const grants = given.flatMap(({ grantId }) => (grantId === undefined ? [] : [grantId]));
  for (const grantId of grants) {
    await database.query(sql.REVOKE_GRANT, [artefactKey('Grant', grantId), markUntil]);
  }
  return { clients: clientsOf(payload), grants: grants.length };
}

/** The same for the grants of one client; a session is the person's, and not that client's to end. */
async function endAt(
  subjectId: string,
  clientId: string,
  { database, vault, clock }: ArtefactWorld,
): Promise<EndedArtefacts> {
  const now = clock();
  const { rows: live } = await database.query<Pick<Row, 'key' | 'sealed_payload'> & { model: string }>(
    sql.READ_OF_SUBJECT,
    [subjectKeyOf(vault, subjectId), now],
  );
  const sessions: EndedArtefacts['sessions'][number][] = [];
  let grants = 0;
  for (const { model, ...row } of live) {
    const payload = openPayload(vault, model, row);
    if (model === 'Session') {
      const clients = clientsOf(payload).filter((client) => client.clientId === clientId);
      if (clients.length > 0) sessions.push({ clients });
    } else if (payload.clientId === clientId) {
      const { rows } = await database.query(sql.END, [row.key, now + MARK_LIFETIME]);
      grants += rows.length;
    }
  }
  return { sessions, grants };
}

/** What the engine notes of whom it has signed a session's person in to, and the SAML front door beside it. */
interface Authorization {
  readonly sid?: string;
  readonly grantId?: string;
  readonly persistsLogout?: boolean;
  readonly saml?: { readonly nameId: GivenNameId };
}

function authorizationsOf({ authorizations = {} }: AdapterPayload): Readonly<Record<string, Authorization>> {
  return authorizations as Record<string, Authorization>;
}

function clientsOf(payload: AdapterPayload): readonly SessionClient[] {
  return Object.entries(authorizationsOf(payload)).flatMap(([clientId, { sid, saml }]) =>
    sid === undefined ? [] : [{ clientId, sid, ...(saml && { nameId: saml.nameId }) }],
  );
}

/** An HMAC: the table of subjects beside it must not tell who has a session. */
function subjectKeyOf(vault: Vault, subjectId: string): Uint8Array {
  return vault.index('oidc.subject', Buffer.from(subjectId));
}

function purposeOf(model: string): string {
  return `oidc.${model}`;
}

function openPayload(vault: Vault, model: string, row: Pick<Row, 'key' | 'sealed_payload'>): AdapterPayload {
  const { buffer, byteOffset, length } = vault.open(purposeOf(model), row.sealed_payload);
  const payload: AdapterPayload = JSON.parse(Buffer.from(buffer, byteOffset, length).toString());
  // Somebody who can write to the table must not put one person's session under another's key.
  if (payload.jti !== undefined && !artefactKey(model, payload.jti).equals(row.key)) {
    throw new Error(`a stored ${model} lies under another's key`);
  }
  return payload;
}

interface Row {
  key: Buffer;
  sealed_payload: Buffer;
  consumed_at: number | null;
  session_key: Buffer | null;
  grant_key: Buffer | null;
  grant_payload: Buffer | null;
  grant_expires_at: number;
  session_row_key: Buffer | null;
  session_payload: Buffer | null;
  session_expires_at: number;
}

function readAhead(batch: RequestBatch, row: Row): void {
  const { session_key: uidKey, session_row_key: sessionKey, session_payload: session } = row;
  if (row.grant_key && row.grant_payload) {
    batch.grant = { key: row.grant_key, sealedPayload: row.grant_payload, expiresAt: row.grant_expires_at };
  }
  if (uidKey && sessionKey && session) {
    batch.session = { uidKey, key: sessionKey, sealedPayload: session, expiresAt: row.session_expires_at };
  }
}

/** What was read ahead is of no use once this request has changed it. */
function forget(batch: RequestBatch | undefined, model: string): void {
  if (batch && model === 'Grant') batch.grant = undefined;
  if (batch && model === 'Session') batch.session = undefined;
}

function createArtefactAdapter(
  name: string,
  world: { database: Queries; vault: Vault; clock: Clock; quota: UnauthenticatedQuota },
): Adapter {
  const { database, vault, clock, quota } = world;
  const model = artefactModel(name);
  const keyOf = (id: string) => artefactKey(name, id);
  const uidKeyOf = (uid: string) => artefactKey(`${name}.uid`, uid);
  // A user code has few bits: a plain hash of it could be searched.
  const userCodeKeyOf = (userCode: string) => vault.index('oidc.user-code', Buffer.from(userCode));

  const open = (row: Pick<Row, 'key' | 'sealed_payload'>) => openPayload(vault, name, row);

  async function find(statement: Statement, key: Uint8Array): Promise<AdapterPayload | undefined> {
    const batch = currentBatch();
    const now = clock();
    await batch?.flush(now);
    const { rows } = await database.query<Row>(statement, [key, now]);
    const [row] = rows;
    if (!row) return undefined;
    if (batch) readAhead(batch, row);
    const payload = open(row);
    if (row.consumed_at !== null) payload.consumed = Math.floor(row.consumed_at / 1000);
    return payload;
  }

  function openReadAhead(row: ReadAhead): AdapterPayload | undefined {
    return row.expiresAt > clock() ? open({ key: row.key, sealed_payload: row.sealedPayload }) : undefined;
  }

  /** Changes that decide something go to the database at once, behind what the request has written before. */
  async function change(statement: Statement, values: readonly unknown[]) {
    await currentBatch()?.flush(clock());
    return database.query(statement, values);
  }

  async function refuseSecondUse(key: Buffer): Promise<never> {
    const now = clock();
    await database.query(sql.REVOKE_GRANT_OF_CONSUMED, [key, now, now + MARK_LIFETIME]);
    if (name === 'PushedAuthorizationRequest') {
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    }
    throw new errors.InvalidGrant(`${name} was used at the same moment, or is gone`);
  }

  return {
    async upsert(id, payload, expiresIn) {
      if (isFirstSave(payload)) await quota.admit(name);
      const now = clock();
      const { grantId, uid, userCode, sessionUid, accountId } = payload;
      const content = JSON.stringify(payload);
      const row: ArtefactRow = {
        key: keyOf(id),
        model: name,
        grantKey: model.ofGrant && grantId !== undefined ? artefactKey('Grant', grantId) : null,
        uidKey: model.byUid && uid !== undefined ? uidKeyOf(uid) : null,
        userCodeKey: model.byUserCode && userCode !== undefined ? userCodeKeyOf(userCode) : null,
        subjectKey: model.ofSubject && accountId !== undefined ? subjectKeyOf(vault, accountId) : null,
        sessionKey: typeof sessionUid === 'string' ? artefactKey('Session.uid', sessionUid) : null,
        content,
        seal: () => vault.seal(purposeOf(name), Buffer.from(content)),
        expiresAt: expiryOf(payload, expiresIn, now),
        once: model.writing === 'once',
      };
      const batch = currentBatch();
      forget(batch, name);
      if (batch && model.waits) batch.save(row);
      else await saveRows(database, [row], [], now);
    },

    async find(id) {
      if (!isPossibleId(id)) return undefined;
      const key = keyOf(id);
      const batch = currentBatch();
      const pending = batch?.pending(key);
      if (pending) return JSON.parse(pending.content);
      if (name === 'Grant' && batch?.grant?.key.equals(key)) return openReadAhead(batch.grant);
      return find(sql.FIND, key);
    },

    async findByUid(uid) {
      if (!isPossibleId(uid)) return undefined;
      const key = uidKeyOf(uid);
      const session = name === 'Session' ? currentBatch()?.session : undefined;
      if (session?.uidKey.equals(key)) return openReadAhead(session);
      return find(sql.FIND_BY_UID, key);
    },

    async findByUserCode(userCode) {
      return isPossibleId(userCode) ? find(sql.FIND_BY_USER_CODE, userCodeKeyOf(userCode)) : undefined;
    },

    async consume(id) {
      const key = keyOf(id);
      const batch = currentBatch();
      if (batch && model.useWaits) {
        await batch.flush(clock());
        batch.use(key, () => refuseSecondUse(key));
        return;
      }
      const now = clock();
      if ((await change(sql.CONSUME, [key, now])).count !== 1) await refuseSecondUse(key);
    },

    async destroy(id) {
      const key = keyOf(id);
      const batch = currentBatch();
      forget(batch, name);
      if (name === 'Grant') await change(sql.REVOKE_GRANT, [key, clock() + MARK_LIFETIME]);
      else if (model.marksEnd) await change(sql.MARK_END, [key, clock() + MARK_LIFETIME]);
      else if (model.waits && batch) batch.delete(key);
      else await change(sql.DELETE, [key]);
    },

    async revokeByGrantId(grantId) {
      await change(sql.DELETE_BY_GRANT, [artefactKey('Grant', grantId), name]);
    },
  };
}

/** A person's answer to an open interaction or device code is saved under its id: a full store must not refuse that. */
function isFirstSave(payload: AdapterPayload): boolean {
  return payload.result === undefined && payload.accountId === undefined && payload.error === undefined;
}

/** The payload's own expiry (seconds), so that saving again leaves the expiry's index alone; else from `expiresIn`. */
function expiryOf(payload: AdapterPayload, expiresIn: number | undefined, now: number): number {
  if (typeof payload.exp === 'number') return payload.exp * 1000;
  return typeof expiresIn === 'number' ? now + expiresIn * 1000 : Number.MAX_SAFE_INTEGER;
}
