/**
 * Whether an address out of a certificate leads to one of the hosts that the operator named, and nowhere else.
 *
 * @param hosts host names, with the port if any.
 */
export function isAtHost(address: string, hosts: readonly string[]): boolean {
  const url = URL.parse(address);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  return url !== null && isHttp && url.username === '' && hosts.includes(url.host);
}
