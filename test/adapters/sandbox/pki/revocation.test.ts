import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answerOcsp,
  CHIYODA,
  createCrl,
  createOcspRequest,
  createOcspResponder,
  createRoot,
  der,
  distributionPointOf,
  encodeCertId,
  encodePem,
  issueUserCertificate,
  type OcspCertificateStatus,
  type OcspOverrides,
  ocspError,
  readOcspRequest,
} from '../../../../adapters/sandbox/pki/index.ts';
import { rsaKey } from './key_pool.ts';
import { openssl } from './openssl.ts';
import { PeculiarCrl } from './peculiar_x509.ts';

const NOW = Date.now() - 5000;

const userRoot = async () => createRoot({ kind: 'user', key: await rsaKey('root'), notBefore: NOW - 86_400_000 });
const userCertificate = async () =>
  issueUserCertificate(await userRoot(), { key: await rsaKey('leaf'), notBefore: NOW - 3_600_000 });

describe('revocation lists', () => {
  it('openssl accepts a full list and finds the revoked certificate in it', async () => {
    const root = await userRoot();
    const leaf = await userCertificate();
    const good = await createCrl(root, { number: 7, thisUpdate: NOW });
    const revoked = await createCrl(root, {
      number: 8,
      thisUpdate: NOW,
      entries: [{ serialNumber: leaf.serialNumber, revokedAt: NOW, reason: 'certificateHold' }],
    });
    const files = {
      'root.pem': root.pem,
      'leaf.pem': leaf.pem,
      'good.pem': encodePem('X509 CRL', good),
      'revoked.pem': encodePem('X509 CRL', revoked),
    };
    const verify = (list: string) =>
      openssl(
        ['verify', '-x509_strict', '-crl_check', '-CAfile', 'root.pem', '-CRLfile', `${list}.pem`, 'leaf.pem'],
        files,
      );
    assert.equal((await verify('good')).code, 0, (await verify('good')).output);
    assert.match((await verify('revoked')).output, /certificate revoked/);
    const text = await openssl(['crl', '-in', 'revoked.pem', '-noout', '-text', '-CAfile', 'root.pem'], files);
    assert.match(text.output, /verify OK/);
    assert.match(text.output, /Version 2/);
    assert.match(text.output, /CRL Number:\s+8/);
    assert.match(text.output, /Certificate Hold/);
  });

  it('openssl takes a partition for the distribution point that the certificate names, and for no other', async () => {
    const root = await userRoot();
    const leaf = await userCertificate();
    const listOf = async (municipality: typeof CHIYODA) =>
      encodePem(
        'X509 CRL',
        await createCrl(root, {
          thisUpdate: NOW,
          scope: { distributionPoint: distributionPointOf(root, municipality) },
        }),
      );
    const files = {
      'root.pem': root.pem,
      'leaf.pem': leaf.pem,
      'own.pem': await listOf(CHIYODA),
      'other.pem': await listOf({ code: '13221', prefecture: 'Tokyo-to', name: 'Kiyose-shi' }),
    };
    const verify = (list: string) =>
      openssl(
        ['verify', '-x509_strict', '-crl_check', '-extended_crl', '-CAfile', 'root.pem', '-CRLfile', list, 'leaf.pem'],
        files,
      );
    assert.equal((await verify('own.pem')).code, 0, (await verify('own.pem')).output);
    assert.match((await verify('other.pem')).output, /different CRL scope|unable to get certificate CRL/i);
  });

  it('deviations come out as asked: no number, delta, only CAs, another issuer and signer', async () => {
    const root = await userRoot();
    const other = await createRoot({ kind: 'signing', key: await rsaKey('other') });
    const text = async (crl: Uint8Array) =>
      (
        await openssl(['crl', '-in', 'l.pem', '-noout', '-text', '-CAfile', 'r.pem'], {
          'l.pem': encodePem('X509 CRL', crl),
          'r.pem': root.pem,
        })
      ).output;
    assert.doesNotMatch(await text(await createCrl(root, { number: null })), /CRL Number/);
    assert.match(await text(await createCrl(root, { deltaBase: 3 })), /Delta CRL Indicator: critical\s+3/);
    assert.match(await text(await createCrl(root, { scope: { onlyContainsCACerts: true } })), /Only CA Certificates/);
    assert.match(
      await text(await createCrl(root, { scope: { onlySomeReasons: [1, 2], indirectCRL: true } })),
      /Indirect CRL\s+Only Some Reasons:\s+Key Compromise, CA Compromise/,
    );
    assert.doesNotMatch(await text(await createCrl(root, { overrides: { issuer: other.name } })), /verify OK/);
    assert.doesNotMatch(
      await text(await createCrl(root, { overrides: { signingKey: other.key.privateKey } })),
      /verify OK/,
    );
    assert.match(await text(await createCrl(root, { nextUpdate: null })), /Next Update: NONE/);
  });

  it('another reader sees the same entries', async () => {
    const crl = await createCrl(await userRoot(), {
      thisUpdate: NOW,
      entries: [
        { serialNumber: 1n, revokedAt: NOW, reason: 'superseded' },
        { serialNumber: 0x06d18006n, revokedAt: NOW, reason: null },
      ],
    });
    const read = new PeculiarCrl(new Uint8Array(crl));
    assert.deepEqual(
      read.entries.map(({ serialNumber, reason }) => [serialNumber, reason]),
      [
        ['01', 4],
        ['06d18006', undefined],
      ],
    );
  });
});

