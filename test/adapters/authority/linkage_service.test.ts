import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { createLinkageService, systemSchedule } from '../../../adapters/authority/index.ts';
import { AnswerSigner } from '../../../adapters/sandbox/authority/signed_answers.ts';
import { HubError } from '../../../provider/errors.ts';
import type { LinkageSource } from '../../../provider/identity/linkage.ts';

const NOW = Date.UTC(2026, 10, 30, 3);
const MINUTE = 60_000;
const signerOf = async () =>
  AnswerSigner.create(await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey));
const signer = await signerOf();
const stranger = await signerOf();

const issuer = Buffer.from('300d310b3009060355040613024a50', 'hex');
const reference = { issuer, serial: Uint8Array.of(0x00, 0xab, 0xcd) };
const asked = { issuer: issuer.toString('base64'), serial: '00abcd', want: 'predecessor' };
const answeredAt = new Date(NOW).toISOString();
const found = { issuer: asked.issuer, serial: '8000', asked, answeredAt };

interface Authority {
  status?: number;
  body?: unknown;
  signature?: string | undefined | null;
  by?: AnswerSigner;
}

const ofAnotherBody = await signer.sign(Buffer.from('{}'));
const [head = '', , mac = ''] = (await signer.sign(Buffer.from(JSON.stringify(found)))).split('.');

/** A service whose authority answers like this, and what it sends and logs. */
function serviceOf(authority: Authority | (() => Promise<Response>)) {
  const requests: { url: string; init: RequestInit | undefined }[] = [];
  const logged: unknown[] = [];
  const log = (...line: unknown[]) => void logged.push(line);
  const service = createLinkageService({
    url: 'https://authority.test/linkage',
    token: 'secret-of-the-hub',
    keys: { keys: [signer.publicJwk as never] },
    timeout: 1000,
    clock: () => NOW,
    schedule: systemSchedule,
    log: { info: log, warn: log },
    fetch: async (url, init) => {
      requests.push({ url: String(url), init });
      if (typeof authority === 'function') return authority();
      const { status = 200, body = found, by = signer } = authority;
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const signature = authority.signature === undefined ? await by.sign(bytes) : authority.signature;
      return new Response(bytes, { status, headers: signature === null ? {} : { 'authority-signature': signature } });
    },
  });
  return { service, requests, logged };
}

/** What the service makes of the question which certificate came before. */
async function ask(authority: Authority | (() => Promise<Response>)) {
  const { service, ...rest } = serviceOf(authority);
  return { outcome: service.predecessor(reference), ...rest };
}

const unavailable = (reason: string) => (error: unknown) => {
  assert.ok(error instanceof HubError && error.code === 'linkage_unavailable', `${error}`);
  assert.deepEqual([error.status, error.retryAfter, error.details], [503, 30, { reason }]);
  return true;
};

describe('the authority’s linkage service', () => {
  it('is asked by issuer and serial, with the hub’s secret, and leads to the certificate before', async () => {
    const { outcome, requests } = await ask({});
    // A serial that begins with a set bit has a zero octet before it.
    assert.deepEqual(await outcome, { issuer, serial: Buffer.of(0x00, 0x80, 0x00) });
    assert.equal(requests.length, 1);
    const { url, init } = requests[0] ?? {};
    assert.equal(url, 'https://authority.test/linkage');
    assert.deepEqual(JSON.parse(Buffer.from(init?.body as Buffer).toString()), asked);
    assert.deepEqual(new Headers(init?.headers).get('authorization'), 'Bearer secret-of-the-hub');
  });

  it('is asked for the certificate after in the same way, and no answer about the one before is taken for it', async () => {
    const after = { ...asked, want: 'successor' };
    const { successor } = serviceOf({ body: { ...found, asked: after } }).service;
    assert.deepEqual(await successor(reference), { issuer, serial: Buffer.of(0x00, 0x80, 0x00) });
    await assert.rejects(serviceOf({}).service.successor(reference), unavailable('linkage_other_question'));
  });

  it('is asked for the other kind and the other device in the same way', async () => {
    const questions = [
      ['sign', (service: LinkageSource) => service.counterpart(reference, 'signing')],
      ['auth', (service: LinkageSource) => service.counterpart(reference, 'user')],
      ['other-device', (service: LinkageSource) => service.otherDevice(reference)],
    ] as const;
    for (const [want, ask] of questions) {
      const { service, requests } = serviceOf({ body: { ...found, asked: { ...asked, want } } });
      assert.deepEqual(await ask(service), { issuer, serial: Buffer.of(0x00, 0x80, 0x00) });
      assert.equal(JSON.parse(Buffer.from(requests[0]?.init?.body as Buffer).toString()).want, want);
      await assert.rejects(ask(serviceOf({}).service), unavailable('linkage_other_question'));
      const none = { status: 404, body: { error: 'linkage_none', asked: { ...asked, want }, answeredAt } };
      assert.equal(await ask(serviceOf(none).service), undefined);
    }
  });

  for (const [status, error] of [
    [404, 'linkage_none'],
    [410, 'linkage_ended'],
  ] as const) {
    it(`finds none where the authority says ${error} under its signature`, async () => {
      const { outcome } = await ask({ status, body: { error, message: 'none', asked, answeredAt } });
      assert.equal(await outcome, undefined);
    });
  }

  const unusable: Record<string, [reason: string, authority: Authority | (() => Promise<Response>)]> = {
    'does not answer': ['download_failed', () => Promise.reject(new TypeError('fetch failed'))],
    'answers 500': ['download_status', { status: 500 }],
    'sends a redirect': ['download_status', { status: 302 }],
    'answers at length': ['download_too_large', { body: ' '.repeat(20_000) }],
    'does not sign': ['linkage_signature', { signature: null }],
    'signs with a stranger’s key': ['linkage_signature', { by: stranger }],
    'signed another body': ['linkage_signature', { signature: ofAnotherBody }],
    'says none without a signature': ['linkage_signature', { status: 404, signature: null }],
    'sends the signature with its payload': ['linkage_signature', { signature: `${head}.e30.${mac}` }],
    'signs with no algorithm': [
      'linkage_signature',
      { signature: `${Buffer.from('{"alg":"none"}').toString('base64url')}..` },
    ],
    'answers about another certificate': [
      'linkage_other_question',
      { body: { ...found, asked: { ...asked, serial: '00abce' } } },
    ],
    'shows an old answer': [
      'linkage_stale',
      { body: { ...found, answeredAt: new Date(NOW - 6 * MINUTE).toISOString() } },
    ],
    'shows one of tomorrow': [
      'linkage_stale',
      { body: { ...found, answeredAt: new Date(NOW + 6 * MINUTE).toISOString() } },
    ],
    'is not dated': ['linkage_malformed', { body: { ...found, answeredAt: undefined } }],
    'sends no JSON': ['linkage_malformed', { body: '<!doctype html>' }],
    'finds something that is none': ['linkage_malformed', { body: { ...found, serial: '' } }],
    'finds nothing and says 200': ['linkage_malformed', { body: { asked, answeredAt } }],
    'refuses for another reason': ['linkage_refused', { status: 404, body: { error: 'not_found', asked, answeredAt } }],
  };
  for (const [what, [reason, authority]] of Object.entries(unusable)) {
    it(`tells nothing when it ${what}, and nobody is taken for somebody new`, async () => {
      const { outcome, logged } = await ask(authority);
      await assert.rejects(outcome, unavailable(reason));
      const text = JSON.stringify(logged);
      assert.ok(text.includes(reason));
      assert.doesNotMatch(text, /abcd|secret-of-the-hub/i);
    });
  }
});
