import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  addExtensions,
  CHIYODA,
  type CrlOptions,
  distributionPointOf,
  keyUsage,
  type RevocationReason,
  replaceExtension,
  unknownExtension,
  withTrailingBytes,
} from '../../../adapters/sandbox/pki/index.ts';
import { HubError } from '../../../provider/errors.ts';
import { parseCertificate } from '../../../provider/pki/index.ts';
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
import { rsaKey } from '../sandbox/pki/key_pool.ts';
import { type Answer, authority, crlNumbersInMemory, LIST_URL, listFolder } from './authority_world.ts';

const issuer = await root();
const anchor = anchorOf(issuer);
const issued = await userCertificate(issuer, { serialNumber: 4711n });
const certificate = parseCertificate(issued.der);
const stranger = (await rsaKey('stranger')).privateKey;
const entry = (serialNumber: bigint, reason: RevocationReason = 'certificateHold') => ({
  serialNumber,
  revokedAt: NOW - DAY,
  reason,
});

const unavailable = (retryAfter?: number) => (error: unknown) => {
  assert.ok(error instanceof HubError, `${error}`);
  assert.equal(error.code, 'revocation_unavailable');
  assert.equal(error.status, 503);
  assert.ok((error.retryAfter ?? 0) > 0);
  if (retryAfter !== undefined) assert.equal(error.retryAfter, retryAfter);
  return true;
};

describe('check by list', () => {
  it('tells good from revoked, with source and freshness, and asks nobody', async () => {
    const { revocation, requests, serveList } = authority([anchor]);
    await serveList(issuer, { entries: [entry(4711n)] });
    await revocation.start();
    assert.equal(requests.length, 1);
    const expected = { source: 'crl', thisUpdate: NOW - HOUR, nextUpdate: NOW - HOUR + DAY, checkedAt: NOW };
    assert.deepEqual(await revocation.check(certificate, anchor, 'crl'), {
      status: 'revoked',
      reason: 'certificateHold',
      revokedAt: NOW - DAY,
      ...expected,
    });
    const other = await parsedUser(issuer, { serialNumber: 4712n });
    assert.deepEqual(await revocation.check(other, anchor, 'any'), {
      status: 'good',
      reason: undefined,
      revokedAt: undefined,
      ...expected,
    });
    assert.equal(requests.length, 1);
  });

  it('fails closed before the first list has come', async () => {
    const { revocation } = authority([anchor]);
    await assert.rejects(revocation.check(certificate, anchor, 'any'), unavailable());
    await revocation.start();
    await assert.rejects(revocation.check(certificate, anchor, 'any'), unavailable());
    assert.equal(revocation.ready(), false);
  });

  it('fails closed from the second after nextUpdate, and is ready until then', async () => {
    const { revocation, serveList, serve, time } = authority([anchor]);
    await serveList(issuer, { thisUpdate: NOW - HOUR, nextUpdate: NOW + HOUR });
    await revocation.start();
    serve(LIST_URL, () => Response.error());
    await time.advance(HOUR);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'good');
    assert.equal(revocation.ready(), true);
    await time.advance(SECOND);
    await assert.rejects(revocation.check(certificate, anchor, 'crl'), unavailable());
    assert.equal(revocation.ready(), false);
  });

  it('lets a list serve for the grace that the operator chose', async () => {
    const { revocation, serveList, time } = authority([anchor], { settings: { listGrace: HOUR } });
    await serveList(issuer, { nextUpdate: NOW + HOUR });
    await revocation.start();
    await time.advance(2 * HOUR);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'good');
    await time.advance(SECOND);
    await assert.rejects(revocation.check(certificate, anchor, 'crl'), unavailable());
  });

  it('asks only the lists of the root that vouches for the certificate', async () => {
    const other = anchorOf(await root('other'));
    const { revocation, serveList } = authority([anchor, other]);
    await serveList(issuer, {});
    await revocation.start();
    await assert.rejects(revocation.check(certificate, other, 'crl'), unavailable());
  });

  it('takes a partition for the certificates that name it, and no other', async () => {
    const { revocation, serveList } = authority([anchor]);
    await serveList(issuer, { scope: { distributionPoint: distributionPointOf(issuer, CHIYODA) } });
    await revocation.start();
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'good');
    const osaka = { code: '27100', prefecture: 'Osaka-fu', name: 'Osaka-shi' };
    await assert.rejects(
      revocation.check(await parsedUser(issuer, { municipality: osaka }), anchor, 'crl'),
      unavailable(),
    );
  });

  it('takes one entry in any of several lists for revoked', async () => {
    const partition = 'http://authority.test/13101.crl';
    const lists = [LIST_URL, partition].map((url) => ({ anchor: anchor.id, url }));
    const { revocation, serveList } = authority([anchor], { lists });
    await serveList(issuer, {});
    const scope = { distributionPoint: distributionPointOf(issuer, CHIYODA) };
    await serveList(issuer, { scope, entries: [entry(4711n)] }, partition);
    await revocation.start();
    assert.equal((await revocation.check(certificate, anchor, 'any')).status, 'revoked');
  });
});

