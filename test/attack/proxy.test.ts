import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { jaErrors } from '../../views/words/ja_errors.ts';
import {
  createRelyingParty,
  isSignInPage,
  open,
  REDIRECT_URI,
  type RelyingParty,
  subOf,
} from '../protocol/relying_party.ts';
import { userCertificateOf } from '../support/certificate_browser.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { reservePorts } from '../support/ports.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { sendRaw } from './open_browser.ts';

/** The name that people's browsers know; nobody listens there: the tests stand where the proxy does. */
const CARD_ORIGIN = 'https://card.id.example';

interface Proxied {
  hub: TestHub;
  party: RelyingParty;
  /** A sign-in whose browser comes through the proxy with these headers. */
  attempt(headers: Record<string, string | string[]>): Promise<{ done: Visited; sub(): Promise<string> }>;
}

let authority: TestAuthority;
let trusting: Proxied;
let distrusting: Proxied;
let taro: string;
let der: Buffer;
let byteSequence: string;

before(async () => {
  authority = await startTestAuthority();
  trusting = await startProxied(['127.0.0.1']);
  // Once with the card agent, so that the consent is there.
  taro = subOf(await trusting.party.signIn());
  distrusting = await startProxied(['192.0.2.7', '2001:db8::/32']);
  const { cert } = await userCertificateOf(authority.cardsFolder, 'taro');
  der = new X509Certificate(cert).raw;
  byteSequence = sequence(der);
});
after(async () => {
  await trusting?.hub.stop();
  await distrusting?.hub.stop();
  await authority?.stop();
});

const sequence = (bytes: Uint8Array): string => `:${Buffer.from(bytes).toString('base64')}:`;

async function startProxied(proxies: string[]): Promise<Proxied> {
  const [port = 0] = await reservePorts(1);
  const hub = await startTestHub({
    authority,
    settings: {
      signIn: { tls: { publicUrl: CARD_ORIGIN, port, certificateFile: undefined, keyFile: undefined, proxies } },
    },
  });
  const party = await createRelyingParty(hub);
  return {
    hub,
    party,
    async attempt(headers) {
      const browser: HttpBrowser = createHttpBrowser({
        async send(url, init) {
          if (!url.startsWith(CARD_ORIGIN)) return fetch(url, { ...init, body: init.body ?? null });
          const { pathname, search } = new URL(url);
          const address = `http://card.id.example:${port}${pathname}${search}`;
          const {
            status,
            text,
            headers: received,
          } = await sendRaw(address, {
            headers: { host: 'card.id.example', ...headers },
          });
          return new Response(text, { status, headers: received });
        },
      });
      const attempt = await party.attempt();
      const page = await open(party.authorizationUrl(attempt), browser);
      assert.ok(isSignInPage(page));
      const path = /href="(\/interaction\/[^"]+\/certificate)"/.exec(page.text)?.[1];
      const done = await browser.get(`${hub.issuer}${path}`, { stopAt: REDIRECT_URI });
      return { done, sub: async () => subOf(await party.exchange(attempt, new URL(done.url))) };
    },
  };
}

async function assertRefused(
  { attempt }: Proxied,
  headers: Record<string, string | string[]>,
  code: keyof typeof jaErrors,
): Promise<void> {
  const { done } = await attempt(headers);
  const seen = `${done.status} ${done.text.replaceAll(/<[^>]*>|\s+/g, ' ').slice(0, 300)}`;
  assert.ok(done.status >= 400 && done.status < 500, seen);
  assert.ok(done.text.includes(jaErrors[code].title), seen);
}

