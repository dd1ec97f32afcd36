import { BlockList, isIP } from 'node:net';

/** A list of addresses and networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3) that is asked with `contains`. */
export interface Networks {
  /** Whether the address is listed. An IPv4-mapped IPv6 address counts as the IPv4 address. What is no address is not. */
  contains(address: string): boolean;
}

/** @throws RangeError when a member is neither an address nor a network */
export function createNetworks(members: readonly string[]): Networks {
  const list = new BlockList();
  for (const member of members) addMember(list, member);
  return {
    contains(address) {
      // A zone (`fe80::1%eth0`) names a link of this machine: never what an operator lists.
      const family = address.includes('%') ? 0 : isIP(address);
      return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

export function isAddressOrNetwork(text: string): boolean {
  try {
    createNetworks([text]);
    return true;
  } catch {
    return false;
  }
}

function addMember(list: BlockList, text: string): void {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(length <= bits)) {
    throw new RangeError(`not an IP address or network: ${JSON.stringify(text)}`);
  }
  list.addSubnet(address, length, type);
}
