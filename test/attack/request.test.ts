import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createSelfSignedClientCertificate, issueTlsClientCertificate } from '../../adapters/sandbox/pki/index.ts';
import { mutualTlsFetch } from '../support/mutual_tls_fetch.ts';
import { readWebAuthority } from '../support/web_authority.ts';
import { type AttackHub, assertGuarded, REDIRECT_URI, startAttackHub } from './attack_hub.ts';
import { type RawRequest, sendRaw } from './open_browser.ts';

/** As behind a proxy that ends TLS, which we are not: no peer is trusted. */
const PUBLIC_URL = 'https://id.example.jp';
const HOST = 'id.example.jp';

let hub: AttackHub;
const servers = new Set<Server>();
const seeServer = (message: unknown) => servers.add((message as { server: Server }).server);
before(async () => {
  subscribe('http.server.request.start', seeServer);
  hub = await startAttackHub({ settings: { publicUrl: PUBLIC_URL } });
});
after(async () => {
  unsubscribe('http.server.request.start', seeServer);
  await hub.stop();
});

const send = (path: string, request: RawRequest = {}) =>
  sendRaw(new URL(path, PUBLIC_URL), { ...request, port: hub.target.port });
const form = (fields: Record<string, string>): RawRequest => ({
  method: 'POST',
  body: new URLSearchParams(fields).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
});

/** Everything that the hub says to these octets, until it closes or is silent for a while. */
function converse(octets: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(hub.target.port, '127.0.0.1', () => socket.write(octets, 'latin1'));
    socket.setTimeout(2000, () => socket.destroy());
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      heard += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

describe('where the hub is reached by https', () => {
  it('cookies are bound to the host and never sent in the clear', async () => {
    const { browser } = await hub.openSignIn();
    await hub.goodSignIn({ browser });
    await browser.post(`${PUBLIC_URL}/preferences`, { color: 'dark', return: '/' });
    const { browser: halfway } = await hub.openSignIn();
    const cookies = [...browser.cookies, ...halfway.cookies];
    assert.ok(cookies.some(({ name }) => name === '__Host-musubi_session'));
    for (const { name, path, attributes } of cookies) {
      assert.match(name, /^__(?:Host|Secure)-/);
      assert.ok(attributes.includes('secure'), name);
      assert.ok(attributes.includes('httponly'), name);
      assert.ok(attributes.includes('samesite=lax'), name);
      assert.ok(!attributes.some((text) => text.startsWith('domain')), name);
      if (name.startsWith('__Host-')) assert.equal(path, '/');
    }
  });

  it('browsers are told to come by https only', async () => {
    assert.match((await send('/')).headers.get('strict-transport-security') ?? '', /max-age=31536000/);
    assert.match((await send('/nowhere')).headers.get('strict-transport-security') ?? '', /max-age=31536000/);
  });
});

describe('every kind of answer', () => {
  it('forbids frames, inline scripts and guessing', async () => {
    const { page, browser } = await hub.openSignIn();
    const stylesheet = /href="(\/assets\/[^"]+\.css)"/.exec(page.text)?.[1] ?? '';
    const paths = [
      '/',
      '/nowhere',
      '/healthz',
      '/readyz',
      '/jwks',
      '/.well-known/openid-configuration',
      '/userinfo',
      '/authorize',
      '/authorize/x',
      '/interaction/x',
      '/sign-out',
      '/sign-out/success',
      '/assets/x/y.css',
      '/token',
      '/preferences',
      stylesheet,
      '/%00',
      '/%ff',
      '//evil.example',
      '/metrics',
    ];
    const answers = await Promise.all([
      ...paths.map((path) => send(path)),
      send(stylesheet, { method: 'POST' }),
      send(stylesheet, { method: 'HEAD' }),
      send(stylesheet, { headers: { 'if-none-match': '*' } }),
      send('/', { method: 'DELETE' }),
      send('/healthz', { method: 'POST' }),
      send('/', { headers: { host: 'evil.example' } }),
      send('/preferences', form({ color: 'dark' })),
      send('/preferences', { method: 'POST', body: 'x' }),
      send('/token', form({ grant_type: 'authorization_code' })),
      send('/token', {
        method: 'OPTIONS',
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      }),
      send('/par', form({})),
      send('/introspect', form({ token: 'x' })),
      send('/revoke', form({ token: 'x' })),
      send('/interaction/x/sign-in', form({ csrf: 'x' })),
      send('/sign-out/confirm', form({ xsrf: 'x' })),
      browser.get(page.url),
      hub.present(await hub.issue()),
    ]);
    for (const answer of answers) {
      assertGuarded(answer);
      assert.ok(answer.status < 500, answer.url);
    }
    assert.ok(answers.length > 35);
  });

  it('lets no other site read what is somebody’s', async () => {
    const { browser, page } = await hub.openSignIn();
    const headers = { origin: 'https://evil.example' };
    for (const answer of [
      await send('/', { headers }),
      await browser.get(page.url, { headers }),
      await send('/sign-out', { headers }),
    ]) {
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
      assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    }
    const userinfo = await send('/userinfo', { headers });
    assert.equal(userinfo.headers.get('access-control-allow-credentials'), null);
  });
});