describe('renewal of a list', () => {
  it('takes what is newly revoked at the next look, without a gap', async () => {
    const { revocation, serveList, time } = authority([anchor]);
    await serveList(issuer, { number: 1 });
    await revocation.start();
    await serveList(issuer, { number: 2, entries: [entry(4711n)] });
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'good');
    await time.advance(15 * MINUTE);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
  });

  it('asks conditionally and keeps the list on 304', async () => {
    const { revocation, requests, serveList, time } = authority([anchor]);
    await serveList(issuer);
    await revocation.start();
    await time.advance(15 * MINUTE);
    assert.equal(requests[0]?.headers.get('if-none-match'), null);
    assert.notEqual(requests[1]?.headers.get('if-none-match'), null);
    assert.equal(revocation.status().lists[0]?.failure, undefined);
    assert.equal(revocation.status().lists[0]?.lastSuccessAt, NOW + 15 * MINUTE);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'good');
  });

  it('does not believe 304 about a list that is out of date', async () => {
    const { revocation, requests, serveList, time } = authority([anchor]);
    await serveList(issuer, { nextUpdate: NOW + MINUTE });
    await revocation.start();
    await time.advance(MINUTE + 5 * SECOND);
    assert.equal(revocation.status().lists[0]?.failure, 'crl_stale');
    const before = requests.length;
    await time.advance(MINUTE);
    assert.equal(requests[before]?.headers.get('if-none-match'), null);
  });

  it('looks again when the list ends, if that is before the interval', async () => {
    const { revocation, serveList, time } = authority([anchor]);
    await serveList(issuer, { nextUpdate: NOW + 2 * MINUTE });
    await revocation.start();
    assert.deepEqual(time.pending, [2 * MINUTE]);
  });

  it('comes back by itself after the authority was away for hours, ever more slowly, and then at once', async () => {
    const { revocation, requests, serveList, time } = authority([anchor]);
    await revocation.start();
    assert.equal(revocation.status().lists[0]?.failure, 'download_failed');
    const [first] = time.pending;
    assert.ok(first !== undefined && first >= 2500 && first <= 5000, `${first}`);
    await time.advance(3 * HOUR);
    assert.ok(requests.length > 30 && requests.length < 90, `${requests.length} attempts`);
    assert.ok((time.pending[0] ?? 0) <= 5 * MINUTE);
    await serveList(issuer);
    await time.advance(5 * MINUTE);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'good');
    assert.equal(revocation.status().lists[0]?.failures, 0);
  });

  it('tells a person when the next look is due', async () => {
    const { revocation, time } = authority([anchor]);
    await revocation.start();
    await time.advance(HOUR);
    const due = Math.ceil((time.pending[0] ?? 0) / 1000);
    await assert.rejects(revocation.check(certificate, anchor, 'any'), unavailable(Math.max(5, due)));
  });

  it('looks at once when asked to, joins a look underway, and keeps one schedule', async () => {
    const { revocation, requests, serveList, time } = authority([anchor]);
    await serveList(issuer, { number: 1 });
    await revocation.start();
    await serveList(issuer, { number: 2, entries: [entry(4711n)] });
    await Promise.all([revocation.refresh(), revocation.refresh()]);
    assert.equal(requests.length, 2);
    assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    assert.deepEqual(time.pending, [15 * MINUTE]);
  });

  it('may look more often than it retries', async () => {
    const { revocation, serveList, time } = authority([anchor], { settings: { refreshInterval: SECOND } });
    await serveList(issuer);
    await revocation.start();
    assert.deepEqual(time.pending, [SECOND]);
  });

  it('ends with stop', async () => {
    const { revocation, requests, serveList, time } = authority([anchor]);
    await serveList(issuer);
    await revocation.start();
    revocation.stop();
    await time.advance(DAY);
    assert.equal(requests.length, 1);
    assert.deepEqual(time.pending, []);
  });
});

