import { Agent, request } from 'node:https';

export interface ClientCertificate {
  /** PEM. */
  cert?: string;
  key?: string;
  ca: string;
}

type Fetch = (
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: unknown },
) => Promise<Response>;

/**
 * `fetch` that shows a client certificate on https and does what the platform's does on http, which cannot show one.
 * Bodies are texts or forms. One connection a request, so that no session is resumed under another certificate.
 */
export function mutualTlsFetch(certificate: ClientCertificate): Fetch {
  const agent = new Agent({ ...certificate, keepAlive: false, maxCachedSessions: 0 });
  return async (url, options) => {
    const body = options.body == null ? undefined : String(options.body);
    const { method = 'GET', headers = {} } = options;
    if (new URL(url).protocol === 'http:') {
      return fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) });
    }
    return new Promise((resolve, reject) => {
      const outgoing = request(url, { method, headers, agent }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const received = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
            name,
            String(value),
          ]);
          resolve(new Response(Buffer.concat(chunks), { status: incoming.statusCode ?? 0, headers: received }));
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  };
}
