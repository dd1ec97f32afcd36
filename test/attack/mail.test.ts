import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isSignInPage, later } from '../protocol/relying_party.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type MailServer, startMailServer } from '../support/mail_server.ts';

const MINUTE = 60_000;

let hub: TestHub;
let mails: MailServer;
let people = 0;
/** The person, and somebody who is signed in too; new ones for each test, since codes are counted by the day. */
let taro: Person;
let mallory: Person;

before(async () => {
  mails = await startMailServer();
  hub = await startTestHub({
    settings: { mail: { host: '127.0.0.1', port: mails.port, security: 'none', from: 'notices@id.example.jp' } },
  });
});
after(async () => {
  await hub?.stop();
  await mails?.stop();
});
beforeEach(async () => {
  people += 1;
  const cards = [`taro-${people}`, `mallory-${people}`] as const;
  for (const name of cards) await hub.authority.authority.citizens.issue({ name });
  await hub.refreshLists();
  await received();
  [taro, mallory] = [await signedIn(cards[0]), await signedIn(cards[1])];
});

interface Person {
  readonly card: string;
  readonly browser: HttpBrowser;
  readonly csrf: string;
  /** Sends one of the page's forms. */
  post(path: string, fields?: Record<string, string>, headers?: Record<string, string>): Promise<Visited>;
  page(query?: string): Promise<Visited>;
}

async function signedIn(card: string, browser = createHttpBrowser()): Promise<Person> {
  const first = await hub.answerPages(await browser.get(`${hub.issuer}/portal/mail`), { browser, card });
  const { csrf = '' } = hiddenFields(first.text);
  return {
    ...{ card, browser, csrf },
    post: (path, fields = {}, headers = {}) =>
      browser.post(`${hub.issuer}/portal/mail${path}`, { csrf, ...fields }, { headers }),
    page: (query = '') => browser.get(`${hub.issuer}/portal/mail${query}`),
  };
}

/** What has come to the mail server since the last time. */
async function received() {
  await hub.hub.deliverMail();
  return mails.received.splice(0);
}

async function codeIn(address: string, person: Person): Promise<string> {
  assert.equal((await person.post('', { address })).status, 200);
  const [mail] = await received();
  assert.deepEqual(mail?.to, [address]);
  return /確認コード：(\S+)/.exec(mail?.text ?? '')?.[1] ?? '';
}

const hasAddress = async (person: Person, address: string) =>
  (await person.page()).text.includes(`<bdi>${address}</bdi>`);

const FOREIGN: readonly Record<string, string>[] = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'https://evil.example' },
  { 'sec-fetch-site': 'none' },
];

describe('the forms of a mail address', () => {
  it('do nothing when another site sends them, or without the session’s own token', async () => {
    const code = await codeIn('taro@example.jp', taro);
    await taro.post('/confirm', { code });
    const pending = await codeIn('next@example.jp', taro);
    const forms = { '': { address: 'mallory@example.jp' }, '/confirm': { code: pending }, '/remove': {} };
    for (const [path, fields] of Object.entries(forms)) {
      for (const headers of FOREIGN) {
        assert.equal((await taro.post(path, fields, headers)).status, 403, path);
      }
      for (const csrf of ['', mallory.csrf, taro.csrf.slice(1)]) {
        assert.equal((await taro.post(path, { ...fields, csrf })).status, 403, path);
      }
    }
    assert.ok(await hasAddress(taro, 'taro@example.jp'));
    assert.deepEqual(await received(), []);
  });

  it('ask for the card of whoever finds a browser open, and do nothing after it', async () => {
    await taro.post('/confirm', { code: await codeIn('taro@example.jp', taro) });
    for (const [index, path] of ['', '/confirm', '/remove'].entries()) {
      await later((index + 1) * 6 * MINUTE, async () => {
        assert.ok(isSignInPage(await taro.page()), 'nor is the address shown');
        const asked = await taro.post(path, { address: 'mallory@example.jp', code: 'AAAAA-AAAAA' });
        assert.ok(isSignInPage(asked), path);
        const back = await hub.answerPages(asked, taro);
        assert.equal(back.url, `${hub.issuer}/portal/mail${path}`);
        assert.match(back.text, /<bdi>taro@example\.jp<\/bdi>/);
        taro = await signedIn(taro.card, taro.browser);
      });
    }
    assert.deepEqual(await received(), []);
  });

  it('lead whoever has no session to the sign-in', async () => {
    for (const path of ['', '/confirm', '/remove']) {
      assert.ok(isSignInPage(await createHttpBrowser().post(`${hub.issuer}/portal/mail${path}`, { csrf: taro.csrf })));
    }
  });
});

