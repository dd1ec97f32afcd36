import type { Client, Provider } from 'oidc-provider';
import type { Logger } from '../operations/logger.ts';

/** Tells relying parties of sessions that ended without the person's doing (OpenID Connect Back-Channel Logout 1.0). */
export interface LogoutNotices {
  /** Returns at once; each notice is tried one time, as at a sign-out. Whoever has no address for it is passed over. */
  send(subjectId: string, clients: readonly { readonly clientId: string; readonly sid: string }[]): void;
  /** Finishes those that are being sent. Those that still wait are given up, and the log says how many. */
  stop(): Promise<void>;
}

/** Notices to one relying party at the same time: one that is slow keeps nobody waiting but itself. */
const AT_ONCE = 8;

interface Lane {
  readonly waiting: (() => Promise<void>)[];
  workers: number;
}

export function createLogoutNotices(world: {
  /** The engine that runs now: it signs the tokens. */
  engine(): Provider;
  log: Pick<Logger, 'warn'>;
  observe(outcome: 'delivered' | 'failed'): void;
}): LogoutNotices {
  const lanes = new Map<string, Lane>();
  const workers = new Set<Promise<void>>();

  async function notify(clientId: string, subjectId: string, sid: string): Promise<void> {
    try {
      const client = await world.engine().Client.find(clientId);
      if (!client?.backchannelLogoutUri) return;
      await (client as NotifiedClient).backchannelLogout(subjectId, sid);
      world.observe('delivered');
    } catch (err) {
      world.observe('failed');
      world.log.warn({ err, clientId }, 'a relying party could not be told of the end of a session');
    }
  }

  async function work(clientId: string, lane: Lane): Promise<void> {
    for (let next = lane.waiting.shift(); next; next = lane.waiting.shift()) await next();
    lane.workers -= 1;
    if (lane.workers === 0) lanes.delete(clientId);
  }

  return {
    send(subjectId, clients) {
      for (const { clientId, sid } of clients) {
        const lane = lanes.get(clientId) ?? { waiting: [], workers: 0 };
        lanes.set(clientId, lane);
        lane.waiting.push(() => notify(clientId, subjectId, sid));
        if (lane.workers >= AT_ONCE) continue;
        lane.workers += 1;
        const worker = work(clientId, lane).finally(() => workers.delete(worker));
        workers.add(worker);
      }
    },
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
