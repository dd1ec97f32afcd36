import { readFileSync } from 'node:fs';
import type { Context, Middleware } from 'koa';
import type { Provider } from 'oidc-provider';
import {
  createLatestAttributesService,
  createLinkageService,
  createRevocation,
  openIndexFile,
  type Revocation,
  systemSchedule,
  type TakenList,
} from '../adapters/authority/index.ts';
import { createStorage } from '../adapters/database/create_storage.ts';
import type { Database } from '../adapters/database/database.ts';
import { createVault } from '../adapters/database/encryption.ts';
import { loadMasterKeys } from '../adapters/database/load_master_key.ts';
import { migrate } from '../adapters/database/migrate.ts';
import { type DatabaseSettings, openDatabase } from '../adapters/database/open_database.ts';
import { createOidcStore } from '../adapters/oidc-store/oidc_store.ts';
import { createGuardedFetch } from '../adapters/outbound/guarded_fetch.ts';
import { ensureSandboxEncryptionKey } from '../config/encryption_key.ts';
import { createNetworks } from '../config/networks.ts';
import type { Configuration } from '../config/schema.ts';
import { cardStatusSource } from './attributes/card_status_source.ts';
import { createAttributes } from './attributes/catalogue.ts';
import { identityAttributesSource } from './attributes/identity_attributes_source.ts';
import { createLatestAttributes } from './attributes/latest_attributes.ts';
import type { LatestAttributesSource } from './attributes/latest_attributes_source.ts';
import { createLatestConsents } from './attributes/latest_consents.ts';
import type { AuditEvent } from './audit/audit_log.ts';
import { type AuditQueue, createAuditQueue } from './audit/group_commit.ts';
import { createChallenges } from './authentication/challenge.ts';
import { createDecisionLog, type DecisionLog } from './authentication/decision_log.ts';
import { type Explanation, explainVerification, type Presented } from './authentication/explain_verification.ts';
import { createHandOvers } from './authentication/hand_over.ts';
import { createLinkedCertificates } from './authentication/linked_certificate.ts';
import { createListAdministration, type ListAdministration } from './authentication/list_administration.ts';
import type { RevocationChannel, RevocationPolicy, RevocationVerdict } from './authentication/revocation.ts';
import { createRevocationPolicies, type RevocationPolicies } from './authentication/revocation_policy.ts';
import { createCardVerifier } from './authentication/verify_card_token.ts';
import { type CertificateVerifier, createCertificateVerifier } from './authentication/verify_certificate.ts';
import { createConsents } from './consent/consents.ts';
import { type EngineRunner, type EngineRunnerWorld, runEngine } from './engine_runner.ts';
import { HubError } from './errors.ts';
import { createEventAdministration, type EventAdministration } from './events/event_administration.ts';
import { createEventDelivery, type EventDelivery } from './events/event_delivery.ts';
import { createEventStreams } from './events/event_streams.ts';
import { createSetSigner } from './events/set_signer.ts';
import { mountStreamApi } from './events/stream_api.ts';
import { createSubjectEvents } from './events/subject_events.ts';
import { createHttpApp, type RequestHandler } from './http_app.ts';
import { createEnrolments, type Enrolments, type EnrolmentWorld } from './identity/enrolment.ts';
import { createListFollower, type ListDifference, type ListFollower } from './identity/follow_lists.ts';
import { certificateLookup, createIdentity } from './identity/identity.ts';
import { createLinkAdministration, type LinkAdministration } from './identity/link_administration.ts';
import type { LinkageSource } from './identity/linkage.ts';
import { createNotify } from './identity/notices.ts';
import { createRevocationEffects, type RevocationEffects } from './identity/revocation_effects.ts';
import {
  createSignatureVerifier,
  type SignatureVerifier,
  type SignatureVerifierWorld,
} from './identity/signed_together.ts';
import { createServers, listen } from './listeners.ts';
import { createBearerGuard } from './oidc/bearer_guard.ts';
import { createCertificateOrigin } from './oidc/certificate_origin.ts';
import { mountCertificateSignIn } from './oidc/certificate_sign_in.ts';
import { type Clients, createClients } from './oidc/clients.ts';
import { CLIENT_SIGNING, createEngine, sectorOf } from './oidc/engine.ts';
import { showEngineForms } from './oidc/engine_forms.ts';
import { mountEnrolment } from './oidc/enrolment_interaction.ts';
import { mountInteractions, showSignInAtOnce } from './oidc/interactions.ts';
import { mountLatestConsent } from './oidc/latest_consent_interaction.ts';
import { createLogoutNotices } from './oidc/logout_notices.ts';
import {
  createEnginePages,
  createEnrolmentPages,
  createInteractionPages,
  createLatestConsentPages,
} from './oidc/pages.ts';
import { mountPostedRequests } from './oidc/posted_requests.ts';
import { certificateFromProxies, certificateOfHandshake } from './oidc/presented_certificate.ts';
import { createSigningKeys, type SigningKeys } from './oidc/signing_keys.ts';
import { createSubjectSessions } from './oidc/subject_sessions.ts';
import { createGracefulShutdown, type GracefulShutdown } from './operations/graceful_shutdown.ts';
import { createReadiness, health } from './operations/health.ts';
import { hostGuard } from './operations/host_guard.ts';
import type { Logger } from './operations/logger.ts';
import { createMetrics, type Metrics, metricsForThisMachine } from './operations/metrics.ts';
import { createRateLimit, type RateLimit, rateLimit } from './operations/rate_limit.ts';
import { requestLog } from './operations/request_log.ts';
import { requestReference } from './operations/request_reference.ts';
import { type Certificate, MAX_OCSP_RESPONSE_SIZE, RevocationList } from './pki/index.ts';
import { askingParty } from './status/asking_parties.ts';
import { type AuthorityQuestions, createAuthorityQuestions } from './status/authority_questions.ts';
import { createListAges } from './status/list_ages.ts';
import type { DailyQuestions } from './status/question_store.ts';
import { createResponders } from './status/responders.ts';
import { mountStatusApi } from './status/status_api.ts';
import { createStatusCheck, type StatusCheck, type StatusReport } from './status/status_check.ts';
import type { Storage } from './storage.ts';
import { type CertificateKind, openTrust, type Trust } from './trust.ts';
import type { Vault } from './vault.ts';
import { createVerifier } from './verifier/verifier.ts';
import { AUTHENTICATE_PATH, mountVerifierApi } from './verifier/verifier_api.ts';
import { loadAssets, serveAssets } from './web/assets.ts';
import { preferences } from './web/preferences.ts';
import { createRenderer, type Renderer } from './web/render.ts';
import { securityHeaders } from './web/security_headers.ts';
import { sendPage } from './web/send_page.ts';
import { type Clock, type Random, systemClock, systemRandom } from './world.ts';

