import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import type { EventStore, StreamRecord, StreamStatus } from './event_store.ts';
import { PERSON_NOTICE, STREAM_UPDATED, supportedEvents, VERIFICATION } from './event_types.ts';
import type { SetSigner } from './set_signer.ts';
import { type EventContent, openEvent, outgoing } from './subject_events.ts';

/** The relying party that a stream is for. */
export interface Receiver {
  readonly clientId: string;
  readonly sector: string;
  /** Whether the operator lets it hear what people are told (client metadata `person_notices`). */
  readonly hearsNotices: boolean;
}

/** What a receiver decides about its stream. */
export interface StreamWishes {
  readonly eventsRequested: readonly string[];
  readonly delivery: { readonly method: 'poll' } | PushDelivery;
  readonly description: string | undefined;
}

export interface PushDelivery {
  readonly method: 'push';
  readonly endpointUrl: string;
  /** Sent along as `Authorization`. Undefined: as it was. */
  readonly authorization: string | undefined;
}

/** What a receiver says when it polls (RFC 8936 §2.4). */
export interface Poll {
  readonly acknowledged: readonly string[];
  /** jti → what is wrong with it. */
  readonly refused: Readonly<Record<string, string>>;
  readonly most: number;
}

/** Why an event is given up that was written before the registration was changed. */
export const NOT_FOR_THEM = 'the relying party is not registered for this';

/** Streams of one relying party. */
const MAX_STREAMS = 4;
/** Events in one answer to a poll. */
export const MAX_POLLED = 100;
/** Seconds between two verifications that are asked for. */
export const MIN_VERIFICATION_INTERVAL = 30;

/**
 * A receiver's streams (OpenID Shared Signals Framework 1.0 §8.1). Everybody who is known to the relying party is on each:
 * subjects are not added one by one.
 */
export interface EventStreams {
  /** @throws HubError `too_many_streams`, `invalid_request`. */
  create(receiver: Receiver, wishes: StreamWishes): Promise<StreamRecord>;
  list(receiver: Receiver): Promise<readonly StreamRecord[]>;
  /** @throws HubError `stream_not_found`, as every one below. */
  find(receiver: Receiver, streamId: string): Promise<StreamRecord>;
  update(receiver: Receiver, streamId: string, wishes: StreamWishes): Promise<StreamRecord>;
  remove(receiver: Receiver, streamId: string): Promise<void>;
  setStatus(
    receiver: Receiver,
    streamId: string,
    status: StreamStatus,
    reason: string | undefined,
  ): Promise<StreamRecord>;
  /** Sends an event by which the receiver sees that all is well. @throws HubError `too_many_requests`. */
  verify(receiver: Receiver, streamId: string, state: string | undefined): Promise<void>;
  /** Takes note of what has arrived, and hands out what waits, oldest first, until it is acknowledged. */
  poll(
    receiver: Receiver,
    streamId: string,
    poll: Poll,
  ): Promise<{ readonly sets: Readonly<Record<string, string>>; readonly moreAvailable: boolean }>;
}

export interface EventStreamsWorld {
  readonly storage: Pick<Storage, 'events' | 'transaction'>;
  readonly vault: Vault;
  readonly signer: SetSigner;
  readonly clock: Clock;
  readonly random: Random;
}

const PURPOSE_AUTHORIZATION = 'event.authorization';

