import { isIP } from 'node:net';
import { createNetworks } from '../../config/networks.ts';

/** IANA IPv4 Special-Purpose Address Registry (RFC 6890), what is not globally reachable, and multicast (RFC 5771). */
const SPECIAL_IPV4 = createNetworks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]);

/** All of today's public IPv6 (RFC 4291 §2.4); mapped, NAT64, unique local, link-local and multicast lie outside. */
const GLOBAL_UNICAST_IPV6 = createNetworks(['2000::/3']);

/** IANA IPv6 Special-Purpose Address Registry, inside 2000::/3: protocol assignments with Teredo, documentation, 6to4. */
const SPECIAL_IPV6 = createNetworks(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/**
 * Whether an address is a public one: not this machine, not a neighbour, and no other spelling of those. 6to4, Teredo
 * and NAT64 addresses, which carry an IPv4 address inside, are not.
 */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%')) return false;
  const family = isIP(address);
  if (family === 4) return !SPECIAL_IPV4.contains(address);
  return family === 6 && GLOBAL_UNICAST_IPV6.contains(address) && !SPECIAL_IPV6.contains(address);
}
