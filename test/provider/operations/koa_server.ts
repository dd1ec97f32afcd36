import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa, { type Middleware } from 'koa';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer {
  readonly server: Server;
  readonly port: number;
  /** One request with exactly these headers; `Host` is the server's own unless given. */
  ask(path: string, options?: { method?: string; headers?: Record<string, string | string[]> }): Promise<Answer>;
  close(): void;
}

/** A Koa application of these middlewares on a free port of 127.0.0.1. */
export async function startKoa(...middlewares: Middleware[]): Promise<TestServer> {
  const app = new Koa();
  app.silent = true;
  app.proxy = true;
  for (const middleware of middlewares) app.use(middleware);
  const server = createServer(app.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    ask: (path, options = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = request({ port, path, agent: false, ...options, host: '127.0.0.1' }, (incoming) => {
          let body = '';
          incoming.setEncoding('utf8').on('data', (chunk) => {
            body += chunk;
          });
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }));
        });
        outgoing.on('error', reject).end();
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
