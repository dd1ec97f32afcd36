import type { Client, Provider } from 'oidc-provider';
import type { Logger } from '../operations/logger.ts';
import type { SessionClient } from './oidc_stores.ts';

/** What came of a notice: `no_channel` when there is no address that the hub can call. */
export type NoticeOutcome = 'told' | 'failed' | 'no_channel';

/** Tells of the end of a session by a call of the hub's own. Rejects when that did not work. */
export type CallServiceProvider = (client: SessionClient) => Promise<Exclude<NoticeOutcome, 'failed'>>;

/**
 * Tells relying parties of the end of sessions by calls of the hub's own: OpenID Connect Back-Channel Logout 1.0, and for
 * SAML service providers a LogoutRequest by SOAP (SAML Profiles §4.4).
 */
export interface LogoutNotices {
  /** Returns at once; each notice is tried one time, as at a sign-out. Whoever has no address for it is passed over. */
  send(subjectId: string, clients: readonly SessionClient[]): void;
  /** The same at once and side by side, for who waits for what comes of it: as long as one fetch may take. */
  tell(subjectId: string, clients: readonly SessionClient[]): Promise<readonly NoticeOutcome[]>;
  /** Finishes those that are being sent. Those that still wait are given up, and the log says how many. */
  stop(): Promise<void>;
}

/** Notices to one relying party at the same time: one that is slow keeps nobody waiting but itself. */
const AT_ONCE = 8;

interface Lane {
  readonly waiting: (() => Promise<unknown>)[];
  workers: number;
}

export function createLogoutNotices(world: {
  /** The engine that runs now: it signs the tokens. */
  engine(): Provider;
  callServiceProvider: CallServiceProvider;
  log: Pick<Logger, 'warn'>;
  observe(outcome: 'delivered' | 'failed'): void;
}): LogoutNotices {
  const lanes = new Map<string, Lane>();
  const workers = new Set<Promise<void>>();

  async function call(subjectId: string, session: SessionClient): Promise<Exclude<NoticeOutcome, 'failed'>> {
    if (session.nameId) return world.callServiceProvider(session);
    const client = await world.engine().Client.find(session.clientId);
    if (!client?.backchannelLogoutUri) return 'no_channel';
    await (client as NotifiedClient).backchannelLogout(subjectId, session.sid);
    return 'told';
  }

  async function notify(subjectId: string, session: SessionClient): Promise<NoticeOutcome> {
    const { clientId } = session;
    try {
      const outcome = await call(subjectId, session);
      if (outcome === 'told') world.observe('delivered');
      return outcome;
    } catch (err) {
      world.observe('failed');
      world.log.warn({ err, clientId }, 'a relying party could not be told of the end of a session');
      return 'failed';
    }
  }

  async function work(clientId: string, lane: Lane): Promise<void> {
    for (let next = lane.waiting.shift(); next; next = lane.waiting.shift()) await next();
    lane.workers -= 1;
    if (lane.workers === 0) lanes.delete(clientId);
  }

  return {
    send(subjectId, clients) {
      for (const client of clients) {
        const { clientId } = client;
        const lane = lanes.get(clientId) ?? { waiting: [], workers: 0 };
        lanes.set(clientId, lane);
        lane.waiting.push(() => notify(subjectId, client));
        if (lane.workers >= AT_ONCE) continue;
        lane.workers += 1;
        const worker = work(clientId, lane).finally(() => workers.delete(worker));
        workers.add(worker);
      }
    },
    tell: (subjectId, clients) => Promise.all(clients.map((client) => notify(subjectId, client))),
    async stop() {
      let count = 0;
      for (const { waiting } of lanes.values()) count += waiting.splice(0).length;
      if (count > 0) world.log.warn({ count }, 'relying parties were not told of the end of sessions: the hub stops');
      await Promise.all(workers);
    },
  };
}

/** What the engine's own sign-out calls; not in its type declarations. */
type NotifiedClient = Client & { backchannelLogout(subjectId: string, sid: string): Promise<void> };
