import assert from 'node:assert/strict';
import { type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { encodePem } from '../../adapters/sandbox/pki/index.ts';
import { createNetworks } from '../../config/networks.ts';
import { CARD_TOKEN_LIMIT, readCardToken } from '../../provider/authentication/card_token.ts';
import { checkChallengeSignature } from '../../provider/authentication/verify_card_token.ts';
import { certificateFromProxies } from '../../provider/oidc/presented_certificate.ts';
import {
  type Certificate,
  checkPathRevocation,
  createCertificateChecks,
  findAnchor,
  loadTrustAnchor,
  MAX_CERTIFICATE_FILE_SIZE,
  MAX_CERTIFICATE_SIZE,
  MAX_OCSP_RESPONSE_SIZE,
  MAX_PATH_CRL_SIZE,
  PkiError,
  parseCertificate,
  parseOcspResponse,
  parseRevocationList,
  plainUser,
  readCertificateFile,
  readOffered,
  readPathCrl,
} from '../../provider/pki/index.ts';
import { type DerNode, readTree, writeTree } from './der_tree.ts';
import { changeTree, type Material, mutateDer, mutateOctets } from './mutate_der.ts';
import { mutateText } from './mutate_text.ts';
import type { Parser } from './parser.ts';
import type { Random } from './random.ts';
import {
  anchor,
  cardToken,
  certificate,
  certificates,
  chain,
  communityAnchors,
  NONCE,
  NOW,
  nonce,
  ORIGIN,
  ocspAnswers,
  pathLists,
  REVOKED_SERIAL,
  responderSigningKey,
  revocationLists,
  roots,
  signingKey,
  user,
} from './samples.ts';

const MINUTE = 60_000;
/** As large as a list in a fuzz run becomes; the hub's own bound is the operator's. */
const LIST_LIMIT = 1024 * 1024;
/** Some beyond what is looked at, so that this bound is tried too. */
const BEYOND = 1.1;

const everything = [...certificates, ...pathLists, ...ocspAnswers, ...roots, ...chain.map(({ der }) => der)];
const anchors = [anchor];

/** Large input takes long to make and finds little more, so that most of it is small. */
const SMALL = 4 * 1024;

function materialFor(random: Random, sample: Uint8Array, limit: number): Material {
  const most = Math.max(0, Math.floor(limit * BEYOND) - sample.length);
  return { random, donors: everything, room: random.oneIn(10) ? most : Math.min(most, SMALL) };
}

const PATH_REFUSALS = /^(certificate|path)_/;

/** A text that differs where anything in the value does. */
function describe(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('hex');
    return inner instanceof Set ? [...inner] : inner;
  });
}

