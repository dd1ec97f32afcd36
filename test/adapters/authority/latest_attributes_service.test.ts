import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { createLatestAttributesService, systemSchedule } from '../../../adapters/authority/index.ts';
import { AnswerSigner } from '../../../adapters/sandbox/authority/signed_answers.ts';
import { HubError } from '../../../provider/errors.ts';

const NOW = Date.UTC(2026, 10, 30, 3);
const MINUTE = 60_000;
const signerOf = async () =>
  AnswerSigner.create(await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey));
const signer = await signerOf();
const stranger = await signerOf();

const ID = '7b0f6f5c-5f43-4c5c-9d8e-3c1b8a6f0a11';
const answeredAt = new Date(NOW).toISOString();
const asked = { consent: ID };
const changedAt = new Date(NOW - MINUTE).toISOString();
const told = { asked, answeredAt, changedAt, name: '見本　花子', birthdate: '1980-01-31', gender: '2' };

interface Authority {
  status?: number;
  body?: unknown;
  by?: AnswerSigner;
  signature?: null;
}
type Answering = Authority | (() => Promise<Response>);

/** A service whose authority answers like this, and what it sends and logs. */
function serviceOf(authority: () => Answering) {
  const requests: { url: string; init: RequestInit | undefined }[] = [];
  const logged: unknown[] = [];
  const log = (...line: unknown[]) => void logged.push(line);
  const time = { now: NOW };
  const service = createLatestAttributesService({
    url: 'https://authority.test/v1/',
    token: 'secret-of-the-hub',
    keys: { keys: [signer.publicJwk as never] },
    timeout: 1000,
    clock: () => time.now,
    random: (size) => new Uint8Array(size),
    schedule: systemSchedule,
    log: { info: log, warn: log },
    fetch: async (url, init) => {
      requests.push({ url: String(url), init });
      const answer = authority();
      if (typeof answer === 'function') return answer();
      const { status = 200, body = told, by = signer } = answer;
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const headers = answer.signature === null ? {} : { 'authority-signature': await by.sign(bytes) };
      return new Response(bytes, { status, headers });
    },
  });
  return { service, requests, logged, time };
}
const answering = (authority: Answering) => serviceOf(() => authority);

const unavailable = (reason: string) => (error: unknown) => {
  assert.ok(error instanceof HubError && error.code === 'latest_attributes_unavailable', `${error}`);
  assert.deepEqual([error.status, error.details], [503, { reason }]);
  assert.ok(error.retryAfter);
  return true;
};

