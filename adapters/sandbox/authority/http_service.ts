import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HubError } from '../../../provider/errors.ts';

/** Octets. The largest honest request is a consent with its signature, under 2,000. */
const MAX_BODY = 32 * 1024;

export interface HttpRequest {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  /** The path's parts that the route's pattern captured. */
  captured: string[];
  body: Buffer;
}

export interface HttpAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** Must match the whole path. */
  path: RegExp;
  handle(request: HttpRequest): Promise<HttpAnswer> | HttpAnswer;
}

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(value),
});

/** @throws HubError `unsupported_media_type` (415), `invalid_request` (400) */
export function readJson({ headers, body }: HttpRequest): unknown {
  requireType(headers['content-type'], 'application/json');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new HubError('invalid_request', 400, 'The body is not JSON.', { cause: error });
  }
}

/** @throws HubError `unsupported_media_type` (415) */
export function requireType(given: string | undefined, expected: string): void {
  if (given?.split(';')[0]?.trim().toLowerCase() === expected) return;
  throw new HubError('unsupported_media_type', 415, `The body must be ${expected}.`);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = new HubError('body_too_large', 413, 'The body is too large.');
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A page on the internet that has its name resolve to 127.0.0.1 shall not read attributes from here. */
function requireLoopbackHost(host: string | undefined): void {
  if (/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? '')) return;
  throw new HubError('misdirected_request', 421, 'This service answers on the loopback only.');
}

async function answer(routes: readonly Route[], request: IncomingMessage): Promise<HttpAnswer> {
  requireLoopbackHost(request.headers.host);
  const method = request.method ?? '';
  if (!URL.canParse(request.url ?? '', 'http://127.0.0.1'))
    throw new HubError('not_found', 404, 'There is nothing here.');
  const url = new URL(request.url ?? '', 'http://127.0.0.1');
  const here = routes.filter(({ path }) => path.test(url.pathname));
  const route = here.find((candidate) => candidate.method === method);
  if (!route) {
    if (here.length === 0) throw new HubError('not_found', 404, 'There is nothing here.');
    throw new HubError('method_not_allowed', 405, 'Not with this method.');
  }
  const captured = route.path.exec(url.pathname)?.slice(1) ?? [];
  return route.handle({ method, url, headers: request.headers, captured, body: await readBody(request) });
}

function answerError(error: unknown): HttpAnswer {
  if (error instanceof HubError) return json(error.status, { error: error.code, message: error.message });
  return json(500, { error: 'server_error', message: 'The authority made a mistake.' });
}

/**
 * Serves `routes` on 127.0.0.1.
 * @param routes asked at each request, so that it may answer before all is ready
 * @param reportBug told of what is not a HubError
 */
export async function listen(
  port: number,
  routes: () => readonly Route[],
  reportBug: (error: unknown) => void,
): Promise<{ server: Server; address: string; stop(): Promise<void> }> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    answer(routes(), request)
      .catch((error: unknown) => {
        if (!(error instanceof HubError) && !request.destroyed) reportBug(error);
        return answerError(error);
      })
      .then(({ status, headers = {}, body = '' }) => {
        // What was not read of the request must not be taken for the next one on the same connection.
        if (!request.complete) response.setHeader('connection', 'close');
        response.writeHead(status, { 'content-length': String(Buffer.byteLength(body)), ...headers });
        response.end(status === 204 || status === 304 ? undefined : body);
      })
      .catch(reportBug);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 15_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port: taken } = server.address() as AddressInfo; // a TCP server's address is one
  return {
    server,
    address: `http://127.0.0.1:${taken}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const impatient = setTimeout(() => server.closeAllConnections(), 2000);
      await closed;
      clearTimeout(impatient);
    },
  };
}
