import type { Storage } from '../storage.ts';
import type { Clock } from '../world.ts';

/** A stream of security events as commands show it. Times are ISO 8601. */
export interface ShownStream {
  readonly stream: string;
  readonly client: string;
  readonly method: 'push' | 'poll';
  readonly status: 'enabled' | 'paused' | 'disabled';
  readonly reason: string | undefined;
  /** Events that have not arrived, and those that were given up. */
  readonly waiting: number;
  readonly dead: number;
  /** Of the event that waits longest. */
  readonly oldest: string | undefined;
}

/** An event that was given up: when, and why; whom it is about is not shown. */
export interface ShownLetter {
  readonly stream: string;
  readonly client: string;
  readonly happened: string;
  readonly givenUp: string;
  readonly attempts: number;
  readonly reason: string;
}

export interface EventAdministration {
  streams(): Promise<readonly ShownStream[]>;
  /** The newest. */
  deadLetters(): Promise<readonly ShownLetter[]>;
  /** Has those of one stream, or all, be sent once more; how many. */
  retry(stream: string | undefined): Promise<number>;
}

const SHOWN = 100;

export function createEventAdministration(world: {
  storage: Pick<Storage, 'events' | 'transaction'>;
  clock: Clock;
}): EventAdministration {
  const { storage, clock } = world;
  const time = (at: number) => new Date(at).toISOString();
  return {
    async streams() {
      const all = await storage.events.overview();
      return all.map(({ streamId, clientId, method, status, statusReason, waiting, dead, oldest }) => ({
        stream: streamId,
        client: clientId,
        ...{ method, status, waiting, dead },
        reason: statusReason,
        oldest: oldest === undefined ? undefined : time(oldest),
      }));
    },
    async deadLetters() {
      const letters = await storage.events.deadLetters(SHOWN);
      return letters.map(({ streamId, clientId, at, deadAt, attempts, reason }) => ({
        stream: streamId,
        client: clientId,
        happened: time(at),
        givenUp: time(deadAt),
        attempts,
        reason,
      }));
    },
    retry: (stream) =>
      storage.transaction(async (stores) => {
        const now = clock();
        const count = await stores.events.revive(stream, now);
        const data = { change: 'retried', count, ...(stream !== undefined && { stream }) };
        await stores.audit.append({ kind: 'events.stream_changed', actor: 'operator', data }, now);
        return count;
      }),
  };
}