/** What an operator may ask of a hub, whether it runs or was opened for one command. */
export interface Administration {
  readonly clients: Clients;
  readonly keys: SigningKeys;
  /**
   * What a sign-in would make of a certificate or token now, and why.
   *
   * @param policy name of a revocation policy; the default one unless given.
   * @throws HubError `trust_missing` when no root is configured for that kind, `revocation_policy_unknown`.
   */
  explain(presented: Presented, kind: CertificateKind, policy: string | undefined): Promise<Explanation>;
  readonly lists: ListAdministration;
  readonly links: LinkAdministration;
  /**
   * What a relying party would be told of these people, for whom the operator asks in its place.
   *
   * @throws HubError `client_not_found`, `status_check_not_allowed`.
   */
  checkStatus(clientId: string, identifiers: readonly string[]): Promise<StatusReport>;
  /** What the authority was asked on each relying party's behalf, of so many days with today; newest first. */
  questionUsage(days: number): Promise<readonly DailyQuestions[]>;
  /** Security events that wait, and those that were given up. */
  readonly events: EventAdministration;
  /** After a rotation: uses the new keys now and not at the next look. */
  refreshKeys(): Promise<void>;
}

export interface Hub extends Administration {
  readonly issuer: string;
  /** What the rooms have stored: for commands that look into the records or change them without a person. */
  readonly storage: Storage;
  /** Looks at every revocation list now and not by its schedule. Resolves when what is new has taken effect. */
  refreshLists(): Promise<void>;
  /** Pushes security events now and not at the next look. Resolves when nothing is due any more. */
  deliverEvents(): Promise<void>;
  /** Gives up security events that have waited too long, and pauses streams that nobody empties, as each minute. */
  tidyEvents(): Promise<void>;
  /** Finishes what is in flight, then closes everything. Resolves with the exit code. */
  readonly shutdown: GracefulShutdown;
  /** Registers what has to end after the last request and before the database is closed. */
  beforeClose(step: () => unknown): void;
}

