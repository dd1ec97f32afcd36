import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answerOcsp,
  createOcspResponder,
  type OcspAnswerOptions,
  type OcspCertificateStatus,
  OID,
  readOcspRequest,
  withoutExtension,
} from '../../../adapters/sandbox/pki/index.ts';
import { HubError } from '../../../provider/errors.ts';
import { parseCertificate } from '../../../provider/pki/index.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import {
  anchorOf,
  DAY,
  HOUR,
  MINUTE,
  NOW,
  parsedUser,
  root,
  SECOND,
  userCertificate,
} from '../../provider/pki/fixtures.ts';
import { type Authority, authority, OCSP_URL, policy, settled } from './authority_world.ts';

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
      'ocsp_responder',
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

  describe('by a responder that keeps failing', () => {
    const FAILURES = 3;
    const failing = (over: Partial<Parameters<typeof authority>[1]> = {}) => {
      const neighbour = authority([anchor], { responders, settings: { ocspBreakerFailures: FAILURES }, ...over });
      neighbour.serve(OCSP_URL, () => Response.error());
      return neighbour;
    };
    const checkOther = async (neighbour: Authority, serialNumber: bigint, by: 'ocsp' | 'ocsp-first' = 'ocsp') =>
      neighbour.revocation.check(await parsedUser(issuer, { serialNumber }), anchor, by);
    const failOften = async (neighbour: Authority) => {
      for (let serial = 1n; serial <= FAILURES; serial++) await assert.rejects(checkOther(neighbour, serial));
    };

    it('asks no more, for anybody, and says when to come back', async () => {
      const neighbour = failing();
      await failOften(neighbour);
      assert.equal(neighbour.requests.length, FAILURES);
      assert.equal(neighbour.revocation.status().ocsp.open, 1);
      await assert.rejects(checkOther(neighbour, 99n), (error) => {
        assert.ok(hubError('revocation_unavailable', 'ocsp_circuit_open')(error) && error instanceof HubError);
        assert.equal(error.retryAfter, 5);
        return true;
      });
      assert.equal(neighbour.requests.length, FAILURES);
    });

    it('sends one question when the time has come, and all of them when that is answered', async () => {
      const neighbour = failing();
      await failOften(neighbour);
      await neighbour.time.advance(5 * SECOND);
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      neighbour.serve(OCSP_URL, async (request) => {
        await held;
        const asked = new Uint8Array(await request.arrayBuffer());
        const status = () => ({ status: 'good' }) as const;
        return new Response(
          new Uint8Array(await answerOcsp(responder, asked, { status, producedAt: neighbour.time.now })),
        );
      });
      const first = await parsedUser(issuer, { serialNumber: 50n });
      const probe = neighbour.revocation.check(first, anchor, 'ocsp');
      await settled();
      await assert.rejects(checkOther(neighbour, 51n), hubError('revocation_unavailable', 'ocsp_circuit_open'));
      assert.equal(neighbour.requests.length, FAILURES + 1);
      release();
      assert.equal((await probe).status, 'good');
      assert.equal((await checkOther(neighbour, 52n)).status, 'good');
      assert.equal(neighbour.revocation.status().ocsp.open, 0);
    });

    it('goes on answering from memory, and by the list where the policy has it', async () => {
      const neighbour = failing();
      serveOcsp(neighbour);
      const known = await neighbour.revocation.check(certificate, anchor, 'ocsp');
      neighbour.serve(OCSP_URL, () => Response.error());
      await failOften(neighbour);
      assert.equal(await neighbour.revocation.check(certificate, anchor, 'ocsp'), known);
      await neighbour.serveList(issuer);
      await neighbour.revocation.start();
      assert.equal((await checkOther(neighbour, 60n, 'ocsp-first')).source, 'crl');
    });

    it('counts an unusable answer as a failure, and “unknown” as an answer', async () => {
      const neighbour = failing();
      serveOcsp(neighbour, { status: 'unknown' });
      for (let serial = 1n; serial <= 10n; serial++) {
        await assert.rejects(checkOther(neighbour, serial), hubError('certificate_unknown'));
      }
      neighbour.serve(OCSP_URL, () => new Response('<!doctype html>'));
      await failOften(neighbour);
      assert.equal(neighbour.revocation.status().ocsp.open, 1);
    });
  });

  it('sends a nonce of 32 octets, or none, as the operator says', async () => {
    const noncesBy = async (ocspNonce: 'required' | 'optional' | 'none') => {
      const neighbour = authority([anchor], { responders, settings: { ocspNonce } });
      let asked = new Uint8Array();
      neighbour.serve(OCSP_URL, async (request) => {
        asked = new Uint8Array(await request.arrayBuffer());
        return Response.error();
      });
      await assert.rejects(neighbour.revocation.check(certificate, anchor, 'ocsp'));
      return readOcspRequest(asked).nonce?.length;
    };
    assert.deepEqual(
      [await noncesBy('required'), await noncesBy('optional'), await noncesBy('none')],
      [34, 34, undefined],
    );
  });

  it('takes a fresh answer without the nonce only where the operator allows it', async () => {
    for (const [ocspNonce, taken] of [
      ['required', false],
      ['optional', true],
      ['none', true],
    ] as const) {
      const neighbour = authority([anchor], { responders, settings: { ocspNonce } });
      const check = () => neighbour.revocation.check(certificate, anchor, 'ocsp');
      serveOcsp(neighbour, undefined, { producedAt: NOW - DAY, nextUpdate: NOW + DAY, overrides: { nonce: null } });
      await assert.rejects(check(), hubError('revocation_unavailable', taken ? 'ocsp_stale' : 'ocsp_nonce'));
      serveOcsp(neighbour, undefined, { overrides: { nonce: null } });
      if (taken) assert.equal((await check()).status, 'good');
      else await assert.rejects(check(), hubError('revocation_unavailable', 'ocsp_nonce'));
    }
  });

  it('never writes the serial into an address', async () => {
    const neighbour = authority([anchor], { responders, settings: { ocspNonce: 'none' } });
    serveOcsp(neighbour);
    await neighbour.revocation.check(certificate, anchor, 'ocsp');
    assert.deepEqual([neighbour.requests[0]?.method, neighbour.requests[0]?.url], ['POST', OCSP_URL]);
  });

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

