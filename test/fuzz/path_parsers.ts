import { createCertificateChecks, MAX_CERTIFICATE_SIZE, plainUser, readOffered } from '../../provider/pki/index.ts';
import { readTree, writeTree } from './der_tree.ts';
import { changeTree, mutateDer, mutateOctets } from './mutate_der.ts';
import type { Parser } from './parser.ts';
import { describe, describeCertificate, everything, materialFor, signAnew, signedPartOf } from './parser_tools.ts';
import type { Random } from './random.ts';
import { chain, communityAnchors, NOW } from './samples.ts';

/* A certificate with what was sent along, one behind the other, the way to a pinned root to be found in it. */

const PATH_REFUSALS = /^(certificate|path)_/;

const checks = createCertificateChecks({ profile: plainUser, anchors: communityAnchors, capacity: 0 });

/** Certificates one behind the other; what is none at the end is a piece, too. */
function splitChain(input: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let rest = input;
  while (rest.length > 0) {
    const [, first = 0, high = 0, low = 0] = rest;
    const length = first === 0x82 ? 4 + high * 256 + low : 2 + (first & 0x7f);
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return pieces;
}

function readChain(input: Uint8Array): string {
  const [leaf = new Uint8Array(), ...sent] = splitChain(input);
  const { path } = checks.check(leaf, NOW, sent);
  return describe(path.map(({ fingerprint }) => fingerprint));
}

const CHAIN_LIMIT = 128 * 1024;
const wholeChain = Buffer.concat(chain.map(({ der }) => der));

/** Certificates changed, left out, repeated, in any order, with others between them. */
function generateChain(random: Random, changeOne: (link: (typeof chain)[number]) => Uint8Array): Uint8Array {
  const changed = random.below(chain.length);
  const [leaf, ...above] = chain.map((link, index) => (index === changed ? changeOne(link) : link.der));
  const extras = Array.from({ length: random.oneIn(4) ? random.below(34) : 0 }, () => random.pick(everything));
  const sent = random.oneIn(8) ? above.slice(1) : above;
  return Buffer.concat([leaf ?? new Uint8Array(), ...random.shuffled([...sent, ...extras])]);
}

export const pathParsers: readonly Parser[] = [
  {
    name: 'path',
    limit: CHAIN_LIMIT,
    samples: [wholeChain],
    tamperProof: true,
    read: readChain,
    refusals: PATH_REFUSALS,
    generate: (random) =>
      generateChain(random, ({ der }) => mutateDer(der, materialFor(random, der, MAX_CERTIFICATE_SIZE))),
  },
  {
    name: 'path-signed',
    limit: CHAIN_LIMIT,
    samples: [wholeChain],
    tamperProof: false,
    read: readChain,
    refusals: PATH_REFUSALS,
    generate: (random) =>
      generateChain(random, ({ der, issuerKey }) => {
        const tree = readTree(der);
        changeTree(signedPartOf(tree), materialFor(random, der, MAX_CERTIFICATE_SIZE));
        signAnew(tree, issuerKey);
        return writeTree(tree);
      }),
  },
  {
    name: 'offered',
    limit: CHAIN_LIMIT,
    samples: [wholeChain],
    tamperProof: false,
    read: (input) => describe(readOffered(splitChain(input)).map(describeCertificate)),
    refusals: PATH_REFUSALS,
    generate: (random) =>
      random.oneIn(2)
        ? generateChain(random, ({ der }) => mutateDer(der, materialFor(random, der, MAX_CERTIFICATE_SIZE)))
        : mutateOctets(wholeChain, { random, donors: everything }),
  },
];
