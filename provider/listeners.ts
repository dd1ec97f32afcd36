import { constants, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Koa from 'koa';
import type { Configuration } from '../config/schema.ts';
import { HubError } from './errors.ts';
import type { RequestHandler } from './http_app.ts';
import { type Metrics, metricsOnly } from './operations/metrics.ts';

export interface ListeningServer {
  server: Server;
  host: string;
  port: number;
}

/** Milliseconds that a request's head and a whole request may take: nobody keeps a connection by dripping octets. */
const PATIENCE = { headersTimeout: 20_000, requestTimeout: 60_000 };

/** What answers at the listeners: the hub, and the origin that asks people for their certificate, if there is one. */
export interface Handlers {
  hub: RequestHandler;
  certificateOrigin: RequestHandler | undefined;
}

/**
 * The hub's own listener, the one for people's certificates, the one for relying parties' and the one for figures, as
 * configured. Throws HubError `trust_list_missing`, or a file's or OpenSSL's own error.
 */
export function createServers(config: Configuration, handlers: Handlers, metrics: Metrics): ListeningServer[] {
  const handle = handlers.hub;
  const servers: ListeningServer[] = [{ server: createServer(PATIENCE, handle), ...config.listen }];
  if (handlers.certificateOrigin) servers.push(createCertificateServer(config, handlers.certificateOrigin));
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

/** Bytes of a request's head, where a proxy passes certificates on: two headers of 16 KiB, and the rest. */
const PROXIED_HEAD = 48 * 1024;

/**
 * OpenSC and its like sign PKCS#1 v1.5 only, which TLS 1.3 has no place for (RFC 8446 §4.2.3) and which a client that is
 * offered PSS does not choose. The list is for our own signature, too.
 */
const COMPATIBILITY = {
  modern: { minVersion: 'TLSv1.3' },
  pkcs1: {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    sigalgs: 'RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA256:ECDSA+SHA384',
    ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20',
  },
} as const;

/**
 * The listener that asks browsers for the user certificate. TLS only asks and proves possession; the application judges,
 * so that each refusal gets a clear page, and so that no list of revocations slows every handshake.
 *
 * One request a connection, no tickets and no resumption: each request shows the card that is in the reader now.
 */
function createCertificateServer(config: Configuration, handle: RequestHandler): ListeningServer {
  const { tls } = config.signIn;
  if (!tls) throw new Error('there is no group signIn.tls');
  const { host, port } = tls;
  const ca = acceptableAuthorities(config);
  const answerAndClose: RequestHandler = (request, response) => {
    response.shouldKeepAlive = false;
    handle(request, response);
  };
  const server =
    tls.certificateFile === undefined || tls.keyFile === undefined
      ? createServer({ ...PATIENCE, maxHeaderSize: PROXIED_HEAD }, answerAndClose)
      : createTlsServer(
          {
            ...PATIENCE,
            ...COMPATIBILITY[tls.compatibility],
            cert: readFileSync(tls.certificateFile),
            key: readFileSync(tls.keyFile),
            ca,
            requestCert: true,
            rejectUnauthorized: false,
            secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
          },
          answerAndClose,
        );
  // And what was sent behind the first request before its answer.
  server.maxRequestsPerSocket = 1;
  return { server, host, port };
}

/** One authority for each name: generations share theirs, and the handshake lists names only (RFC 8446 §4.2.4). PEM. */
function acceptableAuthorities({ trust }: Configuration): string[] {
  const read = (file: string) => new X509Certificate(readFileSync(file));
  const roots = trust.anchors.filter(({ kind }) => kind === 'user').map(({ file }) => read(file));
  // An empty list would have browsers offer every certificate that they hold.
  if (roots.length === 0) {
    throw new HubError('trust_list_missing', 500, 'signIn.tls needs the roots of kind user in trust.anchors.');
  }
  // Many browsers offer only what the named authority itself issued.
  const authorities = [...roots, ...trust.intermediates.map(({ file }) => read(file))];
  return [...new Map(authorities.map((authority) => [authority.subject, authority.toString()])).values()];
}

/** Resolves when it listens; rejects with the listener's own error (`EADDRINUSE` …). */
export async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}
