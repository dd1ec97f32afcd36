const WHITE_SPACE = /[ \t\r\n]+/g;

/**
 * The octets of a base64 text (RFC 4648 §4), or undefined: it must be the one spelling of them, with padding, and without
 * set bits that nobody reads. White space is passed over where lines may be broken (RFC 2045 §6.8, as XML Signature and
 * the POST binding have it), and nowhere else.
 *
 * @param most the longest that is looked at, in octets of what it stands for
 */
export function readBase64(text: string, most: number, lines: 'may_be_broken' | 'one'): Buffer | undefined {
  // A line break for every four characters is more than anybody writes.
  if (text.length > Math.ceil(most / 3) * 4 * 1.5 + 64) return undefined;
  const packed = lines === 'one' ? text : text.replace(WHITE_SPACE, '');
  const octets = Buffer.from(packed, 'base64');
  if (octets.length === 0 || octets.length > most || octets.toString('base64') !== packed) return undefined;
  return octets;
}
