import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { MAX_SIGNED_DOCUMENT_SIZE, verifySignedDocument } from '../../provider/pki/index.ts';
import { type DerNode, readTree, writeTree } from './der_tree.ts';
import { changeTree } from './mutate_der.ts';
import type { Parser } from './parser.ts';
import { asNode, describe, materialFor, tampered } from './parser_tools.ts';
import type { Random } from './random.ts';
import { documentSigningKey, signedDocuments } from './samples.ts';

/* Documents that somebody signed with the signing key of a card. */

function readDocument(input: Uint8Array): string {
  const document = verifySignedDocument(input);
  assert.notEqual(document.content.buffer, input.buffer, 'what is handed on is what was verified');
  return describe(document);
}

/** SignedData, its signed attributes and the signature over them. */
function partsOf(tree: DerNode): { signedData: DerNode; attributes: DerNode; signature: DerNode } {
  const signedData = asNode(tree.children?.[1]?.children?.[0]);
  const signer = signedData.children?.at(-1)?.children?.[0]?.children;
  return { signedData, attributes: asNode(signer?.[3]), signature: asNode(signer?.[5]) };
}

/** A signer who has turned bad: signs attributes that anything was done to, or writes anything around sound ones. */
function signWrong(random: Random): Uint8Array {
  const sample = random.pick(signedDocuments);
  const tree = readTree(sample);
  const { signedData, attributes, signature } = partsOf(tree);
  changeTree(random.oneIn(3) ? signedData : attributes, materialFor(random, sample, MAX_SIGNED_DOCUMENT_SIZE));
  const covered = Buffer.from(writeTree(attributes));
  covered[0] = 0x31;
  signature.children = undefined;
  signature.content = sign('sha256', covered, documentSigningKey);
  return writeTree(tree);
}

const document = {
  limit: MAX_SIGNED_DOCUMENT_SIZE,
  samples: signedDocuments,
  read: readDocument,
  refusals: /^(cms|certificate)_/,
};

export const documentParsers: readonly Parser[] = [
  tampered({ name: 'document', ...document }),
  { name: 'document-signed', ...document, tamperProof: false, generate: signWrong },
];
