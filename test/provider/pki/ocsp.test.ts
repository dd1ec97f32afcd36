import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  addExtensions,
  answerOcsp,
  asOcspResponder,
  createOcspResponder,
  der,
  encodeCertId,
  keyUsage,
  type OcspAnswerOptions,
  type OcspResponder,
  type OcspResponderOptions,
  OID,
  ocspError,
  readOcspRequest,
  replaceExtension,
  subjectPublicKeyInfo,
  unknownExtension,
  withNonMinimalLength,
  withoutExtension,
  withTrailingBytes,
} from '../../../adapters/sandbox/pki/index.ts';
import type { OcspResponseOptions, PkiErrorCode } from '../../../provider/pki/index.ts';
import { buildOcspRequest, parseCertificate, parseOcspResponse } from '../../../provider/pki/index.ts';
import { ecKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { anchorOf, DAY, flipped, HOUR, MINUTE, NOW, pkiError, root, SECOND, userCertificate } from './fixtures.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const issued = await userCertificate(issuer, { serialNumber: 0x80d18007n });
const certificate = parseCertificate(issued.der);
const nonce = new Uint8Array(16).fill(0xa5);
const request = buildOcspRequest(certificate, anchor, { digest: 'sha1', nonce });
const makeResponder = async (options: OcspResponderOptions = {}, by = issuer): Promise<OcspResponder> =>
  createOcspResponder(by, { key: await rsaKey('responder'), notBefore: NOW - DAY, ...options });
const responder = await makeResponder();
const good = () => ({ status: 'good' }) as const;
const answer = (options: Partial<OcspAnswerOptions> = {}, by = responder, to: Uint8Array = request) =>
  answerOcsp(by, to, { status: good, producedAt: NOW - SECOND, ...options });
const options: OcspResponseOptions = { certificate, anchor, nonce, now: NOW, skew: MINUTE, maxAge: 15 * MINUTE };
const parse = (bytes: Uint8Array, how: Partial<OcspResponseOptions> = {}) =>
  parseOcspResponse(bytes, { ...options, ...how });
const parsing = async (how: Partial<OcspAnswerOptions>) => {
  const bytes = await answer(how);
  return () => parse(bytes);
};

describe('buildOcspRequest', () => {
  it('asks about the certificate by both digests, with a nonce', () => {
    for (const digest of ['sha1', 'sha256'] as const) {
      const asked = readOcspRequest(buildOcspRequest(certificate, anchor, { digest, nonce }));
      assert.equal(asked.certIds.length, 1);
      assert.equal(asked.certIds[0]?.serialNumber, 0x80d18007n);
      assert.deepEqual(Buffer.from(asked.certIds[0]?.encoded ?? []), encodeCertId(issuer, 0x80d18007n, digest));
      assert.deepEqual(Buffer.from(asked.nonce ?? []), Buffer.concat([Buffer.of(4, 16), nonce]));
    }
  });

  it('refuses a nonce that could be guessed, or that responders need not take', () => {
    for (const length of [15, 129]) {
      const odd = { digest: 'sha1', nonce: new Uint8Array(length) } as const;
      assert.throws(() => buildOcspRequest(certificate, anchor, odd), RangeError);
    }
  });

  it('asks without a nonce when told to', () => {
    const asked = readOcspRequest(buildOcspRequest(certificate, anchor, { digest: 'sha1', nonce: undefined }));
    assert.equal(asked.certIds[0]?.serialNumber, 0x80d18007n);
    assert.ok(!asked.nonce);
  });
});

describe('parseOcspResponse', () => {
  it('reads good, revoked and unknown', async () => {
    assert.deepEqual(parse(await answer()), {
      status: 'good',
      reason: undefined,
      revokedAt: undefined,
      producedAt: NOW - SECOND,
      thisUpdate: NOW - SECOND,
      nextUpdate: NOW - SECOND + 15 * MINUTE,
    });
    const revoked = (reason: 'certificateHold' | null) =>
      answer({ status: () => ({ status: 'revoked', revokedAt: NOW - DAY, reason }) });
    const held = parse(await revoked('certificateHold'));
    assert.deepEqual([held.status, held.reason, held.revokedAt], ['revoked', 'certificateHold', NOW - DAY]);
    assert.equal(parse(await revoked(null)).reason, 'unspecified');
    assert.equal(parse(await answer({ status: () => ({ status: 'unknown' }) })).status, 'unknown');
  });

  it('accepts the root itself, a delegate by name or by key, and both digests', async () => {
    assert.equal(parse(await answer({}, asOcspResponder(issuer))).status, 'good');
    assert.equal(parse(await answer({ overrides: { certificates: [] } }, asOcspResponder(issuer))).status, 'good');
    assert.equal(parse(await answer({ overrides: { responderId: 'byName' } })).status, 'good');
    const other = buildOcspRequest(certificate, anchor, { digest: 'sha256', nonce });
    assert.equal(parse(await answer({}, responder, other)).status, 'good');
  });

  it('accepts a delegate with an elliptic curve key', async () => {
    const delegate = await makeResponder({ key: await ecKey('responder', 'P-256') });
    assert.equal(parse(await answer({}, delegate)).status, 'good');
  });

  it('finds our certificate among several that the answer speaks of', async () => {
    const other = der.sequence(
      encodeCertId(issuer, 99n),
      der.contextPrimitive(2, Buffer.alloc(0)),
      der.generalizedTime(NOW - SECOND),
    );
    const bytes = await answer({ overrides: { toBeSigned: (tbs) => withResponses(tbs, (ours) => [other, ours]) } });
    assert.equal(parse(bytes).status, 'good');
  });

  it('refuses an answer that speaks twice about our certificate', async () => {
    const bytes = await answer({ overrides: { toBeSigned: (tbs) => withResponses(tbs, (ours) => [ours, ours]) } });
    assert.throws(() => parse(bytes), pkiError('ocsp_malformed'));
  });

  it('takes an answer without an end for as long as the operator allows, and does not keep it', async () => {
    const bytes = await answer({ nextUpdate: null });
    assert.equal(parse(bytes).nextUpdate, parse(bytes).thisUpdate);
    assert.throws(() => parse(bytes, { now: NOW + 17 * MINUTE }), pkiError('ocsp_stale'));
  });

  it('accepts an answer that names the issuer by the other digest than the question', async () => {
    const bySha256 = await answer({ overrides: { certId: () => encodeCertId(issuer, 0x80d18007n, 'sha256') } });
    assert.equal(parse(bySha256).status, 'good');
    const question = buildOcspRequest(certificate, anchor, { digest: 'sha256', nonce });
    const bySha1 = await answer(
      { overrides: { certId: () => encodeCertId(issuer, 0x80d18007n) } },
      responder,
      question,
    );
    assert.equal(parse(bySha1).status, 'good');
  });

  it('refuses, by either digest, the other digest of another issuer', async () => {
    const impostor = await root('impostor');
    for (const digest of ['sha1', 'sha256'] as const) {
      const bytes = await answer({ overrides: { certId: () => encodeCertId(impostor, 0x80d18007n, digest) } });
      assert.throws(() => parse(bytes), pkiError('ocsp_certificate'));
    }
  });

  describe('where the nonce may be left out', () => {
    const without = { overrides: { nonce: null } };
    const other = { overrides: { nonce: flipped(nonce, 3) } };

    it('takes an answer without one as long as it is recent, whatever end it names', async () => {
      const bytes = await answer({ ...without, nextUpdate: NOW + DAY });
      assert.equal(parse(bytes, { nonceOptional: true }).status, 'good');
      const later = { nonceOptional: true, now: NOW + 17 * MINUTE };
      assert.throws(() => parse(bytes, later), pkiError('ocsp_stale'));
      assert.throws(() => parse(bytes), pkiError('ocsp_nonce'));
    });

    it('refuses an answer to somebody else’s question all the same', async () => {
      const bytes = await answer(other);
      assert.throws(() => parse(bytes, { nonceOptional: true }), pkiError('ocsp_nonce'));
    });

    it('takes an old answer of a responder that is still vouched for only with our nonce', async () => {
      const old = { producedAt: NOW - HOUR, nextUpdate: NOW + HOUR };
      assert.equal(parse(await answer(old), { nonceOptional: true }).status, 'good');
      const bytes = await answer({ ...old, ...without });
      assert.throws(() => parse(bytes, { nonceOptional: true }), pkiError('ocsp_stale'));
    });

    it('holds every answer to that age where no nonce was sent', async () => {
      for (const how of [without, other]) {
        assert.equal(parse(await answer(how), { nonce: undefined }).status, 'good');
        const bytes = await answer({ producedAt: NOW - HOUR, nextUpdate: NOW + HOUR, ...how });
        assert.throws(() => parse(bytes, { nonce: undefined }), pkiError('ocsp_stale'));
      }
    });

    it('still refuses a critical extension that is not understood', async () => {
      const bytes = await answer({ overrides: { nonce: null, responseExtensions: addExtensions(unknownExtension()) } });
      assert.throws(() => parse(bytes, { nonce: undefined }), pkiError('ocsp_critical_extension'));
    });
  });

  it('allows for clocks that differ a little', async () => {
    assert.equal(parse(await answer({ producedAt: NOW + MINUTE })).status, 'good');
    assert.equal(parse(await answer(), { now: NOW + 15 * MINUTE }).status, 'good');
  });

  const refusals: [rule: string, code: PkiErrorCode, how: Partial<OcspAnswerOptions>][] = [
    ['an answer without the nonce', 'ocsp_nonce', { overrides: { nonce: null } }],
    ['an answer with another nonce', 'ocsp_nonce', { overrides: { nonce: flipped(nonce, 3) } }],
    ['an answer with a cut nonce', 'ocsp_nonce', { overrides: { nonce: nonce.subarray(1) } }],
    ['an answer from the future', 'ocsp_not_yet_valid', { producedAt: NOW + 2 * MINUTE }],
    ['a status from the future', 'ocsp_malformed', { thisUpdate: NOW + 2 * MINUTE }],
    ['an old answer', 'ocsp_stale', { producedAt: NOW - HOUR }],
    ['times in disorder', 'ocsp_malformed', { nextUpdate: NOW - HOUR }],
    ['an answer about another serial', 'ocsp_certificate', { overrides: { certId: () => encodeCertId(issuer, 5n) } }],
    [
      'an unknown critical extension',
      'ocsp_critical_extension',
      { overrides: { responseExtensions: addExtensions(unknownExtension()) } },
    ],
    [
      'an unknown critical extension of the status',
      'ocsp_critical_extension',
      { overrides: { singleExtensions: [unknownExtension()] } },
    ],
    ['another type of response', 'ocsp_malformed', { overrides: { responseType: '1.2.3.4' } }],
    ['SHA-1', 'ocsp_algorithm', { overrides: { algorithm: 'sha1WithRSAEncryption' } }],
    [
      'an algorithm that does not fit what was signed',
      'ocsp_signature',
      { overrides: { outerAlgorithm: 'sha512WithRSAEncryption' } },
    ],
    ['malformedRequest', 'ocsp_refused', { overrides: { responseStatus: 'malformedRequest' } }],
    ['internalError', 'ocsp_refused', { overrides: { responseStatus: 'internalError' } }],
    ['tryLater', 'ocsp_try_later', { overrides: { responseStatus: 'tryLater' } }],
    ['sigRequired', 'ocsp_refused', { overrides: { responseStatus: 'sigRequired' } }],
    ['unauthorized', 'ocsp_unauthorized', { overrides: { responseStatus: 'unauthorized' } }],
    ['a status that does not exist', 'ocsp_refused', { overrides: { responseStatus: 4 } }],
    ['trailing bytes', 'ocsp_malformed', { overrides: { response: withTrailingBytes } }],
    ['a non-minimal length', 'ocsp_malformed', { overrides: { response: withNonMinimalLength } }],
    ['a web page', 'ocsp_malformed', { overrides: { response: () => Buffer.from('<!doctype html>') } }],
    ['nothing', 'ocsp_malformed', { overrides: { response: () => Buffer.alloc(0) } }],
    ['"successful" without an answer', 'ocsp_malformed', { overrides: { response: () => ocspError(0) } }],
    ['no certificate of the responder', 'ocsp_responder', { overrides: { certificates: [] } }],
    ['the certificate of somebody else', 'ocsp_responder', { overrides: { certificates: [issued.der] } }],
    ['five certificates', 'ocsp_malformed', { overrides: { certificates: new Array(5).fill(responder.der) } }],
    ['an unreadable certificate', 'ocsp_responder', { overrides: { certificates: [Buffer.from('30020500', 'hex')] } }],
    ['another signing key', 'ocsp_signature', { overrides: { signingKey: issued.key.privateKey } }],
    [
      'more than 64 KiB',
      'ocsp_too_large',
      { overrides: { response: (bytes) => Buffer.concat([bytes, Buffer.alloc(65_536)]) } },
    ],
  ];
  for (const [rule, code, how] of refusals) {
    it(`refuses ${rule} as ${code}`, async () => {
      const bytes = await answer(how);
      assert.throws(() => parse(bytes), pkiError(code));
    });
  }

  it('refuses an answer about the same serial of a namesake authority', async () => {
    const impostor = await root('impostor');
    const bytes = await answer({ overrides: { certId: () => encodeCertId(impostor, 0x80d18007n) } });
    assert.throws(() => parse(bytes), pkiError('ocsp_certificate'));
  });

  it('refuses a responder that is named in no known way', async () => {
    const responderId = der.context(3, der.octetString(responder.keyHash));
    assert.throws(await parsing({ overrides: { responderId } }), pkiError('ocsp_malformed'));
  });

  it('refuses UTCTime where RFC 6960 has GeneralizedTime', async () => {
    const status = der.contextPrimitive(0, Buffer.alloc(0));
    const single = der.sequence(encodeCertId(issuer, 0x80d18007n), status, der.utcTime(NOW));
    const overrides = { toBeSigned: (tbs: Buffer) => withResponses(tbs, () => [single]) };
    assert.throws(await parsing({ overrides }), pkiError('ocsp_malformed'));
  });

  it('refuses a status of no known kind', async () => {
    for (const status of [
      der.contextPrimitive(3, Buffer.alloc(0)),
      der.contextPrimitive(0, Buffer.of(1)),
      der.nullValue(),
    ]) {
      const single = der.sequence(encodeCertId(issuer, 0x80d18007n), status, der.generalizedTime(NOW));
      const overrides = { toBeSigned: (tbs: Buffer) => withResponses(tbs, () => [single]) };
      assert.throws(await parsing({ overrides }), pkiError('ocsp_malformed'));
    }
  });

  it('refuses a status with an unknown reason', async () => {
    const status = der.context(1, der.generalizedTime(NOW), der.context(0, der.enumerated(7)));
    const bytes = await answer({
      overrides: {
        toBeSigned: (tbs) =>
          withResponses(tbs, () => [der.sequence(encodeCertId(issuer, 0x80d18007n), status, der.generalizedTime(NOW))]),
      },
    });
    assert.throws(() => parse(bytes), pkiError('ocsp_malformed'));
  });

  const delegates: [rule: string, options: OcspResponderOptions][] = [
    ['without the extended usage', { extendedKeyUsage: null }],
    ['with another extended usage', { extendedKeyUsage: [OID.clientAuth] }],
    ['with any extended usage', { extendedKeyUsage: ['2.5.29.37.0'] }],
    ['that has expired', { notAfter: NOW - SECOND }],
    ['that is not valid yet', { notBefore: NOW + SECOND }],
    ['whose key may not sign', { overrides: { extensions: replaceExtension(keyUsage(['keyAgreement'])) } }],
    [
      'with a critical extension that is not understood',
      { overrides: { extensions: addExtensions(unknownExtension()) } },
    ],
    ['without ocsp-nocheck', { overrides: { extensions: withoutExtension(OID.ocspNoCheck) } }],
    ['that somebody else signed', { overrides: { signingKey: issued.key.privateKey } }],
  ];
  for (const [rule, how] of delegates) {
    it(`refuses a responder ${rule}`, async () => {
      const bytes = await answer({}, await makeResponder(how));
      assert.throws(() => parse(bytes), pkiError('ocsp_responder'));
    });
  }

  it('accepts a responder without ocsp-nocheck when fresh information says that it is good', async () => {
    const extensions = withoutExtension(OID.ocspNoCheck);
    const bytes = await answer({}, await makeResponder({ overrides: { extensions } }));
    assert.equal(parse(bytes, { isResponderGood: () => true }).status, 'good');
    assert.throws(() => parse(bytes, { isResponderGood: () => false }), pkiError('ocsp_responder'));
  });

  it('refuses a responder whose key lies beside its curve', async () => {
    const info = subjectPublicKeyInfo((await ecKey('a', 'P-256')).publicKey);
    const by = await makeResponder({ overrides: { publicKeyInfo: flipped(info, info.length - 1) } });
    const bytes = await answer({ overrides: { responderId: 'byName' } }, by);
    assert.throws(() => parse(bytes), pkiError('ocsp_responder'));
  });

  it('refuses a responder of a namesake authority', async () => {
    const bytes = await answer({}, await makeResponder({}, await root('impostor')));
    assert.throws(() => parse(bytes), pkiError('ocsp_responder'));
  });

  it('refuses an answer that the citizen signed', async () => {
    const key = issued.key;
    const keyHash = createHash('sha1').update(certificate.keyOctets).digest();
    const citizen = { ...responder, ...issued, key, keyHash, name: Buffer.from(certificate.subject) };
    for (const responderId of ['byKey', 'byName'] as const) {
      const bytes = await answer({ overrides: { responderId } }, citizen);
      assert.throws(() => parse(bytes), pkiError('ocsp_responder'));
    }
  });

  it('refuses a stranger who answers under the name of the root', async () => {
    const stranger = { ...asOcspResponder(issuer), key: issued.key };
    const bytes = await answer({}, stranger);
    assert.throws(() => parse(bytes), pkiError('ocsp_responder'));
    const without = await answer({ overrides: { certificates: [] } }, stranger);
    assert.throws(() => parse(without), pkiError('ocsp_signature'));
  });
});

/** ResponseData with other SingleResponses: the third element is their list. */
function withResponses(tbs: Buffer, change: (ours: Buffer) => Buffer[]): Buffer {
  const parts = elements(content(tbs));
  parts[2] = der.sequenceOf(change(content(parts[2] ?? Buffer.alloc(0))));
  return der.sequenceOf(parts);
}

function headerLength(bytes: Buffer): number {
  const first = bytes[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function content(bytes: Buffer): Buffer {
  return bytes.subarray(headerLength(bytes));
}

function elements(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const header = headerLength(rest);
    const length = header === 2 ? (rest[1] ?? 0) : rest.readUIntBE(2, header - 2);
    parts.push(rest.subarray(0, header + length));
    rest = rest.subarray(header + length);
  }
  return parts;
}
