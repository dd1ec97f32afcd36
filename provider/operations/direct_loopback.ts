import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { plainAddress } from './client_address.ts';

/** Headers that a proxy on this machine adds when it passes on a stranger's request. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];

/**
 * Whether a request was sent by a program on this machine itself. A request that a proxy on this machine passed on is
 * not, nor one that a browser was tricked into by a name that leads here (rebinding): the Host must be this machine.
 */
export function isDirectLoopback(request: IncomingMessage): boolean {
  if (!isLoopback(plainAddress(request.socket.remoteAddress ?? ''))) return false;
  if (PROXY_HEADERS.some((name) => request.headers[name] !== undefined)) return false;
  const hostname = URL.parse(`http://${request.headers.host}`)?.hostname ?? '';
  return hostname === 'localhost' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
