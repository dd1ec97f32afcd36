import { migrate } from '../adapters/database/migrate.ts';
import { openDatabase } from '../adapters/database/open_database.ts';
import type { Configuration } from '../config/schema.ts';
import type { Memberships } from './attributes/providers/memberships.ts';
import type { ProviderAdministration } from './attributes/providers/provider_administration.ts';
import type { Explanation, Presented } from './authentication/explain_verification.ts';
import type { ListAdministration } from './authentication/list_administration.ts';
import type { Consents } from './consent/consents.ts';
import type { DisclosureHistory } from './consent/disclosure_history.ts';
import { type EngineRunner, runEngine } from './engine_runner.ts';
import type { EventAdministration } from './events/event_administration.ts';
import { clientsWorld, openRooms, type Rooms } from './hub/rooms.ts';
import { type Base, databaseSettings, type Interposition, openStore, type Store } from './hub/store.ts';
import { webRoom } from './hub/web.ts';
import type { LinkAdministration } from './identity/link_administration.ts';
import { createServers, listen } from './listeners.ts';
import type { MailAddresses } from './notices_by_mail/mail_addresses.ts';
import type { MailTransport } from './notices_by_mail/mail_delivery.ts';
import { type Clients, createClients } from './oidc/clients.ts';
import type { SigningKeys } from './oidc/signing_keys.ts';
import { createGracefulShutdown, type GracefulShutdown } from './operations/graceful_shutdown.ts';
import { createReadiness, health } from './operations/health.ts';
import type { Logger } from './operations/logger.ts';
import { createMetrics } from './operations/metrics.ts';
import type { AccountLocks } from './portal/account_locks.ts';
import type { MisuseReports } from './portal/misuse_reports.ts';
import type { ServiceProviderAdministration } from './saml/service_provider_administration.ts';
import type { DailyQuestions } from './status/question_store.ts';
import type { StatusReport } from './status/status_check.ts';
import type { Storage } from './storage.ts';
import type { CertificateKind } from './trust.ts';
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
  /** Accounts that their people have locked. */
  readonly locks: Pick<AccountLocks, 'list' | 'unlock'>;
  /** What people report of misuse. */
  readonly reports: Pick<MisuseReports, 'list'>;
  /** The register of SAML service providers. */
  readonly serviceProviders: ServiceProviderAdministration;
  /** The register of attribute providers, and who offers and accepts what. */
  readonly attributeProviders: ProviderAdministration;
  /** After a rotation: uses the new keys now and not at the next look. */
  refreshKeys(): Promise<void>;
}

export interface Hub extends Administration {
  readonly issuer: string;
  /** What the rooms have stored: for commands that look into the records or change them without a person. */
  readonly storage: Storage;
  /** Whose customer people are. */
  readonly memberships: Memberships;
  /** Looks at every revocation list now and not by its schedule. Resolves when what is new has taken effect. */
  refreshLists(): Promise<void>;
  /** Pushes security events now and not at the next look. Resolves when nothing is due any more. */
  deliverEvents(): Promise<void>;
  /** Gives up security events that have waited too long, and pauses streams that nobody empties, as each minute. */
  tidyEvents(): Promise<void>;
  /** What the person may do with their consents, and see of what left. */
  readonly consents: Consents;
  readonly history: DisclosureHistory;
  /** Writes now which answers were handed to the network, and not a moment later. */
  confirmDeliveries(): Promise<void>;
  /** Where people leave a mail address; undefined where no mail server is configured. */
  readonly mailAddresses: MailAddresses | undefined;
  /** Sends mails now and not at the next look. Resolves when nothing is due any more, or the server is away. */
  deliverMail(): Promise<void>;
  /** Looks at the metadata that is due, and not at the next look. Resolves when nothing is due any more. */
  refreshMetadata(): Promise<void>;
  /** Finishes what is in flight, then closes everything. Resolves with the exit code. */
  readonly shutdown: GracefulShutdown;
  /** Registers what has to end after the last request and before the database is closed. */
  beforeClose(step: () => unknown): void;
}

export interface HubWorld {
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly interpose?: Interposition;
  /** A way to send mail where no mail server is configured. */
  readonly mail?: MailTransport;
}

/** How often expired rows are deleted (ms). */
const SWEEP_EVERY = 60_000;

/**
 * Puts the hub together from its configuration and starts it: with hub/ the one place that knows every room. Resolves when it
 * answers. Throws HubError (`database_in_use`, `master_key_missing` …), PkiError for an anchor that cannot be one, or
 * the listener's own error.
 */