describe('behind a proxy that is configured', () => {
  it('Client-Cert signs the person in', async () => {
    const { sub } = await trusting.attempt({ 'Client-Cert': byteSequence });
    assert.equal(await sub(), taro);
  });

  it('a chain and a verdict of success beside it change nothing', async () => {
    const chain = [`${byteSequence}, ${byteSequence}`, byteSequence];
    const headers = { 'Client-Cert': byteSequence, 'Client-Cert-Chain': chain, 'X-SSL-Client-Verify': 'SUCCESS' };
    assert.ok(await (await trusting.attempt(headers)).sub());
  });

  it('no certificate is no certificate, whatever the proxy says about it', async () => {
    await assertRefused(trusting, {}, 'certificate_missing');
    await assertRefused(trusting, { 'X-SSL-Client-Verify': 'NONE' }, 'certificate_missing');
  });

  for (const name of [
    'Client_Cert',
    'X-Client-Cert',
    'X-Client-Certificate',
    'SSL-Client-Cert',
    'SSL_CLIENT_CERT',
    'X-SSL-Client-Cert',
    'X-SSL-Cert',
    'X-Forwarded-Client-Cert',
    'X-Forwarded-Tls-Client-Cert',
    'X-ARR-ClientCert',
    'X-Amzn-Mtls-Clientcert',
    'Client-Cert-Leaf',
    'CLIENT.CERT',
  ])
    it(`${name} is ignored`, () => assertRefused(trusting, { [name]: byteSequence }, 'certificate_missing'));

  it('two certificates are refused: two headers, two in one, two behind each other', async () => {
    await assertRefused(trusting, { 'Client-Cert': [byteSequence, byteSequence] }, 'client_certificate_header');
    await assertRefused(trusting, { 'Client-Cert': `${byteSequence}, ${byteSequence}` }, 'client_certificate_header');
    await assertRefused(trusting, { 'Client-Cert': `${byteSequence}${byteSequence}` }, 'client_certificate_header');
    const both = sequence(Buffer.concat([der, der]));
    await assertRefused(trusting, { 'Client-Cert': both }, 'certificate_malformed');
  });

  it('what is no byte sequence is refused', async () => {
    const pem = new X509Certificate(der).toString();
    const base64 = der.toString('base64');
    for (const value of [
      '',
      ':',
      '::',
      base64,
      `:${base64}`,
      `"${base64}"`,
      `:${base64.slice(0, 40)} ${base64.slice(40)}:`,
      `:${base64.replaceAll('+', '-').replaceAll('/', '_')}`,
      `:${base64.replace(/=*$/, '=')}=:`,
      `:${base64}:;verified`,
      ':%4D%49%49:',
      encodeURIComponent(pem),
      pem.replaceAll('\n', '\t'),
      `:${randomBytes(12 * 1024 + 3).toString('base64')}:`,
    ])
      await assertRefused(trusting, { 'Client-Cert': value }, 'client_certificate_header');
  });

  it('what is no certificate is refused', async () => {
    await assertRefused(trusting, { 'Client-Cert': ':AAAA:' }, 'certificate_malformed');
    await assertRefused(trusting, { 'Client-Cert': sequence(randomBytes(1000)) }, 'certificate_malformed');
  });

  it('a head that is too large for any certificate is refused by a status, and the service goes on', async () => {
    const { done } = await trusting.attempt({ 'Client-Cert': `:${'A'.repeat(60_000)}:` });
    assert.equal(done.status, 431);
    assert.ok(await (await trusting.attempt({ 'Client-Cert': byteSequence })).sub());
  });

  it('a chain that is odd, long or alone is refused', async () => {
    for (const chain of ['', ':AAAA:, ', 'AAAA', Array(11).fill(':AAAA:').join(', ')]) {
      const headers = { 'Client-Cert': byteSequence, 'Client-Cert-Chain': chain };
      await assertRefused(trusting, headers, 'client_certificate_header');
    }
    await assertRefused(trusting, { 'Client-Cert-Chain': byteSequence }, 'client_certificate_header');
  });

  it('a verdict that is not success refuses even a good certificate, under each name that proxies use', async () => {
    for (const name of [
      'X-SSL-Client-Verify',
      'X-Client-Verify',
      'SSL-Client-Verify',
      'ssl_client_verify',
      'Client-Cert-Verify',
    ]) {
      for (const verdict of ['FAILED:certificate has expired', 'NONE', '', 'success'])
        await assertRefused(trusting, { 'Client-Cert': byteSequence, [name]: verdict }, 'certificate_untrusted');
    }
    const forged = { 'X-SSL-Client-Verify': 'FAILED', 'Client-Verify': 'SUCCESS' };
    await assertRefused(trusting, { 'Client-Cert': byteSequence, ...forged }, 'client_certificate_header');
  });

  it('answers every connection once', async () => {
    const { port } = trusting.hub.signInTls;
    const { headers } = await sendRaw(`http://card.id.example:${port}/`, { headers: { host: 'card.id.example' } });
    assert.equal(headers.get('connection'), 'close');
  });

  it('takes no other host’s name', async () => {
    const { port } = trusting.hub.signInTls;
    for (const host of [new URL(trusting.hub.issuer).host, 'id.example', 'card.id.example.', 'card.id.example:443']) {
      const address = `http://card.id.example:${port}/interaction/abc/certificate`;
      const { status } = await sendRaw(address, { headers: { host, 'Client-Cert': byteSequence } });
      assert.equal(status, 421, host);
    }
  });
});

describe('from a peer that is no configured proxy', () => {
  for (const name of ['Client-Cert', 'Client_Cert', 'X-SSL-Client-Cert', 'X-Forwarded-Client-Cert', 'X-Client-Cert'])
    it(`${name} is ignored`, () => assertRefused(distrusting, { [name]: byteSequence }, 'certificate_missing'));

  it('forwarding headers that name the proxy do not make it one', () =>
    assertRefused(
      distrusting,
      {
        'Client-Cert': byteSequence,
        'X-Forwarded-For': '192.0.2.7',
        'X-Real-IP': '192.0.2.7',
        Forwarded: 'for=192.0.2.7',
        'X-SSL-Client-Verify': 'SUCCESS',
      },
      'certificate_missing',
    ));
});

describe('at the hub’s own origin', () => {
  it('no header makes a certificate: a browser is sent to the other origin, and asked for a card at the form', async () => {
    const { hub, party } = trusting;
    const headers = {
      'Client-Cert': byteSequence,
      'X-SSL-Client-Cert': byteSequence,
      'X-SSL-Client-Verify': 'SUCCESS',
    };
    const browser = createHttpBrowser();
    const page = await browser.get(party.authorizationUrl(await party.attempt()), { headers });
    assert.ok(isSignInPage(page));
    const path = /href="(\/interaction\/[^"]+\/certificate)"/.exec(page.text)?.[1];
    const { url, status } = await browser.get(`${hub.issuer}${path}`, { headers, stopAt: CARD_ORIGIN });
    assert.equal(status, 0);
    assert.ok(url.startsWith(`${CARD_ORIGIN}/interaction/`));
    const back = await browser.get(`${hub.issuer}${path}-return`, { headers });
    assert.equal(back.status, 400);
  });
});