describe('headers of proxies, sent by who is no trusted proxy,', () => {
  const forwarding: Record<string, string>[] = [
    { 'x-forwarded-host': 'evil.example' },
    { 'X-FORWARDED-HOST': 'evil.example', 'X-Forwarded-Proto': 'http' },
    { 'x-forwarded-proto': 'http' },
    { 'x-forwarded-proto': 'javascript' },
    { 'x-forwarded-port': '1234' },
    { 'x-forwarded-prefix': '/evil' },
    { 'x-forwarded-server': 'evil.example' },
    { 'x-forwarded-for': '10.0.0.1' },
    { forwarded: 'host=evil.example;proto=http;for=10.0.0.1' },
    { 'x-original-host': 'evil.example', 'x-original-url': '/evil', 'x-rewrite-url': '/evil' },
    { 'x-host': 'evil.example', 'x-http-host-override': 'evil.example', 'x-url-scheme': 'http' },
    { 'front-end-https': 'off', 'x-forwarded-ssl': 'off', 'x-forwarded-scheme': 'http' },
    { 'x-http-method-override': 'DELETE', 'x-real-ip': '10.0.0.1', via: '1.1 evil' },
    { base_url: 'https://evil.example', origin: 'https://evil.example', referer: 'https://evil.example/' },
  ];

  it('change neither issuer nor links', async () => {
    const path = '/.well-known/openid-configuration';
    const expected = (await send(path)).text;
    assert.ok(!expected.includes('evil') && expected.includes(`"issuer":"${PUBLIC_URL}"`));
    for (const headers of forwarding) assert.equal((await send(path, { headers })).text, expected);
  });

  it('change neither redirects nor cookies', async () => {
    for (const headers of forwarding) {
      const answer = await send(hub.authorizationUrl(), { headers });
      assert.ok([200, 303].includes(answer.status), JSON.stringify(headers));
      assert.match(answer.headers.get('location') ?? '/interaction/x', /^\/interaction\/[\w-]+$/);
      assert.doesNotMatch(answer.text, /(?:href|src|action)="(?![/#])/);
      const cookies = answer.headers.getSetCookie();
      assert.ok(cookies.length >= 2);
      for (const cookie of cookies) {
        assert.match(cookie, /; secure/i);
        assert.doesNotMatch(cookie, /domain=|evil/i);
      }
      const page = await send('/', { headers });
      assert.doesNotMatch(page.text, /evil|http:\/\//);
    }
  });

  it('make nobody a relying party with a client certificate', async () => {
    const authority = readWebAuthority(hub.target.tls);
    const byName = await issueTlsClientCertificate(authority, { subject: [['CN', 'mutual-tls-client']] });
    const selfSigned = await createSelfSignedClientCertificate({ commonName: 'self-signed-client' });
    const { publicKey } = new X509Certificate(selfSigned.der);
    const parties = [
      [byName, { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=mutual-tls-client' }],
      [
        selfSigned,
        {
          token_endpoint_auth_method: 'self_signed_tls_client_auth',
          jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), x5c: [selfSigned.der.toString('base64')] }] },
        },
      ],
    ] as const;
    for (const [certificate, metadata] of parties) {
      const registered = await hub.target.hub.clients.add({ redirect_uris: [REDIRECT_URI], ...metadata });
      const request = form({
        ...Object.fromEntries(new URL(hub.authorizationUrl()).searchParams),
        client_id: String(registered.client_id),
      });
      // With the certificate itself the request is taken: what follows is refused for the want of it.
      const key = certificate.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const fetch = mutualTlsFetch({ cert: certificate.pem, key, ca: authority.pem });
      const good = await fetch(`${hub.target.mutualTlsUrl}/par`, {
        method: 'POST',
        headers: request.headers as Record<string, string>,
        body: request.body,
      });
      assert.equal(good.status, 201, await good.text());

      const escaped = encodeURIComponent(certificate.pem);
      const base64 = certificate.der.toString('base64');
      const folded = certificate.pem.trim().replaceAll('\n', ' ');
      const names = [
        'client-cert',
        'x-client-cert',
        'x-client-certificate',
        'ssl-client-cert',
        'x-ssl-client-cert',
        'x-ssl-cert',
        'x-ssl-client',
        'x-forwarded-client-cert',
        'x-forwarded-tls-client-cert',
        'x-arr-clientcert',
        'x-amzn-mtls-clientcert',
        'x-amzn-mtls-clientcert-leaf',
        'cf-client-cert-der-base64',
        'x-tls-client-cert',
        'x-client-cert-chain',
        'client-cert-chain',
        'x-apigateway-client-cert',
        'ssl_client_cert',
      ];
      const values = [
        escaped,
        base64,
        `:${base64}:`,
        folded,
        `Cert="${escaped}"`,
        `Hash=0;Cert="${escaped}";Subject="CN=mutual-tls-client"`,
      ];
      const verified = {
        'ssl-client-verify': 'SUCCESS',
        'x-ssl-client-verify': 'SUCCESS',
        'x-client-verify': 'SUCCESS',
        'x-ssl-client-s-dn': 'CN=mutual-tls-client',
        'x-forwarded-proto': 'https',
      };
      // Few at a time: all at once are more than a request may have in headers.
      const tries = names.flatMap((name): Record<string, string | string[]>[] => [
        ...values.map((value) => ({ [name]: value })),
        { [name.toUpperCase()]: escaped },
        { [name]: [base64, base64] },
      ]);
      for (const headers of tries) {
        const answer = await send('/par', { ...request, headers: { ...request.headers, ...verified, ...headers } });
        assert.equal(answer.status, 401);
        assert.equal(JSON.parse(answer.text).error, 'invalid_client');
        assertGuarded(answer);
      }
      // Nor on the listener where certificates are asked for, when none is shown there.
      const bare = mutualTlsFetch({ ca: authority.pem });
      const answer = await bare(`${hub.target.mutualTlsUrl}/par`, {
        method: 'POST',
        headers: {
          ...(request.headers as Record<string, string>),
          ...verified,
          'client-cert': `:${base64}:`,
          'x-ssl-client-cert': escaped,
        },
        body: request.body,
      });
      assert.equal(answer.status, 401);
    }
  });
});

