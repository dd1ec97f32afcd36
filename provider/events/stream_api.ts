import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { HubError } from '../errors.ts';
import type { BearerGuard } from '../oidc/bearer_guard.ts';
import { EVENT_STREAMS } from '../oidc/own_resources.ts';
import { countCall, type RateLimit } from '../operations/rate_limit.ts';
import { readJsonBody } from '../web/read_json_body.ts';
import { INACTIVITY_TIMEOUT } from './event_delivery.ts';
import type { StreamRecord } from './event_store.ts';
import {
  deliveredEvents,
  type EventStreams,
  MAX_POLLED,
  MIN_VERIFICATION_INTERVAL,
  type Receiver,
  type StreamWishes,
} from './event_streams.ts';
import { supportedEvents } from './event_types.ts';

const PUSH = 'urn:ietf:rfc:8935';
const POLL = 'urn:ietf:rfc:8936';

/** Bytes: a poll may acknowledge some hundred events. */
const BODY_LIMIT = 64 * 1024;
const MAX_TEXT = 500;
const MAX_ACKNOWLEDGED = 1_000;

const PATHS = {
  configuration: '/ssf/streams',
  status: '/ssf/status',
  verification: '/ssf/verify',
  poll: '/ssf/poll',
} as const;

const text = z.string().min(1).max(MAX_TEXT);
const delivery = z.discriminatedUnion('method', [
  z.strictObject({
    method: z.literal(PUSH),
    endpoint_url: z.string().max(2000),
    // A header's value (RFC 9110 §5.5): what else is in it must not end the header.
    authorization_header: z
      .string()
      .max(4000)
      .regex(/^[\x21-\x7e]+( [\x21-\x7e]+)*$/)
      .optional(),
  }),
  z.strictObject({ method: z.literal(POLL), endpoint_url: z.string().max(2000).optional() }),
]);
/** What a receiver decides. */
const supplied = {
  events_requested: z.array(z.string().max(MAX_TEXT)).max(100).optional(),
  delivery: delivery.optional(),
  description: text.optional(),
};
/** What it may send along, if it is right (SSF 1.0 §8.1.1.3). */
const ours = {
  iss: z.unknown(),
  aud: z.unknown(),
  events_supported: z.unknown(),
  events_delivered: z.unknown(),
  min_verification_interval: z.unknown(),
  inactivity_timeout: z.unknown(),
};
const creation = z.strictObject(supplied);
const change = z
  .strictObject({ stream_id: text, ...supplied, ...ours })
  .partial(Object.fromEntries(Object.keys(ours).map((name) => [name, true])) as { [Name in keyof typeof ours]: true });
const statusChange = z.strictObject({
  stream_id: text,
  status: z.enum(['enabled', 'paused', 'disabled']),
  reason: text.optional(),
});
const verification = z.strictObject({ stream_id: text, state: text.optional() });
const poll = z.strictObject({
  maxEvents: z.int().min(0).optional(),
  returnImmediately: z.boolean().optional(),
  ack: z.array(z.string().max(MAX_TEXT)).max(MAX_ACKNOWLEDGED).optional(),
  setErrs: z
    .record(z.string().max(MAX_TEXT), z.looseObject({ err: z.string().max(MAX_TEXT) }))
    .refine((errors) => Object.keys(errors).length <= MAX_ACKNOWLEDGED)
    .optional(),
});

/**
 * The hub as a transmitter of the OpenID Shared Signals Framework 1.0: its configuration, the management of streams
 * (§8.1) and the delivery by poll (RFC 8936). Errors become JSON in http_app.ts.
 */