describe('a policy', () => {
  const ocspFirst = { ...policy('ocsp', 'crl'), name: 'careful' };
  const withList = async (time: { thisUpdate: number }) => {
    const neighbour = authority([anchor], { responders });
    await neighbour.serveList(issuer, time);
    await neighbour.revocation.start();
    return neighbour;
  };

  it('that prefers OCSP asks it though a list is fresh', async () => {
    const neighbour = await withList({ thisUpdate: NOW - HOUR });
    serveOcsp(neighbour);
    assert.equal((await neighbour.revocation.check(certificate, anchor, ocspFirst)).source, 'ocsp');
  });

  it('that prefers OCSP falls back to the list when the responder is away', async () => {
    const neighbour = await withList({ thisUpdate: NOW - HOUR });
    assert.equal((await neighbour.revocation.check(certificate, anchor, ocspFirst)).source, 'crl');
  });

  it('does not fall back to the list from a certificate that the authority denies', async () => {
    const neighbour = await withList({ thisUpdate: NOW - HOUR });
    serveOcsp(neighbour, { status: 'unknown' });
    await assert.rejects(neighbour.revocation.check(certificate, anchor, ocspFirst), hubError('certificate_unknown'));
  });

  it('that allows an age takes no older list, and asks the next source', async () => {
    const neighbour = await withList({ thisUpdate: NOW - 2 * HOUR });
    const byAge = (maxAge: number, sources = policy('crl', 'ocsp')) =>
      neighbour.revocation.check(certificate, anchor, { ...sources, maxAge });
    assert.equal((await byAge(2 * HOUR)).source, 'crl');
    await assert.rejects(byAge(HOUR), hubError('revocation_unavailable', 'crl_too_old download_failed'));
    serveOcsp(neighbour);
    assert.equal((await byAge(HOUR)).source, 'ocsp');
    await assert.rejects(byAge(HOUR, policy('crl')), hubError('revocation_unavailable', 'crl_too_old'));
  });

  it('that allows an age asks again for an answer that was remembered for longer', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour, undefined, { nextUpdate: NOW + DAY });
    const check = () => neighbour.revocation.check(certificate, anchor, { ...policy('ocsp'), maxAge: 10 * MINUTE });
    const first = await check();
    await neighbour.time.advance(10 * MINUTE);
    assert.equal(await check(), first);
    await neighbour.time.advance(SECOND);
    assert.equal((await check()).thisUpdate, NOW + 10 * MINUTE + SECOND);
    assert.equal(neighbour.requests.length, 2);
    serveOcsp(neighbour, undefined, { thisUpdate: NOW, nextUpdate: NOW + DAY });
    await neighbour.time.advance(11 * MINUTE);
    await assert.rejects(check(), hubError('revocation_unavailable', 'ocsp_too_old'));
  });

  it('lets an entry on a list win that is older than the policy allows, as long as the list is fresh', async () => {
    const neighbour = authority([anchor], { responders });
    serveOcsp(neighbour);
    const entries = [{ serialNumber: 4711n, revokedAt: NOW - DAY, reason: 'keyCompromise' as const }];
    await neighbour.serveList(issuer, { thisUpdate: NOW - 2 * HOUR, entries });
    await neighbour.revocation.start();
    const strict = { ...policy('ocsp'), maxAge: MINUTE };
    assert.equal((await neighbour.revocation.check(certificate, anchor, strict)).status, 'revoked');
  });

  it('whose sources have nothing tells when the first of them may', async () => {
    const neighbour = authority([anchor]);
    await neighbour.revocation.start();
    const due = Math.ceil((neighbour.time.pending[0] ?? 0) / SECOND);
    await assert.rejects(neighbour.revocation.check(certificate, anchor, ocspFirst), (error) => {
      assert.ok(
        hubError('revocation_unavailable', 'ocsp_no_responder crl_none_fresh')(error) && error instanceof HubError,
      );
      assert.equal(error.retryAfter, Math.max(5, due));
      assert.equal(error.details.policy, 'careful');
      return true;
    });
  });
});
