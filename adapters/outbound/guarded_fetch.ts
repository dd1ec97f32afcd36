import { lookup as systemLookup } from 'node:dns/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { createNetworks } from '../../config/networks.ts';
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
  /** All addresses of a name; the system's resolver unless given. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

export type OutboundRefusal =
  | 'outbound_address_refused'
  | 'outbound_content_encoding_refused'
  | 'outbound_failed'
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
 * A `fetch` for addresses that a relying party chose (`jwks_uri`, `sector_identifier_uri`, logout addresses). It goes
 * to public addresses only, and to the very address that was checked: the name is resolved once, so that a name server
 * that answers differently a moment later changes nothing (DNS rebinding). No redirects are followed, no credentials
 * in addresses, no compressed answers (a small body could swell), no connection is used twice. The answer is read
 * whole before it is handed out.
 *
 * With `redirect: 'manual'` a redirect is returned as it is; otherwise it is an error.
 */
export function createGuardedFetch(settings: GuardedFetchSettings): typeof fetch {
  const allowed = createNetworks(settings.allowedNetworks);
  const resolve = settings.resolve ?? resolveBySystem;
  const mayReach = (address: string) => isPublicAddress(address) || allowed.contains(address);

  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    checkScheme(url, settings.allowPlainHttp);
    const timeout = AbortSignal.timeout(settings.timeout);
    const signal = AbortSignal.any([timeout, request.signal]);
    try {
      const addresses = await abortable(checkedAddresses(url, resolve, mayReach), signal);
      const body = request.body ? Buffer.from(await request.arrayBuffer()) : undefined;
      const answer = await send(url, request, body, addresses, signal);
      return await readAnswer(answer, request, settings.maxBody);
    } catch (cause) {
      if (cause instanceof OutboundError) throw cause;
      if (request.signal.aborted) throw request.signal.reason;
      if (timeout.aborted) throw new OutboundError('outbound_timeout', 'the answer took too long', { cause });
      throw new OutboundError('outbound_failed', 'the exchange failed', { cause });
    }
  };
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
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = url.protocol === 'https:' ? requestHttps : requestHttp;
  const sent: ClientRequest = outgoing(url, {
    method: request.method,
    headers: {
      ...Object.fromEntries(request.headers),
      'accept-encoding': 'identity',
      ...(body === undefined ? {} : { 'content-length': body.length }),
    },
    agent: false, // a kept connection would lead wherever an earlier check allowed
    lookup: answerWith(addresses),
    signal,
  });
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

async function readAnswer(answer: IncomingMessage, request: Request, maxBody: number): Promise<Response> {
  try {
    const status = answer.statusCode ?? 0;
    if (status >= 300 && status < 400 && status !== 304 && request.redirect !== 'manual') {
      throw new OutboundError('outbound_redirect_refused', 'the answer is a redirect');
    }
    if (!['', 'identity'].includes(answer.headers['content-encoding'] ?? '')) {
      throw new OutboundError(
        'outbound_content_encoding_refused',
        'the answer is compressed, though that was not asked for',
      );
    }
    const body = await readBody(answer, maxBody);
    const headers = new Headers();
    for (const [name, values] of Object.entries(answer.headersDistinct)) {
      for (const value of values ?? []) headers.append(name, value);
    }
    const hasBody = !NULL_BODY_STATUS.includes(status) && request.method !== 'HEAD';
    const response = new Response(hasBody ? body : null, { status, statusText: answer.statusMessage ?? '', headers });
    Object.defineProperty(response, 'url', { value: request.url });
    return response;
  } finally {
    answer.destroy(); // whatever is still on its way is not wanted
  }
}

async function readBody(answer: IncomingMessage, maxBody: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new OutboundError('outbound_too_large', `the answer exceeds ${maxBody} octets`);
  if (Number(answer.headers['content-length'] ?? 0) > maxBody) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw tooLarge();
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** The resolver cannot be interrupted; it can be left behind. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}
