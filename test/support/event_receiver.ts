import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from './leaks/leak_guard.ts';

/** A relying party's address for security events (RFC 8935). */
export interface EventReceiver {
  readonly url: string;
  /** What came, oldest first; empty it at will. */
  received: { readonly set: string; readonly headers: IncomingHttpHeaders }[];
  /** How it answers from now on. Default 202. */
  answer: { status: number; body?: string };
  close(): void;
}

export async function startEventReceiver(): Promise<EventReceiver> {
  const server = createServer(async (request, response) => {
    let set = '';
    for await (const chunk of request) set += chunk;
    guard.answer('security event', [set]);
    receiver.received.push({ set, headers: request.headers });
    const { status, body = '' } = receiver.answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const receiver: EventReceiver = {
    url: `http://127.0.0.1:${port}/events`,
    received: [],
    answer: { status: 202 },
    close: () => void server.close(),
  };
  return receiver;
}
