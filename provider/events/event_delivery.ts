import type { Logger } from '../operations/logger.ts';
import { createOutboxWorkers } from '../operations/outbox_workers.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import type { StreamRecord, WaitingEvent } from './event_store.ts';
import { mayHear, NOT_FOR_THEM, openAuthorization, pauseStream, type Receiver } from './event_streams.ts';
import type { SetSigner } from './set_signer.ts';
import { openEvent } from './subject_events.ts';

/** How a push came out. `rejected`: the receiver has seen the event and will never take it. */
export type PushOutcome = 'delivered' | 'rejected' | 'failed';

/** Brings events to whoever wants them pushed (RFC 8935), and keeps what waits within bounds. */
export interface EventDelivery {
  /** Looks for work by itself from now on. */
  start(): void;
  /** Pushes everything that is due. Resolves when nothing is; never rejects: what fails is tried again. */
  deliver(): Promise<void>;
  /** Gives up what has waited too long, and pauses streams that nobody empties. */
  tidy(): Promise<void>;
  /** Resolves when nothing is under way. What is left another process or the next start brings. */
  stop(): Promise<void>;
}

export interface EventDeliveryWorld {
  readonly storage: Pick<Storage, 'events'>;
  readonly vault: Vault;
  readonly signer: SetSigner;
  /** The guarded one: receivers choose the addresses. */
  readonly fetch: typeof fetch;
  /** The relying party as it is registered now; undefined when it is none, or may hear of nobody (any more). */
  receiver(clientId: string): Promise<Receiver | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'warn'>;
  observe(outcome: PushOutcome): void;
}

/** How often a process looks for events (ms): an emission is a row, of which no other process hears. */
const LOOK_EVERY = 2_000;
/** A stream is left to the process that pushes on it for this long (ms) after it has last been heard of. */
const CLAIM_LIFETIME = 60_000;
/** Streams that one process pushes on at the same time: one that is slow keeps few waiting. */
const AT_ONCE = 8;
/** Events read at a time. */
const BATCH = 50;
/** Milliseconds until the second attempt, and between two at most. */
const FIRST_DELAY = 5_000;
const LONGEST_DELAY = 3_600_000;
/** Milliseconds after which an event is given up, however it was delivered. */
export const KEPT = 7 * 86_400_000;
/** Milliseconds that dead letters stay. */
export const DEAD_KEPT = 30 * 86_400_000;
/** Events that wait on one stream before nothing more is added. */
export const MOST_WAITING = 10_000;
/** Seconds without a poll after which a stream is paused. */
export const INACTIVITY_TIMEOUT = 30 * 86_400;
/** A refusal is a line of JSON. */
const MAX_REASON = 200;

export function createEventDelivery(world: EventDeliveryWorld): EventDelivery {
  const { storage, vault, signer, clock, log } = world;
  const owner = Buffer.from(world.random(8)).toString('hex');
  const workers = createOutboxWorkers({ every: LOOK_EVERY, atOnce: AT_ONCE, work });

  /** Streams one after the other until there is none: several of these run beside each other. */
  async function work(): Promise<void> {
    try {
      while (!workers.isStopped()) {
        const now = clock();
        const stream = await storage.events.claim(owner, now, now + CLAIM_LIFETIME);
        if (!stream) return;
        // Where there is one there may be more: somebody looks for them meanwhile.
        workers.look();
        await pushAll(stream);
      }
    } catch (err) {
      if (!workers.isStopped()) log.warn({ err }, 'events could not be delivered; they wait');
    }
  }

  async function pushAll(stream: StreamRecord): Promise<void> {
    const { streamId, clientId } = stream;
    const receiver = await world.receiver(clientId);
    if (receiver?.sector !== stream.sector) {
      // Whoever is registered under this name now is told nothing of the people of whoever was before.
      await pauseStream(world, storage.events, streamId, NOT_FOR_THEM);
      await storage.events.release(streamId, owner);
      return;
    }
    for (;;) {
      const events = await storage.events.waiting(streamId, BATCH);
      for (const event of events) {
        if (workers.isStopped() || !(await storage.events.extend(streamId, owner, clock() + CLAIM_LIFETIME))) break;
        if (!(await push(stream, receiver, event))) return;
      }
      if (workers.isStopped() || events.length < BATCH) break;
    }
    await storage.events.release(streamId, owner);
  }

  /** Whether the next one may go: order is kept, so that one which may still arrive holds up those behind it. */
  async function push(stream: StreamRecord, receiver: Receiver, event: WaitingEvent): Promise<boolean> {
    const { streamId, clientId } = stream;
    const { jti, at: issuedAt } = event;
    const content = openEvent(vault, event);
    if (!mayHear(receiver, content)) {
      await storage.events.bury(streamId, jti, NOT_FOR_THEM, clock());
      return true;
    }
    const set = await signer.sign({ jti, audience: clientId, issuedAt, content });
    const { outcome, reason } = await send(stream, set);
    world.observe(outcome);
    if (outcome === 'delivered') {
      await storage.events.acknowledge(streamId, [jti]);
      return true;
    }
    log.warn({ clientId, stream: streamId, outcome, reason }, 'a relying party did not take an event');
    if (outcome === 'rejected') {
      await storage.events.bury(streamId, jti, reason, clock());
      return true;
    }
    const delay = Math.min(FIRST_DELAY * 2 ** Math.min(stream.failures, 20), LONGEST_DELAY);
    await storage.events.failed(streamId, owner, jti, clock() + delay);
    return false;
  }

  async function send(stream: StreamRecord, set: string): Promise<{ outcome: PushOutcome; reason: string }> {
    const authorization = openAuthorization(vault, stream);
    try {
      const response = await world.fetch(stream.endpointUrl ?? '', {
        method: 'POST',
        headers: {
          'content-type': 'application/secevent+jwt',
          accept: 'application/json',
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: set,
      });
      if (response.ok) return { outcome: 'delivered', reason: '' };
      // RFC 8935 §2.3: the answer to a SET that is not accepted. Anything else may be better next time.
      if (response.status === 400) return { outcome: 'rejected', reason: refusalIn(await response.text()) };
      return { outcome: 'failed', reason: `status ${response.status}` };
    } catch (error) {
      const { code } = error as { code?: unknown };
      return { outcome: 'failed', reason: typeof code === 'string' ? code : 'unreachable' };
    }
  }

  return {
    start: workers.start,
    deliver: workers.deliver,
    async tidy() {
      const now = clock();
      const { events } = storage;
      await events.buryOlder(now - KEPT, now);
      await events.sweepDead(now - DEAD_KEPT);
      for (const { streamId, cause } of await events.overdue(MOST_WAITING, now - INACTIVITY_TIMEOUT * 1000)) {
        await pauseStream(world, events, streamId, PAUSED_FOR[cause]);
        if (cause === 'full') await events.markFull(streamId);
        log.warn({ stream: streamId, cause }, 'a stream of events was paused');
      }
    },
    stop: workers.stop,
  };
}

const PAUSED_FOR = {
  full: 'too many events are waiting; later ones are lost',
  inactive: 'nobody has polled for a long time',
} as const;

/** The code that the receiver gave (RFC 8935 §2.3), as far as it is one. */
function refusalIn(body: string): string {
  try {
    const { err } = JSON.parse(body) as { err?: unknown };
    if (typeof err === 'string') return err.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_REASON);
  } catch {
    // Said below.
  }
  return 'refused without a code';
}
