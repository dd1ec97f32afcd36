import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { revoke } from '../../../../adapters/sandbox/authority/citizen_commands.ts';
import { restoreStoredRoot } from '../../../../adapters/sandbox/authority/roots_of_state.ts';
import { createOcspRequest, encodePem } from '../../../../adapters/sandbox/pki/index.ts';
import { openssl } from '../pki/openssl.ts';
import { PeculiarCrl } from '../pki/peculiar_x509.ts';
import { pemOf, startTestAuthority, type TestAuthority } from './test_authority.ts';

async function listAt(authority: TestAuthority, path: string): Promise<Buffer> {
  const response = await authority.get(path);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/pkix-crl');
  return Buffer.from(await response.arrayBuffer());
}

const entriesOf = (list: Uint8Array) =>
  new PeculiarCrl(new Uint8Array(list)).entries.map(({ serialNumber, reason }) => ({ serialNumber, reason }));

async function numberOf(list: Uint8Array): Promise<bigint> {
  const { output } = await openssl(['crl', '-in', 'l.pem', '-noout', '-crlnumber'], {
    'l.pem': encodePem('X509 CRL', list),
  });
  return BigInt(output.trim().replace('crlNumber=', ''));
}

const serialOf = (certificate: string): string =>
  new X509Certificate(Buffer.from(certificate, 'base64')).serialNumber.toLowerCase();

/** What openssl gets to know over HTTP about a card's user certificate. */
async function askOcsp(authority: TestAuthority, name: string, arguments_: string[] = []): Promise<string> {
  const card = await authority.card(name);
  const { output } = await openssl(
    [
      'ocsp',
      '-url',
      `${authority.address}/ocsp/user`,
      '-CAfile',
      'root.pem',
      '-issuer',
      'root.pem',
      ...arguments_,
      '-cert',
      'leaf.pem',
    ],
    { 'root.pem': pemOf(card.authority.user), 'leaf.pem': pemOf(card.user.certificate) },
  );
  return output;
}

