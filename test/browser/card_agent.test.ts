import assert from 'node:assert/strict';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { WebEidToken } from '../../adapters/card/card.ts';
import { type CardAgent, startCardAgent } from '../../adapters/card/card_agent.ts';
import { softCardDoor, writeSoftCard } from '../../adapters/card/soft_card.ts';
import { verifySignedDocument } from '../../provider/pki/index.ts';
import {
  application,
  cardsFolder,
  NONCE,
  SIGNING_PIN,
  type SoftCardOptions,
  softCardFile,
  triesLeft,
  USER_PIN,
} from '../adapters/card/soft_card_factory.ts';
import { launchChromium } from './person.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WEBSITE = readFileSync(`${import.meta.dirname}/agent_website.js`, 'utf8');
const OTHER_NONCE = Buffer.alloc(32, 1).toString('base64');

let browser: Browser;
let context: BrowserContext;
let folder: string;
let remove: () => void;
let agent: CardAgent;
let website: Server;
let port: number;

before(async () => {
  browser = await launchChromium(['--host-resolver-rules=MAP *.example 127.0.0.1']);
  ({ folder, remove } = await cardsFolder());
  agent = await startCardAgent({ cards: softCardDoor(folder), port: 0 });
  // Every name that leads to this server is a website of its own.
  website = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<!doctype html><title>Website</title><body><script>${WEBSITE.replaceAll('</script>', '<\\/script>')}</script>`,
    );
  });
  await once(website.listen(0, '127.0.0.1'), 'listening');
  port = (website.address() as AddressInfo).port;
});
after(async () => {
  await browser.close();
  await agent.close();
  website.closeAllConnections();
  website.close();
  remove();
});
beforeEach(async () => {
  await issueOnly(
    { name: 'taro' },
    {},
    {
      name: 'blocked',
      userTriesLeft: 0,
      label: { ja: '錠前 次郎（ロックされたカード）', en: 'Jiro Jomae (blocked card)' },
    },
  );
  context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 480, height: 800 } });
});
afterEach(() => context.close());

/** Those cards are in place, and no others. */
async function issueOnly(...cards: SoftCardOptions[]): Promise<void> {
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  for (const card of cards) await issue(card);
}

async function issue(card: SoftCardOptions): Promise<void> {
  await writeSoftCard(folder, await softCardFile(card));
}

interface Message {
  type: string;
  token?: WebEidToken;
  /** Base64 of DER. */
  signedDocument?: string;
  /** The origin that the browser stamped on it. */
  from: string;
}

interface Opening {
  host?: string;
  /** What the website answers when the agent is ready; several are sent one after the other. */
  requests?: object[];
}

const signRequest = (fields: object = {}) => ({
  type: 'musubi.agent.sign',
  purpose: 'sign-in',
  nonce: NONCE,
  lang: 'ja',
  ...fields,
});

/** Opens the agent from a website, which keeps every message that it gets. */
async function openAgent({ host = 'localhost', requests = [signRequest()] }: Opening = {}, opener = 'openAgent') {
  const site = await context.newPage();
  const origin = `http://${host}:${port}`;
  await site.goto(origin);
  const popup = context.waitForEvent('page');
  await site.evaluate(`${opener}(${JSON.stringify({ url: agent.url, requests })})`);
  const page = await popup;
  await page.waitForLoadState();
  return { site, page, origin, messages: () => site.evaluate<Message[]>('received') };
}

async function typePin(page: Page, pin = USER_PIN, card = 'hanako') {
  await page.check(`[name=card][value=${card}]`);
  await page.fill('#pin', pin);
  await page.click('#sign');
}

/** The agent's window closes itself, perhaps before anybody waits for it. */
async function closed(page: Page): Promise<void> {
  if (!page.isClosed()) await page.waitForEvent('close');
}

interface Opened {
  page: Page;
  origin: string;
  messages: () => Promise<Message[]>;
}

/** The last message once the agent's window has closed itself. */
async function answerFrom({ page, messages }: Opened): Promise<Message & { token: WebEidToken }> {
  await closed(page);
  const last = (await messages()).at(-1) ?? assert.fail('no message');
  assert.equal(last.type, 'musubi.agent.token');
  assert.equal(last.from, agent.url);
  const token = last.token ?? assert.fail('no token');
  return { ...last, token };
}

const tokenFrom = async (opened: Opened): Promise<WebEidToken> => (await answerFrom(opened)).token;

function isFor(token: WebEidToken, origin: string, nonce = NONCE): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const { publicKey } = new X509Certificate(Buffer.from(token.unverifiedCertificate, 'base64'));
  return verify(
    'sha256',
    Buffer.concat([digest(origin), digest(nonce)]),
    publicKey,
    Buffer.from(token.signature, 'base64'),
  );
}

