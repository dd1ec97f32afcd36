import assert from 'node:assert/strict';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { WebEidToken } from '../../adapters/card/card.ts';
import { type CardAgent, startCardAgent } from '../../adapters/card/card_agent.ts';
import { softCardDoor, writeSoftCard } from '../../adapters/card/soft_card.ts';
import { cardsFolder, NONCE, softCardFile, triesLeft, USER_PIN } from '../adapters/card/soft_card_factory.ts';

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
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--host-resolver-rules=MAP *.example 127.0.0.1',
    ],
  });
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
  for (const name of ['taro', 'blocked']) await writeSoftCard(folder, await softCardFile({ name }));
  await writeSoftCard(folder, await softCardFile());
  await writeSoftCard(
    folder,
    await softCardFile({
      name: 'blocked',
      userTriesLeft: 0,
      label: { ja: '錠前 次郎（ロックされたカード）', en: 'Jiro Jomae (blocked card)' },
    }),
  );
  context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 480, height: 800 } });
});
afterEach(() => context.close());

interface Message {
  type: string;
  token?: WebEidToken;
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

/** The token once the agent's window has closed itself. */
async function tokenFrom({ page, messages }: { page: Page; messages: () => Promise<Message[]> }): Promise<WebEidToken> {
  await closed(page);
  const last = (await messages()).at(-1);
  assert.equal(last?.type, 'musubi.agent.token');
  assert.equal(last?.from, agent.url);
  return last?.token ?? assert.fail('no token');
}

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

describe('the card agent in a browser', () => {
  it('gives a website a token for its own origin and nonce, and closes', async () => {
    const opened = await openAgent();
    await typePin(opened.page);
    const token = await tokenFrom(opened);
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
    await writeSoftCard(folder, await softCardFile({ name: 'newcomer' }));
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
    for (const [what, settings] of Object.entries({
      'in a window': { viewport: { width: 480, height: 800 } },
      'at 320 px': { viewport: { width: 320, height: 640 } },
      'in the dark': { viewport: { width: 480, height: 800 }, colorScheme: 'dark' as const },
    })) {
      it(`without barriers, ${what}, in ${lang}`, async () => {
        await context.close();
        context = await browser.newContext({ locale: 'ja-JP', ...settings });
        const request = signRequest({ lang, reason: 'サインイン', relyingParty: 'みほんショップ' });
        const { page } = await openAgent({ host: 'shop.example', requests: [request] });
        await page.setViewportSize(settings.viewport);
        await page.waitForSelector('#request:visible');
        assert.equal(await page.getAttribute('html', 'lang'), lang);
        await assertAccessible(page);
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
        await typePin(page, '0000');
        await page.waitForSelector('#pin-error:visible');
        if (process.env.MUSUBI_PICTURES) {
          await page.screenshot({
            path: `${process.env.MUSUBI_PICTURES}/${lang}-${what.replaceAll(' ', '-')}.png`,
            fullPage: true,
          });
        }
        await assertAccessible(page);
      });
    }
  }
});