describe('a code', () => {
  it('is worth nothing in another’s session, by its link neither', async () => {
    const code = await codeIn('taro@example.jp', taro);
    await codeIn('mallory@example.jp', mallory);
    const filled = await mallory.page(`?code=${code}`);
    assert.match(filled.text, new RegExp(`name="code" value="${code.replace('-', '-?')}"`));
    assert.ok(!filled.text.includes('taro@example.jp'));
    assert.match((await mallory.post('/confirm', { code })).text, /確認コードが違います/);
    assert.ok(!(await hasAddress(mallory, 'taro@example.jp')));
    // Nor has that spent it.
    await taro.post('/confirm', { code });
    assert.ok(await hasAddress(taro, 'taro@example.jp'));
  });

  it('cannot be guessed: ten wrong ones end it, many at once too, and it is then worth nothing', async () => {
    const code = await codeIn('taro@example.jp', taro);
    const guesses = Array.from({ length: 30 }, (_, index) => taro.post('/confirm', { code: `AAAAA-AAA${index + 10}` }));
    const answers = await Promise.all(guesses);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([400]));
    assert.equal(answers.filter(({ text }) => text.includes('確認コードが違います')).length, 10);
    assert.equal((await taro.post('/confirm', { code })).status, 400);
    assert.ok(!(await hasAddress(taro, 'taro@example.jp')));
  });

  it('in an address is text, whatever it holds', async () => {
    await taro.post('', { address: 'taro@example.jp' });
    for (const code of ['"><script>alert(1)</script>', '%00', 'x'.repeat(5000), '[]']) {
      const page = await taro.page(`?${new URLSearchParams({ code })}`);
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.text, /<script>alert/);
      assert.ok(!page.text.includes('x'.repeat(100)));
    }
    assert.equal((await taro.page('?code=a&code=b')).status, 200);
  });
});

describe('an address', () => {
  it('that would add a receiver, a header or a command is refused, and nothing is sent', async () => {
    for (const address of [
      'taro@example.jp\r\nBcc: all@example.jp',
      'taro@example.jp\nSubject: hello',
      'taro@example.jp%0d%0aBcc: all@example.jp',
      'taro@example.jp, all@example.jp',
      'taro@example.jp;all@example.jp',
      'taro@example.jp all@example.jp',
      '"taro\r\nRCPT TO:<all@example.jp>"@example.jp',
      '<taro@example.jp>',
      'Taro <taro@example.jp>',
      'all%example.jp@relay.example.jp',
      '@relay.example.jp:taro@example.jp',
      '-oQ/tmp@example.jp',
      'taro@[127.0.0.1]',
      'taro@localhost',
      'taro@example.jp\0',
      `${'a'.repeat(100_000)}@example.jp`.slice(0, 10_000),
    ]) {
      const answer = await taro.post('', { address });
      assert.equal(answer.status, 400, JSON.stringify(address.slice(0, 60)));
      assert.match(answer.text, /メールアドレスの形が正しくありません/);
    }
    assert.deepEqual(await received(), []);
    assert.ok(!(await taro.page()).text.includes('確認コードの入力'));
  });

  it('of a stranger gets five mails a day at most in somebody’s name, however that one begins anew', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      statuses.push((await taro.post('', { address: 'stranger@example.jp' })).status);
      await taro.post('/remove');
      taro = await signedIn(taro.card);
    }
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    assert.ok((await received()).length <= 5);
    // At once too, of which a mail that was not sent yet gives way to the next.
    await Promise.all(Array.from({ length: 8 }, () => mallory.post('', { address: 'stranger@example.jp' })));
    assert.ok((await received()).length <= 5);
    const page = await taro.post('', { address: 'stranger@example.jp' });
    assert.match(page.text, /value="stranger@example\.jp"/);
  });
});