export function mountStreamApi(
  router: Router,
  world: {
    readonly streams: EventStreams;
    readonly bearer: BearerGuard;
    readonly limit: RateLimit;
    readonly issuer: string;
    /** Whether events may be pushed in plain http. */
    readonly allowPlainHttp: boolean;
  },
): void {
  const { streams, bearer, limit, issuer, allowPlainHttp } = world;
  const at = (path: string) => new URL(path, issuer).href;
  const pollAddress = (streamId: string) => at(`${PATHS.poll}/${streamId}`);

  /** @param scopes one of which the token must have. */
  async function receiver(ctx: Context, scopes: readonly string[]): Promise<Receiver> {
    ctx.set('Cache-Control', 'no-store');
    const holder = await bearer.holder(ctx, EVENT_STREAMS, scopes);
    ctx.state.relyingParty = holder.clientId;
    countCall(limit, holder.clientId);
    const { clientId, sector, client } = holder;
    return { clientId, sector, hearsNotices: client.person_notices === true };
  }
  const reader = (ctx: Context) => receiver(ctx, ['ssf.read', 'ssf.manage']);
  const manager = (ctx: Context) => receiver(ctx, ['ssf.manage']);

  function shown(receiver: Receiver, stream: StreamRecord): Record<string, unknown> {
    const { streamId, clientId, method, endpointUrl, eventsRequested, description } = stream;
    return {
      stream_id: streamId,
      iss: issuer,
      aud: clientId,
      events_supported: supportedEvents(receiver),
      events_requested: eventsRequested,
      events_delivered: deliveredEvents(stream, receiver),
      delivery:
        method === 'push'
          ? { method: PUSH, endpoint_url: endpointUrl }
          : { method: POLL, endpoint_url: pollAddress(streamId) },
      min_verification_interval: MIN_VERIFICATION_INTERVAL,
      inactivity_timeout: INACTIVITY_TIMEOUT,
      ...(description === undefined ? {} : { description }),
    };
  }

  /** @param before what stays where nothing is said. */
  function wishesOf(given: z.output<typeof creation>, before: StreamRecord | undefined): StreamWishes {
    const { events_requested: requested, description } = given;
    return {
      eventsRequested: requested ?? before?.eventsRequested ?? [],
      description: description ?? before?.description,
      delivery: given.delivery ? deliveryOf(given.delivery) : kept(before),
    };
  }

  function kept(before: StreamRecord | undefined): StreamWishes['delivery'] {
    if (before?.endpointUrl === undefined) return { method: 'poll' };
    return { method: 'push', endpointUrl: before.endpointUrl, authorization: undefined };
  }

  function deliveryOf(given: z.output<typeof delivery>): StreamWishes['delivery'] {
    if (given.method === POLL) return { method: 'poll' };
    const url = URL.parse(given.endpoint_url);
    const isPlain = url?.protocol === 'http:' && allowPlainHttp;
    if (!url || (url.protocol !== 'https:' && !isPlain) || url.username !== '' || url.password !== '') {
      throw invalid('delivery.endpoint_url must be an https address without user info');
    }
    return { method: 'push', endpointUrl: url.href, authorization: given.authorization_header };
  }

  /** @throws HubError `invalid_request` when the receiver believes something that is not so. */
  function assertAgreed(given: z.output<typeof change>, stream: StreamRecord): void {
    const own = { iss: issuer, aud: stream.clientId };
    for (const name of ['iss', 'aud'] as const) {
      if (given[name] !== undefined && given[name] !== own[name]) throw invalid(`${name} is not this stream’s`);
    }
  }

  router.get('/.well-known/ssf-configuration', (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=3600');
    ctx.body = {
      spec_version: '1_0',
      issuer,
      jwks_uri: at('/jwks'),
      delivery_methods_supported: [PUSH, POLL],
      configuration_endpoint: at(PATHS.configuration),
      status_endpoint: at(PATHS.status),
      verification_endpoint: at(PATHS.verification),
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      // Everybody whom the relying party knows is on each of its streams.
      default_subjects: 'ALL',
    };
  });

  router.post(PATHS.configuration, async (ctx) => {
    const holder = await manager(ctx);
    const given = read(creation, await readJsonBody(ctx, BODY_LIMIT));
    ctx.body = shown(holder, await streams.create(holder, wishesOf(given, undefined)));
    ctx.status = 201;
  });

  router.get(PATHS.configuration, async (ctx) => {
    const holder = await reader(ctx);
    const streamId = streamIdIn(ctx);
    ctx.body =
      streamId === undefined
        ? (await streams.list(holder)).map((stream) => shown(holder, stream))
        : shown(holder, await streams.find(holder, streamId));
  });

  router.patch(PATHS.configuration, async (ctx) => {
    const holder = await manager(ctx);
    const given = read(change, await readJsonBody(ctx, BODY_LIMIT));
    const before = await streams.find(holder, given.stream_id);
    assertAgreed(given, before);
    ctx.body = shown(holder, await streams.update(holder, given.stream_id, wishesOf(given, before)));
  });

  router.put(PATHS.configuration, async (ctx) => {
    const holder = await manager(ctx);
    const given = read(change, await readJsonBody(ctx, BODY_LIMIT));
    assertAgreed(given, await streams.find(holder, given.stream_id));
    ctx.body = shown(holder, await streams.update(holder, given.stream_id, wishesOf(given, undefined)));
  });

  router.delete(PATHS.configuration, async (ctx) => {
    await streams.remove(await manager(ctx), needStreamId(ctx));
    ctx.status = 204;
  });

  router.get(PATHS.status, async (ctx) => {
    ctx.body = statusOf(await streams.find(await reader(ctx), needStreamId(ctx)));
  });

  router.post(PATHS.status, async (ctx) => {
    const holder = await manager(ctx);
    const { stream_id: streamId, status, reason } = read(statusChange, await readJsonBody(ctx, BODY_LIMIT));
    ctx.body = statusOf(await streams.setStatus(holder, streamId, status, reason));
  });

  router.post(PATHS.verification, async (ctx) => {
    const holder = await manager(ctx);
    const { stream_id: streamId, state } = read(verification, await readJsonBody(ctx, BODY_LIMIT));
    await streams.verify(holder, streamId, state);
    ctx.status = 204;
  });

  router.post(`${PATHS.poll}/:streamId`, async (ctx) => {
    const holder = await reader(ctx);
    const { maxEvents = MAX_POLLED, ack = [], setErrs = {} } = read(poll, await readJsonBody(ctx, BODY_LIMIT));
    const refused = Object.fromEntries(Object.entries(setErrs).map(([jti, { err }]) => [jti, `rejected: ${err}`]));
    // Whatever `returnImmediately` says: the hub keeps no connection waiting (RFC 8936 §2.4 leaves that to it).
    ctx.body = await streams.poll(holder, String(ctx.params.streamId), { acknowledged: ack, refused, most: maxEvents });
  });
}

function statusOf({ streamId, status, statusReason }: StreamRecord): Record<string, unknown> {
  return { stream_id: streamId, status, ...(statusReason === undefined ? {} : { reason: statusReason }) };
}

function streamIdIn(ctx: Context): string | undefined {
  const { stream_id: streamId } = ctx.query;
  if (Array.isArray(streamId)) throw invalid('stream_id is there twice');
  return streamId;
}

function needStreamId(ctx: Context): string {
  const streamId = streamIdIn(ctx);
  if (streamId === undefined) throw invalid('stream_id is missing');
  return streamId;
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(`${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'not valid'}`);
}

function invalid(message: string): HubError {
  return new HubError('invalid_request', 400, `The request is not valid: ${message}.`);
}