describe('OCSP answers', () => {
  async function ask(
    status: OcspCertificateStatus,
    { overrides = {}, hash = 'sha1' }: { overrides?: OcspOverrides; hash?: 'sha1' | 'sha256' } = {},
  ): Promise<string> {
    const root = await userRoot();
    const leaf = await userCertificate();
    const responder = await createOcspResponder(root, { key: await rsaKey('responder'), notBefore: NOW });
    const request = createOcspRequest(root, leaf.serialNumber, { hash, nonce: Buffer.alloc(16, 7) });
    const answer = await answerOcsp(responder, request, { status: () => status, thisUpdate: NOW, overrides });
    // openssl compares nonces only when it reads the request, and looks a certificate up only when it does not.
    const common = ['ocsp', '-no_nonce', '-respin', 'a.der', '-CAfile', 'root.pem', '-issuer', 'root.pem'];
    const files = { 'q.der': request, 'a.der': answer, 'root.pem': root.pem, 'leaf.pem': leaf.pem };
    const [exchange, lookUp] = await Promise.all([
      openssl([...common, '-reqin', 'q.der'], files),
      openssl([...common, `-${hash}`, '-cert', 'leaf.pem'], files),
    ]);
    return exchange.output + lookUp.output;
  }

  it('openssl verifies good, revoked with its reason, and unknown, with SHA-1 and SHA-256 identifiers', async () => {
    const good = await ask({ status: 'good' });
    assert.match(good, /Response verify OK/);
    assert.match(good, /leaf.pem: good/);
    assert.doesNotMatch(good, /nonce/i);
    const revoked = await ask(
      { status: 'revoked', revokedAt: NOW, reason: 'cessationOfOperation' },
      { hash: 'sha256' },
    );
    assert.match(revoked, /leaf.pem: revoked/);
    assert.match(revoked, /cessationOfOperation/);
    assert.match(await ask({ status: 'unknown' }), /leaf.pem: unknown/);
  });

  it("openssl reads the request writer's requests, and the reader reads openssl's", async () => {
    const root = await userRoot();
    const leaf = await userCertificate();
    const files = { 'root.pem': root.pem, 'leaf.pem': leaf.pem };
    const own = createOcspRequest(root, leaf.serialNumber);
    const { output } = await openssl(['ocsp', '-no_nonce', '-reqin', 'q.der', '-req_text'], { ...files, 'q.der': own });
    assert.match(output, new RegExp(`Serial Number: ${leaf.serialNumber.toString(16).padStart(8, '0')}`, 'i'));
    const { produced } = await openssl(
      ['ocsp', '-issuer', 'root.pem', '-cert', 'leaf.pem', '-reqout', 'q.der'],
      files,
      'q.der',
    );
    const read = readOcspRequest(produced);
    assert.deepEqual(Buffer.from(read.certIds[0]?.encoded ?? []), encodeCertId(root, leaf.serialNumber));
    assert.equal(read.nonce?.length, 18);
  });

  it('a nonce that was not sent, a foreign signer and another serial are noticed', async () => {
    assert.match(await ask({ status: 'good' }, { overrides: { nonce: Buffer.alloc(16, 8) } }), /nonce verify error/i);
    const signingKey = (await rsaKey('other')).privateKey;
    assert.match(await ask({ status: 'good' }, { overrides: { signingKey } }), /Response Verify Failure/i);
    const certId = () => Buffer.from(readOcspRequest(createOcspRequest(root, 1n)).certIds[0]?.encoded ?? []);
    const root = await userRoot();
    assert.match(await ask({ status: 'good' }, { overrides: { certId } }), /No Status found/i);
    assert.match(await ask({ status: 'good' }, { overrides: { responseStatus: 'tryLater' } }), /trylater/i);
  });

  it('a responder without the purpose is not believed', async () => {
    const root = await userRoot();
    const leaf = await userCertificate();
    const responder = await createOcspResponder(root, { key: await rsaKey('responder'), extendedKeyUsage: null });
    const request = createOcspRequest(root, leaf.serialNumber);
    const answer = await answerOcsp(responder, request, { status: () => ({ status: 'good' }) });
    const { output } = await openssl(
      [
        'ocsp',
        '-no_nonce',
        '-reqin',
        'q.der',
        '-respin',
        'a.der',
        '-CAfile',
        'root.pem',
        '-issuer',
        'root.pem',
        '-cert',
        'leaf.pem',
      ],
      { 'q.der': request, 'a.der': answer, 'root.pem': root.pem, 'leaf.pem': leaf.pem },
    );
    assert.match(output, /missing ocspsigning usage/i);
  });

  it('malformed requests are refused: empty, cut, trailing, nothing asked, too much asked', async () => {
    const request = createOcspRequest(await userRoot(), 5n, { nonce: Buffer.alloc(16) });
    assert.throws(() => readOcspRequest(Buffer.alloc(0)), RangeError);
    assert.throws(() => readOcspRequest(request.subarray(0, -1)), RangeError);
    assert.throws(() => readOcspRequest(Buffer.concat([request, Buffer.from([0])])), RangeError);
    assert.throws(() => readOcspRequest(der.sequence(der.sequence(der.sequence()))), RangeError);
    const one = readOcspRequest(request).certIds[0]?.encoded ?? Buffer.alloc(0);
    const many = Array.from({ length: 33 }, () => der.sequence(one));
    assert.throws(() => readOcspRequest(der.sequence(der.sequence(der.sequenceOf(many)))), RangeError);
    assert.equal(ocspError('malformedRequest').toString('hex'), '30030a0101');
  });
});
