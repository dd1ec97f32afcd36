import { lookup as systemLookup } from 'node:dns/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { createNetworks } from '../../config/networks.ts';
import type { ClientCertificate, MutualTlsRequestOptions } from './client_certificate.ts';
import { isPublicAddress } from './public_address.ts';

export interface GuardedFetchSettings {
  /** Milliseconds for everything: name, connection, answer, the last octet of the body. */
  readonly timeout: number;
  /** Octets of the body beyond which the exchange is cut off. */
  readonly maxBody: number;
  /** Addresses and networks that may be reached though they are not public. */
  readonly allowedNetworks: readonly string[];
  /** Whether `http:` may be used at all. */
  readonly allowPlainHttp: boolean;
  /** The only places to go to; anywhere unless given. */
  readonly places?: GuardedPlaces;
  /**
   * Hands the answer out with its head, and the body as it comes; `maxBody` and `timeout` end it where they would have
   * refused it. For bodies that are written to a file. Unless set, the answer is read whole first.
   */
  readonly streaming?: boolean;
  /** All addresses of a name; the system's resolver unless given. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** Where a client goes that has a few known neighbours. */
export interface GuardedPlaces {
  /** Origins that the operator wrote as addresses: they are meant wherever they are, on a private network too. */
  readonly configured: readonly string[];
  /**
   * Hosts (`URL.host`: with the port where it is not the scheme's) that others may name addresses of. They must be public
   * like everybody's.
   */
  readonly allowed: readonly string[];
  /** Shown to configured origins that ask for one. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

export type OutboundRefusal =
  | 'outbound_address_refused'
  | 'outbound_content_encoding_refused'
  | 'outbound_failed'
  | 'outbound_host_refused'
  | 'outbound_redirect_refused'
  | 'outbound_scheme_refused'
  | 'outbound_timeout'
  | 'outbound_too_large'
  | 'outbound_unresolvable';

/** What the guarded fetch rejects with; a TypeError, as fetch's failures are. The message never holds the address. */
export class OutboundError extends TypeError {
  readonly code: OutboundRefusal;

  constructor(code: OutboundRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutboundError';
    this.code = code;
  }
}

/** Answers that have no body whatever their headers say (Fetch, “null body status”). */
const NULL_BODY_STATUS = [101, 103, 204, 205, 304];

/**
 * The one `fetch` of the hub. For addresses that a relying party chose (`jwks_uri`, `sector_identifier_uri`, logout
 * addresses) it goes anywhere public; for the authority's, to `places` only. It goes
 * to public addresses, those of configured places excepted, and to the very address that was checked: the name is resolved once, so that a name server
 * that answers differently a moment later changes nothing (DNS rebinding). No redirects are followed, no credentials
 * in addresses, no compressed answers (a small body could swell), no connection is used twice.
 *
 * With `redirect: 'manual'` a redirect is returned as it is; otherwise it is an error.
 */
export function createGuardedFetch(settings: GuardedFetchSettings): typeof fetch {
  const allowed = createNetworks(settings.allowedNetworks);
  const resolve = settings.resolve ?? resolveBySystem;
  const mayReach = (address: string) => isPublicAddress(address) || allowed.contains(address);
  const configured = new Set(settings.places?.configured);

  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    checkScheme(url, settings.allowPlainHttp);
    checkPlace(url, settings.places);
    const timeout = AbortSignal.timeout(settings.timeout);
    const signal = AbortSignal.any([timeout, request.signal]);
    const isConfigured = configured.has(url.origin);
    try {
      const addresses = await abortable(checkedAddresses(url, resolve, isConfigured ? anywhere : mayReach), signal);
      const body = request.body ? Buffer.from(await request.arrayBuffer()) : undefined;
      const secureContext = isConfigured ? settings.places?.clientCertificate?.context() : undefined;
      const answer = await send(url, request, body, { addresses, secureContext, signal });
      const response = readAnswer(answer, request, settings.maxBody, explain);
      return settings.streaming ? response : await whole(response);
    } catch (cause) {
      throw explain(cause);
    }

    function explain(cause: unknown): unknown {
      if (cause instanceof OutboundError) return cause;
      if (request.signal.aborted) return request.signal.reason;
      if (timeout.aborted) return new OutboundError('outbound_timeout', 'the answer took too long', { cause });
      return new OutboundError('outbound_failed', 'the exchange failed', { cause });
    }
  };
}

const anywhere = (): boolean => true;

function checkPlace(url: URL, places: GuardedPlaces | undefined): void {
  if (!places || places.configured.includes(url.origin) || places.allowed.includes(url.host)) return;
  throw new OutboundError('outbound_host_refused', 'the host is none that is fetched from');
}

function checkScheme(url: URL, allowPlainHttp: boolean): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && allowPlainHttp)) return;
  throw new OutboundError('outbound_scheme_refused', 'only https addresses are fetched');
}