export async function startHub(config: Configuration, world: HubWorld): Promise<Hub> {
  const base: Base = { config, clock: systemClock, random: systemRandom, metrics: createMetrics(), ...world };
  const store = await openStore(base);
  let shutdown: GracefulShutdown | undefined;
  try {
    const rooms = openRooms(base, store, {
      engine: () => runner.engine(),
      callServiceProvider: (client) => web.callServiceProvider(client),
    });
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
    const sweeper = startSweeper(base, store, rooms);
    const publisher = startPublisher(base, rooms);
    const latestAttributes = startLatestAttributes(base, rooms);
    const steps: (() => unknown)[] = [];
    shutdown = createGracefulShutdown({
      servers: servers.map(({ server }) => server),
      readiness,
      close: [
        () => Promise.all(steps.map((step) => step())),
        sweeper.stop,
        publisher.stop,
        latestAttributes.stop,
        runner.stop,
        () => rooms.follower.stop(),
        () => rooms.delivery.stop(),
        () => rooms.mail.delivery?.stop(),
        () => rooms.metadataRefresh.stop(),
        () => rooms.notices.stop(),
        () => rooms.revocation.stop(),
        // Of requests that were cut off; all others have waited for theirs.
        () => rooms.auditQueue.flush(),
        () => rooms.questions.stop(),
        () => rooms.deliveries.flush(),
        () => rooms.providerConnections.close(),
        () => store.database.close(),
      ],
      deadline: config.shutdownSeconds * 1000,
      log: base.log,
    });
    // The lists are fetched while the hub already answers: until they are there, /readyz says so and sign-ins wait.
    void rooms.revocation.start();
    rooms.follower.start();
    rooms.delivery.start();
    rooms.mail.delivery?.start();
    rooms.metadataRefresh.start();
    rooms.questions.start();
    for (const { server, host, port } of servers) await listen(server, host, port);
    base.log.info({ issuer: config.publicUrl, database: store.database.engine }, 'the hub answers');
    return {
      issuer: config.publicUrl,
      clients: createClients({ ...clientsWorld(base, store), engine: () => runner.engine() }),
      keys: rooms.keys,
      storage: store.storage,
      memberships: rooms.memberships,
      explain: rooms.explain,
      lists: rooms.lists,
      links: rooms.links,
      events: rooms.eventAdministration,
      locks: rooms.portal.locks,
      reports: rooms.portal.reports,
      checkStatus: rooms.checkStatus,
      questionUsage: rooms.questions.usage,
      refreshKeys: () => runner.refresh(),
      async refreshLists() {
        await rooms.revocation.refresh();
        await rooms.follower.follow();
      },
      deliverEvents: rooms.delivery.deliver,
      consents: rooms.consents,
      history: rooms.history,
      confirmDeliveries: rooms.deliveries.flush,
      tidyEvents: rooms.delivery.tidy,
      mailAddresses: rooms.mail.addresses,
      deliverMail: async () => rooms.mail.delivery?.deliver(),
      serviceProviders: rooms.serviceProviderAdministration,
      attributeProviders: rooms.providerAdministration,
      refreshMetadata: rooms.metadataRefresh.refreshDue,
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
    const rooms = openRooms(base, store, {
      engine: () => engine,
      callServiceProvider: (client) => web.callServiceProvider(client),
    });
    await rooms.keys.ensure();
    const web = webRoom(base, store, rooms, { health: async (_ctx, next) => next(), engine: () => engine });
    const { engine } = web.build(await rooms.keys.current());
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
      locks: rooms.portal.locks,
      reports: rooms.portal.reports,
      serviceProviders: rooms.serviceProviderAdministration,
      attributeProviders: rooms.providerAdministration,
      questionUsage: rooms.questions.usage,
      async checkStatus(clientId, identifiers) {
        await rooms.revocation.restore();
        return rooms.checkStatus(clientId, identifiers);
      },
      refreshKeys: async () => {},
      async close() {
        await rooms.notices.stop();
        await rooms.mail.delivery?.stop();
        await rooms.revocation.stop();
        await rooms.auditQueue.flush();
        await rooms.questions.stop();
        rooms.providerConnections.close();
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

function startSweeper(
  { log, clock }: Base,
  { oidcStore, storage }: Store,
  { delivery, mail, latest }: Rooms,
): { stop(): void } {
  const sweep = () => {
    latest?.forget();
    return Promise.all([
      oidcStore.sweep(clock()),
      storage.challenges.sweep(clock()),
      storage.handOvers.sweep(clock()),
      storage.logouts.sweep(clock()),
      storage.providers.sweepAnswers(clock()),
      storage.providerSignIns.sweepAttempts(clock()),
      delivery.tidy(),
      mail.delivery?.tidy(),
      mail.addresses?.sweep(),
    ]).catch((err) => log.warn({ err }, 'expired rows could not be deleted'));
  };
  const timer = setInterval(sweep, SWEEP_EVERY);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** States the heads of the disclosure chains when that is due; whichever hub looks first does it for all. */
function startPublisher({ config, log }: Base, { history }: Rooms): { stop(): Promise<void> } {
  return everyMinute(() =>
    history
      .publishIfDue(config.disclosure.publishSeconds * 1000)
      .catch((err) => log.warn({ err }, 'the heads of the disclosure chains could not be published')),
  );
}

/** The authority hears of consents that have ended here. */
function startLatestAttributes({ log }: Base, { latestConsents }: Rooms): { stop(): Promise<void> } {
  return everyMinute(() =>
    latestConsents
      ?.tellAuthority()
      .catch((err) => log.warn({ err }, 'the authority could not be told which consents have ended')),
  );
}

/** Does something each minute, unless the last time is not over. Its end can be waited for. */
function everyMinute(work: () => Promise<unknown> | undefined): { stop(): Promise<void> } {
  let underway: Promise<unknown> | undefined;
  const look = () => {
    underway ??= work()?.finally(() => {
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