/** A reader of one DER structure, given sound ones that somebody changed on the way. */
function tampered(options: Omit<Parser, 'generate' | 'tamperProof'>): Parser {
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
function signedWrong(options: Omit<Parser, 'generate' | 'tamperProof'> & { sign: (tree: DerNode) => void }): Parser {
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
function signedStructureOf(tree: DerNode): DerNode {
  const bytes = tree.children?.[1]?.children?.[0]?.children?.[1];
  // An OCSP answer has its structure four levels further down, in an OCTET STRING.
  return tree.children?.[0]?.tag === 0x0a ? asNode(bytes?.children?.[0]) : tree;
}

function signedPartOf(structure: DerNode): DerNode {
  return asNode(structure.children?.[0]);
}

function signAnew(tree: DerNode, key: KeyObject): void {
  const structure = signedStructureOf(tree);
  const signature = asNode(structure.children?.[2]);
  signature.children = undefined;
  signature.content = Buffer.concat([Uint8Array.of(0), sign('sha256', writeTree(signedPartOf(structure)), key)]);
}

/** Who carries a certificate along is the responder; the root need not. */
function signerOf(answer: DerNode): KeyObject {
  return signedStructureOf(answer).children?.length === 4 ? responderSigningKey : signingKey;
}

const signedBy = (key: KeyObject) => (tree: DerNode) => signAnew(tree, key);

function asNode(node: DerNode | undefined): DerNode {
  assert.ok(node, 'a sample is of another shape');
  return node;
}

function describeCertificate(read: Certificate): string {
  // The key is part of what an attacker chooses: importing it must throw nothing else either.
  const { asymmetricKeyType } = read.publicKey;
  const { foldedIssuer, foldedSubject, isSelfIssued, fingerprint } = read;
  return describe({ ...read, asymmetricKeyType, foldedIssuer, foldedSubject, isSelfIssued, fingerprint });
}

function readSignedCertificate(input: Uint8Array): string {
  const read = parseCertificate(input);
  assert.deepEqual(Buffer.from(read.der), Buffer.from(input), 'what is verified is what was read');
  findAnchor(read, anchors, NOW);
  return describeCertificate(read);
}

const signInChecks = createCertificateChecks({ profile: anchor.profile, anchors, capacity: 0 });
const communityChecks = createCertificateChecks({ profile: plainUser, anchors: communityAnchors, capacity: 0 });

function readList(input: Uint8Array): string {
  const list = parseRevocationList(input, { anchor, now: NOW, maxSize: LIST_LIMIT });
  const { number, thisUpdate, nextUpdate, scope, size } = list;
  const found = [list.find(REVOKED_SERIAL), list.find(certificate.serial)];
  return describe({ number, thisUpdate, nextUpdate, scope, size, found, covers: list.covers(certificate) });
}

function readPathList(input: Uint8Array): string {
  const list = readPathCrl(input);
  if (!list.isSignedBy(anchor.certificate.publicKey)) throw new PkiError('crl_signature', 'the root did not sign');
  const path = { path: [certificate], anchor };
  const { status } = checkPathRevocation(path, { lists: [list], now: NOW });
  return describe({ ...list, status, found: list.find(REVOKED_SERIAL) ?? null });
}

function readAnswer(input: Uint8Array): string {
  const recent = { now: NOW, skew: MINUTE, maxAge: 60 * MINUTE };
  return describe(parseOcspResponse(input, { certificate, anchor, nonce, ...recent }));
}

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
  const { path } = communityChecks.check(leaf, NOW, sent);
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

const pathParsers: readonly Parser[] = [
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

/* Texts. What is base64 in them holds changed DER as often as the text around it is changed. */

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const knownFingerprints = new Set([...certificates, ...roots].map((der) => parseCertificate(der).fingerprint));

/** One character for each octet, both ways: every input is a text. */
const textOf = (input: Uint8Array) => Buffer.from(input).toString('latin1');
const octetsOf = (text: string) => Buffer.from(text, 'latin1');

const JSON_WORDS = ['{', '}', '[', '"', ':', ',', '\\u0000', '\\', 'null', 'true', '1e999', '-', '"__proto__":', '[['];
const certificateInToken = base64(user.der);

const cardTokenParser: Parser = {
  name: 'card-token',
  limit: CARD_TOKEN_LIMIT,
  samples: [octetsOf(cardToken)],
  tamperProof: true,
  refusals: /^(token_malformed|token_signature_invalid|certificate_.+)$/,
  read(input) {
    const token = readCardToken(textOf(input));
    const checked = signInChecks.check(token.unverifiedCertificate, NOW);
    checkChallengeSignature(checked.certificate, token, ORIGIN, NONCE);
    return describe([checked.certificate.fingerprint, token.algorithm]);
  },
  generate(random) {
    if (random.oneIn(2)) return octetsOf(mutateText(cardToken, random, JSON_WORDS, CARD_TOKEN_LIMIT * BEYOND));
    const changed = mutateDer(user.der, materialFor(random, user.der, MAX_CERTIFICATE_SIZE));
    return octetsOf(cardToken.replace(certificateInToken, base64(changed)));
  },
};

const HEADER_LIMIT = 128 * 1024;
const HEADER_WORDS = [
  ':',
  ',',
  ', ',
  ';',
  '"',
  '=',
  '\n',
  '\nclient-cert: ',
  '\nclient-cert-chain: ',
  '\nverify: FAILED',
  ' ',
];
const byteSequence = (bytes: Uint8Array) => `:${base64(bytes)}:`;
const header = (der: Uint8Array, sent: readonly Uint8Array[]) =>
  `client-cert: ${byteSequence(der)}\nclient-cert-chain: ${sent.map(byteSequence).join(', ')}`;
const soundHeader = header(user.der, roots);
const readHeader = certificateFromProxies(createNetworks(['192.0.2.7']));

const clientCertificateParser: Parser = {
  name: 'client-cert',
  limit: HEADER_LIMIT,
  samples: [octetsOf(soundHeader)],
  tamperProof: false,
  refusals: /^client_certificate_header$/,
  read(input) {
    const lines = textOf(input)
      .split('\n')
      .map((line) => line.split(': '));
    const rawHeaders = lines.flatMap(([name = '', ...value]) => [name, value.join(': ')]);
    // The reader looks at nothing else of a request.
    const request = { rawHeaders, socket: { remoteAddress: '192.0.2.7' } } as unknown as IncomingMessage;
    const presented = readHeader(request);
    if (presented) assert.ok(rawHeaders.includes(byteSequence(presented.der)), 'a value has one spelling');
    return describe(presented ?? null);
  },
  generate(random) {
    if (random.oneIn(2)) return octetsOf(mutateText(soundHeader, random, HEADER_WORDS, HEADER_LIMIT));
    const changed = mutateDer(user.der, materialFor(random, user.der, MAX_CERTIFICATE_SIZE));
    return octetsOf(header(changed, random.oneIn(2) ? roots : [changed]));
  },
};

const PEM_WORDS = [
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '-----',
  '\n',
  '\r\n',
  '=',
  '==',
  '\0',
  '0',
];
const pemOf = (ders: readonly Uint8Array[]) => ders.map((der) => encodePem('CERTIFICATE', der)).join('subject\n');
const soundFile = pemOf([user.der, ...roots]);

const certificateFileParser: Parser = {
  name: 'certificate-file',
  limit: MAX_CERTIFICATE_FILE_SIZE,
  samples: [octetsOf(soundFile), user.der],
  tamperProof: false,
  refusals: /^certificate_/,
  read(input) {
    const read = readCertificateFile(input).map(parseCertificate);
    const authentic = read.filter((each) => each.isSignedBy(anchor.certificate.publicKey));
    for (const { fingerprint } of authentic) assert.ok(knownFingerprints.has(fingerprint), 'changed and still signed');
    return describe(read.map(describeCertificate));
  },
  generate(random) {
    if (random.oneIn(4)) return mutateDer(user.der, materialFor(random, user.der, MAX_CERTIFICATE_SIZE));
    const room = MAX_CERTIFICATE_FILE_SIZE * BEYOND;
    if (random.oneIn(2)) return octetsOf(mutateText(soundFile, random, PEM_WORDS, room));
    const changed = mutateDer(user.der, materialFor(random, user.der, MAX_CERTIFICATE_SIZE));
    return octetsOf(pemOf([changed, ...roots]));
  },
};

const readAnchors = (input: Uint8Array) => {
  const { id, constrained } = loadTrustAnchor(input, { profile: plainUser });
  return describe({ id, constrained });
};

const oneCertificate = { limit: MAX_CERTIFICATE_SIZE, samples: certificates, refusals: /^certificate_/ };
const list = { limit: LIST_LIMIT, samples: revocationLists, read: readList, refusals: /^crl_/ };
const pathList = {
  limit: MAX_PATH_CRL_SIZE,
  samples: pathLists,
  read: readPathList,
  refusals: /^(crl_|path_work_exceeded$)/,
};
const answer = { limit: MAX_OCSP_RESPONSE_SIZE, samples: ocspAnswers, read: readAnswer, refusals: /^ocsp_/ };
const trustAnchor = { limit: MAX_CERTIFICATE_SIZE, samples: roots, read: readAnchors, refusals: /^anchor_invalid$/ };

/** Every reader of bytes from outside. `…-signed` is the same one in the hands of a signer who has turned bad. */
export const parsers: readonly Parser[] = [
  tampered({ name: 'certificate', ...oneCertificate, read: readSignedCertificate }),
  signedWrong({
    name: 'certificate-signed',
    ...oneCertificate,
    read: readSignedCertificate,
    sign: signedBy(signingKey),
  }),
  tampered({ name: 'crl', ...list }),
  signedWrong({ name: 'crl-signed', ...list, sign: signedBy(signingKey) }),
  tampered({ name: 'path-crl', ...pathList }),
  signedWrong({ name: 'path-crl-signed', ...pathList, sign: signedBy(signingKey) }),
  tampered({ name: 'ocsp', ...answer }),
  signedWrong({ name: 'ocsp-signed', ...answer, sign: (tree) => signAnew(tree, signerOf(tree)) }),
  tampered({ name: 'anchor', ...trustAnchor }),
  signedWrong({ name: 'anchor-signed', ...trustAnchor, sign: signedBy(signingKey) }),
  ...pathParsers,
  cardTokenParser,
  clientCertificateParser,
  certificateFileParser,
];
