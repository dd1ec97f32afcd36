import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answerOcsp,
  createOcspResponder,
  type OcspAnswerOptions,
  type OcspCertificateStatus,
  OID,
  withoutExtension,
} from '../../../adapters/sandbox/pki/index.ts';
import { HubError } from '../../../provider/errors.ts';
import { parseCertificate } from '../../../provider/pki/index.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { anchorOf, DAY, MINUTE, NOW, parsedUser, root, SECOND, userCertificate } from '../../provider/pki/fixtures.ts';
import { type Authority, authority, OCSP_URL, settled } from './authority_world.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const certificate = parseCertificate((await userCertificate(issuer, { serialNumber: 4711n })).der);
const responder = await createOcspResponder(issuer, { key: await rsaKey('responder'), notBefore: NOW - DAY });
const responders = [{ anchor: anchor.id, url: OCSP_URL }];
const revoked: OcspCertificateStatus = { status: 'revoked', revokedAt: NOW - DAY, reason: 'keyCompromise' };

function serveOcsp(
  { serve, time }: Authority,
  status: OcspCertificateStatus = { status: 'good' },
  options: Partial<OcspAnswerOptions> = {},
  by = responder,
): void {
  serve(OCSP_URL, async (request) => {
    const asked = new Uint8Array(await request.arrayBuffer());
    const bytes = await answerOcsp(by, asked, { status: () => status, producedAt: time.now, ...options });
    return new Response(new Uint8Array(bytes), { headers: { 'content-type': 'application/ocsp-response' } });
  });
}

const hubError = (code: string, details?: string) => (error: unknown) => {
  assert.ok(error instanceof HubError, `${error}`);
  assert.equal(error.code, code);
  if (details !== undefined) assert.equal(error.details.reason, details);
  return true;
};

describe('check by OCSP', () => {
  it('asks the configured responder by POST and tells good from revoked', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour);
    const verdict = await neighbour.revocation.check(certificate, anchor, 'ocsp');
    assert.deepEqual([verdict.status, verdict.source, verdict.checkedAt], ['good', 'ocsp', NOW]);
    const [request] = neighbour.requests;
    assert.equal(request?.method, 'POST');
    assert.equal(request?.url, OCSP_URL);
    assert.equal(request?.headers.get('content-type'), 'application/ocsp-request');

    serveOcsp(neighbour, revoked);
    const other = await parsedUser(issuer, { serialNumber: 5n });
    const no = await neighbour.revocation.check(other, anchor, 'ocsp');
    assert.deepEqual([no.status, no.reason, no.revokedAt], ['revoked', 'keyCompromise', NOW - DAY]);
  });

  it('keeps an answer until its nextUpdate and asks again then', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour);
    for (let round = 0; round < 5; round++) await neighbour.revocation.check(certificate, anchor, 'ocsp');
    assert.equal(neighbour.requests.length, 1);
    await neighbour.time.advance(15 * MINUTE - SECOND);
    await neighbour.revocation.check(certificate, anchor, 'ocsp');
    assert.equal(neighbour.requests.length, 1);
    await neighbour.time.advance(SECOND);
    await neighbour.revocation.check(certificate, anchor, 'ocsp');
    assert.equal(neighbour.requests.length, 2);
  });

  it('does not keep an answer that names no end', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour, undefined, { nextUpdate: null });
    await neighbour.revocation.check(certificate, anchor, 'ocsp');
    await neighbour.revocation.check(certificate, anchor, 'ocsp');
    assert.equal(neighbour.requests.length, 2);
  });

  it('keeps no more answers than it may', async () => {
    const neighbour = authority([anchor], { responders, settings: { ocspCacheSize: 3 } });
    serveOcsp(neighbour);
    for (let serial = 1n; serial <= 6n; serial++) {
      await neighbour.revocation.check(await parsedUser(issuer, { serialNumber: serial }), anchor, 'ocsp');
    }
    assert.equal(neighbour.revocation.status().ocsp.cached, 3);
  });

  it('asks once for several people who wait for the same answer', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour);
    const checks = Array.from({ length: 10 }, () => neighbour.revocation.check(certificate, anchor, 'ocsp'));
    assert.equal(new Set(await Promise.all(checks)).size, 1);
    assert.equal(neighbour.requests.length, 1);
  });

  it('refuses a certificate that the authority says it never issued', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour, { status: 'unknown' });
    await assert.rejects(neighbour.revocation.check(certificate, anchor, 'ocsp'), hubError('certificate_unknown'));
  });

  it('gives up after three seconds', async () => {
    const neighbour = authority([anchor], { responders });
    neighbour.serve(OCSP_URL, () => new Promise<Response>(() => {}));
    const check = assert.rejects(
      neighbour.revocation.check(certificate, anchor, 'ocsp'),
      hubError('revocation_unavailable', 'download_timeout'),
    );
    await settled();
    await neighbour.time.advance(3 * SECOND);
    await check;
    assert.deepEqual(neighbour.time.pending, []);
  });

  const refusals: [rule: string, code: string, options: Partial<OcspAnswerOptions>][] = [
    ['without the nonce', 'ocsp_nonce', { overrides: { nonce: null } }],
    ['that is old', 'ocsp_stale', { producedAt: NOW - DAY }],
    ['of a busy responder', 'ocsp_try_later', { overrides: { responseStatus: 'tryLater' } }],
    ['over 64 KiB', 'download_too_large', { overrides: { response: () => Buffer.alloc(70_000) } }],
    ['that is a web page', 'ocsp_malformed', { overrides: { response: () => Buffer.from('<!doctype html>') } }],
    [
      'with an unreadable certificate',
      'certificate_malformed',
      { overrides: { certificates: [Buffer.from('30020500', 'hex')] } },
    ],
  ];
  for (const [rule, code, options] of refusals) {
    it(`fails closed on an answer ${rule}, and does not keep it`, async () => {
      const neighbour = authority([anchor], { responders });
      serveOcsp(neighbour, undefined, options);
      const check = () => neighbour.revocation.check(certificate, anchor, 'ocsp');
      await assert.rejects(check(), hubError('revocation_unavailable', code));
      assert.equal(neighbour.revocation.status().ocsp.failed, 1);
      serveOcsp(neighbour);
      assert.equal((await check()).status, 'good');
    });
  }

  it('says nothing of the serial to the log', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour, undefined, { overrides: { nonce: null } });
    const odd = await parsedUser(issuer, { serialNumber: 0xdeadbeefn });
    await assert.rejects(neighbour.revocation.check(odd, anchor, 'ocsp'));
    assert.equal(neighbour.logged.length, 1);
    assert.doesNotMatch(JSON.stringify(neighbour.logged), /deadbeef|3735928559|MII/i);
  });

  it('accepts a responder without ocsp-nocheck while a fresh list says that it is good', async () => {
    const overrides = { extensions: withoutExtension(OID.ocspNoCheck) };
    const options = { key: await rsaKey('responder'), notBefore: NOW - DAY, serialNumber: 9n, overrides };
    const checkable = await createOcspResponder(issuer, options);
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour, undefined, {}, checkable);
    const check = () => neighbour.revocation.check(certificate, anchor, 'ocsp');
    await assert.rejects(check(), hubError('revocation_unavailable', 'ocsp_responder'));
    await neighbour.serveList(issuer);
    await neighbour.revocation.start();
    assert.equal((await check()).status, 'good');
  });
});

