/**
 * DER taken apart into a tree that can be changed and written again, every length put right on the way. It is meant for
 * sound input only, and knows nothing of what the octets mean.
 */
export interface DerNode {
  tag: number;
  /** Octets before the children: the count of unused bits of a BIT STRING that wraps DER. */
  prefix: Uint8Array;
  /** What a node without children holds. */
  content: Uint8Array;
  children: DerNode[] | undefined;
  /** Stands where the length belongs, true or not. */
  length?: Uint8Array;
  /** Stands for the whole node, whatever else is said of it. */
  octets?: Uint8Array | undefined;
}

const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const CONSTRUCTED = 0x20;
const NONE = new Uint8Array();

/** The tree of one element that is all of `bytes`, through octet and bit strings that hold DER. Throws RangeError. */
export function readTree(bytes: Uint8Array): DerNode {
  const [node, second] = readNodes(bytes);
  if (node === undefined || second !== undefined) throw new RangeError('not one element');
  return node;
}

function readNodes(bytes: Uint8Array): DerNode[] {
  const nodes: DerNode[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const { tag, contentStart, end } = readHeader(rest);
    nodes.push(makeNode(tag, rest.subarray(contentStart, end)));
    rest = rest.subarray(end);
  }
  return nodes;
}

function makeNode(tag: number, content: Uint8Array): DerNode {
  if ((tag & CONSTRUCTED) !== 0) return { tag, prefix: NONE, content, children: readNodes(content) };
  const prefix = content.subarray(0, tag === BIT_STRING ? 1 : 0);
  const children =
    tag === BIT_STRING || tag === OCTET_STRING ? readWrapped(content.subarray(prefix.length)) : undefined;
  return children ? { tag, prefix, content, children } : { tag, prefix: NONE, content, children: undefined };
}

/** The nodes inside a string, or undefined when it holds something other than DER. */
function readWrapped(content: Uint8Array): DerNode[] | undefined {
  try {
    return content.length > 0 ? readNodes(content) : undefined;
  } catch {
    return undefined;
  }
}

function readHeader(bytes: Uint8Array): { tag: number; contentStart: number; end: number } {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('no element');
  const count = first < 0x80 ? 0 : first & 0x7f;
  const octets = bytes.subarray(2, 2 + count);
  if (octets.length !== count || count > 4 || first === 0x80) throw new RangeError('no length');
  const length = count === 0 ? first : octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const end = 2 + count + length;
  if (end > bytes.length) throw new RangeError('cut short');
  return { tag, contentStart: 2 + count, end };
}

/** The octets of a tree: what `readTree` was given, for a tree that nobody has changed. */
export function writeTree(node: DerNode): Uint8Array {
  if (node.octets) return node.octets;
  const content = node.children ? Buffer.concat([node.prefix, ...node.children.map(writeTree)]) : node.content;
  return Buffer.concat([Uint8Array.of(node.tag), node.length ?? encodeLength(content.length), content]);
}

/** The length octets that DER wants. */
export function encodeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

/** Where a node stands. */
export interface DerPlace {
  readonly siblings: DerNode[];
  readonly index: number;
  readonly node: DerNode;
}

/** The places of all nodes below this one. */
export function placesBelow(node: DerNode): DerPlace[] {
  return (node.children ?? []).flatMap((child, index, siblings) => [
    { siblings, index, node: child },
    ...placesBelow(child),
  ]);
}
