import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { hiddenFields } from '../support/hidden_fields.ts';
import type { Visited } from '../support/http_browser.ts';
import { type AttackHub, assertGuarded, interactionOf, REDIRECT_URI, startAttackHub } from './attack_hub.ts';
import { type OpenBrowser, sendRaw } from './open_browser.ts';

const FORGED = { code: 'form_forged', status: 403, audited: false } as const;
const OVER = { code: 'interaction_expired', status: 400, audited: false } as const;
const FOREIGN: [string, Record<string, string>][] = [
  ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['another site, in an old browser', { origin: 'https://evil.example' }],
  ['a sub-domain', { origin: 'http://evil.localhost', 'sec-fetch-site': 'same-site' }],
  ['another port of this host', { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' }],
  ['no page at all', { 'sec-fetch-site': 'none' }],
  ['a page that lies about its origin only', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
];

let hub: AttackHub;
before(async () => {
  hub = await startAttackHub();
});
after(() => hub.stop());

describe('a sign-in form', () => {
  for (const [title, headers] of FOREIGN) {
    it(`sent by ${title} signs nobody in`, () =>
      hub.assertRefused(async (browser) => {
        const opened = await hub.openSignIn(browser);
        return hub.submit(opened, { token: hub.token(hub.citizen, opened.nonce) }, { headers });
      }, FORGED));
  }

  const tokens: [string, (own: string, other: string) => string][] = [
    ['without a token of the form', () => ''],
    ['with the token of another interaction', (_own, other) => other],
    ['with a cut token', (own) => own.slice(0, -1)],
    ['with a longer token', (own) => `${own}A`],
  ];
  for (const [title, change] of tokens) {
    it(`${title} signs nobody in`, () =>
      hub.assertRefused(async (browser) => {
        const other = await hub.openSignIn();
        const opened = await hub.openSignIn(browser);
        const csrf = change(opened.csrf, other.csrf);
        return hub.submit(opened, { csrf, token: hub.token(hub.citizen, opened.nonce) });
      }, FORGED));
  }

  it('of our own page is taken with the headers that browsers send', async () => {
    const opened = await hub.openSignIn();
    const headers = { origin: hub.target.issuer, 'sec-fetch-site': 'same-origin' };
    const answer = await hub.submit(opened, { token: hub.token(hub.citizen, opened.nonce) }, { headers });
    assert.ok(answer.text.includes('value="agree"') || answer.url.startsWith(REDIRECT_URI));
  });

  it('of an attacker’s interaction is nothing in the browser of a victim', async () => {
    const attacker = await hub.openSignIn();
    const fields = { csrf: attacker.csrf, nonce: attacker.nonce, token: hub.token(hub.citizen, attacker.nonce) };
    await hub.assertRefused((browser) => browser.post(`${attacker.interaction}/sign-in`, fields), OVER);
    await hub.assertRefused(
      async (browser) => {
        await hub.openSignIn(browser);
        // Cookies of an interaction are for its own path; a browser that sent them elsewhere would not help either.
        for (const cookie of browser.cookies) cookie.path = '/';
        return browser.post(`${attacker.interaction}/sign-in`, fields);
      },
      { code: 'interaction_other_browser', status: 400, audited: false },
    );
  });

  it('cannot be used to answer a question about consent, or the reverse', async () => {
    await hub.assertRefused(async (browser) => {
      const { page, csrf } = await hub.openSignIn(browser);
      return browser.post(`${interactionOf(page)}/consent`, { csrf, decision: 'agree', claims: 'sub' });
    }, OVER);
    const { browser, page } = await consentPage();
    const { csrf = '' } = hiddenFields(page.text);
    const answer = await browser.post(`${interactionOf(page)}/sign-in`, { csrf, nonce: '', token: '' });
    assert.equal(answer.status, 400);
  });
});

/** A fresh person in front of the consent page. */
async function consentPage(parameters: Record<string, string> = {}): Promise<{ browser: OpenBrowser; page: Visited }> {
  const browser = hub.browser();
  const page = await hub.present(await hub.issue(), { browser, parameters });
  assert.ok(page.text.includes('value="agree"'));
  return { browser, page };
}

describe('a consent', () => {
  const consents = async () => (await hub.auditEvents()).filter(({ kind }) => kind === 'consent.granted');

  for (const [title, headers] of FOREIGN) {
    it(`sent by ${title} is not recorded`, async () => {
      const { browser, page } = await consentPage();
      const before = (await consents()).length;
      const { csrf = '' } = hiddenFields(page.text);
      const answer = await browser.post(`${interactionOf(page)}/consent`, { csrf, decision: 'agree' }, { headers });
      assert.equal(answer.status, 403);
      assert.equal((await consents()).length, before);
    });
  }

  it('without its form’s token, or with another’s, is not recorded', async () => {
    const other = hiddenFields((await consentPage()).page.text).csrf ?? '';
    const { browser, page } = await consentPage();
    const before = (await consents()).length;
    for (const csrf of ['', other, 'undefined']) {
      const answer = await browser.post(
        `${interactionOf(page)}/consent`,
        { csrf, decision: 'agree' },
        { stopAt: REDIRECT_URI },
      );
      assert.equal(answer.status, 403);
      assertGuarded(answer);
    }
    assert.equal((await consents()).length, before);
  });

  it('cannot be widened by editing the form', async () => {
    const { browser, page } = await consentPage({ scope: 'openid' });
    const { csrf = '' } = hiddenFields(page.text);
    const wide = ['card_status', 'name', 'address', 'openid', 'offline_access', '__proto__', 'constructor'];
    const form: [string, string][] = [
      ['csrf', csrf],
      ['decision', 'agree'],
      ['scope', 'openid card_status name'],
      ['client_id', 'other'],
      ...wide.map((name): [string, string] => ['claims', name]),
    ];
    const answer = await browser.post(`${interactionOf(page)}/consent`, form, { stopAt: REDIRECT_URI });
    assert.ok(new URL(answer.url).searchParams.get('code'));
    const last = (await consents()).at(-1);
    assert.deepEqual(last?.data?.granted, ['sub']);
    assert.equal(last?.clientId, hub.clientId);
  });

  it('that was declined is not given by asking again with the form of before', async () => {
    const { browser, page } = await consentPage({ scope: 'openid card_status' });
    const { csrf = '' } = hiddenFields(page.text);
    await browser.post(`${interactionOf(page)}/consent`, { csrf, decision: 'agree' }, { stopAt: REDIRECT_URI });
    assert.deepEqual((await consents()).at(-1)?.data?.declined, ['card_status']);
    const count = (await consents()).length;
    const again = await browser.post(`${interactionOf(page)}/consent`, {
      csrf,
      decision: 'agree',
      claims: 'card_status',
    });
    assert.equal(again.status, 400);
    assert.equal((await consents()).length, count);
  });

  it('given several times at the same moment is given, whole, and nothing else is', async () => {
    const { browser, page } = await consentPage({ scope: 'openid card_status' });
    const { csrf = '' } = hiddenFields(page.text);
    const form = { csrf, decision: 'agree', claims: 'card_status' };
    const events = (await hub.auditEvents()).at(-1)?.sequence;
    const answers = await browser.postAtOnce(4, `${interactionOf(page)}/consent`, form, () => hub.openSignIn());
    assert.ok(answers.some(({ status }) => status === 303));
    for (const { status, headers } of answers) {
      assert.ok([303, 400].includes(status), String(status));
      assert.match(
        headers.get('location') ?? REDIRECT_URI,
        /^(?:https:\/\/rp\.example\/callback|http:\/\/localhost:\d+\/authorize\/)/,
      );
    }
    const added = await hub.auditEvents(events);
    assert.ok(
      added.every(({ kind, data }) => kind === 'consent.granted' && data?.granted?.toString() === 'sub,card_status'),
    );
    assert.equal(new Set(added.map(({ subjectId }) => subjectId)).size, 1);
  });

  it('anything but “agree” is a refusal', async () => {
    for (const decision of ['refuse', '', 'AGREE', 'agree ', 'true']) {
      const { browser, page } = await consentPage();
      const { csrf = '' } = hiddenFields(page.text);
      const answer = await browser.post(`${interactionOf(page)}/consent`, { csrf, decision }, { stopAt: REDIRECT_URI });
      assert.equal(new URL(answer.url).searchParams.get('error'), 'access_denied');
      assert.ok(!new URL(answer.url).searchParams.has('code'));
    }
  });
});

describe('cookies', () => {
  const flip = (text: string) => `${text.slice(0, -2)}${text.at(-2) === 'A' ? 'B' : 'A'}${text.at(-1)}`;

  it('of an interaction that were changed are no cookies', async () => {
    const changes: ((cookies: OpenBrowser['cookies'], other: OpenBrowser['cookies']) => OpenBrowser['cookies'])[] = [
      (cookies) =>
        cookies.map((cookie) => (cookie.name.endsWith('.sig') ? cookie : { ...cookie, value: flip(cookie.value) })),
      (cookies) =>
        cookies.map((cookie) => (cookie.name.endsWith('.sig') ? { ...cookie, value: flip(cookie.value) } : cookie)),
      (cookies) => cookies.filter(({ name }) => !name.endsWith('.sig')),
      (cookies) => cookies.map((cookie) => (cookie.name.endsWith('.sig') ? { ...cookie, value: '' } : cookie)),
      // Another browser's value under our own signature, and the reverse.
      (cookies, other) =>
        cookies.map((cookie) =>
          cookie.name.endsWith('.sig')
            ? cookie
            : { ...cookie, value: other.find(({ name }) => name === cookie.name)?.value ?? '' },
        ),
    ];
    for (const change of changes) {
      await hub.assertRefused(async (browser) => {
        const other = await hub.openSignIn();
        const opened = await hub.openSignIn(browser);
        browser.cookies = change(browser.cookies, other.browser.cookies);
        return hub.submit(opened, { token: hub.token(hub.citizen, opened.nonce) });
      }, OVER);
    }
  });

  it('of a session that were changed sign nobody in', async () => {
    const silent = hub.authorizationUrl({ prompt: 'none' });
    const change = (browser: OpenBrowser, name: string) => {
      for (const cookie of browser.cookies) if (cookie.name === name) cookie.value = flip(cookie.value);
    };
    const changes: ((browser: OpenBrowser) => void)[] = [
      (browser) => change(browser, 'musubi_session'),
      (browser) => change(browser, 'musubi_session.sig'),
      (browser) => Object.assign(browser, { cookies: browser.cookies.filter(({ name }) => !name.endsWith('.sig')) }),
    ];
    for (const tamper of changes) {
      const browser = hub.browser();
      await hub.goodSignIn({ browser });
      assert.ok(new URL((await browser.get(silent, { stopAt: REDIRECT_URI })).url).searchParams.has('code'));
      tamper(browser);
      const answer = await browser.get(silent, { stopAt: REDIRECT_URI });
      assert.equal(new URL(answer.url).searchParams.get('error'), 'login_required');
    }
  });

  it('are out of reach for scripts and other sites', async () => {
    const { browser } = await hub.openSignIn();
    await hub.goodSignIn({ browser });
    await browser.post(`${hub.target.issuer}/preferences`, { color: 'dark', return: '/' });
    assert.ok(browser.cookies.length >= 4);
    for (const { name, attributes } of browser.cookies) {
      assert.ok(attributes.includes('httponly'), name);
      assert.ok(
        attributes.some((text) => text === 'samesite=lax' || text === 'samesite=strict'),
        name,
      );
      assert.ok(!attributes.some((text) => text.startsWith('domain=')), name);
    }
  });

  it('of a session that somebody planted before the sign-in are worth nothing after it', async () => {
    const victim = hub.browser();
    await victim.get(`${hub.target.issuer}/sign-out`); // a session without a person
    const planted = victim.cookies.map((cookie) => ({ ...cookie }));
    assert.ok(planted.some(({ name }) => name === 'musubi_session'));
    await hub.goodSignIn({ browser: victim });
    const sessionIn = (cookies: OpenBrowser['cookies']) => cookies.find(({ name }) => name === 'musubi_session')?.value;
    assert.notEqual(sessionIn(victim.cookies), sessionIn(planted));
    const attacker = Object.assign(hub.browser(), { cookies: planted });
    const answer = await attacker.get(hub.authorizationUrl({ prompt: 'none' }), { stopAt: REDIRECT_URI });
    assert.equal(new URL(answer.url).searchParams.get('error'), 'login_required');
  });

  it('of another sign-in, planted in front of our own, do not have that one go on', async () => {
    await hub.goodSignIn(); // so that consent is given
    const attacker = await hub.openSignIn();
    const victim = await hub.openSignIn(hub.browser(), { state: 'of-the-victim' });
    const planted = attacker.browser.cookies.map((cookie) => ({ ...cookie, path: '/' }));
    const isResume = ({ name }: { name: string }) => name.startsWith('musubi_resume');
    assert.ok(planted.some(isResume));
    victim.browser.cookies.unshift(...planted.filter(isResume));
    const answer = await hub.submit(victim, { token: hub.token(hub.citizen, victim.nonce) });
    assert.equal(new URL(answer.url).searchParams.get('state'), 'of-the-victim');
    assert.ok(new URL(answer.url).searchParams.get('code'));
  });

  it('of a session change when the card is shown again', async () => {
    const browser = hub.browser();
    await hub.goodSignIn({ browser });
    const first = browser.cookies.map((cookie) => ({ ...cookie }));
    await hub.goodSignIn({ browser, parameters: { prompt: 'login' } });
    const old = Object.assign(hub.browser(), { cookies: first });
    const answer = await old.get(hub.authorizationUrl({ prompt: 'none' }), { stopAt: REDIRECT_URI });
    assert.equal(new URL(answer.url).searchParams.get('error'), 'login_required');
  });
});

describe('signing out', () => {
  const isSignedIn = async (browser: OpenBrowser) => {
    const answer = await browser.get(hub.authorizationUrl({ prompt: 'none' }), { stopAt: REDIRECT_URI });
    return new URL(answer.url).searchParams.has('code');
  };

  it('takes more than a link, a picture or a form of another site', async () => {
    const browser = hub.browser();
    await hub.goodSignIn({ browser });
    const { issuer } = hub.target;
    for (const url of [
      `${issuer}/sign-out`,
      `${issuer}/sign-out?client_id=${hub.clientId}`,
      `${issuer}/sign-out/success`,
    ]) {
      await browser.get(url);
      assert.ok(await isSignedIn(browser), url);
    }
    await browser.post(`${issuer}/sign-out`, { logout: 'yes', client_id: hub.clientId });
    assert.ok(await isSignedIn(browser));
    const forms: Record<string, string>[] = [
      {},
      { logout: 'yes' },
      { logout: 'yes', xsrf: '' },
      { logout: 'yes', xsrf: 'undefined' },
    ];
    for (const fields of forms) {
      const answer = await browser.post(`${issuer}/sign-out/confirm`, fields);
      assert.equal(answer.status, 400);
      assert.ok(await isSignedIn(browser));
    }
    assert.equal((await browser.get(`${issuer}/sign-out/confirm?logout=yes`)).status, 404);
    assert.ok(await isSignedIn(browser));
  });

  it('happens when the person confirms it', async () => {
    const browser = hub.browser();
    await hub.goodSignIn({ browser });
    const { xsrf = '' } = hiddenFields((await browser.get(`${hub.target.issuer}/sign-out`)).text);
    await browser.post(`${hub.target.issuer}/sign-out/confirm`, { xsrf, logout: 'yes' });
    assert.ok(!(await isSignedIn(browser)));
  });

  it('leads nowhere that is not registered', async () => {
    const uris = [
      'https://evil.example/',
      'javascript:alert(1)',
      '//evil.example',
      `${REDIRECT_URI}`,
      'https://rp.example.evil.example/',
    ];
    for (const uri of uris) {
      const query = new URLSearchParams({ post_logout_redirect_uri: uri, client_id: hub.clientId });
      const answer = await sendRaw(`${hub.target.issuer}/sign-out?${query}`);
      assert.equal(answer.status, 400, uri);
      assert.equal(answer.headers.get('location'), null);
      assertGuarded(answer);
      // Without a client there is nobody who could have registered it: it is not followed.
      const browser = hub.browser();
      await hub.goodSignIn({ browser });
      const page = await browser.get(
        `${hub.target.issuer}/sign-out?${new URLSearchParams({ post_logout_redirect_uri: uri })}`,
      );
      const { xsrf = '' } = hiddenFields(page.text);
      const out = await browser.post(`${hub.target.issuer}/sign-out/confirm`, { xsrf, logout: 'yes' });
      assert.equal(new URL(out.url).origin, hub.target.issuer);
    }
  });
});

describe('a redirect address', () => {
  const port = () => new URL(hub.target.issuer).port;
  const addresses = (): string[] => [
    'https://evil.example/callback',
    'https://rp.example.evil.example/callback',
    'https://evilrp.example/callback',
    'https://rp.example/callback/',
    'https://rp.example/callback/../evil',
    'https://rp.example/callback%2f..%2fevil',
    'https://rp.example/./callback',
    'https://rp.example//callback',
    'https://rp.example/callback?next=https://evil.example',
    'https://rp.example/callback?',
    'https://rp.example/callback#',
    'https://rp.example/callback#fragment',
    'https://rp.example/callback;evil',
    'https://rp.example/callbackevil',
    'https://rp.example/Callback',
    'https://RP.example/callback',
    'HTTPS://rp.example/callback',
    'http://rp.example/callback',
    'https://rp.example:443/callback',
    'https://rp.example:8443/callback',
    'https://rp.example./callback',
    'https://evil.example@rp.example/callback',
    'https://rp.example@evil.example/callback',
    'https://rp.example%40evil.example/callback',
    'https://rp.example\\@evil.example/callback',
    'https://rp.example%2ecallback',
    'https://rp.example/%63allback',
    'https:/rp.example/callback',
    'https:rp.example/callback',
    '//rp.example/callback',
    '/callback',
    ' https://rp.example/callback',
    'https://rp.example/callback ',
    'https://rp.example/callback\n',
    'https://rp.example/callback\0',
    'https://rp.example/callback%0d%0aSet-Cookie:%20a=b',
    'https://rp.exａmple/callback',
    "https://x;script-src'unsafe-inline'/",
    'javascript:alert(document.domain)//https://rp.example/callback',
    'data:text/html,<script>alert(1)</script>',
    'urn:ietf:wg:oauth:2.0:oob',
    'notanaddress',
    '*',
    `http://localhost:${port()}/`,
    `${REDIRECT_URI},https://evil.example/`,
    `${REDIRECT_URI} https://evil.example/`,
    `https://rp.example/${'a'.repeat(8000)}`,
  ];
  /** Ways to get the answer, or an error, sent there. */
  const ways: Record<string, string>[] = [
    {},
    { response_mode: 'form_post' },
    { response_mode: 'fragment' },
    { response_mode: 'jwt' },
    { response_mode: 'form_post.jwt' },
    { response_mode: 'nonsense' },
    { prompt: 'none' },
    { response_type: 'token' },
    { scope: 'nonsense' },
    { code_challenge: '' },
    { request: 'nonsense', response_mode: 'form_post' },
    { claims: '{', response_mode: 'form_post' },
  ];

  it('that is not exactly the registered one is not followed, in no mode and for no error', async () => {
    for (const redirect_uri of addresses()) {
      for (const way of ways) {
        const answer = await sendRaw(hub.authorizationUrl({ ...way, redirect_uri }));
        const told = `${redirect_uri.slice(0, 80)} ${JSON.stringify(way)}`;
        assert.equal(answer.status, 400, told);
        assert.equal(answer.headers.get('location'), null, told);
        assert.equal(answer.headers.get('refresh'), null, told);
        assertGuarded(answer);
        assert.match(answer.headers.get('content-security-policy') ?? '', /form-action 'self';/, told);
        assert.doesNotMatch(answer.text, /(?:href|src|action)="(?![/#])|http-equiv="?refresh/i, told);
      }
    }
    await hub.assertRefused((browser) => browser.get(hub.authorizationUrl({ redirect_uri: 'https://evil.example/' })), {
      code: 'invalid_redirect_uri',
      status: 400,
      audited: false,
    });
  });

  it('given twice, or not at all, is not followed', async () => {
    const url = new URL(hub.authorizationUrl());
    for (const extra of [
      '&redirect_uri=https://evil.example/',
      '&redirect_uri=',
      '&redirect_uri[]=https://evil.example/',
    ]) {
      const first = await sendRaw(`${url}${extra}`);
      const last = await sendRaw(`${url.origin}/authorize?${extra.slice(1)}&${url.search.slice(1)}`);
      for (const answer of [first, last]) {
        const location = answer.headers.get('location') ?? '';
        assert.ok(!location.includes('evil'), location);
        if (!extra.includes('[]')) assert.equal(answer.status, 400);
      }
    }
    url.searchParams.delete('redirect_uri');
    assert.equal((await sendRaw(url)).status, 400);
  });

  it('cannot be pushed in beforehand either', async () => {
    const registered = await hub.target.hub.clients.add({
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
    });
    for (const redirect_uri of addresses()) {
      const body = new URLSearchParams({
        ...Object.fromEntries(new URL(hub.authorizationUrl()).searchParams),
        client_id: String(registered.client_id),
        redirect_uri,
      }).toString();
      const answer = await sendRaw(`${hub.target.issuer}/par`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.equal(answer.status, 400, redirect_uri.slice(0, 80));
      assert.ok(!answer.text.includes('request_uri"'));
    }
  });

  it('of another relying party is not followed', async () => {
    const other = await hub.target.hub.clients.add({ redirect_uris: ['https://other.example/callback'] });
    await hub.assertRefused((browser) => browser.get(hub.authorizationUrl({ client_id: String(other.client_id) })), {
      code: 'invalid_redirect_uri',
      status: 400,
      audited: false,
    });
  });

  it('of the way back from the preferences is on this site, whatever the form says', async () => {
    const returns = [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\t/evil.example',
      '/%09/evil.example/..//evil.example',
      'javascript:alert(1)',
      '/../..//evil.example',
      '/.//evil.example',
      '\u0000//evil.example',
      '/\r\nLocation: https://evil.example',
      'http:evil.example',
      '///evil.example',
      `/${'a'.repeat(3000)}`,
      '',
    ];
    for (const value of returns) {
      const answer = await sendRaw(`${hub.target.issuer}/preferences`, {
        method: 'POST',
        body: new URLSearchParams({ return: value, color: 'dark' }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.equal(answer.status, 303);
      assert.equal(new URL(answer.headers.get('location') ?? '', hub.target.issuer).origin, hub.target.issuer, value);
      assert.equal(answer.headers.get('location')?.includes('\n'), false);
      assertGuarded(answer);
    }
  });
});

describe('script of a stranger', () => {
  const SCRIPT = '"\'><script>alert(1)</script><img src=x onerror=alert(1)>';
  const assertInert = ({ text, headers }: Visited) => {
    assert.doesNotMatch(text, /<script>alert|<img src=x|="javascript:/i);
    for (const [, attributes = '', content = ''] of text.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)) {
      // The engine's own page sends its form by a script that the policy knows by its hash.
      const known = `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
      if (content !== '') assert.ok(headers.get('content-security-policy')?.includes(known));
      else assert.match(attributes, /src="\/assets\//);
    }
    const tags = text.replaceAll(/="[^"]*"/g, '=""');
    assert.doesNotMatch(tags, /<[a-z][^>]*\son[a-z]+=/i);
  };

  it('in a relying party’s names and purposes stays text', async () => {
    const registered = await hub.target.hub.clients.add({
      redirect_uris: [REDIRECT_URI],
      client_name: SCRIPT,
      'client_name#ja': SCRIPT,
      'client_name#en': SCRIPT,
      'purpose#ja': SCRIPT,
      'purpose#en': SCRIPT,
      policy_uri: `https://rp.example/${encodeURIComponent(SCRIPT)}?${SCRIPT}`,
      tos_uri: 'https://rp.example/"onmouseover="alert(1)',
      logo_uri: 'https://rp.example/logo.png?"><script>alert(1)</script>',
      scope: 'openid card_status',
    });
    for (const ui_locales of ['ja', 'en']) {
      const parameters = {
        client_id: String(registered.client_id),
        ui_locales,
        state: SCRIPT,
        login_hint: SCRIPT,
        nonce: SCRIPT,
      };
      const opened = await hub.openSignIn(hub.browser(), parameters);
      assertInert(opened.page);
      assertGuarded(opened.page);
      assert.ok(opened.page.text.includes('&lt;script&gt;alert'), 'the name is shown');
      const refused = await hub.submit(opened, { token: SCRIPT });
      assertInert(refused);
      const consent = await hub.present(await hub.issue(), { parameters });
      assert.ok(consent.text.includes('value="agree"'));
      assertInert(consent);
      assertGuarded(consent);
    }
  });

  it('cannot be registered as an address', async () => {
    for (const metadata of [
      { logo_uri: 'javascript:alert(1)' },
      { policy_uri: 'data:text/html,<script>alert(1)</script>' },
      { tos_uri: 'javascript:alert(1)' },
      { client_uri: 'vbscript:x' },
      { redirect_uris: ['javascript:alert(1)'] },
      { redirect_uris: ['data:text/html,x'] },
      { post_logout_redirect_uris: ['javascript:alert(1)'] },
      { backchannel_logout_uri: 'file:///etc/passwd' },
    ]) {
      await assert.rejects(
        hub.target.hub.clients.add({ redirect_uris: [REDIRECT_URI], ...metadata }),
        { code: 'invalid_client_metadata' },
        JSON.stringify(metadata),
      );
    }
  });

  it('in any parameter, path or header comes back as text or not at all', async () => {
    const encoded = encodeURIComponent(SCRIPT);
    const parameters = [
      ...new URL(hub.authorizationUrl()).searchParams.keys(),
      'state',
      'prompt',
      'ui_locales',
      'claims',
      'request',
      'request_uri',
      'response_mode',
      'id_token_hint',
      'acr_values',
      'max_age',
      'login_hint',
      'error_description',
    ];
    const urls = [
      ...parameters.map((name) => hub.authorizationUrl({ [name]: SCRIPT })),
      ...['id_token_hint', 'post_logout_redirect_uri', 'state', 'ui_locales', 'client_id', 'logout_hint'].map(
        (name) => `${hub.target.issuer}/sign-out?${name}=${encoded}`,
      ),
      ...['', 'interaction/', 'authorize/', 'assets/', 'assets/x/', 'sign-out/', '.well-known/'].map(
        (path) => `${hub.target.issuer}/${path}${encoded}?x=${encoded}`,
      ),
      `${hub.target.issuer}/sign-out/success?client_id=${encoded}`,
    ];
    for (const url of urls) {
      const answer = await sendRaw(url, {
        headers: {
          'accept-language': SCRIPT,
          'user-agent': SCRIPT,
          referer: SCRIPT,
          cookie: `musubi_preferences=${encoded}`,
        },
      });
      assert.ok(answer.status < 500, url);
      const location = answer.headers.get('location');
      if (location) assert.match(location, /^(?:\/interaction\/|https:\/\/rp\.example\/callback\?)/);
      else if (answer.headers.get('content-type')?.includes('html')) assertInert(answer);
      else assert.ok(!answer.text.includes('<script>'), url);
      assertGuarded(answer);
    }
  });
});

describe('everything above', () => {
  it('has left no secret and nobody’s data in the log', () => hub.assertNothingInTheLog());
});