/** Every address of the name must be reachable for us: one private address among public ones is a trap or a mistake. */
async function checkedAddresses(
  url: URL,
  resolve: (hostname: string) => Promise<readonly string[]>,
  mayReach: (address: string) => boolean,
): Promise<readonly string[]> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(hostname) === 0 ? await resolveName(hostname, resolve) : [hostname];
  if (addresses.length === 0) throw new OutboundError('outbound_unresolvable', 'the host has no address');
  if (!addresses.every(mayReach)) {
    throw new OutboundError('outbound_address_refused', 'the host is not at a public address');
  }
  return addresses;
}

async function resolveName(
  hostname: string,
  resolve: (hostname: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await resolve(hostname);
  } catch (cause) {
    throw new OutboundError('outbound_unresolvable', 'the host has no address', { cause });
  }
}

async function resolveBySystem(hostname: string): Promise<string[]> {
  const found = await systemLookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

function send(
  url: URL,
  request: Request,
  body: Buffer | undefined,
  {
    addresses,
    secureContext,
    signal,
  }: { addresses: readonly string[]; secureContext: SecureContext | undefined; signal: AbortSignal },
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = url.protocol === 'https:' ? requestHttps : requestHttp;
  const options: MutualTlsRequestOptions = {
    method: request.method,
    headers: {
      ...Object.fromEntries(request.headers),
      'accept-encoding': 'identity',
      ...(body === undefined ? {} : { 'content-length': body.length }),
    },
    agent: false, // a kept connection would lead wherever an earlier check allowed
    lookup: answerWith(addresses),
    secureContext,
    signal,
  };
  const sent: ClientRequest = outgoing(url, options);
  sent.on('response', resolve);
  sent.on('error', reject);
  // A switch of protocols that nobody asked for.
  sent.on('upgrade', (_answer, socket) => {
    socket.destroy();
    reject(new OutboundError('outbound_failed', 'the answer is not an HTTP answer'));
  });
  sent.end(body);
  return promise;
}

/** Stands in for the resolver when the connection is made: the addresses that were checked, and no others. */
function answerWith(addresses: readonly string[]): LookupFunction {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    const [first] = answers;
    if (options.all) callback(null, answers);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** Judges the head. The body of what it returns is bounded, and lets go of the connection when it is left. */
function readAnswer(
  answer: IncomingMessage,
  request: Request,
  maxBody: number,
  explain: (cause: unknown) => unknown,
): Response {
  try {
    const status = answer.statusCode ?? 0;
    const refusal = refusalOf(answer, { maxBody, mayRedirect: request.redirect === 'manual' });
    if (refusal) throw refusal;
    const headers = new Headers();
    for (const [name, values] of Object.entries(answer.headersDistinct)) {
      for (const value of values ?? []) headers.append(name, value);
    }
    const hasBody = !NULL_BODY_STATUS.includes(status) && request.method !== 'HEAD';
    if (!hasBody) answer.destroy();
    const body = hasBody ? boundedBody(answer, maxBody, explain) : null;
    const response = new Response(body, { status, statusText: answer.statusMessage ?? '', headers });
    Object.defineProperty(response, 'url', { value: request.url });
    return response;
  } catch (error) {
    answer.destroy(); // whatever is still on its way is not wanted
    throw error;
  }
}

function boundedBody(
  answer: IncomingMessage,
  maxBody: number,
  explain: (cause: unknown) => unknown,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = (answer as AsyncIterable<Buffer<ArrayBuffer>>)[Symbol.asyncIterator]();
  let size = 0;
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (done) return controller.close();
          size += value.length;
          if (size > maxBody) throw tooLarge(maxBody);
          controller.enqueue(value);
        } catch (cause) {
          answer.destroy();
          controller.error(explain(cause));
        }
      },
      cancel: () => void answer.destroy(),
    },
    { highWaterMark: 0 },
  );
}

/** The same answer with its whole body in memory. */
async function whole(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const { status, statusText, headers, url } = response;
  const read = new Response(await response.arrayBuffer(), { status, statusText, headers });
  Object.defineProperty(read, 'url', { value: url });
  return read;
}

/** What is wrong with an answer by its head alone. */
export function refusalOf(
  { statusCode: status = 0, headers }: IncomingMessage,
  { maxBody, mayRedirect }: { maxBody: number; mayRedirect: boolean },
): OutboundError | undefined {
  if (status >= 300 && status < 400 && status !== 304 && !mayRedirect) {
    return new OutboundError('outbound_redirect_refused', 'the answer is a redirect');
  }
  if (!['', 'identity'].includes(headers['content-encoding'] ?? '')) {
    const problem = 'the answer is compressed, though that was not asked for';
    return new OutboundError('outbound_content_encoding_refused', problem);
  }
  return Number(headers['content-length'] ?? 0) > maxBody ? tooLarge(maxBody) : undefined;
}

export function tooLarge(maxBody: number): OutboundError {
  return new OutboundError('outbound_too_large', `the answer exceeds ${maxBody} octets`);
}

/** The resolver cannot be interrupted; it can be left behind. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}