describe('a request that is no honest one', () => {
  const cases: [string, string, RegExp][] = [
    ['for another host', 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n', /^HTTP\/1\.1 421 /],
    ['for another port', `GET / HTTP/1.1\r\nHost: ${HOST}:8443\r\n\r\n`, /^HTTP\/1\.1 421 /],
    ['for a sub-domain', `GET / HTTP/1.1\r\nHost: x.${HOST}\r\n\r\n`, /^HTTP\/1\.1 421 /],
    ['for the host with a dot', `GET / HTTP/1.1\r\nHost: ${HOST}.\r\n\r\n`, /^HTTP\/1\.1 421 /],
    ['for the host with user information', `GET / HTTP/1.1\r\nHost: evil@${HOST}\r\n\r\n`, /^HTTP\/1\.1 4\d\d /],
    ['for this machine', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', /^HTTP\/1\.1 421 /],
    ['with two hosts', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: evil.example\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['with two equal hosts', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nhost: ${HOST}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['without a host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['without a host, in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 4\d\d /],
    ['with an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', /^HTTP\/1\.1 4\d\d /],
    ['with an absolute target', `GET https://evil.example/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    [
      'with our own address as absolute target',
      `GET ${PUBLIC_URL}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    ['for the asterisk', `OPTIONS * HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['for a tunnel', `CONNECT evil.example:443 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, /^(?:HTTP\/1\.1 4\d\d |$)/],
    ['to trace', `TRACE / HTTP/1.1\r\nHost: ${HOST}\r\nCookie: a=secret\r\n\r\n`, /^HTTP\/1\.1 40\d (?!.*secret)/s],
    [
      'with two lengths',
      `POST /token HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'with length and chunks',
      `POST /token HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'with chunks that are none',
      `POST /token HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'with two encodings',
      `POST /token HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 (?:400|501) /,
    ],
    ['with a space before the colon', `GET / HTTP/1.1\r\nHost : ${HOST}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['with a null in a header', `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-A: a\0b\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['with line feeds alone', `GET / HTTP/1.1\nHost: ${HOST}\n\n`, /^HTTP\/1\.1 400 /],
    ['in an unknown version', `GET / HTTP/3.7\r\nHost: ${HOST}\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['in TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^HTTP\/1\.1 400 /],
    [
      'with a header of 20,000 octets',
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    [
      'with a cookie of 20,000 octets',
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nCookie: ${'a=b; '.repeat(4000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    ['with 20,000 octets of path', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [
      'with an upgrade',
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      /^HTTP\/1\.1 (?:200|4\d\d) /,
    ],
  ];
  for (const [title, octets, expected] of cases) {
    it(`${title} is refused`, async () => {
      const heard = await converse(octets.replace(/\r\n\r\n/, '\r\nConnection: close\r\n\r\n'));
      assert.match(heard, expected);
      assert.doesNotMatch(heard, /^location:|evil\.example|\bat .*\.ts:|^HTTP\/1\.1 5(?!01)/im);
    });
  }

  it('in front of another on the same connection does not become part of it', async () => {
    const smuggled = `POST /token HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\na=b&GET /healthz HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`;
    const heard = await converse(smuggled);
    assert.equal(heard.match(/HTTP\/1\.1 \d{3}/g)?.length, 2);
    const cut = `POST /interaction/x/sign-in HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: text/plain\r\nContent-Length: 60\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
    assert.doesNotMatch(await converse(cut), /"status":"live"/);
  });

  it('the host in capital letters is the same host', async () => {
    const answer = await send('/.well-known/openid-configuration', { headers: { host: HOST.toUpperCase() } });
    assert.equal(answer.status, 200);
    assert.ok(!answer.text.includes(HOST.toUpperCase()));
  });

  it('holds no connection for long: heads and whole requests have their time', async () => {
    await fetchTls();
    assert.ok(servers.size >= 2, 'plain and TLS');
    for (const { headersTimeout, requestTimeout, timeout } of servers) {
      assert.ok(headersTimeout > 0 && headersTimeout <= 60_000);
      assert.ok(requestTimeout > 0 && requestTimeout <= 120_000);
      assert.equal(timeout, 0);
    }
  });

  it('leaves the hub as it was', async () => {
    await hub.assertRefused(
      (browser) => hub.present(hub.citizen, { browser, change: { origin: 'https://evil.example' } }),
      {
        code: 'token_signature_invalid',
      },
    );
  });

  it('leaves nothing of anybody in the log', () => hub.assertNothingInTheLog());
});

async function fetchTls(): Promise<void> {
  const { pem } = readWebAuthority(hub.target.tls);
  assert.equal((await mutualTlsFetch({ ca: pem })(`${hub.target.mutualTlsUrl}/healthz`, {})).status, 200);
}
