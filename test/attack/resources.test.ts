import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { base64url, CompactSign, SignJWT } from 'jose';
import { newKeyPair } from '../protocol/relying_party.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import type { Visited } from '../support/http_browser.ts';
import { type AttackHub, assertGuarded, REDIRECT_URI, startAttackHub } from './attack_hub.ts';
import { type RawRequest, sendRaw } from './open_browser.ts';

const SIGN_INS = 8;
const WRITES = 30;
const WINDOW = 10_000;

let hub: AttackHub;
/** Stands still once the hub is there, so that a window ends when the test says so and not in the middle of a flood. */
let now: number | undefined;
before(async () => {
  hub = await startAttackHub({
    clock: () => now ?? Date.now(),
    settings: {
      rateLimits: { signInAttempts: SIGN_INS, unauthenticatedWrites: WRITES, windowSeconds: WINDOW / 1000 },
      signIn: { interactionSeconds: 7200 },
      // One address of this machine stands for the internet, all others for what must not be reached.
      outbound: { allowedNetworks: ['127.0.0.2'], allowPlainHttp: true, timeoutSeconds: 1, maxBodyBytes: 16_384 },
    },
  });
});
after(() => hub.stop());
const nextWindow = () => {
  now = (now ?? Date.now()) + WINDOW;
};
beforeEach(nextWindow);

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Visited> =>
  sendRaw(hub.target.issuer + path, {
    method: 'POST',
    body: new URLSearchParams(fields).toString(),
    headers: { ...FORM, ...headers },
  });

/** An answer that cost little: no 5xx, the usual headers, in a second of this process's work. */
async function assertCheap(attack: () => Promise<Visited>): Promise<Visited> {
  const cpu = process.cpuUsage();
  const logged = hub.target.log.length;
  const answer = await attack();
  const { user, system } = process.cpuUsage(cpu);
  assert.ok(user + system < 1_000_000, `${(user + system) / 1000} ms of work`);
  assert.ok(answer.status < 500, `status ${answer.status}: ${answer.text.slice(0, 200)}`);
  if (answer.status !== 431) assertGuarded(answer);
  assert.doesNotMatch(answer.text, /\bat .*\.ts:|node_modules|RangeError|TypeError/);
  assert.ok(!hub.target.log.slice(logged).some((line) => line.includes('"level":"error"')), 'no bug');
  return answer;
}

describe('a flood', () => {
  const requests: [string, number, (index: number) => [string, RawRequest]][] = [
    ['of authorization requests', WRITES, () => [hub.authorizationUrl(), {}]],
    [
      'of authorization requests in every spelling, by ever new addresses as it says',
      WRITES,
      (index) => [
        hub
          .authorizationUrl()
          .replace('/authorize', ['/authorize', '/Authorize', '/authorize/', '/AUTHORIZE/'][index % 4] ?? ''),
        {
          headers: {
            'x-forwarded-for': `203.0.113.${index}`,
            forwarded: `for=203.0.113.${index}`,
            'x-real-ip': `203.0.113.${index}`,
          },
        },
      ],
    ],
    [
      'of pushed requests',
      WRITES,
      (index) => [
        `${hub.target.issuer}/${['par', 'PAR', 'par/'][index % 3]}`,
        { method: 'POST', body: `client_id=${hub.clientId}`, headers: FORM },
      ],
    ],
    [
      'of sign-outs without a session',
      WRITES,
      (index) => [`${hub.target.issuer}/${['sign-out', 'Sign-Out', 'sign-out/'][index % 3]}`, {}],
    ],
    [
      'of requests to sign in by SAML',
      WRITES,
      (index) => [
        `${hub.target.issuer}/saml/${['sso', 'SSO/', 'sso/posted', 'start'][index % 4]}?SAMLRequest=x`,
        { method: index % 2 ? 'POST' : 'GET', headers: FORM },
      ],
    ],
    [
      'of SAML calls by SOAP',
      WRITES,
      (index) => [
        `${hub.target.issuer}/saml/${['soap/attributes', 'SOAP/attributes/', 'soap/slo'][index % 3]}`,
        { method: 'POST', body: '<x/>', headers: { 'content-type': 'text/xml' } },
      ],
    ],
    [
      'of new challenges',
      WRITES,
      (index) => [`${hub.target.issuer}/${['interaction', 'Interaction'][index % 2]}/x${index % 5}`, {}],
    ],
    [
      'of answers to challenges',
      SIGN_INS,
      (index) => [
        `${hub.target.issuer}/interaction/x/${['sign-in', 'SIGN-IN', 'sign-in/'][index % 3]}`,
        { method: 'POST', body: 'a=b', headers: FORM },
      ],
    ],
  ];
  for (const [title, limit, request] of requests) {
    it(`${title} is stopped, and told when to come back`, async () => {
      const statuses: number[] = [];
      for (let index = 0; index < limit; index += 1) statuses.push((await sendRaw(...request(index))).status);
      assert.ok(!statuses.includes(429), 'the share is not used up too soon');
      for (let index = 0; index < 6; index += 1) {
        const answer = await sendRaw(...request(index));
        assert.equal(answer.status, 429);
        const wait = Number(answer.headers.get('retry-after'));
        assert.ok(wait >= 1 && wait <= WINDOW / 1000);
        assertGuarded(answer);
        assert.deepEqual(answer.headers.getSetCookie(), []);
      }
      nextWindow();
      assert.ok(await hub.goodSignIn());
    });
  }

  it('of anything leaves keys, metadata and health within reach', async () => {
    for (let index = 0; index <= WRITES; index += 1) await sendRaw(hub.authorizationUrl());
    assert.equal((await sendRaw(hub.authorizationUrl())).status, 429);
    for (const path of ['/jwks', '/.well-known/openid-configuration', '/healthz', '/readyz', '/']) {
      assert.equal((await sendRaw(hub.target.issuer + path)).status, 200);
    }
  });
});

