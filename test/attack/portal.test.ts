import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createRelyingParty, isSignInPage, type RelyingParty, sendForm } from '../protocol/relying_party.ts';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';

let hub: TestHub;
let party: RelyingParty;
/** Two people, each signed in with a consent at the same website. */
let taro: HttpBrowser;
let ichiro: HttpBrowser;

before(async () => {
  hub = await startTestHub();
  party = await createRelyingParty(hub);
  [taro, ichiro] = [createHttpBrowser(), createHttpBrowser()];
  await party.signIn({ browser: taro, card: 'taro' });
  await party.signIn({ browser: ichiro, card: 'ichiro' });
  // Each in a second browser too.
  await party.signIn({ card: 'taro' });
  await party.signIn({ card: 'ichiro' });
});
after(() => hub?.stop());

const open = (browser: HttpBrowser, path: string): Promise<Visited> => browser.get(hub.issuer + path);
const links = async (browser: HttpBrowser, path: string, pattern: RegExp) =>
  [...(await open(browser, path)).text.matchAll(pattern)].map(([, link = '']) => link);
const withdrawals = (browser: HttpBrowser) => links(browser, '/portal/consents', /href="([^"]*\/withdraw)"/g);
const ends = (browser: HttpBrowser) => links(browser, '/portal/sessions', /href="(\/portal\/sessions\/[\w-]+\/end)"/g);
/** The token of the person's own forms. */
const csrfOf = async (browser: HttpBrowser) => hiddenFields((await open(browser, '/portal/report')).text).csrf ?? '';

/** Every address that shows something; of another person's things an address that might be one. */
const PAGES = [
  ...[
    '',
    '/attributes',
    '/consents',
    '/history',
    '/cards',
    '/sessions',
    '/providers',
    '/notices',
    '/download',
    '/report',
  ],
  ...['/lock', '/sessions/end-all', '/download.json', '/download.html', '/history.json'],
];
const THINGS = [
  ...['/consents/X/withdraw', '/sessions/X/end', '/receipts/X', '/providers/memberships/X/end'],
  ...['/providers/X', '/providers/X/connected', '/providers/X/callback'],
];

describe('the portal', () => {
  it('shows nothing without a session, and what it shows is kept by no cache', async () => {
    for (const path of [...PAGES, ...THINGS]) {
      const page = await createHttpBrowser().get(`${hub.issuer}/portal${path}`);
      assert.ok(isSignInPage(page), path);
      assert.equal(page.headers.get('cache-control'), 'no-store', path);
    }
    for (const path of PAGES) {
      const page = await open(taro, `/portal${path}`);
      assert.equal(page.status, 200, path);
      assert.equal(page.headers.get('cache-control'), 'no-store', path);
    }
  });

  it('has nothing by an id that is none, whatever that holds', async () => {
    const ids = [
      'none',
      '%00',
      '%2e%2e%2fhistory',
      '%27%20OR%201%3D1',
      '0'.repeat(3000),
      randomUUID(),
      '__proto__',
      '%E0%A4%A',
    ];
    for (const path of THINGS) {
      for (const id of ids) {
        assert.equal((await open(taro, `/portal${path.replace('X', id)}`)).status, 404, `${path} ${id}`);
      }
    }
  });
});

describe('another person’s things', () => {
  it('are not there: no consent or session of theirs can be looked at or ended, with a token of one’s own', async () => {
    const csrf = await csrfOf(taro);
    for (const [path = '', list] of [
      [(await withdrawals(ichiro))[0], withdrawals],
      [(await ends(ichiro))[0], ends],
    ] as const) {
      const before = await list(ichiro);
      assert.ok(before.length > 0);
      assert.equal((await open(taro, path)).status, 404, path);
      assert.equal((await taro.post(hub.issuer + path, { csrf })).status, 404, path);
      assert.deepEqual(await list(ichiro), before);
    }
    const [receipt = ''] = await links(ichiro, '/portal/consents', /href="(\/portal\/receipts\/[^"]+)"/g);
    assert.equal((await open(ichiro, receipt)).status, 200);
    assert.equal((await open(taro, receipt)).status, 404);
  });

  it('are in no history and on no page, whatever an address names', async () => {
    const [own = ''] = await withdrawals(ichiro);
    const [, id = ''] = /consents\/([^/]+)/.exec(own) ?? [];
    const page = await open(taro, `/portal/consents?after=${id}`);
    assert.match(page.text, /終わった同意はありません/);
    const paths = [
      'history?before=9999999999999',
      "history?party='; DROP TABLE",
      'history?claim=%00',
      'consents?after=%00',
    ];
    for (const path of paths) assert.equal((await open(taro, `/portal/${path}`)).status, 200, path);
    for (const path of ['consents/%00/withdraw', 'sessions/../end', 'sessions/x/end', 'consents/nobody/withdraw']) {
      assert.equal((await open(taro, `/portal/${path}`)).status, 404, path);
    }
  });

  it('cannot be reported about: a relying party that one has nothing to do with is left out', async () => {
    const stranger = await createRelyingParty(hub, { client_name: 'Stranger' });
    const form = { kind: 'other', text: 'about a stranger', party: stranger.clientId };
    await taro.post(`${hub.issuer}/portal/report`, { ...form, csrf: await csrfOf(taro) });
    const [report] = await hub.hub.reports.list();
    assert.equal(report?.text, 'about a stranger');
    assert.equal(report.client, undefined);
  });
});

