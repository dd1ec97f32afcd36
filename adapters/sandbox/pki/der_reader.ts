/** One element of a DER encoding. Views into the input: nothing is copied. */
export interface DerElement {
  tag: number;
  content: Uint8Array;
  /** Tag, length and content together. */
  encoded: Uint8Array;
}

/**
 * The first element of `input`. Single-byte tags and definite, minimal lengths only.
 * @throws RangeError on anything cut, overlong or not DER
 */
export function readElement(input: Uint8Array): DerElement {
  const tag = input[0];
  const first = input[1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('not a DER element');
  let length = first;
  let start = 2;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4 || input.length < 2 + octets) throw new RangeError('not a DER length');
    length = 0;
    for (const octet of input.subarray(2, 2 + octets)) length = length * 256 + octet;
    if (length < 0x80 || length < 256 ** (octets - 1)) throw new RangeError('not a minimal DER length');
    start = 2 + octets;
  }
  if (input.length < start + length) throw new RangeError('DER element is cut');
  return { tag, content: input.subarray(start, start + length), encoded: input.subarray(0, start + length) };
}

/**
 * All elements of `content`, which they must fill.
 * @throws RangeError as readElement, or when there are more than `limit`
 */
export function readChildren(content: Uint8Array, limit = 1000): DerElement[] {
  const children: DerElement[] = [];
  for (let rest = content; rest.length > 0; ) {
    if (children.length >= limit) throw new RangeError('too many DER elements');
    const child = readElement(rest);
    children.push(child);
    rest = rest.subarray(child.encoded.length);
  }
  return children;
}
