import assert from 'node:assert/strict';
import { type KeyObject, sign } from 'node:crypto';
import type { Certificate } from '../../provider/pki/index.ts';
import { type DerNode, readTree, writeTree } from './der_tree.ts';
import { changeTree, type Material, mutateDer } from './mutate_der.ts';
import type { Parser } from './parser.ts';
import type { Random } from './random.ts';
import { certificates, chain, ocspAnswers, pathLists, roots, signedDocuments } from './samples.ts';

/* What parsers of several kinds are made with. */

/** Some beyond what is looked at, so that this bound is tried too. */
export const BEYOND = 1.1;

/** What grafts are taken from. */
export const everything = [
  ...[...certificates, ...pathLists, ...ocspAnswers, ...roots, ...signedDocuments],
  ...chain.map(({ der }) => der),
];

/** Large input takes long to make and finds little more, so that most of it is small. */
const SMALL = 4 * 1024;

export function materialFor(random: Random, sample: Uint8Array, limit: number): Material {
  const most = Math.max(0, Math.floor(limit * BEYOND) - sample.length);
  return { random, donors: everything, room: random.oneIn(10) ? most : Math.min(most, SMALL) };
}

/** A text that differs where anything in the value does. */
export function describe(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('hex');
    return inner instanceof Set ? [...inner] : inner;
  });
}

/** All that was read of a certificate. */
export function describeCertificate(read: Certificate): string {
  // The key is part of what an attacker chooses: importing it must throw nothing else either.
  const { asymmetricKeyType } = read.publicKey;
  const { foldedIssuer, foldedSubject, isSelfIssued, fingerprint } = read;
  return describe({ ...read, asymmetricKeyType, foldedIssuer, foldedSubject, isSelfIssued, fingerprint });
}

/** A reader of one DER structure, given sound ones that somebody changed on the way. */
export function tampered(options: Omit<Parser, 'generate' | 'tamperProof'>): Parser {
  const { samples, limit } = options;
  return {
    ...options,
    tamperProof: true,
    generate(random) {
      const sample = random.pick(samples);
      return mutateDer(sample, materialFor(random, sample, limit));
    },
  };
}

/** The same reader, given what its signer signed in full knowledge: everything behind the signature check is reached. */
export function signedWrong(
  options: Omit<Parser, 'generate' | 'tamperProof'> & { sign: (tree: DerNode) => void },
): Parser {
  const { samples, limit, sign: signAnew } = options;
  return {
    ...options,
    tamperProof: false,
    generate(random) {
      const sample = random.pick(samples);
      const tree = readTree(sample);
      changeTree(signedPartOf(signedStructureOf(tree)), materialFor(random, sample, limit));
      signAnew(tree);
      return writeTree(tree);
    },
  };
}

/** The three parts that certificates, lists and answers share: what is signed, algorithm, signature. */
export function signedStructureOf(tree: DerNode): DerNode {
  const bytes = tree.children?.[1]?.children?.[0]?.children?.[1];
  // An OCSP answer has its structure four levels further down, in an OCTET STRING.
  return tree.children?.[0]?.tag === 0x0a ? asNode(bytes?.children?.[0]) : tree;
}

/** Of the three parts the first. */
export function signedPartOf(structure: DerNode): DerNode {
  return asNode(structure.children?.[0]);
}

/** Puts a signature over the first part in the place of the third. */
export function signAnew(tree: DerNode, key: KeyObject): void {
  const structure = signedStructureOf(tree);
  const signature = asNode(structure.children?.[2]);
  signature.children = undefined;
  signature.content = Buffer.concat([Uint8Array.of(0), sign('sha256', writeTree(signedPartOf(structure)), key)]);
}

export function asNode(node: DerNode | undefined): DerNode {
  assert.ok(node, 'a sample is of another shape');
  return node;
}