describe('a form', () => {
  const FOREIGN: Record<string, string>[] = [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ];

  it('sent by another site, or without the session’s token, does nothing', async () => {
    const csrf = await csrfOf(taro);
    const others = await csrfOf(ichiro);
    assert.notEqual(csrf, others);
    const paths = [...(await withdrawals(taro)), ...(await ends(taro)), '/portal/sessions/end-all', '/portal/lock'];
    const ofProviders = ['/portal/providers/none', '/portal/providers/memberships/none/end'];
    for (const path of [...paths, ...ofProviders, '/portal/report']) {
      for (const headers of FOREIGN) {
        const answer = await taro.post(hub.issuer + path, { csrf, kind: 'other', text: 'x' }, { headers });
        assert.equal(answer.status, 403, path);
      }
      for (const token of ['', others, csrf.slice(1), `${csrf}A`]) {
        assert.equal((await taro.post(hub.issuer + path, { csrf: token })).status, 403, path);
      }
    }
    assert.equal((await open(taro, '/portal')).status, 200, 'nothing has ended');
    assert.deepEqual(await hub.hub.locks.list(), []);
  });

  it('that is too large, or no form, is refused', async () => {
    const csrf = await csrfOf(taro);
    const answer = await taro.post(`${hub.issuer}/portal/report`, { csrf, kind: 'other', text: 'x'.repeat(20_000) });
    assert.equal(answer.status, 413);
  });

  it('without a session leads to the sign-in, and does nothing after it', async () => {
    const page = await createHttpBrowser().post(`${hub.issuer}/portal/lock`, { csrf: 'x' });
    assert.ok(isSignInPage(page));
  });
});

describe('the way back from the sign-in', () => {
  it('leads to the portal’s own pages only', async () => {
    for (const path of [
      'https://evil.example/',
      '//evil.example/portal',
      '/\\evil.example',
      '/portal/../../sign-out',
      '/sign-out',
      '/portal/sign-in?return=/portal',
      '/portal/%2e%2e/sign-out',
      'javascript:alert(1)',
      '/portal\r\nSet-Cookie: x=y',
    ]) {
      const page = await open(taro, `/portal/sign-in?${new URLSearchParams({ return: path })}`);
      assert.equal(page.url, `${hub.issuer}/portal`, path);
    }
    const twice = await open(taro, '/portal/sign-in?return=/portal/cards&return=https://evil.example');
    assert.equal(twice.url, `${hub.issuer}/portal`);
  });
});

describe('a session that somebody planted', () => {
  it('is another one after the sign-in: neither its cookie nor its forms are of use', async () => {
    const cookies: string[] = [];
    const planted = createHttpBrowser({
      send: async (url, init) => {
        cookies.push(init.headers.cookie ?? '');
        return fetch(url, init);
      },
    });
    await party.signIn({ browser: planted, card: 'taro' });
    const csrf = await csrfOf(planted);
    const known = cookies.at(-1) ?? '';
    // The victim signs in with their own card in the browser that holds it.
    const signIn = await open(planted, '/portal/sign-in?again=yes');
    const form = hiddenFields(signIn.text);
    const token = await hub.sign('ichiro', form.nonce ?? '');
    const answer = await planted.post(formAction(signIn.text, 'data-sign-in-form', signIn.url), { ...form, token });
    // Another person came than the one who was signed in: the engine ends that session first.
    const page = await sendForm(planted, answer);
    assert.equal(page.url, `${hub.issuer}/portal`);
    assert.equal((await planted.post(`${hub.issuer}/portal/report`, { csrf, kind: 'other', text: 'x' })).status, 403);
    const thief = await fetch(`${hub.issuer}/portal`, { headers: { cookie: known }, redirect: 'manual' });
    assert.notEqual(thief.status, 200, 'the cookie that was known shows nothing of the victim');
  });
});

describe('a browser that is found open', () => {
  it('shows its pages, and does none of what matters with a form of another time', async () => {
    const page = await open(taro, '/portal/lock');
    const again = await open(taro, '/portal/sign-in?again=yes&return=/portal/lock');
    const form = hiddenFields(again.text);
    const token = await hub.sign('taro', form.nonce ?? '');
    await taro.post(formAction(again.text, 'data-sign-in-form', again.url), { ...form, token });
    assert.equal((await sendForm(taro, page)).status, 403, 'the form is of the sign-in before');
  });
});
