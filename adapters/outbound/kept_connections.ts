import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { urlToHttpOptions } from 'node:url';
import type { Clock } from '../../provider/world.ts';
import type { ClientCertificate, MutualTlsRequestOptions } from './client_certificate.ts';
import { OutboundError, refusalOf, tooLarge } from './guarded_fetch.ts';

export interface KeptConnectionsSettings {
  /** The one place that is gone to; an operator's word, wherever it is. */
  readonly origin: string;
  /** Milliseconds for everything: waiting for a connection, name, handshake, answer, the last octet of the body. */
  readonly timeout: number;
  /** Octets of a body beyond which the exchange is cut off. */
  readonly maxBody: number;
  /** Shown when the neighbour asks for one. */
  readonly clientCertificate?: ClientCertificate | undefined;
  readonly clock: Clock;
}

/** An answer with its whole body. */
export interface WholeAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** One neighbour that is asked often, over connections that serve again. */
export interface KeptConnections {
  /**
   * Where a connection turns out to have ended while nobody used it, the message is sent again over another: it must be one
   * that does no harm twice.
   *
   * @param path with its query, below the origin.
   * @throws OutboundError
   */
  post(path: string, contentType: string, body: string): Promise<WholeAnswer>;
  /** Ends every connection, and with them the questions that are underway. */
  close(): void;
}

/** Connections to one neighbour at the same time; further questions wait for one, within their time. */
const MOST_AT_ONCE = 64;
/** Of them, those that are kept while nobody asks, and how long (ms). */
const MOST_IDLE = 16;
const IDLE_TIME = 15_000;
/** Milliseconds after which one serves no further question: then name, address and both certificates are looked at anew. */
const LIFETIME = 5 * 60_000;

/**
 * HTTP to one origin that the operator configured. As with the guarded fetch no redirects are followed, nothing compressed
 * is read, and time and size are bounded; unlike there, connections are kept. They lead to nobody else: each was made to the
 * one host, and over https that has shown its certificate in a whole handshake.
 */
export function createKeptConnections(settings: KeptConnectionsSettings): KeptConnections {
  const { origin, timeout, maxBody, clientCertificate, clock } = settings;
  const common = { keepAlive: true, maxSockets: MOST_AT_ONCE, maxFreeSockets: MOST_IDLE, timeout: IDLE_TIME };
  const isHttps = origin.startsWith('https:');
  // A resumed session would be taken without a look at the certificate of now.
  const agent = isHttps ? new HttpsAgent({ ...common, maxCachedSessions: 0 }) : new HttpAgent(common);
  const outgoing = isHttps ? requestHttps : requestHttp;
  const place = urlToHttpOptions(new URL(origin));
  endOldOnes(agent, clock);

  let isClosed = false;

  return {
    close() {
      isClosed = true;
      agent.destroy();
    },

    post(path, contentType, body) {
      const { promise, resolve, reject } = Promise.withResolvers<WholeAnswer>();
      const headers = {
        'content-type': contentType,
        'content-length': Buffer.byteLength(body),
        'accept-encoding': 'identity',
      };
      let sent: ClientRequest | undefined;
      let isOver = false;
      const timer = setTimeout(() => fail(new OutboundError('outbound_timeout', 'the answer took too long')), timeout);
      send();
      return promise;

      function send(): void {
        if (isClosed) {
          fail(new OutboundError('outbound_failed', 'connections have been closed'));
          return;
        }
        const secureContext = clientCertificate?.context();
        const options: MutualTlsRequestOptions = { ...place, path, method: 'POST', headers, agent, secureContext };
        const request = outgoing(options);
        sent = request;
        request.on('response', (answer) => readWhole(answer, maxBody, end, fail));
        request.on('error', (cause: NodeJS.ErrnoException) => {
          if (isOver) return;
          // The neighbour closed it while it was idle, or does so in this moment.
          if (request.reusedSocket && cause.code !== undefined && CLOSED.includes(cause.code)) send();
          else fail(cause);
        });
        // A switch of protocols that nobody asked for.
        request.on('upgrade', (_answer, socket) => {
          socket.destroy();
          fail(new OutboundError('outbound_failed', 'the answer is not an HTTP answer'));
        });
        request.end(body);
      }

      function end(answer: WholeAnswer): void {
        isOver = true;
        clearTimeout(timer);
        resolve(answer);
      }

      function fail(cause: Error): void {
        isOver = true;
        clearTimeout(timer);
        const isOurs = cause instanceof OutboundError;
        reject(isOurs ? cause : new OutboundError('outbound_failed', 'the exchange failed', { cause }));
        sent?.destroy();
      }
    },
  };
}

const CLOSED = ['ECONNRESET', 'EPIPE'];

function endOldOnes(agent: HttpAgent, clock: Clock): void {
  /** Since when each serves, nearly: since the end of its first exchange. */
  const since = new WeakMap<Duplex, number>();
  const keep = agent.keepSocketAlive.bind(agent);
  agent.keepSocketAlive = (socket) => {
    const now = clock();
    const first = since.get(socket) ?? now;
    since.set(socket, first);
    return now - first < LIFETIME && keep(socket);
  };
}

/** Calls one of the two; `fail` perhaps again. */
function readWhole(
  answer: IncomingMessage,
  maxBody: number,
  end: (whole: WholeAnswer) => void,
  fail: (cause: Error) => void,
): void {
  const { statusCode: status = 0, headers } = answer;
  const refusal = refusalOf(answer, { maxBody, mayRedirect: false });
  if (refusal) {
    fail(refusal);
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBody) fail(tooLarge(maxBody));
    else chunks.push(chunk);
  });
  answer.on('error', fail);
  answer.on('end', () => end({ status, contentType: headers['content-type'], body: Buffer.concat(chunks).toString() }));
}