describe('which source decides', () => {
  const bothKnown = async (status: OcspCertificateStatus, listed: boolean): Promise<Authority> => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour, status);
    const entries = listed ? [{ serialNumber: 4711n, revokedAt: NOW - DAY, reason: 'certificateHold' as const }] : [];
    await neighbour.serveList(issuer, { entries });
    await neighbour.revocation.start();
    return neighbour;
  };

  it('is the list for any, while it is fresh', async () => {
    const { revocation, requests } = await bothKnown({ status: 'good' }, false);
    assert.equal((await revocation.check(certificate, anchor, 'any')).source, 'crl');
    assert.equal(requests.length, 1);
  });

  it('is OCSP for any, when no list is fresh', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour);
    await neighbour.revocation.start();
    assert.equal((await neighbour.revocation.check(certificate, anchor, 'any')).source, 'ocsp');
  });

  it('is never OCSP for crl, nor the list for ocsp', async () => {
    const noList = authority([anchor], { responders });
    serveOcsp(noList);
    await assert.rejects(noList.revocation.check(certificate, anchor, 'crl'), hubError('revocation_unavailable'));
    const noResponder = authority([anchor]);
    await noResponder.serveList(issuer);
    await noResponder.revocation.start();
    await assert.rejects(noResponder.revocation.check(certificate, anchor, 'ocsp'), hubError('revocation_unavailable'));
  });

  it('is the list when OCSP says good and the list says revoked', async () => {
    const { revocation } = await bothKnown({ status: 'good' }, true);
    for (const channel of ['ocsp', 'any', 'crl'] as const) {
      assert.equal((await revocation.check(certificate, anchor, channel)).status, 'revoked');
    }
  });

  it('is OCSP when the list says good and OCSP said revoked', async () => {
    const { revocation } = await bothKnown(revoked, false);
    assert.equal((await revocation.check(certificate, anchor, 'ocsp')).status, 'revoked');
    for (const channel of ['any', 'crl'] as const) {
      assert.equal((await revocation.check(certificate, anchor, channel)).source, 'ocsp');
      assert.equal((await revocation.check(certificate, anchor, channel)).status, 'revoked');
    }
  });
});

describe('the address inside a certificate', () => {
  const address = 'http://ocsp.authority.test:8080/user';
  const check = async (ocspUrl: string, ocspHosts: readonly string[]) => {
    const neighbour = authority([anchor], { settings: { ocspHosts } });
    const own = await parsedUser(issuer, { ocspUrl });
    await assert.rejects(neighbour.revocation.check(own, anchor, 'ocsp'), hubError('revocation_unavailable'));
    return neighbour.requests.map(({ url }) => url);
  };

  it('is used for hosts that the operator named', async () => {
    assert.deepEqual(await check(address, ['ocsp.authority.test:8080']), [address]);
  });

  it('is not used otherwise', async () => {
    assert.deepEqual(await check(address, []), []);
    assert.deepEqual(await check(address, ['ocsp.authority.test']), []);
    assert.deepEqual(await check('http://ocsp.authority.test@evil.test/', ['ocsp.authority.test']), []);
    assert.deepEqual(await check('http://user:pw@ocsp.authority.test/', ['ocsp.authority.test']), []);
    assert.deepEqual(await check('ftp://ocsp.authority.test/', ['ocsp.authority.test']), []);
    assert.deepEqual(await check('file:///etc/passwd', ['']), []);
    assert.deepEqual(await check('not an address', ['']), []);
  });

  it('gives way to the configured one', async () => {
    const neighbour = authority([anchor], { responders, settings: { ocspHosts: ['ocsp.authority.test:8080'] } });
    serveOcsp(neighbour);
    await neighbour.revocation.check(await parsedUser(issuer, { ocspUrl: address }), anchor, 'ocsp');
    assert.deepEqual(
      neighbour.requests.map(({ url }) => url),
      [OCSP_URL],
    );
  });
});