describe('a giant', () => {
  const big = (size: number) => 'x'.repeat(size);
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const wide = (count: number) =>
    JSON.stringify({
      id_token: Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, { essential: true }])),
    });

  it('of 64 KB in any parameter is refused', async () => {
    for (const name of [
      'state',
      'nonce',
      'scope',
      'claims',
      'login_hint',
      'redirect_uri',
      'request',
      'client_id',
      'code_challenge',
      'acr_values',
    ]) {
      if (name === 'login_hint') nextWindow();
      const fields = { ...Object.fromEntries(new URL(hub.authorizationUrl()).searchParams), [name]: big(65_536) };
      for (const path of ['/par', '/token', '/introspect', '/revoke']) {
        const answer = await assertCheap(() => post(path, fields));
        assert.ok([400, 401, 413, 429].includes(answer.status), `${path} ${name} ${answer.status}`);
      }
      const sent = await assertCheap(() => sendRaw(hub.authorizationUrl({ [name]: big(17_000) })));
      assert.equal(sent.status, 431);
    }
  });

  it('of two megabytes is not read to its end', async () => {
    for (const path of [
      '/par',
      '/token',
      '/sign-out',
      '/sign-out/confirm',
      '/preferences',
      '/introspect',
      '/userinfo',
    ]) {
      const answer = await assertCheap(() => post(path, { a: big(2 * 1024 * 1024) })).catch(
        (error: NodeJS.ErrnoException) => error,
      );
      // The connection may be gone before all was sent; what counts is that nobody reads on.
      if (answer instanceof Error) assert.match(String((answer as NodeJS.ErrnoException).code), /ECONNRESET|EPIPE/);
      else assert.ok(answer.status >= 400 && answer.status < 500, `${path} ${answer.status}`);
    }
  });

  it('among claims parameters costs little', async () => {
    const values = [
      wide(200),
      `{"id_token":{"acr":{"values":${deep(3000)}}}}`,
      `{"id_token":${deep(3000)}}`,
      `{"userinfo":{"sub":{"value":${JSON.stringify(big(5000))}}}}`,
      deep(4000),
      '{"id_token":{"acr":{"essential":true,"values":[[],{},null,1]}}}',
      '{"id_token":{"acr":null,"auth_time":[],"sub":{"values":{}}}}',
    ];
    for (const claims of values) {
      const url = hub.authorizationUrl({ claims });
      if (url.length < 14_000) await assertCheap(() => sendRaw(url));
    }
  });

  it('with __proto__ and its like poisons nothing', async () => {
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
    for (const name of names) {
      await assertCheap(() =>
        sendRaw(
          hub.authorizationUrl({
            claims: `{"id_token":{"${name}":{"essential":true,"polluted":1}},"${name}":{"polluted":1}}`,
          }),
        ),
      );
      await assertCheap(() => sendRaw(`${hub.authorizationUrl()}&${name}=polluted&${name}[polluted]=1`));
      await assertCheap(() => post('/token', { grant_type: name, client_id: hub.clientId, [name]: 'x' }));
      await assertCheap(() => sendRaw(hub.authorizationUrl({ client_id: name })));
      await assertCheap(() => sendRaw(hub.authorizationUrl({ response_mode: name })));
      await assert.rejects(
        hub.target.hub.clients.add(JSON.parse(`{"redirect_uris":["${REDIRECT_URI}"],"${name}":{"polluted":1}}`)),
        { code: 'invalid_client_metadata' },
        name,
      );
      nextWindow();
    }
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.equal(([] as unknown as Record<string, unknown>).polluted, undefined);
    await hub.goodSignIn();
  });
});