describe('revocation lists over HTTP', () => {
  it('openssl accepts full list and partition, and finds a revoked certificate in both and in no other partition', async (test) => {
    const authority = await startTestAuthority(test, { only: ['taro', 'jiro'] });
    const [taro, jiro] = [await authority.card('taro'), await authority.card('jiro')];
    const verify = async (card: typeof taro, path: string, ...more: string[]) =>
      (
        await openssl(
          ['verify', '-x509_strict', '-crl_check', ...more, '-CAfile', 'root.pem', '-CRLfile', 'l.pem', 'leaf.pem'],
          {
            'root.pem': pemOf(card.authority.user),
            'leaf.pem': pemOf(card.user.certificate),
            'l.pem': encodePem('X509 CRL', await listAt(authority, path)),
          },
        )
      ).output;
    assert.match(await verify(taro, '/crl/user/3/full.crl'), /OK/);
    assert.match(await verify(taro, '/crl/user/3/13101.crl', '-extended_crl'), /OK/);
    assert.match(await verify(jiro, '/crl/user/3/full.crl'), /certificate revoked/);
    assert.match(await verify(jiro, '/crl/user/3/27203.crl', '-extended_crl'), /certificate revoked/);
    const serialNumber = serialOf(jiro.user.certificate);
    assert.deepEqual(entriesOf(await listAt(authority, '/crl/user/3/full.crl')), [{ serialNumber, reason: 6 }]);
    assert.deepEqual(entriesOf(await listAt(authority, '/crl/user/3/13101.crl')), []);
    assert.deepEqual(entriesOf(await listAt(authority, '/crl/user/2/full.crl')), []);
  });

  it('a revocation shows at once, in a list with a higher number', async (test) => {
    const authority = await startTestAuthority(test);
    const before = await listAt(authority, '/crl/user/3/full.crl');
    await revoke(authority.client, { name: 'taro', certificate: 'user', reason: 'keyCompromise' });
    const after = await listAt(authority, '/crl/user/3/full.crl');
    assert.deepEqual(entriesOf(before), []);
    assert.deepEqual(
      entriesOf(after).map(({ reason }) => reason),
      [1],
    );
    assert.ok((await numberOf(after)) > (await numberOf(before)));
    assert.match(await askOcsp(authority, 'taro'), /revoked[\s\S]*keyCompromise/);
  });

  it('an unchanged list answers 304 to its ETag, and is signed anew with a higher number when it ages', async (test) => {
    const authority = await startTestAuthority(test);
    const first = await authority.get('/crl/signing/3/full.crl');
    const etag = first.headers.get('etag') ?? '';
    assert.ok(first.headers.get('last-modified'));
    assert.equal((await authority.get('/crl/signing/3/full.crl', { 'if-none-match': `"x", W/${etag}` })).status, 304);
    assert.equal((await authority.get('/crl/signing/3/full.crl', { 'if-none-match': '"x"' })).status, 200);
    authority.pass(2 * 3_600_000);
    const aged = await authority.get('/crl/signing/3/full.crl', { 'if-none-match': etag });
    assert.equal(aged.status, 200);
    const numbers = await Promise.all(
      [first, aged].map(async (response) => numberOf(Buffer.from(await response.arrayBuffer()))),
    );
    assert.deepEqual(numbers, [1n, 2n]);
  });

  it('numbers never fall back, also over a restart', async (test) => {
    const authority = await startTestAuthority(test);
    const before = await numberOf(await listAt(authority, '/crl/user/3/full.crl'));
    await authority.stop();
    const again = await startTestAuthority(test, { dataFolder: authority.dataFolder });
    assert.ok((await numberOf(await listAt(again, '/crl/user/3/full.crl'))) > before);
  });

  it('two revocations at the same moment both hold, and two of the same certificate count once', async (test) => {
    const authority = await startTestAuthority(test, { only: ['taro', 'ichiro'] });
    const client = authority.client;
    const outcomes = await Promise.allSettled([
      revoke(client, { name: 'taro', certificate: 'both', reason: 'superseded' }),
      revoke(client, { name: 'ichiro', certificate: 'user', reason: 'certificateHold' }),
      revoke(client, { name: 'taro', certificate: 'both', reason: 'superseded' }),
      ...Array.from({ length: 5 }, () => listAt(authority, '/crl/user/3/full.crl')),
    ]);
    assert.equal(outcomes.slice(0, 3).filter(({ status }) => status === 'fulfilled').length, 2);
    const reasons = entriesOf(await listAt(authority, '/crl/user/3/full.crl')).map(({ reason }) => reason);
    assert.deepEqual(reasons.sort(), [4, 6]);
  });

  it('an entry leaves the list when its certificate has expired', async (test) => {
    const authority = await startTestAuthority(test, { only: ['jiro'] });
    assert.equal(entriesOf(await listAt(authority, '/crl/user/3/full.crl')).length, 1);
    authority.pass(6 * 365 * 86_400_000);
    assert.equal(entriesOf(await listAt(authority, '/crl/user/3/full.crl')).length, 0);
  });

  it('lists that do not exist are not found', async (test) => {
    const authority = await startTestAuthority(test);
    for (const path of ['user/4/full', 'user/3/99999', 'user/3/..', 'web/3/full', 'user/3/FULL']) {
      assert.equal((await authority.get(`/crl/${path}.crl`)).status, 404, path);
    }
  });
});