describe('the authority’s service for the latest attributes', () => {
  const document = Buffer.from('a signed document');
  const reference = { issuer: Buffer.from('300d', 'hex'), serial: Buffer.of(0, 0xab) };
  const request = { document, signer: reference, items: ['name', 'address'] as const, until: '2036-11-30' };
  const named = { issuer: 'MA0=', serial: '00ab' };
  const askedForConsent = {
    ...named,
    items: 'name,address',
    until: request.until,
    document: hash('sha256', document, 'base64url'),
  };

  it('takes a signed consent with the reference of its signer, and names it', async () => {
    const { service, requests } = answering({ status: 201, body: { asked: askedForConsent, answeredAt, id: ID } });
    assert.equal(await service.consent(request), ID);
    const [{ url, init } = { url: '', init: undefined }] = requests;
    assert.deepEqual([init?.method, url], ['POST', 'https://authority.test/v1/consents']);
    assert.equal(new Headers(init?.headers).get('authorization'), 'Bearer secret-of-the-hub');
    assert.deepEqual(JSON.parse(Buffer.from(init?.body as Buffer).toString()), {
      ...named,
      items: ['name', 'address'],
      until: '2036-11-30',
      document: document.toString('base64'),
    });
  });

  it('takes no answer about another document or other items for a consent, nor a name that is none', async () => {
    for (const [reason, body] of [
      ['other_question', { asked: { ...askedForConsent, document: hash('sha256', 'other', 'base64url') }, id: ID }],
      ['other_question', { asked: { ...askedForConsent, items: 'name' }, id: ID }],
      ['malformed', { asked: askedForConsent, id: '../latest-attributes' }],
      ['refused', { asked: askedForConsent }],
    ] as const) {
      const { service } = answering({ status: 201, body: { ...body, answeredAt } });
      await assert.rejects(service.consent(request), unavailable(`latest_attributes_${reason}`));
    }
  });

  it('says that the signing certificate is not taken, where the authority says so', async () => {
    const { service } = answering({
      status: 409,
      body: { asked: askedForConsent, answeredAt, error: 'certificate_ended' },
    });
    await assert.rejects(service.consent(request), { code: 'signing_certificate_not_accepted', status: 403 });
  });

  it('tells the attributes as they are now', async () => {
    const { service, requests } = answering({});
    assert.deepEqual(await service.latest(ID), {
      outcome: 'told',
      attributes: {
        name: { text: '見本　花子', substitutes: [false, false, false, false, false] },
        birthdate: { year: 1980, month: 1, day: 31 },
        gender: 'female',
      },
    });
    assert.deepEqual(
      [requests[0]?.init?.method, requests[0]?.url],
      ['GET', `https://authority.test/v1/latest-attributes?consent=${ID}`],
    );
  });

  for (const [status, error, outcome] of [
    [410, 'consent_ended', 'consent_ended'],
    [404, 'consent_unknown', 'consent_ended'],
    [409, 'certificate_ended', 'certificate_ended'],
  ] as const) {
    it(`tells of ${error} under the authority’s signature, and not without`, async () => {
      const body = { asked, answeredAt, error };
      assert.deepEqual(await answering({ status, body }).service.latest(ID), { outcome });
      const unsigned = answering({ status, body, signature: null }).service;
      await assert.rejects(unsigned.latest(ID), unavailable('latest_attributes_signature'));
    });
  }

  it('is told of a withdrawal, once or again', async () => {
    const { service, requests } = answering({ body: { asked, answeredAt } });
    await service.withdraw(ID);
    assert.deepEqual(
      [requests[0]?.init?.method, requests[0]?.url],
      ['DELETE', `https://authority.test/v1/consents/${ID}`],
    );
    await answering({ status: 410, body: { asked, answeredAt, error: 'consent_ended' } }).service.withdraw(ID);
    const other = answering({ status: 404, body: { asked, answeredAt, error: 'not_found' } }).service;
    await assert.rejects(other.withdraw(ID), unavailable('latest_attributes_refused'));
  });

  const unusable: Record<string, [reason: string, authority: Answering]> = {
    'does not answer': ['download_failed', () => Promise.reject(new TypeError('fetch failed'))],
    'answers 500': ['download_status', { status: 500 }],
    'answers at length': ['download_too_large', { body: ' '.repeat(20_000) }],
    'does not sign': ['latest_attributes_signature', { signature: null }],
    'signs with a stranger’s key': ['latest_attributes_signature', { by: stranger }],
    'answers about another consent': [
      'latest_attributes_other_question',
      { body: { ...told, asked: { consent: 'x' } } },
    ],
    'shows an old answer': [
      'latest_attributes_stale',
      { body: { ...told, answeredAt: new Date(NOW - 6 * MINUTE).toISOString() } },
    ],
    'is not dated': ['latest_attributes_malformed', { body: { ...told, answeredAt: undefined } }],
    'sends no JSON': ['latest_attributes_malformed', { body: '<!doctype html>' }],
    'sends a birthday that is no day': ['latest_attributes_malformed', { body: { ...told, birthdate: '1980-02-31' } }],
    'sends a name without an end': ['latest_attributes_malformed', { body: { ...told, name: '長'.repeat(401) } }],
    'refuses for another reason': [
      'latest_attributes_refused',
      { status: 404, body: { asked, answeredAt, error: 'not_found' } },
    ],
  };
  for (const [what, [reason, authority]] of Object.entries(unusable)) {
    it(`tells nothing when it ${what}, and its log holds no value`, async () => {
      const { service, logged } = answering(authority);
      await assert.rejects(service.latest(ID), unavailable(reason));
      const text = JSON.stringify(logged);
      assert.ok(text.includes(reason));
      assert.doesNotMatch(text, /見本|1980|secret-of-the-hub|7b0f6f5c/);
    });
  }

  it('is left alone for a while after three failures, so that nobody waits for it in vain', async () => {
    let isAway = true;
    const { service, requests, time } = serviceOf(() => (isAway ? { status: 503 } : {}));
    const ask = () => service.latest(ID);
    for (let i = 0; i < 3; i += 1) await assert.rejects(ask(), unavailable('download_status'));
    await assert.rejects(ask(), unavailable('circuit_open'));
    assert.equal(requests.length, 3);
    isAway = false;
    time.now += 5000;
    assert.equal((await ask()).outcome, 'told');
    assert.equal((await ask()).outcome, 'told');
  });
});