// A locator, not waitForFunction: that evaluates its text in the page again and again, which the page's policy refuses.
const isFocused = (page: Page, selector: string) => page.locator(`${selector}:focus`).waitFor();

async function assertAccessible(page: Page): Promise<void> {
  // The page's policy allows no inline script; what the debugger evaluates is not under it.
  await page.evaluate(AXE);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await page.evaluate<AxeResults>(`axe.run({ runOnly: ${JSON.stringify(tags)} })`);
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    [],
  );
}

async function assertNotTooWide(page: Page): Promise<void> {
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
}

/** For whoever wants to look at the pages: MUSUBI_PICTURES names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  const pictures = process.env.MUSUBI_PICTURES;
  if (pictures) await page.screenshot({ path: join(pictures, `${name.replaceAll(' ', '-')}.png`), fullPage: true });
}

const WINDOWS = {
  'in a window': { viewport: { width: 480, height: 800 } },
  'at 320 px': { viewport: { width: 320, height: 640 } },
  'in the dark': { viewport: { width: 480, height: 800 }, colorScheme: 'dark' as const },
};

describe('the card agent in a browser', () => {
  it('gives a website a token for its own origin and nonce, and closes', async () => {
    const opened = await openAgent();
    await typePin(opened.page);
    const { token, ...message } = await answerFrom(opened);
    assert.deepEqual(message, { type: 'musubi.agent.token', from: agent.url });
    assert.ok(isFor(token, opened.origin));
    assert.ok(!isFor(token, `http://127.0.0.1:${port}`));
  });

  it('gives an attacker who names another origin in every field a token for his own origin only', async () => {
    const hub = 'https://hub.example';
    const opened = await openAgent({
      host: 'attacker.example',
      requests: [signRequest({ origin: hub, from: hub, token: 'x', relyingParty: hub })],
    });
    await opened.page.waitForSelector('#request:visible');
    assert.equal(await opened.page.textContent('#origin'), `http://attacker.example:${port}`);
    await typePin(opened.page);
    const token = await tokenFrom(opened);
    assert.ok(isFor(token, opened.origin));
    assert.ok(!isFor(token, hub));
  });

  it('serves the first request of a window and no second', async () => {
    const opened = await openAgent({ requests: [signRequest(), signRequest({ nonce: OTHER_NONCE })] });
    await typePin(opened.page);
    const token = await tokenFrom(opened);
    assert.ok(isFor(token, opened.origin));
    assert.ok(!isFor(token, opened.origin, OTHER_NONCE));
  });

  it('listens to its opener only, not to a page that frames or follows it', async () => {
    const opened = await openAgent({ requests: [] });
    await opened.page.evaluate(`window.postMessage(${JSON.stringify(signRequest())}, '*')`);
    await opened.page.waitForSelector('#waiting:visible');
    assert.equal(await opened.page.isVisible('#request'), false);
  });

  it('hands nothing to a site that has taken its opener’s place', async () => {
    const opened = await openAgent();
    await opened.page.waitForSelector('#request:visible');
    await opened.site.evaluate(`location.href = 'http://attacker.example:${port}/'`);
    await opened.site.waitForURL('http://attacker.example:*/');
    await typePin(opened.page);
    await closed(opened.page);
    assert.deepEqual(await opened.messages(), []);
  });

  it('asks for no card when its opener is closed', async () => {
    const opened = await openAgent({ requests: [signRequest({ lang: 'en' })] });
    await opened.page.waitForSelector('#request:visible');
    await opened.site.close();
    await typePin(opened.page, '0000');
    await opened.page.waitForSelector('#stopped:visible');
    assert.match((await opened.page.textContent('#stopped-message')) ?? '', /has been closed/);
    assert.equal(triesLeft(folder), 3);
  });

  it('cannot be shown in a frame', async () => {
    const site = await context.newPage();
    await site.goto(`http://localhost:${port}/`);
    await site.setContent(`<iframe src="${agent.url}/sign"></iframe>`);
    const frame = await site.waitForSelector('iframe').then((element) => element.contentFrame());
    assert.equal(await frame?.$('#pin'), null);
  });

  it('cannot be read or posted to by a script of a website', async () => {
    const site = await context.newPage();
    await site.goto(`http://localhost:${port}/`);
    const outcomes = await site.evaluate(`reachForAgent('${agent.url}')`);
    assert.deepEqual(outcomes, ['blocked', 'blocked']);
  });

  it('tells the website when the person cancels', async () => {
    const opened = await openAgent();
    await opened.page.click('#cancel');
    await closed(opened.page);
    assert.deepEqual(
      (await opened.messages()).map(({ type }) => type),
      ['musubi.agent.ready', 'musubi.agent.cancelled'],
    );
    assert.equal(triesLeft(folder), 3);
  });

  it('refuses a sandboxed page, whose origin is nobody’s', async () => {
    const { page } = await openAgent({ requests: [signRequest()] }, 'openAgentFromSandbox');
    await page.waitForSelector('#stopped:visible');
    assert.match((await page.textContent('#stopped-message')) ?? '', /アドレスを確認できません/);
  });

  it('refuses a request that it does not understand, and says so', async () => {
    const { page } = await openAgent({ requests: [signRequest({ purpose: 'sign-everything', lang: 'en' })] });
    await page.waitForSelector('#stopped:visible');
    await isFocused(page, '#stopped-title');
    assert.match((await page.textContent('#stopped-message')) ?? '', /not valid/);
  });

  it('opened by hand asks for no PIN', async () => {
    const page = await context.newPage();
    await page.goto(`${agent.url}/sign`);
    await page.waitForSelector('#no-opener:visible');
    assert.equal(await page.isVisible('#pin'), false);
    await assertAccessible(page);
  });
});

