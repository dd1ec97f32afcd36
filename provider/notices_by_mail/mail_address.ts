import { domainToASCII } from 'node:url';
import { HubError } from '../errors.ts';

/** RFC 5321 §4.5.3.1: octets of the part before the @, and (with §4.1.2's two brackets of 256) of the whole. */
const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;
/** A host name (RFC 1035 §2.3.4). */
const MAX_DOMAIN = 253;
/**
 * Dot-string of RFC 5321 §4.1.2, less what relays have read as a route or a command (% ! | `), and beginning with a letter or
 * digit, as no option does. No quoted string: nobody's address needs one, and it is where headers are injected.
 */
const LOCAL_PART = /^[A-Za-z0-9_][A-Za-z0-9_#$&'*+/=?^{}~-]*(?:\.[A-Za-z0-9_#$&'*+/=?^{}~-]+)*$/;
/** Names only, two labels at least, the last of which is not a number: no address literal (RFC 5321 §4.1.3). */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/**
 * A mail address as it is used from here on: ASCII, the domain in lower case and an international one as punycode
 * (RFC 5891 §4.4). Spaces at the ends are what people paste along; whatever else is no address is refused and not mended.
 *
 * @throws HubError `mail_address_invalid`
 */
export function parseMailAddress(text: string): string {
  // Bounded before anything is computed from it: punycode is not longer than four octets a character.
  if (text.length > 2 * MAX_ADDRESS) throw invalid();
  const entered = text.replace(/^[ \u3000]+|[ \u3000]+$/g, '');
  const at = entered.lastIndexOf('@');
  const local = entered.slice(0, at);
  const domain = at < 0 ? '' : asciiDomain(entered.slice(at + 1));
  if (local.length > MAX_LOCAL || !LOCAL_PART.test(local)) throw invalid();
  if (domain.length > MAX_DOMAIN || !DOMAIN.test(domain)) throw invalid();
  const address = `${local}@${domain}`;
  if (address.length > MAX_ADDRESS) throw invalid();
  return address;
}

/** Empty for what is no name. What the URL parser would drop or decode (white space, %, /) is no part of one. */
function asciiDomain(domain: string): string {
  if (!/^[\p{L}\p{M}\p{N}.\u3002\u30fb\u30fc-]+$/u.test(domain)) return '';
  return domainToASCII(domain).toLowerCase();
}

function invalid(): HubError {
  return new HubError('mail_address_invalid', 400, 'This is not a mail address that the hub can write to.');
}