export interface HubWorld {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** How often expired rows are deleted (ms). */
const SWEEP_EVERY = 60_000;

/**
 * Puts the hub together from its configuration and starts it: the one file that knows every room. Resolves when it
 * answers. Throws HubError (`database_in_use`, `master_key_missing` …), PkiError for an anchor that cannot be one, or
 * the listener's own error.
 */
export async function startHub(config: Configuration, world: HubWorld): Promise<Hub> {
  const base: Base = { config, clock: systemClock, random: systemRandom, metrics: createMetrics(), ...world };
  const store = await openStore(base);
  let shutdown: GracefulShutdown | undefined;
  try {
    const rooms = openRooms(base, store, () => runner.engine());
    await rooms.keys.ensure();
    const readiness = createReadiness({
      checks: {
        database: async () => (await store.storage.signingKeys.list()).length > 0,
        revocation: () => rooms.revocation.ready(),
      },
      clock: base.clock,
    });
    const web = webRoom(base, store, rooms, { health: health(readiness), engine: () => runner.engine() });
    const runner: EngineRunner = await runEngine({
      keys: rooms.keys,
      build: web.build,
      onError: (err) => base.log.error({ err }, 'the signing keys could not be read'),
    });
    const handlers = { hub: runner.handle, certificateOrigin: web.certificateOrigin };
    const servers = createServers(config, handlers, base.metrics);
    const sweeper = startSweeper(base, store, rooms.delivery);
    const latestAttributes = startLatestAttributes(base, rooms);
    const steps: (() => unknown)[] = [];
    shutdown = createGracefulShutdown({
      servers: servers.map(({ server }) => server),
      readiness,
      close: [
        () => Promise.all(steps.map((step) => step())),
        sweeper.stop,
        latestAttributes.stop,
        runner.stop,
        () => rooms.follower.stop(),
        () => rooms.delivery.stop(),
        () => rooms.notices.stop(),
        () => rooms.revocation.stop(),
        // Of requests that were cut off; all others have waited for theirs.
        () => rooms.auditQueue.flush(),
        () => rooms.questions.stop(),
        () => store.database.close(),
      ],
      deadline: config.shutdownSeconds * 1000,
      log: base.log,
    });
    // The lists are fetched while the hub already answers: until they are there, /readyz says so and sign-ins wait.
    void rooms.revocation.start();
    rooms.follower.start();
    rooms.delivery.start();
    rooms.questions.start();
    for (const { server, host, port } of servers) await listen(server, host, port);
    base.log.info({ issuer: config.publicUrl, database: store.database.engine }, 'the hub answers');
    return {
      issuer: config.publicUrl,
      clients: createClients({ ...clientsWorld(base, store), engine: () => runner.engine() }),
      keys: rooms.keys,
      storage: store.storage,
      explain: rooms.explain,
      lists: rooms.lists,
      links: rooms.links,
      events: rooms.eventAdministration,
      checkStatus: rooms.checkStatus,
      questionUsage: rooms.questions.usage,
      refreshKeys: () => runner.refresh(),
      async refreshLists() {
        await rooms.revocation.refresh();
        await rooms.follower.follow();
      },
      deliverEvents: rooms.delivery.deliver,
      tidyEvents: rooms.delivery.tidy,
      shutdown,
      beforeClose: (step) => steps.push(step),
    };
  } catch (error) {
    // One listener may be open already when another cannot be.
    if (shutdown) await shutdown.shutDown();
    else await store.database.close();
    throw error;
  }
}

/** The rooms without listeners, for one command while no hub runs. Close it, or the database stays locked. */
export async function openAdministration(
  config: Configuration,
  world: HubWorld,
): Promise<Administration & { close(): Promise<void> }> {
  const base: Base = { config, clock: systemClock, random: systemRandom, metrics: createMetrics(), ...world };
  const store = await openStore(base);
  try {
    const rooms = openRooms(base, store, () => engine);
    await rooms.keys.ensure();
    const { build } = webRoom(base, store, rooms, { health: async (_ctx, next) => next(), engine: () => engine });
    const { engine } = build(await rooms.keys.current());
    return {
      clients: createClients({ ...clientsWorld(base, store), engine: () => engine }),
      keys: rooms.keys,
      async explain(presented, kind, policy) {
        await rooms.revocation.start();
        return rooms.explain(presented, kind, policy);
      },
      lists: {
        async status() {
          await rooms.revocation.restore();
          return rooms.lists.status();
        },
        import: rooms.lists.import,
      },
      links: rooms.links,
      events: rooms.eventAdministration,
      questionUsage: rooms.questions.usage,
      async checkStatus(clientId, identifiers) {
        await rooms.revocation.restore();
        return rooms.checkStatus(clientId, identifiers);
      },
      refreshKeys: async () => {},
      async close() {
        await rooms.notices.stop();
        await rooms.revocation.stop();
        await rooms.auditQueue.flush();
        await rooms.questions.stop();
        await store.database.close();
      },
    };
  } catch (error) {
    await store.database.close();
    throw error;
  }
}

/** Brings the tables up to date and returns the names of the migrations that ran. */
export async function migrateDatabase(config: Configuration): Promise<readonly string[]> {
  const database = await openDatabase(databaseSettings(config));
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}

interface Base {
  config: Configuration;
  log: Logger;
  clock: Clock;
  random: Random;
  metrics: Metrics;
}

type Store = Awaited<ReturnType<typeof openStore>>;
type Rooms = ReturnType<typeof openRooms>;

async function openStore({ config, log, clock, random, metrics }: Base) {
  const database = timed(
    metrics,
    await openDatabase(databaseSettings(config), {
      log: (event, details) => log.warn({ event, ...details }, 'database'),
    }),
  );
  try {
    const migrations = await migrate(database);
    if (migrations.length > 0) log.info({ migrations }, 'migrated');
    if (config.mode === 'sandbox') ensureSandboxEncryptionKey(config.encryptionKeyFile, random);
    const vault = createVault(loadMasterKeys(config.encryptionKeyFile), random);
    const storage = createStorage(database, vault);
    const oidcStore = createOidcStore({ database, vault, clients: storage.clients, clock });
    return { database, vault, storage, oidcStore };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The same database, with the time of each statement in the figures. */
function timed(metrics: Metrics, database: Database): Database {
  return {
    ...database,
    async query(statement, values) {
      const start = performance.now();
      try {
        return await database.query(statement, values);
      } finally {
        metrics.databaseTook(statement.name, (performance.now() - start) / 1000);
      }
    },
  };
}

function clientsWorld({ config, clock, random }: Base, { storage }: Store) {
  return { storage, clock, random, allowLoopback: config.relyingParties.allowLoopback };
}

function databaseSettings({ database }: Configuration): DatabaseSettings {
  return database.kind === 'embedded'
    ? { kind: 'embedded', folder: database.folder }
    : { kind: 'postgresql', url: database.url ?? '', poolSize: database.poolSize };
}

/** @param engine the one that runs when it is asked for. */
function openRooms(base: Base, store: Store, engine: () => Provider) {
  const { config, clock, random, metrics, log } = base;
  const { storage, vault } = store;
  const trust = openTrust(config);
  const auditQueue = createAuditQueue(storage.audit);
  const questions = createAuthorityQuestions({
    ...{ storage, clock, log },
    budget: config.relyingParties.authorityQuestionsPerDay,
    observe: metrics.authorityAsked,
  });
  const authority = openAuthority(base, trust, storage, {
    async onTaken(taken, event) {
      await auditQueue.append(event, clock());
      follower.taken(taken, differenceOf(taken));
    },
    onQuestion: (outcome, clientId) => questions.count({ channel: 'ocsp', outcome, clientId }),
  });
  const revocation = watched(metrics, authority);
  const notices = createLogoutNotices({ engine, log, observe: metrics.logoutNoticed });
  const sessions = createSubjectSessions(store.oidcStore, notices);
  const events = createSubjectEvents({ issuer: config.publicUrl, vault, clock, random });
  const notify = createNotify(events);
  const effects = createRevocationEffects({ storage, vault, sessions, events, notify, clock });
  // Lists are followed by themselves; of what a responder says nobody else hears.
  const onRevoked = async ({ issuer, serial }: Certificate, verdict: RevocationVerdict) => {
    if (verdict.source === 'ocsp') await effects.applyVerdict(certificateLookup(vault, issuer, serial), verdict);
  };
  const follower = openFollower(base, store, authority, effects);
  const lists = createListAdministration(authority, namedAnchors(trust));
  const decisions = createDecisionLog(auditQueue, clock);
  const verifierOf = (kind: CertificateKind, recordedIn: DecisionLog = decisions) =>
    createCertificateVerifier({
      profile: trust[kind].profile,
      anchors: trust[kind].anchors.map(({ anchor }) => anchor),
      intermediates: trust[kind].intermediates.map(({ anchor }) => anchor.certificate),
      revocation,
      decisions: recordedIn,
      // What is no decision has no effects either.
      ...(recordedIn === decisions && { onRevoked }),
      clock,
    });
  const challenges = createChallenges({
    store: storage.challenges,
    vault,
    clock,
    random,
    lifetime: config.signIn.challengeSeconds * 1000,
  });
  const certificates = verifierOf('user');
  const cards = createCardVerifier({ challenges, certificates });
  const handOvers = createHandOvers({ store: storage.handOvers, vault, clock, random });
  const policies = policiesOf(config);
  const signingCertificates = verifierOf('signing');
  const linkedCertificates = createLinkedCertificates(signingCertificates, decisions);
  const linkage = openLinkage(base);
  const onLinkageQuestion = (clientId: string | undefined) =>
    questions.count({ channel: 'linkage', outcome: 'asked', clientId });
  const identity = createIdentity({
    ...{ storage, vault, linkage, onLinkageQuestion, linkedCertificates, notify, clock, random },
  });
  const links = createLinkAdministration({ storage, sessions, clock });
  const signatures = openSignatures(trust, linkage, {
    ...{ challenges, signingCertificates, onLinkageQuestion },
    userCertificates: certificates,
  });
  const enrolments = signatures && openEnrolments(base, vault, signatures, { identity, events });
  const latestSource = openLatestAttributes(base);
  const latest =
    latestSource &&
    createLatestAttributes({
      ...{ storage, vault, clock },
      source: latestSource,
      audit: auditQueue,
      observe(outcome, clientId) {
        metrics.latestAttributesAsked(outcome);
        questions.count({ channel: 'latest attributes', outcome: 'asked', clientId });
      },
    });
  const attributes = createAttributes([
    cardStatusSource(identity),
    identityAttributesSource({ storage, vault, clock, latest }),
  ]);
  const latestConsents =
    latestSource &&
    signatures &&
    createLatestConsents({ storage, vault, attributes, signatures, source: latestSource, clock });
  const consents = createConsents({ storage, attributes, clock, lifetime: config.lifetimes.consentSeconds * 1000 });
  const keys = createSigningKeys({ storage, clock, random });
  const explain = explanations(config, { trust, policies, verifierOf });
  const signer = createSetSigner({ issuer: config.publicUrl, keys, clock });
  const streams = createEventStreams({ storage, vault, signer, clock, random });
  const delivery = createEventDelivery({
    ...{ storage, vault, signer, clock, random, log },
    fetch: relyingPartyFetch(config),
    receiver: async (clientId) => {
      const client = await engine().Client.find(clientId);
      if (client?.status_check !== true) return undefined;
      return { clientId, sector: sectorOf(client), hearsNotices: client.person_notices === true };
    },
    observe: metrics.eventPushed,
  });
  const statusCheck = openStatusCheck(base, store, { trust, authority, follower, auditQueue, questions, effects });
  const checkStatus: Administration['checkStatus'] = async (clientId, identifiers) =>
    statusCheck.check(await askingParty(engine(), clientId), identifiers, 'operator');
  return {
    ...{ revocation, auditQueue, challenges, certificates, cards, handOvers, policies, identity, consents, keys },
    ...{ explain, lists, links, follower, notices, enrolments, statusCheck, checkStatus, streams, delivery, questions },
    ...{ latest, latestConsents },
    eventAdministration: createEventAdministration({ storage, clock }),
  };
}

function namedAnchors({ user, signing }: Readonly<Record<CertificateKind, Trust>>): Trust['anchors'] {
  return [...user.anchors, ...user.intermediates, ...signing.anchors];
}

/** An explanation is no decision: nobody signs in by it, and the audit chain hears nothing of it. */
const unrecorded: DecisionLog = { record: async () => {} };

function explanations(
  config: Configuration,
  rooms: {
    trust: Readonly<Record<CertificateKind, Trust>>;
    policies: RevocationPolicies;
    verifierOf: (kind: CertificateKind, recordedIn: DecisionLog) => CertificateVerifier;
  },
): Administration['explain'] {
  return async (presented, kind, policyName = 'default') => {
    if (!rooms.policies.has(policyName)) {
      throw new HubError('revocation_policy_unknown', 400, `There is no revocation policy called "${policyName}".`);
    }
    const { anchors, profile } = rooms.trust[kind];
    if (anchors.length === 0) {
      throw new HubError('trust_missing', 400, `No root of kind ${kind} is configured in trust.anchors.`);
    }
    return explainVerification(presented, {
      certificates: rooms.verifierOf(kind, unrecorded),
      profile: profile.id,
      policy: rooms.policies.forRequest({ acr: [], registered: policyName }),
      origin: config.publicUrl,
      anchorName: (id) => anchors.find(({ anchor }) => anchor.id === id)?.name ?? 'unnamed',
    });
  };
}

function openAuthority(
  { config, log, clock, random }: Base,
  { user, signing }: Readonly<Record<CertificateKind, Trust>>,
  storage: Store['storage'],
  hears: {
    onTaken(taken: TakenList, event: AuditEvent): Promise<void>;
    onQuestion(outcome: 'asked' | 'remembered', clientId: string | undefined): void;
  },
): Revocation {
  const { revocation } = config;
  const forSignIn = [...user.anchors, ...user.intermediates];
  const anchors = [...forSignIn, ...signing.anchors];
  const idOf = new Map(anchors.map(({ name, anchor }) => [name, anchor.id]));
  const known = <Url>(entries: readonly { anchor: string; url: Url }[]) =>
    entries.map(({ anchor, url }) => ({ anchor: idOf.get(anchor) ?? anchor, url }));
  const policies = policiesFrom(config);
  const asks = (channel: RevocationChannel) => policies.some(({ sources }) => sources.includes(channel));
  return createRevocation({
    anchors: anchors.map(({ anchor }) => anchor),
    lists: asks('crl') ? known(revocation.lists.map(({ anchor, url }) => ({ anchor, url }))) : [],
    responders: asks('ocsp') ? known(revocation.responders) : [],
    // A signing certificate that cannot be checked keeps nobody out.
    needed: new Set(forSignIn.map(({ anchor }) => anchor.id)),
    crlNumbers: storage.crlNumbers,
    folder: revocation.listFolder,
    onTaken: (taken) => hears.onTaken(taken, listTaken(taken, anchors)),
    onQuestion: hears.onQuestion,
    fetch: authorityFetch(config),
    clock,
    random,
    log,
    settings: {
      refreshInterval: revocation.refreshSeconds * 1000,
      listGrace: revocation.graceSeconds * 1000,
      listTimeout: revocation.listTimeoutSeconds * 1000,
      listMaxSize: revocation.listMaxBytes,
      listHosts: asks('crl') ? revocation.listHosts : [],
      ocspTimeout: revocation.ocspTimeoutSeconds * 1000,
      ocspHosts: asks('ocsp') ? revocation.ocspHosts : [],
      ocspNonce: revocation.ocspNonce,
      ocspDigest: revocation.ocspDigest,
      ocspMaxAge: revocation.ocspMaxAgeSeconds * 1000,
      ocspBreakerFailures: revocation.ocspBreakerFailures,
    },
  });
}

/** Has revocations take effect on whoever is signed in. Runs in the hub only: what a command takes, the next hub follows. */
function openFollower(
  { clock, random, log, metrics }: Base,
  { storage, vault }: Store,
  authority: Revocation,
  effects: RevocationEffects,
): ListFollower {
  return createListFollower({
    lists: authority.held,
    storage,
    progress: storage.listProgress,
    vault,
    effects,
    observe: metrics.revocationsApplied,
    ...{ clock, random, log },
  });
}

/** Rests on what the follower has recorded, and knows by the lists how old that is. */
function openStatusCheck(
  { config, clock, metrics, log }: Base,
  { storage, vault }: Store,
  rooms: {
    trust: Readonly<Record<CertificateKind, Trust>>;
    authority: Revocation;
    follower: ListFollower;
    auditQueue: AuditQueue;
    questions: AuthorityQuestions;
    effects: RevocationEffects;
  },
): StatusCheck {
  const { trust, authority, follower, auditQueue, questions, effects } = rooms;
  const grace = config.revocation.graceSeconds * 1000;
  const ages = createListAges({
    issuers: namedAnchors(trust).map(({ anchor: { id, certificate } }) => ({
      id,
      name: certificate.subject,
      notAfter: certificate.notAfter,
    })),
    followed: follower.reached,
    fresh() {
      const now = clock();
      const inDate = authority.held().filter(({ list }) => list.isFresh(now, grace));
      return new Set(inDate.map(({ series }) => series));
    },
    clock,
  });
  const responders = createResponders({ storage, vault, word: authority.word, questions, effects, log });
  return createStatusCheck({
    ...{ storage, vault, ages, responders, clock },
    audit: auditQueue,
    observe: metrics.statusAnswered,
  });
}

function differenceOf({ difference, newlyRevoked }: TakenList): ListDifference | undefined {
  if (difference === undefined || newlyRevoked === undefined) return undefined;
  return {
    since: { number: difference.since, thisUpdate: difference.sinceThisUpdate },
    open() {
      const file = openIndexFile(newlyRevoked);
      return { entries: new RevocationList(file).entries.entries(), close: file.close };
    },
  };
}

/** What the audit chain keeps of a list: which one, and what it brought; never whose certificates. */
function listTaken({ anchor, series, list, difference }: TakenList, anchors: Trust['anchors']): AuditEvent {
  const { since, sinceThisUpdate: _known, ...counts } = difference ?? {};
  return {
    kind: 'revocation_list.taken',
    actor: list.labels.url === undefined ? 'operator' : 'hub',
    data: {
      anchor: anchors.find((known) => known.anchor.id === anchor.id)?.name,
      scope: series.slice(series.indexOf(':') + 1),
      number: list.number.toString(),
      thisUpdate: list.thisUpdate,
      nextUpdate: list.nextUpdate,
      entries: list.size,
      ...(since !== undefined && { since: since.toString(), ...counts }),
    },
  };
}

/** Where the operator says that the authority is, private networks included, and nowhere else. */
function authorityFetch({ revocation, linkage }: Configuration): typeof fetch {
  const { lists, responders, ocspHosts, listHosts, listTimeoutSeconds, ocspTimeoutSeconds, listMaxBytes } = revocation;
  return createGuardedFetch({
    // The widest of what it is used for; each exchange has its own, narrower limits.
    timeout: Math.max(listTimeoutSeconds, ocspTimeoutSeconds, linkage?.timeoutSeconds ?? 0) * 1000,
    maxBody: Math.max(listMaxBytes, MAX_OCSP_RESPONSE_SIZE),
    streaming: true,
    allowedNetworks: [],
    // Lists and answers are signed, and production sends its token over TLS only (config/rules.ts).
    allowPlainHttp: true,
    places: {
      configured: [
        ...[...lists, ...responders].map(({ url }) => url),
        ...[linkage?.url, linkage?.latestAttributesUrl],
      ].flatMap((url) => (url === undefined ? [] : [new URL(url).origin])),
      allowed: [...ocspHosts, ...listHosts],
    },
  });
}

/** To addresses that relying parties choose. */
function relyingPartyFetch({ outbound }: Configuration): typeof fetch {
  return createGuardedFetch({
    timeout: outbound.timeoutSeconds * 1000,
    maxBody: outbound.maxBodyBytes,
    allowedNetworks: outbound.allowedNetworks,
    allowPlainHttp: outbound.allowPlainHttp,
  });
}

function openLinkage(base: Base): LinkageSource | undefined {
  const { linkage } = base.config;
  return linkage && createLinkageService({ ...verifierWorld(base, linkage), url: linkage.url });
}

/** By what the hub is known to the authority's services for verifiers, and knows their answers. */
function verifierWorld(
  { config, clock, log }: Base,
  { tokenFile, keysFile, timeoutSeconds }: NonNullable<Configuration['linkage']>,
) {
  return {
    token: readFileSync(tokenFile, 'utf8').trim(),
    keys: JSON.parse(readFileSync(keysFile, 'utf8')),
    timeout: timeoutSeconds * 1000,
    fetch: authorityFetch(config),
    schedule: systemSchedule,
    ...{ clock, log },
  };
}

function openLatestAttributes(base: Base): LatestAttributesSource | undefined {
  const { linkage } = base.config;
  if (linkage?.latestAttributesUrl === undefined) return undefined;
  const { latestAttributesUrl: url } = linkage;
  return createLatestAttributesService({ ...verifierWorld(base, linkage), url, random: base.random });
}

/** Undefined where nobody could confirm that two certificates are one person's. */
function openSignatures(
  { signing }: Readonly<Record<CertificateKind, Trust>>,
  linkage: LinkageSource | undefined,
  rooms: Omit<SignatureVerifierWorld, 'linkage'>,
): SignatureVerifier | undefined {
  if (linkage === undefined || signing.anchors.length === 0) return undefined;
  return createSignatureVerifier({ ...rooms, linkage });
}

function openEnrolments(
  { config, clock }: Base,
  vault: Vault,
  signatures: SignatureVerifier,
  rooms: Pick<EnrolmentWorld, 'identity' | 'events'>,
): Enrolments {
  const terms = { version: config.enrolment.termsVersion, url: config.enrolment.termsUrl };
  return createEnrolments({ ...rooms, signatures, vault, terms, clock });
}

function policiesOf(config: Configuration): RevocationPolicies {
  const [first, ...others] = policiesFrom(config);
  return createRevocationPolicies({ default: first, policies: others, byAcr: config.revocation.policyByAcr });
}

/** The default one first: one of that name takes the place of what `revocation.sources` makes. */
function policiesFrom({ revocation }: Configuration): readonly [RevocationPolicy, ...RevocationPolicy[]] {
  const policies = revocation.policies.map(
    ({ name, sources, maxAgeSeconds }): RevocationPolicy => ({
      name,
      sources,
      maxAge: maxAgeSeconds === undefined ? undefined : maxAgeSeconds * 1000,
    }),
  );
  const ordinary = { name: 'default', sources: revocation.sources, maxAge: undefined };
  return [
    policies.find(({ name }) => name === ordinary.name) ?? ordinary,
    ...policies.filter(({ name }) => name !== ordinary.name),
  ];
}

/** The same source, counted by the channel that answered. */
function watched(metrics: Metrics, revocation: Revocation): Revocation {
  metrics.watchRevocation(() => revocation.status().lists);
  return {
    ...revocation,
    async check(certificate, anchor, policy, askedFor) {
      try {
        const verdict = await revocation.check(certificate, anchor, policy, askedFor);
        metrics.revocationChecked(verdict.source);
        return verdict;
      } catch (error) {
        metrics.revocationChecked('unavailable');
        throw error;
      }
    },
  };
}

/** Everything that answers requests. `build` is called again with each new set of keys. */
function webRoom(
  base: Base,
  { storage, oidcStore }: Store,
  rooms: Rooms,
  { health, engine }: { health: Middleware; engine: () => Provider },
): { build: EngineRunnerWorld['build']; certificateOrigin: RequestHandler | undefined } {
  const { config, log, clock, random, metrics } = base;
  const assets = loadAssets();
  const renderer = createRenderer({
    assets,
    brand: { ja: config.branding.nameJa, en: config.branding.nameEn },
    sandbox: config.mode === 'sandbox',
  });
  const pageSettings = {
    cardAgentUrl: config.signIn.cardAgentUrls[0] ?? '',
    cardAgentHelpUrl: undefined,
    certificateSignIn: config.signIn.tls !== undefined,
    challengeLifetime: config.signIn.challengeSeconds,
    consentLifetime: Math.round(config.lifetimes.consentSeconds / 86_400),
    enrolment: rooms.enrolments !== undefined,
  };
  const pages = createInteractionPages(renderer, pageSettings);
  const enrolmentPages = createEnrolmentPages(renderer, pageSettings);
  const latestConsentPages = createLatestConsentPages(renderer, pageSettings);
  const enginePages = createEnginePages(renderer);
  const fetch = relyingPartyFetch(config);
  const headers = securityHeaders({ publicUrl: config.publicUrl });
  const watch = [requestLog({ log, clock, random }), metrics.measureRequests];
  const before = [
    headers,
    health,
    ...(config.metrics.listen === 'same' ? [metricsForThisMachine(metrics)] : []),
    ...watch,
    hostGuard({
      publicUrl: config.publicUrl,
      mutualTlsUrl: config.mutualTls?.publicUrl,
      trustedProxies: createNetworks(config.trustedProxies),
    }),
    serveAssets(assets),
  ];
  // Made once, so that a rotation of keys forgives nobody.
  const limits = rateLimits(config, clock);
  const inside = [preferences({ publicUrl: config.publicUrl }), limits.signIns, limits.writes];

  const interactions = {
    ...rooms,
    engine,
    origin: config.publicUrl,
    audit: storage.audit,
    pages,
    clock,
    observe: metrics.signInEnded,
  };

  const issuer = config.publicUrl;
  const bearer = createBearerGuard({ engine, issuer, proofAlgorithms: CLIENT_SIGNING, clock });
  const endpoint = new URL(AUTHENTICATE_PATH, issuer).href;
  const verifier = createVerifier({ ...rooms, engine, issuer, endpoint, audit: rooms.auditQueue, clock });

  const { tls } = config.signIn;
  const onBug = (ctx: Context, err: unknown) => log.error({ err, reference: requestReference(ctx, random) }, 'a bug');
  const certificateOrigin =
    tls &&
    createCertificateOrigin({
      ...interactions,
      origin: tls.publicUrl,
      mainOrigin: config.publicUrl,
      readPresented:
        tls.certificateFile === undefined
          ? certificateFromProxies(createNetworks(tls.proxies))
          : certificateOfHandshake,
      before: [
        headers,
        ...watch,
        hostGuard({
          publicUrl: tls.publicUrl,
          trustedProxies: createNetworks([...config.trustedProxies, ...tls.proxies]),
        }),
      ],
      limit: limits.attempts,
      onBug,
    });

  const build: EngineRunnerWorld['build'] = ({ jwks, cookieSecrets }) => {
    const provider = createEngine({
      settings: {
        issuer: config.publicUrl,
        mutualTlsOrigin: config.mutualTls?.publicUrl,
        lifetimes: {
          session: config.lifetimes.sessionSeconds,
          interaction: config.signIn.interactionSeconds,
          accessToken: config.lifetimes.accessTokenSeconds,
          refreshToken: config.lifetimes.refreshTokenSeconds,
          consent: config.lifetimes.consentSeconds,
        },
        resources: config.resources.map(({ accessTokenSeconds, ...resource }) => ({
          ...resource,
          accessTokenLifetime: accessTokenSeconds,
        })),
        assurance: config.enrolment,
        secureCookies: config.publicUrl.startsWith('https:'),
      },
      jwks,
      cookieSecrets,
      adapter: oidcStore.adapter,
      settle: oidcStore.settle,
      identity: rooms.identity,
      consents: rooms.consents,
      policies: rooms.policies,
      pages: enginePages,
      fetch,
      clock,
    });
    const handle = createHttpApp(provider, {
      before,
      inside: [...inside, showEngineForms(enginePages.sendForm), oidcStore.batchWrites],
      routes(router) {
        router.get('/', (ctx) => home(ctx, renderer, config.publicUrl));
        mountPostedRequests(router);
        mountInteractions(router, interactions);
        const { enrolments, latestConsents } = rooms;
        if (enrolments) {
          const observeEnrolment = metrics.enrolmentEnded;
          mountEnrolment(router, { ...interactions, enrolments, enrolmentPages, observeEnrolment });
        }
        if (latestConsents) {
          const observeLatestConsent = metrics.latestConsentEnded;
          mountLatestConsent(router, { ...interactions, latestConsents, latestConsentPages, observeLatestConsent });
        }
        const forServers = { bearer, limit: limits.calls, issuer };
        mountStatusApi(router, { ...forServers, statusCheck: rooms.statusCheck });
        const { allowPlainHttp } = config.outbound;
        mountStreamApi(router, { ...forServers, streams: rooms.streams, allowPlainHttp });
        mountVerifierApi(router, { ...forServers, verifier });
        if (tls) mountCertificateSignIn(router, { ...interactions, certificateOrigin: tls.publicUrl });
      },
      around: [showSignInAtOnce(interactions)],
      errorPage(ctx, error) {
        if (error.retryAfter !== undefined) ctx.set('Retry-After', String(error.retryAfter));
        sendPage(
          ctx,
          renderer,
          'error',
          { code: error.code, reference: requestReference(ctx, random) },
          { status: error.status },
        );
      },
      onBug,
    });
    return { engine: provider, handle };
  };
  return { build, certificateOrigin };
}

function home(ctx: Context, renderer: Renderer, publicUrl: string): void {
  sendPage(ctx, renderer, 'home', {
    issuer: publicUrl,
    discoveryUrl: new URL('/.well-known/openid-configuration', publicUrl).href,
  });
}

/** Requests by which somebody without a session makes the hub store something or verify signatures. */
function rateLimits(
  config: Configuration,
  clock: Clock,
): Record<'signIns' | 'attempts' | 'writes', Middleware> & { calls: RateLimit } {
  const { signInAttempts, unauthenticatedWrites, relyingPartyCalls, windowSeconds, trackedAddresses } =
    config.rateLimits;
  const shared = { window: windowSeconds * 1000, trackedAddresses };
  // The routers match in any letter case and with a slash at the end: what is counted must not depend on the spelling.
  const isSignIn = (ctx: Context) =>
    ctx.method === 'POST' &&
    /^\/interaction\/[^/]+\/(?:sign-in|(?:enrolment|latest-attributes)\/signed)\/?$/i.test(ctx.path);
  const isWrite = (ctx: Context) =>
    /^\/(?:authorize|par|sign-out|interaction\/[^/]+(?:\/certificate-return)?)\/?$/i.test(ctx.path);
  const attempts = createRateLimit({ ...shared, requests: signInAttempts }, clock);
  return {
    signIns: rateLimit(attempts, isSignIn),
    // At the origin that asks for certificates every request is one.
    attempts: rateLimit(attempts),
    writes: rateLimit(createRateLimit({ ...shared, requests: unauthenticatedWrites }, clock), isWrite),
    // By relying party, once it has authenticated.
    calls: createRateLimit({ ...shared, requests: relyingPartyCalls }, clock),
  };
}

function startSweeper({ log, clock }: Base, { oidcStore, storage }: Store, { tidy }: EventDelivery): { stop(): void } {
  const sweep = () =>
    Promise.all([
      oidcStore.sweep(clock()),
      storage.challenges.sweep(clock()),
      storage.handOvers.sweep(clock()),
      tidy(),
    ]).catch((err) => log.warn({ err }, 'expired rows could not be deleted'));
  const timer = setInterval(sweep, SWEEP_EVERY);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** The authority hears of consents that have ended here, and what it told is dropped when its time is over. */
function startLatestAttributes({ log }: Base, { latest, latestConsents }: Rooms): { stop(): Promise<void> } {
  let underway: Promise<void> | undefined;
  const look = () => {
    latest?.forget();
    underway ??= latestConsents
      ?.tellAuthority()
      .catch((err) => log.warn({ err }, 'the authority could not be told which consents have ended'))
      .finally(() => {
        underway = undefined;
      });
  };
  const timer = setInterval(look, SWEEP_EVERY);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await underway;
    },
  };
}