describe('what the card agent shows', () => {
  it('the site’s address, a warning where it is not encrypted, and no warning on this machine', async () => {
    const unsafe = await openAgent({ host: 'shop.example' });
    await unsafe.page.waitForSelector('#insecure:visible');
    assert.equal(await unsafe.page.textContent('#origin-host'), `shop.example:${port}`);
    const local = await openAgent();
    await local.page.waitForSelector('#request:visible');
    assert.equal(await local.page.isVisible('#insecure'), false);
  });

  it('the site’s words as its own, as text, short, and without characters that turn the text around', async () => {
    const reason = `<img src=x onerror=alert(1)>\u202Egnp.exe${'長'.repeat(500)}`;
    const { page } = await openAgent({ requests: [signRequest({ reason, relyingParty: '<b>Shop</b>' })] });
    await page.waitForSelector('#site-says:visible');
    assert.equal(await page.textContent('#site-party-text'), '<b>Shop</b>');
    const shown = (await page.textContent('#site-reason-text')) ?? '';
    assert.match(shown, /^<img src=x onerror=alert\(1\)> gnp\.exe長+$/);
    assert.equal([...shown].length, 200);
  });

  it('the tries left after a wrong PIN, at the field, which keeps the focus and forgets the PIN', async () => {
    const { page } = await openAgent();
    await typePin(page, '0000');
    await page.waitForSelector('#pin-error:visible');
    assert.match((await page.textContent('#pin-error')) ?? '', /あと2回/);
    await isFocused(page, '#pin');
    assert.equal(await page.inputValue('#pin'), '');
    assert.equal(await page.getAttribute('#pin', 'aria-invalid'), 'true');
    assert.match((await page.getAttribute('#pin', 'aria-describedby')) ?? '', /pin-error/);
    assert.match((await page.textContent('label[for=card-1]')) ?? '', /残り試行回数：2回/);
    await assertAccessible(page);
    await page.fill('#pin', USER_PIN);
    await page.keyboard.press('Enter');
    await closed(page);
  });

  it('that a PIN has four digits, before the card is asked, and takes full-width ones', async () => {
    const opened = await openAgent();
    await typePin(opened.page, '12a');
    assert.match((await opened.page.textContent('#pin-error')) ?? '', /数字4桁/);
    assert.equal(triesLeft(folder), 3);
    await typePin(opened.page, '１２３４');
    assert.ok(isFor(await tokenFrom(opened), opened.origin));
  });

  it('where to go with a blocked card', async () => {
    const { page } = await openAgent({ requests: [signRequest({ lang: 'en' })] });
    await typePin(page, USER_PIN, 'blocked');
    await page.waitForSelector('#error:visible');
    await isFocused(page, '#error');
    assert.match((await page.textContent('#error')) ?? '', /blocked.*ward, city, town or village office/s);
    await assertAccessible(page);
  });

  it('that a card must be chosen', async () => {
    const { page } = await openAgent();
    await page.fill('#pin', USER_PIN);
    await page.click('#sign');
    assert.match((await page.textContent('#cards-error')) ?? '', /カードを選んで/);
    await isFocused(page, '#card-0');
  });

  it('cards that were put in place since, when they are read again', async () => {
    const { page } = await openAgent();
    await page.waitForSelector('#request:visible');
    assert.equal(await page.locator('[value=newcomer]').count(), 0);
    await issue({ name: 'newcomer' });
    await page.click('#reread');
    await page.waitForSelector('[value=newcomer]');
  });

  it('the PIN only on request', async () => {
    const { page } = await openAgent();
    await page.fill('#pin', '12');
    assert.equal(await page.getAttribute('#pin', 'type'), 'password');
    await page.check('#show-pin');
    assert.equal(await page.getAttribute('#pin', 'type'), 'text');
  });

  it('everything to a keyboard', async () => {
    const opened = await openAgent();
    await isFocused(opened.page, '#request-title');
    await opened.page.keyboard.press('Tab');
    await isFocused(opened.page, '[name=card]');
    await opened.page.keyboard.press('ArrowDown');
    assert.equal(await opened.page.isChecked('[value=hanako]'), true);
    await opened.page.keyboard.press('Tab');
    await isFocused(opened.page, '#reread');
    await opened.page.keyboard.press('Tab');
    await isFocused(opened.page, '#pin');
    await opened.page.keyboard.type(USER_PIN);
    await opened.page.keyboard.press('Enter');
    assert.ok(isFor(await tokenFrom(opened), opened.origin));
  });

  for (const lang of ['ja', 'en']) {
    for (const [what, settings] of Object.entries(WINDOWS)) {
      it(`without barriers, ${what}, in ${lang}`, async () => {
        await context.close();
        context = await browser.newContext({ locale: 'ja-JP', ...settings });
        const request = signRequest({ lang, reason: 'サインイン', relyingParty: 'みほんショップ' });
        const { page } = await openAgent({ host: 'shop.example', requests: [request] });
        await page.setViewportSize(settings.viewport);
        await page.waitForSelector('#request:visible');
        assert.equal(await page.getAttribute('html', 'lang'), lang);
        await assertAccessible(page);
        await assertNotTooWide(page);
        await typePin(page, '0000');
        await page.waitForSelector('#pin-error:visible');
        await picture(page, `${lang}-${what}`);
        await assertAccessible(page);
      });
    }
  }
});

