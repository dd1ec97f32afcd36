import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Addresses that an operator listed; implemented by config/networks.ts. */
export interface AddressList {
  contains(address: string): boolean;
}

/** Longer lists of hops are somebody's attempt to make us work. */
const MAX_HOPS = 20;

/**
 * The address that a request comes from: the socket's, unless that is a trusted proxy's. Then it is the right-most
 * address of X-Forwarded-For that is not a trusted proxy's; whatever stands to the left of it was written by strangers.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: AddressList): string {
  let address = plainAddress(request.socket.remoteAddress ?? '');
  if (!trustedProxies.contains(address)) return address;
  const hops = (request.headersDistinct['x-forwarded-for'] ?? []).join(',').split(',').slice(-MAX_HOPS);
  for (const hop of hops.reverse()) {
    const candidate = plainAddress(hop.trim());
    // The proxy wrote something else than an address: what it vouches for ends here.
    if (isIP(candidate) === 0) return address;
    address = candidate;
    if (!trustedProxies.contains(address)) return address;
  }
  return address;
}

/**
 * What requests are counted by: an IPv4 address, or the /64 network of an IPv6 one, since one household or server has
 * all of its 2^64 addresses to choose from.
 */
export function addressGroup(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  // A dotted IPv4 tail stands for two groups.
  const written = left.length + right.length + (address.includes('.') ? 1 : 0);
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(8 - written, 0) }, () => '0');
  const network = [...left, ...zeros, ...right].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** IPv4-mapped IPv6 addresses, as dual-stack sockets report IPv4 peers, in their IPv4 spelling. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address);
  return mapped?.[1] ?? address;
}