describe('OCSP over HTTP', () => {
  it('openssl believes good, revoked and unknown, with either digest, its nonce echoed', async (test) => {
    const authority = await startTestAuthority(test, { only: ['taro', 'umeko', 'keiko'] });
    for (const digest of ['-sha1', '-sha256']) {
      const output = await askOcsp(authority, 'taro', [digest]);
      assert.match(output, /Response verify OK/);
      assert.match(output, /leaf.pem: good/);
      assert.doesNotMatch(output, /nonce/i);
    }
    assert.match(await askOcsp(authority, 'umeko'), /leaf.pem: revoked[\s\S]*cessationOfOperation/);
    assert.match(await askOcsp(authority, 'keiko'), /leaf.pem: good/);
    assert.match(await askOcsp(authority, 'keiko-old'), /leaf.pem: revoked[\s\S]*superseded/);
    assert.match(await askOcsp(authority, 'taro', ['-serial', '0x1234567890']), /0x1234567890: unknown/);
  });

  it('an issuer that it is not is unauthorized, and what is no request malformed', async (test) => {
    const authority = await startTestAuthority(test);
    const { signing, authority: roots } = await authority.card('taro');
    const { output } = await openssl(
      ['ocsp', '-url', `${authority.address}/ocsp/user`, '-issuer', 'root.pem', '-cert', 'leaf.pem', '-noverify'],
      { 'root.pem': pemOf(roots.signing ?? ''), 'leaf.pem': pemOf(signing?.certificate ?? '') },
    );
    assert.match(output, /unauthorized/);
    const malformed = await authority.post('/ocsp/user', Buffer.from('30', 'hex'), {
      'content-type': 'application/ocsp-request',
    });
    assert.equal(Buffer.from(await malformed.arrayBuffer()).toString('hex'), '30030a0101');
  });

  it("a generation answers for its own certificates only, and not under the other authority's name", async (test) => {
    const authority = await startTestAuthority(test);
    const card = await authority.card('taro');
    const serial = BigInt(`0x${serialOf(card.user.certificate)}`);
    const rootOf = (kind: 'user' | 'signing', generation: number) =>
      restoreStoredRoot(authority.store.state, kind, generation);
    const ask = async (issuer: Parameters<typeof createOcspRequest>[0]) => {
      const response = await authority.post('/ocsp/user', createOcspRequest(issuer, serial), {
        'content-type': 'application/ocsp-request',
      });
      const answer = Buffer.from(await response.arrayBuffer());
      return (await openssl(['ocsp', '-respin', 'a.der', '-noverify', '-resp_text'], { 'a.der': answer })).output;
    };
    assert.match(await ask(rootOf('user', 3)), /Cert Status: good/);
    assert.match(await ask(rootOf('user', 2)), /Cert Status: unknown/);
    assert.match(await ask({ name: rootOf('signing', 3).name, key: rootOf('user', 3).key }), /unauthorized/);
  });

  it('answers the GET form, and refuses another type and an oversized body', async (test) => {
    const authority = await startTestAuthority(test);
    const card = await authority.card('taro');
    const { produced } = await openssl(
      ['ocsp', '-issuer', 'root.pem', '-cert', 'leaf.pem', '-no_nonce', '-reqout', 'q.der'],
      { 'root.pem': pemOf(card.authority.user), 'leaf.pem': pemOf(card.user.certificate) },
      'q.der',
    );
    const got = await authority.get(`/ocsp/user/${encodeURIComponent(produced.toString('base64'))}`);
    assert.equal(got.headers.get('content-type'), 'application/ocsp-response');
    const { output } = await openssl(['ocsp', '-respin', 'a.der', '-CAfile', 'root.pem', '-resp_text'], {
      'a.der': Buffer.from(await got.arrayBuffer()),
      'root.pem': pemOf(card.authority.user),
    });
    assert.match(output, /Cert Status: good/);
    assert.match(output, /Response verify OK/);
    assert.equal((await authority.get('/ocsp/user/%ZZ')).status, 400);
    assert.equal((await authority.post('/ocsp/user', produced, { 'content-type': 'text/plain' })).status, 415);
    const tooLarge = await authority.post('/ocsp/user', Buffer.alloc(40_000), {
      'content-type': 'application/ocsp-request',
    });
    assert.equal(tooLarge.status, 413);
  });
});
