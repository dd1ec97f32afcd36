import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The authority's services for verifiers behind a gate. */
export interface AuthorityGate {
  readonly url: string;
  /** Whether it is out of reach. */
  isAway: boolean;
  /** Every request that came to the gate, as `GET /latest-attributes`: no query. */
  readonly requests: readonly string[];
  stop(): Promise<unknown>;
}

/** Passes on to `target`, another origin, what a hub asks of it, as long as the gate is open. */
export async function startAuthorityGate(target: string): Promise<AuthorityGate> {
  const requests: string[] = [];
  const gate = { isAway: false };
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/' } = request;
    requests.push(`${method} ${url.replace(/\?.*/, '')}`);
    if (gate.isAway) return response.writeHead(503).end();
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const { authorization = '' } = request.headers;
    const answer = await fetch(target + url, {
      method,
      headers: { 'content-type': 'application/json', authorization },
      ...(body.length > 0 && { body }),
    });
    const signature = answer.headers.get('authority-signature') ?? '';
    response.writeHead(answer.status, { 'content-type': 'application/json', 'authority-signature': signature });
    response.end(await answer.text());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return Object.assign(gate, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: () => new Promise((resolve) => server.close(resolve)),
  });
}
