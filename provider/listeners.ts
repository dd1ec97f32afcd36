import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Koa from 'koa';
import type { Configuration } from '../config/schema.ts';
import type { RequestHandler } from './http_app.ts';
import { type Metrics, metricsOnly } from './operations/metrics.ts';

export interface ListeningServer {
  server: Server;
  host: string;
  port: number;
}

/** Milliseconds that a request's head and a whole request may take: nobody keeps a connection by dripping octets. */
const PATIENCE = { headersTimeout: 20_000, requestTimeout: 60_000 };

/** The hub's own listener, the one for relying parties' client certificates, and the one for figures, as configured. */
export function createServers(config: Configuration, handle: RequestHandler, metrics: Metrics): ListeningServer[] {
  const servers: ListeningServer[] = [{ server: createServer(PATIENCE, handle), ...config.listen }];
  const { mutualTls } = config;
  if (mutualTls) {
    const server = createTlsServer(
      {
        ...PATIENCE,
        cert: readFileSync(mutualTls.certificateFile),
        key: readFileSync(mutualTls.keyFile),
        ca: mutualTls.clientAuthorityFiles.map((file) => readFileSync(file)),
        // The engine decides: a self-signed certificate is as good as its registration (RFC 8705 §2.2).
        requestCert: true,
        rejectUnauthorized: false,
      },
      handle,
    );
    servers.push({ server, host: mutualTls.host, port: mutualTls.port });
  }
  if (config.metrics.listen === 'separate') {
    const { host, port } = config.metrics;
    servers.push({ server: createServer(new Koa().use(metricsOnly(metrics)).callback()), host, port });
  }
  return servers;
}

/** Resolves when it listens; rejects with the listener's own error (`EADDRINUSE` …). */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}
