import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import {
  checkPathRevocation,
  createCertificateChecks,
  findAnchor,
  loadTrustAnchor,
  MAX_CERTIFICATE_SIZE,
  MAX_OCSP_RESPONSE_SIZE,
  MAX_PATH_CRL_SIZE,
  PkiError,
  parseCertificate,
  parseOcspResponse,
  parseRevocationList,
  plainUser,
  readPathCrl,
} from '../../provider/pki/index.ts';
import type { DerNode } from './der_tree.ts';
import { documentParsers } from './document_parsers.ts';
import { metadataParsers } from './metadata_parsers.ts';
import type { Parser } from './parser.ts';
import { describe, describeCertificate, signAnew, signedStructureOf, signedWrong, tampered } from './parser_tools.ts';
import { pathParsers } from './path_parsers.ts';
import { samlParsers } from './saml_parsers.ts';
import {
  anchor,
  certificate,
  certificates,
  NOW,
  nonce,
  ocspAnswers,
  pathLists,
  REVOKED_SERIAL,
  responderSigningKey,
  revocationLists,
  roots,
  signingKey,
  user,
} from './samples.ts';
import { textParsers } from './text_parsers.ts';

const MINUTE = 60_000;
/** As large as a list in a fuzz run becomes; the hub's own bound is the operator's. */
const LIST_LIMIT = 1024 * 1024;

const anchors = [anchor];
const signInChecks = createCertificateChecks({ profile: anchor.profile, anchors, capacity: 0 });

function readSignedCertificate(input: Uint8Array): string {
  const read = parseCertificate(input);
  assert.deepEqual(Buffer.from(read.der), Buffer.from(input), 'what is verified is what was read');
  findAnchor(read, anchors, NOW);
  return describeCertificate(read);
}

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

/** Who carries a certificate along is the responder; the root need not. */
function signerOf(answer: DerNode): KeyObject {
  return signedStructureOf(answer).children?.length === 4 ? responderSigningKey : signingKey;
}

const signedBy = (key: KeyObject) => (tree: DerNode) => signAnew(tree, key);

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
  signedWrong({
    name: 'sign-in-signed',
    ...oneCertificate,
    samples: [user.der],
    read: (input) => signInChecks.check(input, NOW).certificate.fingerprint,
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
  ...documentParsers,
  ...metadataParsers,
  ...pathParsers,
  ...textParsers,
  ...samlParsers,
];
