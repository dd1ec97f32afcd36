import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guard } from './leaks/leak_guard.ts';

/** A relying party's back-channel logout address (OpenID Connect Back-Channel Logout 1.0 §2.5). */
export interface LogoutListener {
  readonly url: string;
  /** The logout tokens that came, oldest first; empty it at will. */
  received: string[];
  /** Resolves when so many are there; rejects when they do not come within a few seconds. */
  arrived(count: number): Promise<void>;
  close(): void;
}

/** Milliseconds: far more than a notice on this machine takes. */
const PATIENCE = 5_000;

export async function startLogoutListener(): Promise<LogoutListener> {
  const arrivals = new EventEmitter();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    guard.answer('back-channel logout', [body]);
    listener.received.push(new URLSearchParams(body).get('logout_token') ?? '');
    response.end();
    arrivals.emit('token');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const listener: LogoutListener = {
    url: `http://127.0.0.1:${port}/logout`,
    received: [],
    async arrived(count) {
      const signal = AbortSignal.timeout(PATIENCE);
      while (listener.received.length < count) await once(arrivals, 'token', { signal });
    },
    close: () => void server.close(),
  };
  return listener;
}
