import { type DerNode, type DerPlace, encodeLength, placesBelow, readTree, writeTree } from './der_tree.ts';
import type { Random } from './random.ts';

/** What a change may take from. */
export interface Material {
  readonly random: Random;
  /** Sound DER; parts of it are grafted. */
  readonly donors: readonly Uint8Array[];
  /** Octets by which the whole may grow. */
  readonly room: number;
}

type Change = (place: DerPlace, material: Material) => void;

/** Changes a tree in one to four places below its top; its lengths come out right except where one is made to lie. */
export function changeTree(tree: DerNode, material: Material): void {
  const { random } = material;
  const count = random.oneIn(3) ? 1 + random.below(4) : 1;
  const share = { ...material, room: Math.floor(material.room / count) };
  for (let done = 0; done < count; done += 1) {
    const places = placesBelow(tree);
    const texts = places.filter(({ node }) => isText(node));
    if (texts.length > 0 && random.oneIn(20)) pileUpMarks(random.pick(texts), share);
    else if (places.length > 0) random.pick(changes)(random.pick(places), share);
  }
}

/** Sound DER with something in it changed, and now and then octets changed without regard to its structure. */
export function mutateDer(der: Uint8Array, material: Material): Uint8Array {
  if (material.random.oneIn(4)) return mutateOctets(der, material);
  const tree = readTree(der);
  changeTree(tree, material);
  return writeTree(tree);
}

const changes: readonly Change[] = [
  flip,
  cut,
  remove,
  repeat,
  swap,
  graft,
  retag,
  lieAboutLength,
  nest,
  takeEdgeValue,
  // Twice as often: the values themselves are where readers differ.
  takeEdgeValue,
  fill,
];

function flip({ node }: DerPlace, { random }: Material): void {
  setContent(node, flipped(contentOf(node), random));
}

function cut({ node }: DerPlace, { random }: Material): void {
  const content = contentOf(node);
  setContent(node, content.subarray(0, random.below(content.length)));
}

function remove({ siblings, index }: DerPlace): void {
  siblings.splice(index, 1);
}

/** Once more, or as often as there is room for. */
function repeat({ siblings, index, node }: DerPlace, { random, room }: Material): void {
  const once = writeTree(node);
  const most = Math.floor(room / Math.max(2, once.length));
  const times = random.oneIn(8) ? most : Math.min(most, 1 + random.below(3));
  // As octets: a later change in each of so many would be more than there is room for.
  const octets = Buffer.concat(Array.from({ length: times }, () => once));
  siblings.splice(index, 0, { ...node, octets });
}

function swap({ siblings, index, node }: DerPlace, { random }: Material): void {
  const other = random.below(siblings.length);
  const neighbour = siblings[other];
  if (neighbour === undefined) return;
  siblings[index] = neighbour;
  siblings[other] = node;
}

function graft({ siblings, index }: DerPlace, { random, donors }: Material): void {
  const donor = readTree(random.pick(donors));
  const scion = random.pick([donor, ...placesBelow(donor).map((place) => place.node)]);
  siblings.splice(index, random.oneIn(2) ? 1 : 0, scion);
}

const TAGS = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x1f, 0x24, 0x30, 0x31, 0x80,
  0x81, 0x82, 0x86, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xbf, 0xff,
] as const;

function retag({ node }: DerPlace, { random }: Material): void {
  node.tag = random.pick(TAGS);
}

function lieAboutLength({ node }: DerPlace, { random }: Material): void {
  const { length } = contentOf(node);
  const honest = encodeLength(length);
  node.length = random.pick([
    // Less, more, nothing.
    encodeLength(Math.max(0, length - 1 - random.below(4))),
    encodeLength(length + 1 + random.below(300)),
    Uint8Array.of(0),
    // BER: indefinite, and longer than need be.
    Uint8Array.of(0x80),
    Uint8Array.of(0x81 + (honest.length & 3), ...new Uint8Array((honest.length & 3) + 1).fill(length & 0xff)),
    Uint8Array.of(0x84, 0, 0, length >> 8, length & 0xff),
    // More than there is of anything.
    Uint8Array.of(0x84, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xff),
  ]);
}

/** A tower of elements in the node's place. */
function nest({ node }: DerPlace, { random, room }: Material): void {
  const most = Math.floor(room / 4);
  const height = random.oneIn(4) ? most : Math.min(most, 1 + random.below(40));
  const tag = random.pick([0x30, 0x31, 0x04, 0xa0, node.tag]);
  const headers: Uint8Array[] = [];
  let length = 0;
  for (let level = 0; level < height; level += 1) {
    const header = Uint8Array.of(tag, ...encodeLength(length));
    headers.push(header);
    length += header.length;
  }
  setContent(node, Buffer.concat(headers.reverse()));
}

function takeEdgeValue({ node }: DerPlace, { random, room }: Material): void {
  const values = edgeValues(random)[node.tag] ?? [random.octets(random.below(40))];
  setContent(node, random.pick(values).subarray(0, room));
}