const site = () => `http://localhost:${port}`;
const enrolmentRequest = (fields: object = {}) =>
  signRequest({ purpose: 'enrolment', document: application(site()), ...fields });
const openEnrolment = (fields: object = {}) => openAgent({ requests: [enrolmentRequest(fields)] });
const bothTries = () => [triesLeft(folder), triesLeft(folder, 'hanako', 'signing')];
const noteOf = (page: Page, card: string) => page.locator(`li:has([value=${card}]) .choice-note`).textContent();

async function typeBoth(page: Page, { pin = USER_PIN, password = SIGNING_PIN, card = 'hanako' } = {}) {
  await page.check(`[name=card][value=${card}]`);
  await page.fill('#pin', pin);
  await page.fill('#password', password);
  await page.click('#sign');
}

/** What was signed, once the agent's window has closed itself. */
async function applicationFrom(opened: Opened): Promise<string> {
  const { token, signedDocument = '', ...message } = await answerFrom(opened);
  assert.deepEqual(message, { type: 'musubi.agent.token', from: agent.url });
  assert.ok(isFor(token, opened.origin));
  return Buffer.from(verifySignedDocument(Buffer.from(signedDocument, 'base64')).content).toString();
}

/** Error and focus are at `field`, which forgot what was typed; the other one did not. */
async function isRefused(page: Page, field: 'pin' | 'password', message: RegExp): Promise<void> {
  await page.waitForSelector(`#${field}-error:visible`);
  assert.match((await page.textContent(`#${field}-error`)) ?? '', message);
  await isFocused(page, `#${field}`);
  assert.equal(await page.getAttribute(`#${field}`, 'aria-invalid'), 'true');
  assert.match((await page.getAttribute(`#${field}`, 'aria-describedby')) ?? '', new RegExp(`${field}-error`));
  assert.equal(await page.inputValue(`#${field}`), '');
  const other = field === 'pin' ? 'password' : 'pin';
  assert.equal(await page.isVisible(`#${other}-error`), false);
  assert.equal(await page.getAttribute(`#${other}`, 'aria-invalid'), null);
  assert.notEqual(await page.inputValue(`#${other}`), '');
}