export function createEventStreams(world: EventStreamsWorld): EventStreams {
  const { storage, vault, signer, clock, random } = world;

  async function find({ clientId }: Receiver, streamId: string): Promise<StreamRecord> {
    const stream = await storage.events.findStream(clientId, streamId);
    if (!stream) throw new HubError('stream_not_found', 404, 'There is no such stream of this relying party.');
    return stream;
  }

  function deliveryOf(
    { delivery }: StreamWishes,
    before: StreamRecord | undefined,
  ): Pick<StreamRecord, 'method' | 'endpointUrl' | 'sealedAuthorization'> {
    if (delivery.method === 'poll') {
      return { method: 'poll', endpointUrl: undefined, sealedAuthorization: undefined };
    }
    const { authorization, endpointUrl } = delivery;
    // What was a secret between the receiver's old address and us is not for a new one.
    const kept = before?.endpointUrl === endpointUrl ? before.sealedAuthorization : undefined;
    const sealed = authorization === undefined ? kept : vault.seal(PURPOSE_AUTHORIZATION, Buffer.from(authorization));
    return { method: 'push', endpointUrl, sealedAuthorization: sealed };
  }

  const audited = (stores: Pick<Storage, 'audit'>, kind: 'events.stream_changed', clientId: string, data: object) =>
    stores.audit.append({ kind, actor: `client:${clientId}`, clientId, data: { ...data } }, clock());

  return {
    async create(receiver, wishes) {
      const stream: StreamRecord = {
        streamId: Buffer.from(random(16)).toString('base64url'),
        clientId: receiver.clientId,
        sector: receiver.sector,
        ...deliveryOf(wishes, undefined),
        eventsRequested: allowed(receiver, wishes),
        description: wishes.description,
        status: 'enabled',
        statusReason: undefined,
        isFull: false,
        failures: 0,
      };
      await storage.transaction(async (stores) => {
        if (!(await stores.events.insertStream(stream, clock(), MAX_STREAMS))) {
          throw new HubError('too_many_streams', 409, `A relying party may have ${MAX_STREAMS} streams.`);
        }
        const data = { stream: stream.streamId, change: 'created', method: stream.method };
        await audited(stores, 'events.stream_changed', receiver.clientId, data);
      });
      return stream;
    },

    list: ({ clientId }) => storage.events.streamsOf(clientId),
    find,

    async update(receiver, streamId, wishes) {
      const before = await find(receiver, streamId);
      const { description } = wishes;
      const eventsRequested = allowed(receiver, wishes);
      const stream: StreamRecord = { ...before, ...deliveryOf(wishes, before), eventsRequested, description };
      await storage.transaction(async (stores) => {
        await stores.events.updateStream(stream, clock());
        const data = { stream: streamId, change: 'updated', method: stream.method };
        await audited(stores, 'events.stream_changed', receiver.clientId, data);
      });
      return stream;
    },

    async remove(receiver, streamId) {
      await storage.transaction(async (stores) => {
        if (!(await stores.events.removeStream(receiver.clientId, streamId))) {
          throw new HubError('stream_not_found', 404, 'There is no such stream of this relying party.');
        }
        const data = { stream: streamId, change: 'deleted' };
        await audited(stores, 'events.stream_changed', receiver.clientId, data);
      });
    },

    async setStatus(receiver, streamId, status, reason) {
      const stream = await find(receiver, streamId);
      await storage.transaction(async (stores) => {
        if (!(await stores.events.setStatus(streamId, status, reason, clock()))) return;
        const data = { stream: streamId, change: status };
        await audited(stores, 'events.stream_changed', receiver.clientId, data);
      });
      return { ...stream, status, statusReason: reason };
    },

    async verify(receiver, streamId, state) {
      const stream = await find(receiver, streamId);
      const now = clock();
      if (!(await storage.events.mayVerify(streamId, now, MIN_VERIFICATION_INTERVAL * 1000))) {
        throw new HubError('too_many_requests', 429, `Once in ${MIN_VERIFICATION_INTERVAL} seconds.`, {
          retryAfter: MIN_VERIFICATION_INTERVAL,
        });
      }
      if (stream.status === 'disabled') return;
      await storage.events.enqueue([
        outgoing(vault, random, streamId, now, {
          sub_id: { format: 'opaque', id: streamId },
          events: { [VERIFICATION]: state === undefined ? {} : { state } },
        }),
      ]);
    },

    async poll(receiver, streamId, { acknowledged, refused, most }) {
      const stream = await find(receiver, streamId);
      if (stream.method !== 'poll') throw new HubError('stream_not_found', 404, 'This stream is pushed.');
      const now = clock();
      await storage.events.touch(streamId, now);
      await storage.events.acknowledge(streamId, acknowledged);
      for (const [jti, error] of Object.entries(refused)) await storage.events.bury(streamId, jti, error, now);
      if (stream.status !== 'enabled' || most === 0) return { sets: {}, moreAvailable: false };
      const limit = Math.min(most, MAX_POLLED);
      const waiting = await storage.events.waiting(streamId, limit + 1);
      const sets: [string, string][] = [];
      for (const event of waiting.slice(0, limit)) {
        const content = openEvent(vault, event);
        const { jti, at: issuedAt } = event;
        if (!mayHear(receiver, content)) {
          await storage.events.bury(streamId, jti, NOT_FOR_THEM, now);
          continue;
        }
        sets.push([jti, await signer.sign({ jti, audience: receiver.clientId, issuedAt, content })]);
      }
      return { sets: Object.fromEntries(sets), moreAvailable: waiting.length > limit };
    },
  };
}

/** What is not for it is left out, as everything is that nobody knows here. */
function allowed({ hearsNotices }: Receiver, { eventsRequested }: StreamWishes): readonly string[] {
  return hearsNotices ? eventsRequested : eventsRequested.filter((uri) => uri !== PERSON_NOTICE);
}

/** What the receiver wants to see in `Authorization`. */
export function openAuthorization(vault: Vault, { sealedAuthorization }: StreamRecord): string | undefined {
  if (sealedAuthorization === undefined) return undefined;
  return Buffer.from(vault.open(PURPOSE_AUTHORIZATION, sealedAuthorization)).toString('utf8');
}

export function deliveredEvents({ eventsRequested }: StreamRecord, receiver: Receiver): readonly string[] {
  return supportedEvents(receiver).filter((uri) => eventsRequested.includes(uri));
}

/** Whether the receiver may be told of it, as it is registered now. */
export function mayHear({ hearsNotices }: Receiver, { events }: EventContent): boolean {
  return hearsNotices || !Object.hasOwn(events, PERSON_NOTICE);
}

/**
 * A change that was not the receiver's: it is told by the stream itself, as soon as that runs again (SSF 1.0 §8.1.5).
 *
 * @param reason for people.
 */
export async function pauseStream(
  world: { vault: Vault; random: Random; clock: Clock },
  store: EventStore,
  streamId: string,
  reason: string,
): Promise<void> {
  const now = world.clock();
  if (!(await store.setStatus(streamId, 'paused', reason, now))) return;
  await store.enqueue([
    outgoing(world.vault, world.random, streamId, now, {
      sub_id: { format: 'opaque', id: streamId },
      events: { [STREAM_UPDATED]: { status: 'paused', reason } },
    }),
  ]);
}