/**
 * As many marks as there is room for, over a letter and under it in turn: each of them must be brought into order with all
 * that came before (Unicode §3.11).
 */
function pileUpMarks({ node }: DerPlace, { room }: Material): void {
  const marks = Buffer.from('\u0301\u0323');
  setContent(node, Buffer.concat([Buffer.from('a'), Buffer.alloc(room - (room % marks.length), marks)]));
}

/** As much as there is room for, of one octet or of any. */
function fill({ node }: DerPlace, { random, room }: Material): void {
  const length = random.oneIn(6) ? room : random.below(Math.min(room, 600));
  setContent(node, random.oneIn(2) ? new Uint8Array(length).fill(random.below(256)) : random.octets(length));
}

/** By tag: values at which a reader may stumble. */
function edgeValues(random: Random): Readonly<Record<number, readonly Uint8Array[]>> {
  const integers = [
    Uint8Array.of(),
    Uint8Array.of(0),
    Uint8Array.of(0xff),
    Uint8Array.of(0x80),
    Uint8Array.of(0, 0),
    Uint8Array.of(0, 0x7f),
    Uint8Array.of(0xff, 0xff),
    Uint8Array.of(0x7f, 0xff, 0xff, 0xff),
    Uint8Array.of(0, 0x80, 0, 0, 0),
    ...[19, 20, 21].map((length) => Uint8Array.of(0x7f, ...random.octets(length - 1))),
    Uint8Array.of(0, 0xff, ...random.octets(19)),
    new Uint8Array(9000).fill(0x41),
  ];
  const times = ['500101000000Z', '491231235959Z', '200229000000Z', '210229000000Z', '261301000000Z', '260101000060Z']
    .concat(['00000101000000Z', '99991231235959Z', '20261001030000.5Z', '20261001030000+0900', '2026', '2610010300Z'])
    .map((text) => Buffer.from(text));
  const texts = [
    '',
    ' ',
    '\0',
    'x\r\ny',
    '*.example.com',
    '.',
    'a@b@c',
    '\u202e',
    '\ufdfa'.repeat(200),
    'ﬀ'.repeat(200),
  ].map((text) => Buffer.from(text));
  const strings = [...texts, Uint8Array.of(0xc0, 0x80), Uint8Array.of(0xed, 0xa0, 0x80), Uint8Array.of(0xf4, 0x90)];
  const identifiers = [
    Uint8Array.of(),
    Uint8Array.of(0x80, 0x01),
    Uint8Array.of(0x55),
    Uint8Array.of(0x55, 0x1d, 0x80),
    Uint8Array.of(0x55, 0x1d, 0x20, 0x00),
    new Uint8Array(64).fill(0xff, 0, 63),
    new Uint8Array(4000).fill(0x81),
  ];
  const bits = [[], [0], [7], [8, 0xff], [1, 0xff], [0, 0xff, 0xff, 0xff], [7, 0x80], [1, 0x06], [0, 0x30, 0x80]];
  return {
    1: [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(1), Uint8Array.of(0xff), Uint8Array.of(0xff, 0xff)],
    2: integers,
    3: bits.map((octets) => Uint8Array.from(octets)),
    5: [Uint8Array.of(0)],
    6: identifiers,
    10: integers,
    12: strings,
    19: strings,
    22: strings,
    23: times,
    24: times,
    // Names in subjectAltName and nameConstraints: mail, host, address, IP.
    129: strings,
    130: strings,
    134: strings,
    135: [0, 4, 8, 16, 32, 33].map((length) => random.octets(length)),
  };
}

/** Changes without regard to structure: octets changed, cut off, taken out, put in; or any octets at all. */
export function mutateOctets(octets: Uint8Array, { random, donors }: Pick<Material, 'random' | 'donors'>): Uint8Array {
  const at = random.below(octets.length);
  const [head, tail] = [octets.subarray(0, at), octets.subarray(at)];
  switch (random.below(6)) {
    case 0:
      return flipped(octets, random);
    case 1:
      return head;
    case 2:
      return Buffer.concat([head, tail.subarray(1 + random.below(20))]);
    case 3:
      return Buffer.concat([head, random.octets(1 + random.below(20)), tail]);
    case 4: {
      const donor = random.pick(donors);
      return Buffer.concat([head, donor.subarray(random.below(donor.length))]);
    }
    default:
      return random.octets(random.below(400));
  }
}

function flipped(octets: Uint8Array, random: Random): Uint8Array {
  const copy = new Uint8Array(octets);
  for (let count = 1 + random.below(3); count > 0 && copy.length > 0; count -= 1) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (random.oneIn(2) ? 1 << random.below(8) : 1 + random.below(255));
  }
  return copy;
}

function isText({ tag }: DerNode): boolean {
  return tag === 0x0c || tag === 0x13 || tag === 0x16;
}

function contentOf(node: DerNode): Uint8Array {
  return node.children ? Buffer.concat([node.prefix, ...node.children.map(writeTree)]) : node.content;
}

function setContent(node: DerNode, content: Uint8Array): void {
  node.children = undefined;
  node.content = content;
  node.octets = undefined;
}