describe('an enrolment with the card agent', () => {
  it('gives a website a token and its own document, signed by one card, and closes', async () => {
    const opened = await openEnrolment();
    await typeBoth(opened.page);
    assert.equal(await applicationFrom(opened), application(site()));
    assert.deepEqual(bothTries(), [3, 5]);
  });

  it('shows the document in full, as text, before anything is typed, and says what goes with it', async () => {
    const lines = Array.from({ length: 60 }, (_, line) => `${line}：<b>${'長い行'.repeat(20)}</b>   &amp;`);
    const text = [application(site()), '', ...lines].join('\n');
    const { page } = await openEnrolment({ document: text });
    await page.waitForSelector('#document:visible');
    assert.equal(await page.textContent('#document'), text);
    assert.equal(await page.locator('#document > *').count(), 0);
    const hidden = await page.evaluate<number[]>(`(() => {
      const { scrollHeight, clientHeight, scrollWidth, clientWidth } = document.querySelector('#document');
      return [scrollHeight - clientHeight, scrollWidth - clientWidth];
    })()`);
    assert.deepEqual(hidden, [0, 0]);
    assert.match((await page.textContent('#document-part')) ?? '', /氏名、住所、生年月日、性別/);
    await assertAccessible(page);
  });

  it('is named so, in both languages, and leaves the document as it is', async () => {
    const { page } = await openEnrolment();
    await page.waitForSelector('#request:visible');
    const named = async () => [await page.textContent('#request-title'), await page.textContent('#sign')];
    assert.deepEqual(await named(), ['内容を確かめて、文書に署名', '文書に署名する']);
    await page.click('#language');
    assert.deepEqual(await named(), ['Read and sign the document', 'Sign the document']);
    assert.equal(await page.textContent('#document'), application(site()));
  });

  it('is no sign-in, which shows no document and asks for no password', async () => {
    const { page } = await openAgent({ requests: [signRequest({ document: application(site()) })] });
    await page.waitForSelector('#request:visible');
    assert.equal(await page.textContent('#sign'), 'サインイン');
    for (const part of ['#document-part', '#password', '#no-signing']) assert.equal(await page.isVisible(part), false);
    await issueOnly({ name: 'child', signing: false });
    await page.click('#reread');
    await page.waitForSelector('[name=card][value=child]:enabled');
  });

  it('says that the PIN was wrong, and spends no try of the password', async () => {
    const opened = await openEnrolment();
    await typeBoth(opened.page, { pin: '0000', password: 'WRONG1' });
    await isRefused(opened.page, 'pin', /暗証番号が違います。あと2回/);
    assert.match((await noteOf(opened.page, 'hanako')) ?? '', /^暗証番号の残り試行回数：2回$/);
    assert.deepEqual(bothTries(), [2, 5]);
    await assertAccessible(opened.page);
    await opened.page.fill('#password', SIGNING_PIN);
    await opened.page.fill('#pin', USER_PIN);
    await opened.page.keyboard.press('Enter');
    assert.equal(await applicationFrom(opened), application(site()));
  });

  it('says that the password was wrong, and spends no try of the PIN', async () => {
    const opened = await openEnrolment({ lang: 'en' });
    await typeBoth(opened.page, { password: 'WRONG1' });
    await isRefused(opened.page, 'password', /signing password is wrong.*blocked: 4\./);
    assert.match((await noteOf(opened.page, 'hanako')) ?? '', /^Signing password tries left: 4$/);
    assert.deepEqual(bothTries(), [3, 4]);
    await assertAccessible(opened.page);
    await opened.page.keyboard.type(SIGNING_PIN);
    await opened.page.keyboard.press('Enter');
    assert.equal(await applicationFrom(opened), application(site()));
    assert.deepEqual(bothTries(), [3, 5]);
  });

  it('shows the tries left of both where some are spent', async () => {
    await issue({ userTriesLeft: 1, signingTriesLeft: 2 });
    const { page } = await openEnrolment();
    await page.waitForSelector('#request:visible');
    assert.equal(await noteOf(page, 'hanako'), '暗証番号の残り試行回数：1回\n署名用パスワードの残り試行回数：2回');
    assert.equal(await noteOf(page, 'taro'), '');
  });

  it('counts two wrong passwords in two windows at the same moment as two', async () => {
    const [one, other] = [await openEnrolment(), await openEnrolment()];
    for (const { page } of [one, other]) {
      await page.check('[name=card][value=hanako]');
      await page.fill('#pin', USER_PIN);
      await page.fill('#password', 'WRONG1');
    }
    await Promise.all([one.page.click('#sign'), other.page.click('#sign')]);
    await Promise.all([one, other].map(({ page }) => page.waitForSelector('#password-error:visible')));
    assert.deepEqual(bothTries(), [3, 3]);
  });

  it('sends nothing malformed to the card, and says so of both at once', async () => {
    const { page } = await openEnrolment();
    await typeBoth(page, { pin: '12', password: 'ABC-123' });
    assert.match((await page.textContent('#pin-error')) ?? '', /数字4桁/);
    assert.match((await page.textContent('#password-error')) ?? '', /英数字6〜16文字/);
    await isFocused(page, '#pin');
    await typeBoth(page, { password: '' });
    await isFocused(page, '#password');
    assert.equal(await page.isVisible('#pin-error'), false);
    for (const password of ['ABC12', 'A'.repeat(17), 'パスワード１２', 'abcdeı']) {
      await typeBoth(page, { password });
      assert.equal(await page.isVisible('#password-error'), true, password);
    }
    await typeBoth(page, { pin: '123' });
    assert.equal(await page.isVisible('#password-error'), false);
    assert.equal(await page.getAttribute('#password', 'aria-invalid'), null);
    assert.deepEqual(bothTries(), [3, 5]);
  });

  it('takes small and full-width letters and digits', async () => {
    const opened = await openEnrolment();
    await typeBoth(opened.page, { pin: '１２３４', password: ' ａｂｃ１２３xyz ' });
    assert.equal(await applicationFrom(opened), application(site()));
  });

  it('shows PIN and password only on request, each for itself', async () => {
    const { page } = await openEnrolment();
    await page.waitForSelector('#request:visible');
    const types = async () => [await page.getAttribute('#pin', 'type'), await page.getAttribute('#password', 'type')];
    assert.deepEqual(await types(), ['password', 'password']);
    await page.check('#show-password');
    assert.deepEqual(await types(), ['password', 'text']);
    await page.check('#show-pin');
    assert.deepEqual(await types(), ['text', 'text']);
  });

  it('says where a blocked signing password is reset', async () => {
    await issue({ signingTriesLeft: 1 });
    const { page } = await openEnrolment();
    await typeBoth(page, { password: 'WRONG1' });
    await page.waitForSelector('#error:visible');
    await isFocused(page, '#error');
    assert.match(
      (await page.textContent('#error')) ?? '',
      /署名できませんでした.*市区町村の窓口か、コンビニ.*キオスク端末/s,
    );
    assert.match((await noteOf(page, 'hanako')) ?? '', /署名用パスワードがロック.*キオスク端末/);
    assert.deepEqual([await page.inputValue('#pin'), await page.inputValue('#password')], ['', '']);
    await assertAccessible(page);
    await page.click('#language');
    assert.match((await page.textContent('#error')) ?? '', /Not signed.*ward, city, town or village office.*kiosk/s);
    await typeBoth(page, { pin: '0000' });
    await page.waitForSelector('#error:visible');
    assert.deepEqual(bothTries(), [3, 0]);
  });

  it('says that the PIN is blocked, and spends no try of the password', async () => {
    const { page } = await openEnrolment({ lang: 'en' });
    await typeBoth(page, { card: 'blocked', password: 'WRONG1' });
    await page.waitForSelector('#error:visible');
    assert.match((await page.textContent('#error')) ?? '', /wrong PINs.*office to reset the PIN/s);
    assert.equal(triesLeft(folder, 'blocked', 'signing'), 5);
  });

  it('offers no card that has no signing key, and says why', async () => {
    await issue({ name: 'child', signing: false });
    const opened = await openEnrolment();
    await opened.page.waitForSelector('[name=card][value=child]:disabled');
    assert.match((await noteOf(opened.page, 'child')) ?? '', /署名用電子証明書がない/);
    assert.equal(await opened.page.isVisible('#no-signing'), false);
    await assertAccessible(opened.page);
    await opened.page.click('#sign');
    await isFocused(opened.page, '#card-0');
    await typeBoth(opened.page);
    assert.equal(await applicationFrom(opened), application(site()));
  });

  it('chooses the one card that can sign', async () => {
    await issueOnly({ name: 'child', signing: false }, {});
    const { page } = await openEnrolment();
    await page.waitForSelector('#request:visible');
    assert.equal(await page.isChecked('[value=hanako]'), true);
  });

  for (const [lang, words] of [
    ['ja', /署名用電子証明書がありません.*15歳未満.*登録（利用申込）はできません.*サインインはできます/s],
    ['en', /no signing certificate.*under 15.*cannot be registered.*you can sign in/s],
  ] as const) {
    it(`says plainly that the only card has no signing certificate, and how to go on, in ${lang}`, async () => {
      await issueOnly({ name: 'child', signing: false, label: { ja: '番号 小梅', en: 'Koume Bango' } });
      const { page, messages } = await openEnrolment({ lang });
      await page.waitForSelector('#no-signing:visible');
      assert.match((await page.textContent('#no-signing')) ?? '', words);
      for (const part of ['#document', '#pin', '#password', '#sign']) assert.equal(await page.isVisible(part), false);
      await picture(page, `no-signing-${lang}`);
      await assertAccessible(page);
      await page.click('#cancel');
      await closed(page);
      assert.equal((await messages()).at(-1)?.type, 'musubi.agent.cancelled');
    });
  }

  it('goes on when another card is put in place', async () => {
    await issueOnly({ name: 'child', signing: false });
    const opened = await openEnrolment();
    await opened.page.waitForSelector('#no-signing:visible');
    await issue({});
    await opened.page.click('#reread');
    await opened.page.waitForSelector('#pin:visible');
    await typeBoth(opened.page);
    assert.equal(await applicationFrom(opened), application(site()));
  });

  for (const [what, document, message] of [
    ['does not name the site', () => `利用申込書\n${NONCE}`, /このサイトのこの手続きのため/],
    ['names another site', () => application('https://hub.example'), /このサイトのこの手続きのため/],
    ['names another site as well', () => `${application(site())}\nhttps://hub.example`, /このサイトのこの手続きのため/],
    ['is for another request', () => application(site(), OTHER_NONCE), /このサイトのこの手続きのため/],
    ['turns its text around', () => `${application(site())}\n\u202Eあ`, /表示できない文字/],
    ['holds half a character', () => `${application(site())}\n\uD83D`, /表示できない文字/],
    ['is too large', () => `${application(site())}\n${'あ'.repeat(6000)}`, /大きすぎ/],
    ['is far too large', () => `${application(site())}\n${'a'.repeat(3_000_000)}`, /大きすぎ/],
    ['is no text', () => ({ length: 1 }), /形式が正しくありません/],
    ['is missing', () => undefined, /形式が正しくありません/],
  ] as const) {
    it(`refuses a document that ${what}, and asks for nothing`, async () => {
      const { page, messages } = await openEnrolment({ document: document() });
      await page.waitForSelector('#stopped:visible');
      await isFocused(page, '#stopped-title');
      assert.match((await page.textContent('#stopped-message')) ?? '', message);
      assert.equal(await page.isVisible('#pin'), false);
      assert.deepEqual(
        (await messages()).map(({ type }) => type),
        ['musubi.agent.ready'],
      );
    });
  }

  it('serves the first request of a window and no second', async () => {
    const second = `${application(site(), OTHER_NONCE)}\nもう一つ`;
    const opened = await openAgent({
      requests: [enrolmentRequest(), enrolmentRequest({ nonce: OTHER_NONCE, document: second })],
    });
    await typeBoth(opened.page);
    assert.equal(await applicationFrom(opened), application(site()));
  });

  it('gives an attacker who names another origin no document for it', async () => {
    const hub = 'https://hub.example';
    const { page } = await openAgent({
      host: 'attacker.example',
      requests: [enrolmentRequest({ origin: hub, from: hub, document: application(hub) })],
    });
    await page.waitForSelector('#stopped:visible');
    assert.equal(await page.isVisible('#document'), false);
  });

  it('is open to a keyboard alone', async () => {
    const opened = await openEnrolment();
    const { page } = opened;
    await isFocused(page, '#request-title');
    await page.keyboard.press('Tab');
    await isFocused(page, '#document');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    assert.equal(await page.isChecked('[value=hanako]'), true);
    for (const stop of ['#reread', '#pin']) {
      await page.keyboard.press('Tab');
      await isFocused(page, stop);
    }
    await page.keyboard.type(USER_PIN);
    for (const stop of ['#show-pin', '#password']) {
      await page.keyboard.press('Tab');
      await isFocused(page, stop);
    }
    await page.keyboard.type(SIGNING_PIN);
    for (const stop of ['#show-password', '#sign']) {
      await page.keyboard.press('Tab');
      await isFocused(page, stop);
    }
    await page.keyboard.press('Enter');
    assert.equal(await applicationFrom(opened), application(site()));
  });

  for (const lang of ['ja', 'en']) {
    for (const [what, settings] of Object.entries(WINDOWS)) {
      it(`is without barriers, ${what}, in ${lang}`, async () => {
        await context.close();
        context = await browser.newContext({ locale: 'ja-JP', ...settings });
        await issue({
          name: 'child',
          signing: false,
          label: { ja: '番号 小梅（15歳未満）', en: 'Koume Bango (under 15)' },
        });
        const { page } = await openEnrolment({ lang, reason: '利用申込', relyingParty: 'みほん医療ネット' });
        await page.setViewportSize(settings.viewport);
        await page.waitForSelector('#request:visible');
        await assertAccessible(page);
        await assertNotTooWide(page);
        await picture(page, `enrolment-${lang}-${what}`);
        await typeBoth(page, { password: 'WRONG1' });
        await page.waitForSelector('#password-error:visible');
        await picture(page, `enrolment-wrong-${lang}-${what}`);
        await assertAccessible(page);
        await assertNotTooWide(page);
      });
    }
  }
});
