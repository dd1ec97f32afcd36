import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { encodePem } from '../../adapters/sandbox/pki/index.ts';
import { createNetworks } from '../../config/networks.ts';
import { CARD_TOKEN_LIMIT, readCardToken } from '../../provider/authentication/card_token.ts';
import { checkChallengeSignature } from '../../provider/authentication/verify_card_token.ts';
import { certificateFromProxies } from '../../provider/oidc/presented_certificate.ts';
import {
  createCertificateChecks,
  MAX_CERTIFICATE_FILE_SIZE,
  MAX_CERTIFICATE_SIZE,
  parseCertificate,
  readCertificateFile,
} from '../../provider/pki/index.ts';
import { mutateDer } from './mutate_der.ts';
import { mutateText } from './mutate_text.ts';
import type { Parser } from './parser.ts';
import { BEYOND, describe, describeCertificate, materialFor } from './parser_tools.ts';
import { anchor, cardToken, certificates, NONCE, NOW, ORIGIN, roots, user } from './samples.ts';

/* Texts. What is base64 in them holds changed DER as often as the text around it is changed. */

const signInChecks = createCertificateChecks({ profile: anchor.profile, anchors: [anchor], capacity: 0 });
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

export const textParsers: readonly Parser[] = [cardTokenParser, clientCertificateParser, certificateFileParser];