describe('a list that is refused', () => {
  const bytes =
    (body: string, init?: ResponseInit): Answer =>
    () =>
      new Response(body, init);
  const endless = () => {
    const chunk = new Uint8Array(64 * 1024);
    return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }));
  };
  const silent: Answer = () => new Promise<Response>(() => {});
  const trickle: Answer = ({ signal }) =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(Uint8Array.of(0x30));
          signal.addEventListener('abort', () => controller.error(signal.reason));
        },
      }),
    );
  const answers: [rule: string, code: string, answer: Answer][] = [
    ['a web page with status 200', 'crl_malformed', bytes('<!doctype html><title>Sorry</title>')],
    ['an empty body', 'crl_malformed', bytes('')],
    ['status 404', 'download_status', bytes('', { status: 404 })],
    ['status 500', 'download_status', bytes('', { status: 500 })],
    ['a redirect', 'download_status', bytes('', { status: 302, headers: { location: 'http://evil.test/' } })],
    [
      'an announced body over the limit',
      'download_too_large',
      bytes('x', { headers: { 'content-length': '99999999' } }),
    ],
    ['an endless body', 'download_too_large', endless],
    ['no answer', 'download_timeout', silent],
    ['one octet and no more', 'download_timeout', trickle],
  ];
  for (const [rule, code, answer] of answers) {
    it(`leaves the last good one in service: ${rule}`, async () => {
      const { revocation, serveList, serve, time, logged } = authority([anchor], {
        settings: { listMaxSize: 1 << 20 },
      });
      await serveList(issuer, { entries: [entry(4711n)] });
      await revocation.start();
      serve(LIST_URL, answer);
      await time.advance(17 * MINUTE);
      assert.equal(revocation.status().lists[0]?.failure, code);
      assert.equal(logged.find((line) => line.code === code)?.list, LIST_URL);
      assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
      await revocation.stop();
    });
  }

  const lists: [rule: string, code: string, crl: CrlOptions][] = [
    ['stale', 'crl_stale', { number: 2, thisUpdate: NOW - DAY, nextUpdate: NOW - HOUR }],
    ['from the future', 'crl_not_yet_valid', { number: 2, thisUpdate: NOW + DAY }],
    ['of an older number', 'crl_rollback', { number: 0 }],
    ['of the same number and an older date', 'crl_rollback', { number: 1, thisUpdate: NOW - 2 * HOUR }],
    ['without a number', 'crl_number_missing', { number: null }],
    ['of changes only', 'crl_delta', { number: 2, deltaBase: 1 }],
    ['of a stranger who takes the root’s name', 'crl_signature', { number: 2, overrides: { signingKey: stranger } }],
    ['of another issuer', 'crl_issuer', { number: 2, overrides: { issuer: Buffer.from('3000', 'hex') } }],
    ['signed with SHA-1', 'crl_algorithm', { number: 2, overrides: { algorithm: 'sha1WithRSAEncryption' } }],
    ['about authorities only', 'crl_scope', { number: 2, scope: { onlyContainsCACerts: true } }],
    ['of some reasons only', 'crl_scope', { number: 2, scope: { onlySomeReasons: [1] } }],
    ['that speaks for others', 'crl_scope', { number: 2, scope: { indirectCRL: true } }],
    [
      'with an unknown critical extension',
      'crl_critical_extension',
      { number: 2, overrides: { extensions: addExtensions(unknownExtension()) } },
    ],
    ['with bytes after it', 'crl_malformed', { number: 2, overrides: { crl: withTrailingBytes } }],
    ['that is cut', 'crl_malformed', { number: 2, overrides: { crl: (der) => der.subarray(0, -1) } }],
  ];
  for (const [rule, code, crl] of lists) {
    it(`leaves the last good one in service: a list ${rule}`, async () => {
      const { revocation, serveList, time } = authority([anchor]);
      await serveList(issuer, { number: 1, entries: [entry(4711n)] });
      await revocation.start();
      await serveList(issuer, crl);
      await time.advance(15 * MINUTE);
      assert.equal(revocation.status().lists[0]?.failure, code);
      assert.equal((await revocation.check(certificate, anchor, 'crl')).status, 'revoked');
    });
  }

  it('is of no use when the root may not sign lists', async () => {
    const extensions = replaceExtension(keyUsage(['keyCertSign']));
    const mute = await root('mute', { overrides: { extensions } });
    const { revocation, serveList } = authority([anchorOf(mute)]);
    await serveList(mute);
    await revocation.start();
    assert.equal(revocation.status().lists[0]?.failure, 'crl_signer');
    await assert.rejects(revocation.check(await parsedUser(mute), anchorOf(mute), 'crl'), unavailable());
  });

  it('does not move backwards over a restart', async () => {
    const crlNumbers = crlNumbersInMemory();
    const before = authority([anchor], { crlNumbers });
    await before.serveList(issuer, { number: 8, entries: [entry(4711n)] });
    await before.revocation.start();
    before.revocation.stop();

    const after = authority([anchor], { crlNumbers });
    await after.serveList(issuer, { number: 7 });
    await after.revocation.start();
    assert.equal(after.revocation.status().lists[0]?.failure, 'crl_rollback');
    await assert.rejects(after.revocation.check(certificate, anchor, 'crl'), unavailable());

    await after.serveList(issuer, { number: 8, entries: [entry(4711n)] });
    await after.time.advance(MINUTE);
    assert.equal((await after.revocation.check(certificate, anchor, 'crl')).status, 'revoked');
  });

  it('is not taken when its number cannot be recorded', async () => {
    const crlNumbers = { raise: () => Promise.reject(new Error('database away')) };
    const { revocation, serveList } = authority([anchor], { crlNumbers });
    await serveList(issuer);
    await revocation.start();
    assert.equal(revocation.status().lists[0]?.failure, 'crl_number_store');
    await assert.rejects(revocation.check(certificate, anchor, 'crl'), unavailable());
  });

  it('counts each scope by itself', async () => {
    const partition = 'http://authority.test/13101.crl';
    const lists = [LIST_URL, partition].map((url) => ({ anchor: anchor.id, url }));
    const { revocation, serveList } = authority([anchor], { lists });
    await serveList(issuer, { number: 100 });
    const scope = { distributionPoint: distributionPointOf(issuer, CHIYODA) };
    await serveList(issuer, { number: 3, scope }, partition);
    await revocation.start();
    assert.deepEqual(
      revocation.status().lists.map(({ failure }) => failure),
      [undefined, undefined],
    );
  });

  it('says nothing of serials or certificates to the log', async () => {
    const { revocation, serveList, serve, time, logged } = authority([anchor]);
    await serveList(issuer, { entries: [entry(0xdeadbeefn)] });
    await revocation.start();
    serve(LIST_URL, bytes('junk'));
    await time.advance(HOUR);
    assert.ok(logged.length > 2);
    assert.doesNotMatch(JSON.stringify(logged), /deadbeef|3735928559|MII/i);
  });
});

describe('createRevocation', () => {
  it('refuses a list of a root that is not pinned', () => {
    assert.throws(() => authority([anchor], { lists: [{ anchor: 'other', url: LIST_URL }] }), RangeError);
  });

  it('takes a list that is asked for before anybody has made the folder', async () => {
    const { revocation, serveList } = authority([anchor], { folder: join(listFolder(), 'not there yet') });
    await serveList(issuer);
    await revocation.refresh();
    assert.equal(revocation.ready(), true);
  });

  it('does not wait for the list of a root that has expired to be ready', async () => {
    const former = anchorOf(await root('former', { notBefore: NOW - 4000 * DAY, notAfter: NOW - DAY }));
    const lists = [
      { anchor: anchor.id, url: LIST_URL },
      { anchor: former.id, url: 'http://authority.test/former.crl' },
    ];
    const { revocation, serveList } = authority([anchor, former], { lists });
    await serveList(issuer);
    await revocation.start();
    assert.equal(revocation.ready(), true);
  });
});