describe('a token in the hands of a relying party that means harm', () => {
  const encode = (value: unknown) => base64url.encode(typeof value === 'string' ? value : JSON.stringify(value));
  const DEEP = 'something deep';
  const deepJson = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

  const jws = (header: unknown, payload: unknown, signature = 'AAAA') =>
    `${encode(header)}.${encode(payload)}.${signature}`;
  const jwe = (header: unknown, ciphertext = 'AAAA') =>
    `${encode(header)}.AAAA.AAAAAAAAAAAAAAAA.${ciphertext}.AAAAAAAAAAAAAAAAAAAAAA`;

  /** Texts in place of a JWT: JWS, JWE and neither. */
  const texts = (): [string, string][] => [
    [
      'PBES2 with two thousand million rounds',
      jwe({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_000_000_000, p2s: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    ],
    [
      'PBES2-HS512 with a million rounds',
      jwe({ alg: 'PBES2-HS512+A256KW', enc: 'A256CBC-HS512', p2c: 1_000_000, p2s: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    ],
    ['an unknown key encryption', jwe({ alg: 'RSA1_5', enc: 'A128GCM' })],
    ['a key encryption of nobody', jwe({ alg: '__proto__', enc: 'constructor' })],
    [
      'a compressed bomb',
      jwe({ alg: 'dir', enc: 'A128GCM', zip: 'DEF' }, base64url.encode(deflateRawSync(Buffer.alloc(10_000_000)))),
    ],
    [
      'a curve that is none',
      jwe({ alg: 'ECDH-ES', enc: 'A128GCM', epk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }),
    ],
    ['no algorithm', jws({ alg: 'none' }, { iss: hub.clientId }, '')],
    ['a shared secret where a key pair is due', jws({ alg: 'HS256' }, { iss: hub.clientId, sub: hub.clientId })],
    ['a list of algorithms', jws({ alg: ['ES256'] }, {})],
    ['a key of its own', jws({ alg: 'ES256', jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }, {})],
    ['an address of keys', jws({ alg: 'ES256', jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/x' }, {})],
    ['a deep header', jws(deepJson(8000), {})],
    ['a deep payload', jws({ alg: 'ES256' }, deepJson(8000))],
    ['a header that is null', jws(null, null)],
    ['a header that is a list', jws([], [])],
    ['a critical extension', jws({ alg: 'ES256', crit: ['exp'], exp: 1 }, {})],
    [
      'octets that are no UTF-8',
      `${base64url.encode(Uint8Array.of(0xff, 0xfe))}.${base64url.encode(Uint8Array.of(0x80))}.AAAA`,
    ],
    ['four thousand dots', '.'.repeat(4000)],
    ['nothing between its dots', '..'],
    ['a nul', 'a.\0.b'],
    ['__proto__', jws('{"__proto__":{"alg":"ES256"},"alg":"none"}', '{"__proto__":{"polluted":1}}')],
  ];

  it('as client assertion, request object or hint is refused at once', async () => {
    for (const [title, text] of texts()) {
      nextWindow();
      const told = (answer: Visited, statuses: number[]) =>
        assert.ok(statuses.includes(answer.status), `${title}: ${answer.status}`);
      const fields = {
        grant_type: 'authorization_code',
        code: 'x',
        client_assertion_type: ASSERTION,
        client_assertion: text,
      };
      told(await assertCheap(() => post('/token', fields)), [400, 401]);
      told(await assertCheap(() => post('/token', { ...fields, client_id: hub.clientId })), [400, 401]);
      told(await assertCheap(() => post('/par', { ...fields, request: text })), [400, 401]);
      if (text.length < 8000) {
        const hint = new URLSearchParams({ id_token_hint: text });
        told(await assertCheap(() => sendRaw(`${hub.target.issuer}/sign-out?${hint}`)), [400]);
        const asked = await assertCheap(() => sendRaw(hub.authorizationUrl({ request: text })));
        assert.match(
          asked.headers.get('location') ?? '',
          /^https:\/\/rp\.example\/callback\?error=invalid_request/,
          title,
        );
        const hinted = await assertCheap(() => sendRaw(hub.authorizationUrl({ id_token_hint: text })));
        assert.match(
          hinted.headers.get('location') ?? '',
          /^https:\/\/rp\.example\/callback\?error=invalid_request/,
          title,
        );
        const proof = text.replaceAll(/[^\x21-\x7e]/g, '');
        told(await assertCheap(() => post('/token', { grant_type: 'refresh_token' }, { dpop: proof })), [400, 401]);
        told(
          await assertCheap(() =>
            sendRaw(`${hub.target.issuer}/userinfo`, { headers: { authorization: `DPoP ${proof}`, dpop: proof } }),
          ),
          [400, 401],
        );
        told(
          await assertCheap(() =>
            sendRaw(`${hub.target.issuer}/userinfo`, { headers: { authorization: `Bearer ${proof}` } }),
          ),
          [400, 401],
        );
      }
    }
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it('of 50 KB is refused at once', async () => {
    const long = jws({ alg: 'ES256', x: 'x'.repeat(20_000) }, { y: 'y'.repeat(15_000) });
    const answer = await assertCheap(() =>
      post('/token', { client_assertion_type: ASSERTION, client_assertion: long }),
    );
    assert.equal(answer.status, 401);
  });

  it('rightly signed, with claims nested thousands deep, is no bug', async () => {
    const { privateKey, jwk } = await newKeyPair('ES256');
    const registered = await hub.target.hub.clients.add({
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    });
    const clientId = String(registered.client_id);
    const seconds = Math.floor(Date.now() / 1000);
    // Written by hand: JSON.stringify itself gives up on what is nested so deep.
    const signed = (payload: object) => {
      const text = JSON.stringify({
        iss: clientId,
        aud: hub.target.issuer,
        exp: seconds + 60,
        iat: seconds,
        ...payload,
      });
      return new CompactSign(new TextEncoder().encode(text.replaceAll(`"${DEEP}"`, deepJson(3500))))
        .setProtectedHeader({ alg: 'ES256', kid: jwk.kid })
        .sign(privateKey);
    };
    const assertion = async () => ({
      client_id: clientId,
      client_assertion_type: ASSERTION,
      client_assertion: await signed({ sub: clientId, jti: crypto.randomUUID() }),
    });
    const parameters = { ...Object.fromEntries(new URL(hub.authorizationUrl()).searchParams), client_id: clientId };
    const requests: object[] = [
      parameters, // taken: the assertion and the request are right
      { ...parameters, claims: { id_token: DEEP } },
      { ...parameters, claims: DEEP },
      { ...parameters, claims: { id_token: { acr: { values: DEEP } } } },
      { ...parameters, state: DEEP },
      { ...parameters, nonce: [DEEP] },
      { ...parameters, redirect_uri: ['https://evil.example/'] },
      { ...parameters, scope: { openid: true } },
      { ...parameters, redirect_uri: { toString: 'x' } },
      { ...parameters, max_age: {} },
      { ...parameters, resource: [DEEP] },
      { ...parameters, state: '\u0000\ud800' },
      { ...parameters, request: 'x', request_uri: 'y' },
      { ...parameters, client_id: 'other' },
      JSON.parse(`{"__proto__":{"redirect_uri":"https://evil.example/"},"client_id":"${clientId}"}`),
    ];
    const statuses: number[] = [];
    for (const payload of requests) {
      nextWindow();
      const request = await signed(payload);
      const fields = await assertion();
      const answer = await assertCheap(() => post('/par', { ...fields, request }));
      statuses.push(answer.status);
      if (answer.status === 201) {
        const { request_uri = '' } = JSON.parse(answer.text) as { request_uri?: string };
        const followed = await assertCheap(() => sendRaw(hub.authorizationUrl({ client_id: clientId, request_uri })));
        assert.doesNotMatch(followed.headers.get('location') ?? '', /evil/);
      }
      const direct = hub.authorizationUrl({ client_id: clientId, request });
      if (direct.length < 14_000) {
        const asked = await assertCheap(() => sendRaw(direct));
        assert.doesNotMatch(asked.headers.get('location') ?? '', /evil/);
      }
    }
    assert.equal(statuses[0], 201);
    assert.ok(statuses.slice(-1).every((status) => status === 400));
  });
});

describe('what a relying party names is not fetched', () => {
  const reached: string[] = [];
  let respond: (response: ServerResponse) => unknown;
  const internal = createServer((_request, response) => {
    reached.push('internal');
    response.end('{"keys":[]}');
  });
  /** Stands for the attacker's server on the internet. */
  const outside = createServer((_request, response) => {
    reached.push('outside');
    response.on('error', () => {});
    respond(response);
  });
  let internalPort: number;
  let outsideUrl: string;
  before(async () => {
    await new Promise((resolve) => internal.listen(0, '127.0.0.1', () => resolve(undefined)));
    await new Promise((resolve) => outside.listen(0, '127.0.0.2', () => resolve(undefined)));
    internalPort = (internal.address() as AddressInfo).port;
    outsideUrl = `http://127.0.0.2:${(outside.address() as AddressInfo).port}`;
    respond = (response) => response.end('{"keys":[]}');
  });
  after(() => {
    for (const server of [internal, outside]) {
      server.closeAllConnections();
      server.close();
    }
  });
  beforeEach(() => {
    reached.length = 0;
  });

  const hosts = [
    '127.0.0.1',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0.0.0.0',
    '127.0.0.3',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '169.254.169.254',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '[fe80::1]',
    '[fd00::1]',
    'localhost.',
    '127.0.0.1.',
  ];

  /** Asks for a token with an assertion, for which the hub must look at the client's keys. */
  async function useKeysAt(jwksUri: string): Promise<Visited> {
    const registered = await hub.target.hub.clients.add({
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: jwksUri,
    });
    const clientId = String(registered.client_id);
    const { privateKey, jwk } = await newKeyPair('ES256');
    const seconds = Math.floor(Date.now() / 1000);
    const client_assertion = await new SignJWT({
      iss: clientId,
      sub: clientId,
      aud: hub.target.issuer,
      exp: seconds + 60,
      iat: seconds,
      jti: crypto.randomUUID(),
    })
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid })
      .sign(privateKey);
    return assertCheap(() =>
      post('/token', {
        grant_type: 'authorization_code',
        code: 'x',
        redirect_uri: REDIRECT_URI,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion,
      }),
    );
  }

  it('from this machine or its neighbours: keys', async () => {
    for (const host of hosts) {
      const started = Date.now();
      const answer = await useKeysAt(`http://${host}:${internalPort}/jwks`);
      assert.ok([400, 401].includes(answer.status), host);
      assert.doesNotMatch(answer.text, /127\.0|ECONN|refused|address/i, 'the answer tells nothing about the network');
      assert.ok(Date.now() - started < 2000, host);
    }
    assert.deepEqual(reached, []);
  });

  it('from this machine or its neighbours: sectors', async () => {
    for (const host of hosts) {
      await assert.rejects(
        hub.target.hub.clients.add({
          redirect_uris: [REDIRECT_URI, 'https://other.example/callback'],
          sector_identifier_uri: `https://${host}:${internalPort}/sector`,
        }),
        { code: 'invalid_client_metadata' },
        host,
      );
    }
    assert.deepEqual(reached, []);
  });

  it('from this machine or its neighbours: logout addresses, and the person is signed out all the same', async () => {
    const registered = await hub.target.hub.clients.add({
      redirect_uris: [REDIRECT_URI],
      backchannel_logout_uri: `http://127.0.0.1:${internalPort}/logout`,
      backchannel_logout_session_required: true,
    });
    const parameters = { client_id: String(registered.client_id) };
    const browser = hub.browser();
    await hub.goodSignIn({ browser, parameters });
    const { xsrf = '' } = hiddenFields((await browser.get(`${hub.target.issuer}/sign-out`)).text);
    const out = await browser.post(`${hub.target.issuer}/sign-out/confirm`, { xsrf, logout: 'yes' });
    assert.equal(out.status, 200);
    const again = await browser.get(hub.authorizationUrl({ ...parameters, prompt: 'none' }), { stopAt: REDIRECT_URI });
    assert.equal(new URL(again.url).searchParams.get('error'), 'login_required');
    assert.deepEqual(reached, []);
  });

  it('from an address in a request: request_uri and the headers of tokens', async () => {
    for (const request_uri of [
      `http://127.0.0.1:${internalPort}/x`,
      `${outsideUrl}/x`,
      `urn:ietf:params:oauth:request_uri:${outsideUrl}`,
      `urn:example:${outsideUrl}`,
    ]) {
      const answer = await assertCheap(() => sendRaw(hub.authorizationUrl({ request_uri })));
      assert.match(
        answer.headers.get('location') ?? `${REDIRECT_URI}?error=`,
        /^https:\/\/rp\.example\/callback\?error=/,
      );
    }
    assert.deepEqual(reached, []);
  });

  it('from the internet, but no further: what answers badly is left soon', async () => {
    const answers: [string, (response: ServerResponse) => unknown][] = [
      [
        'a redirect to this machine',
        (response) => response.writeHead(302, { location: `http://127.0.0.1:${internalPort}/` }).end(),
      ],
      [
        'a redirect that keeps the method',
        (response) => response.writeHead(307, { location: `http://127.0.0.1:${internalPort}/` }).end(),
      ],
      ['a redirect to itself', (response) => response.writeHead(301, { location: outsideUrl }).end()],
      [
        'an endless body',
        (response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          const more = () => {
            while (!response.destroyed && response.write(Buffer.alloc(8192, 0x20)));
          };
          response.on('drain', more);
          more();
        },
      ],
      [
        'a body that drips',
        (response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          const timer = setInterval(() => response.write(' '), 100);
          response.on('close', () => clearInterval(timer));
        },
      ],
      ['no answer', () => {}],
      ['a large body', (response) => response.end(JSON.stringify({ keys: [], filler: 'x'.repeat(20_000) }))],
      [
        'a compressed body',
        (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(Buffer.alloc(100)),
      ],
      ['a page', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>')],
      ['deep JSON', (response) => response.end(`{"keys":${'['.repeat(8000)}${']'.repeat(8000)}}`)],
      [
        'keys that are none',
        (response) => response.end('{"keys":[null,1,"x",{"kty":"RSA"},{"kty":"oct","k":"AA"},{"__proto__":{}}]}'),
      ],
      ['keys of another shape', (response) => response.end('{"keys":{"length":1000000000}}')],
      [
        'a monstrous key',
        (response) =>
          response.end(
            JSON.stringify({ keys: [{ kty: 'RSA', n: 'x'.repeat(11_000), e: 'x'.repeat(2000), alg: 'RS256' }] }),
          ),
      ],
    ];
    for (const [title, answer] of answers) {
      respond = answer;
      reached.length = 0;
      const started = Date.now();
      const refused = await useKeysAt(`${outsideUrl}/jwks`);
      assert.ok([400, 401].includes(refused.status), `${title}: ${refused.status}`);
      assert.ok(Date.now() - started < 3000, title);
      assert.ok(reached.includes('outside'), `${title}: asked`);
      assert.ok(!reached.includes('internal'), title);
    }
  });

  it('and nothing of it is in the log', () => hub.assertNothingInTheLog());
});
