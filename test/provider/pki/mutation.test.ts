import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { answerOcsp, createCrl, createOcspResponder } from '../../../adapters/sandbox/pki/index.ts';
import {
  buildOcspRequest,
  PkiError,
  parseCertificate,
  parseOcspResponse,
  parseRevocationList,
  verifySignedDocument,
} from '../../../provider/pki/index.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { anchorOf, DAY, flipped, HOUR, MINUTE, NOW, root, signingCertificate, userCertificate } from './fixtures.ts';
import { signedDocument } from './signed_document_factory.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const user = await userCertificate(issuer);
const certificate = parseCertificate(user.der);
const signing = await signingCertificate(issuer);
const revocations = await createCrl(issuer, {
  thisUpdate: NOW - HOUR,
  scope: { onlyContainsUserCerts: true },
  entries: [{ serialNumber: 5n, revokedAt: NOW - DAY, reason: 'certificateHold' }],
});
const nonce = new Uint8Array(16).fill(7);
const responder = await createOcspResponder(issuer, { key: await rsaKey('responder'), notBefore: NOW - DAY });
const request = buildOcspRequest(certificate, anchor, { digest: 'sha1', nonce });
const answer = await answerOcsp(responder, request, { status: () => ({ status: 'good' }), producedAt: NOW });

const verifyCertificate = (bytes: Uint8Array): boolean => {
  const parsed = parseCertificate(bytes);
  // The key is part of what an attacker chooses: importing it must not throw anything unforeseen either.
  assert.ok(parsed.publicKey);
  return parsed.isSignedBy(anchor.certificate.publicKey);
};
const verifyList = (bytes: Uint8Array): boolean =>
  parseRevocationList(bytes, { anchor, now: NOW, maxSize: 1 << 20 }).size >= 0;
const verifyAnswer = (bytes: Uint8Array): boolean =>
  parseOcspResponse(bytes, { certificate, anchor, nonce, now: NOW, skew: MINUTE, maxAge: HOUR }).status === 'good';

const document = signedDocument({ certificate: signing.der, key: signing.key.privateKey }, Buffer.from('利用申込書'));
const verifyDocument = (bytes: Uint8Array): boolean => verifySignedDocument(bytes).content.length > 0;

/** True only when the bytes are accepted; any refusal must be a PkiError. */
function accepted(verify: (bytes: Uint8Array) => boolean, bytes: Uint8Array): boolean {
  try {
    return verify(bytes);
  } catch (error) {
    assert.ok(error instanceof PkiError, `not a PkiError: ${error}`);
    return false;
  }
}

const things: [name: string, bytes: Uint8Array, verify: (bytes: Uint8Array) => boolean][] = [
  ['user certificate', user.der, verifyCertificate],
  ['signing certificate', signing.der, verifyCertificate],
  ['revocation list', revocations, verifyList],
  ['OCSP answer', answer, verifyAnswer],
  ['signed document', document, verifyDocument],
];

for (const [name, bytes, verify] of things) {
  describe(`a valid ${name}`, () => {
    it('is accepted as it is', () => assert.ok(accepted(verify, bytes)));

    it('is refused with any one bit changed', () => {
      for (let index = 0; index < bytes.length; index++) {
        for (const mask of [0x01, 0x80]) {
          assert.ok(!accepted(verify, flipped(bytes, index, mask)), `octet ${index}`);
        }
      }
    });

    it('is refused with any one octet exchanged', () => {
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (index, mask) => {
          assert.ok(!accepted(verify, flipped(bytes, index, mask)));
        }),
        { numRuns: 1500 },
      );
    });

    it('is refused with octets taken out, put in or moved', () => {
      const place = fc.nat(bytes.length);
      fc.assert(
        fc.property(place, place, fc.uint8Array({ minLength: 1, maxLength: 8 }), (from, to, inserted) => {
          const [low, high] = [Math.min(from, to), Math.max(from, to)];
          if (low === high) return;
          const [head, middle, tail] = [bytes.subarray(0, low), bytes.subarray(low, high), bytes.subarray(high)];
          assert.ok(!accepted(verify, Buffer.concat([head, tail])));
          assert.ok(!accepted(verify, Buffer.concat([head, inserted, middle, tail])));
          assert.ok(!accepted(verify, Buffer.concat([head, middle, middle, tail])));
        }),
        { numRuns: 500 },
      );
    });
  });
}

describe('random bytes', () => {
  it('are refused with a PkiError by every parser', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const [, , verify] of things) assert.ok(!accepted(verify, bytes));
        const dressed = Uint8Array.of(0x30, 0x82, bytes.length >> 8, bytes.length & 0xff, ...bytes);
        for (const [, , verify] of things) assert.ok(!accepted(verify, dressed));
      }),
      { numRuns: 1000 },
    );
  });
});
