import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { describePages, type Shown, show as showOf, violations, withPage as withPageOf } from './page_checks.ts';
import { type SampleServer, samples, startSampleServer } from './page_samples.ts';
import { launchChromium } from './person.ts';
import { portalSamples } from './portal_samples.ts';

let browser: Browser;
let server: SampleServer;
let agent: Server;
/** What the agent's page does once it is asked; a script. */
let agentScript = '';

before(async () => {
  agent = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(request.url === '/sign' ? `<!doctype html><title>agent</title><script>${agentScript}</script>` : '');
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  const agentUrl = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
  const signIn = samples['sign-in'];
  assert.ok(signIn);
  const withInput = (more: object) => ({
    page: signIn.page,
    input: { ...signIn.input, ...more } as typeof signIn.input,
  });
  server = await startSampleServer({
    'with-agent': withInput({ agentUrl }),
    'without-agent': withInput({ agentUrl: 'http://127.0.0.1:9' }),
    'short-lived': withInput({ agentUrl, lifetimeSeconds: 0 }),
  });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
  agent?.closeAllConnections();
  agent?.close();
});

const shown = (): Shown => ({ browser, origin: server.origin });
const withPage = (options: BrowserContextOptions, run: (page: Page) => Promise<void>) =>
  withPageOf(browser, options, run);
const show = (page: Page, name: string) => showOf(shown(), page, name);

describe('every page', () => {
  describePages(
    Object.keys(samples).filter((name) => !(name in portalSamples)),
    shown,
  );
});

describe('the switches', () => {
  it('work without script, stay on the page and are remembered', async () => {
    await withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto(`${server.origin}/consent`);
      await page.getByRole('button', { name: 'English' }).click();
      assert.equal(page.url(), `${server.origin}/consent`);
      assert.equal(await page.getAttribute('html', 'lang'), 'en');

      await page.locator('.switch-menu > summary').click();
      await page.getByRole('button', { name: 'Extra large' }).click();
      await page.locator('.switch-menu > summary').click();
      await page.getByRole('button', { name: 'Dark' }).click();
      await page.goto(`${server.origin}/home`);
      assert.equal(await page.getAttribute('html', 'class'), 'text-extra-large color-dark');
      assert.equal(await page.getAttribute('html', 'lang'), 'en');
    });
  });

  it('change size and colours, the person’s choice over the system’s', async () => {
    await withPage({ colorScheme: 'dark' }, async (page) => {
      await page.goto(`${server.origin}/home`);
      const look = () =>
        page.evaluate('[getComputedStyle(document.documentElement).fontSize, getComputedStyle(document.body).color]');
      assert.deepEqual(await look(), ['16px', 'rgb(242, 242, 242)']);
      await page.locator('.switch-menu > summary').click();
      await page.getByRole('button', { name: '特大' }).click();
      await page.locator('.switch-menu > summary').click();
      await page.getByRole('button', { name: '明るい' }).click();
      assert.deepEqual(await look(), ['24px', 'rgb(26, 26, 26)']);
    });
  });
});

describe('the page that sends a form', () => {
  it('sends it at once, and by its button where there is no script', async () => {
    const sent = () => server.forms.map((form) => Object.fromEntries(form));
    const form = { code: 'a code', submit: 'yes' };
    await withPage({}, async (page) => {
      server.forms.length = 0;
      const answered = page.waitForResponse((response) => response.url().endsWith('/unanswered'));
      await show(page, 'send-form');
      await answered;
      assert.deepEqual(sent(), [form]);
    });
    await withPage({ javaScriptEnabled: false }, async (page) => {
      server.forms.length = 0;
      await show(page, 'send-form');
      assert.deepEqual(sent(), []);
      const answered = page.waitForResponse((response) => response.url().endsWith('/unanswered'));
      await page.getByRole('button', { name: '続ける' }).click();
      await answered;
      assert.deepEqual(sent(), [form]);
    });
  });
});

describe('the font', () => {
  it('is ours', async () => {
    await withPage({}, async (page) => {
      const fonts: string[] = [];
      page.on('response', (response) => {
        if (response.url().endsWith('.woff2') && response.ok()) fonts.push(response.url());
      });
      await page.goto(`${server.origin}/home`, { waitUntil: 'networkidle' });
      assert.ok(fonts.length > 0);
      assert.ok(fonts.every((url) => url.startsWith(`${server.origin}/assets/`)));
      assert.ok(await page.evaluate(`document.fonts.check('16px "Noto Sans JP Variable"', '結')`));
    });
  });
});

describe('the sign-in page and the card agent', () => {
  const ask = "opener.postMessage({ type: 'musubi.agent.ready' }, '*');";
  const onRequest = (reply: string) =>
    `addEventListener('message', (event) => { if (event.data.type === 'musubi.agent.sign') { ${reply} } }); ${ask}`;

  it('hand the challenge to the agent and its token to the hub', async () => {
    agentScript = onRequest(
      "opener.postMessage({ type: 'musubi.agent.token', token: { asked: event.data, by: event.origin } }, event.origin);",
    );
    await withPage({}, async (page) => {
      await page.goto(`${server.origin}/with-agent`);
      await page.getByRole('button', { name: 'マイナンバーカードでサインイン' }).click();
      await page.waitForURL('**/interaction/1/sign-in');
      const form = server.forms.at(-1);
      const token = JSON.parse(form?.get('token') ?? '');
      assert.deepEqual(token, {
        asked: {
          type: 'musubi.agent.sign',
          purpose: 'sign-in',
          nonce: 'a-challenge',
          reason: '「みなと市立図書館 オンライン予約」にサインインするため',
          relyingParty: 'みなと市立図書館 オンライン予約',
          lang: 'ja',
        },
        by: server.origin,
      });
      assert.equal(form?.get('csrf'), 'a form token');
      assert.equal(form?.get('nonce'), 'a-challenge');
    });
  });

  it('tell the person that reading was cancelled, and allow another try', async () => {
    agentScript = onRequest("opener.postMessage({ type: 'musubi.agent.cancelled' }, event.origin);");
    await withPage({}, async (page) => {
      await page.goto(`${server.origin}/with-agent`);
      await page.locator('[data-start]').click();
      await page.getByText('カードの読み取りを取りやめました').waitFor();
      assert.ok(await page.locator('[data-start]').isEnabled());
      assert.deepEqual(await violations(page), []);
    });
  });

  it('tell the person that the window was closed', async () => {
    agentScript = onRequest('close();');
    await withPage({}, async (page) => {
      await page.goto(`${server.origin}/with-agent`);
      await page.locator('[data-start]').click();
      await page.getByRole('alert').getByText('ソフトの画面が閉じられました').waitFor();
    });
  });

  it('tell the person how to go on when no agent answers', async () => {
    await withPage({}, async (page) => {
      await page.clock.install();
      await page.goto(`${server.origin}/without-agent`);
      const opened = page.waitForEvent('popup');
      await page.locator('[data-start]').click();
      await opened;
      await page.clock.runFor(5000);
      await page.getByText('カードを読み取るソフトから返事がありません').waitFor();
      await page.getByRole('alert').getByRole('link', { name: 'ソフトの入手と起動の方法' }).waitFor();
    });
  });

  it('tell the person how to go on when the window is blocked', async () => {
    await withPage({}, async (page) => {
      await page.addInitScript('window.open = () => null');
      await page.goto(`${server.origin}/with-agent`);
      await page.locator('[data-start]').click();
      await page.getByText('小さなウィンドウを開けませんでした').waitFor();
    });
  });

  it('say when the challenge is too old, and offer a new page', async () => {
    await withPage({}, async (page) => {
      await page.goto(`${server.origin}/short-lived`);
      await page.getByText('この画面の有効時間が過ぎました').waitFor();
      await page.locator('[data-problem] a').click();
      await page.waitForURL('**/sign-in');
    });
  });

  it('take no token from another window or origin', async () => {
    agentScript = ask;
    await withPage({}, async (page) => {
      await page.goto(`${server.origin}/with-agent`);
      await page.locator('[data-start]').click();
      await page.getByText('操作を続けてください').waitFor();
      const received = server.forms.length;
      await page.evaluate(`(() => {
        const forged = { type: 'musubi.agent.token', token: { forged: true } };
        window.postMessage(forged, '*');
        // The agent's origin alone is not enough: it must be the window that this page opened.
        const origin = document.querySelector('#sign-in').dataset.agentUrl;
        window.dispatchEvent(new MessageEvent('message', { data: forged, origin, source: window }));
        return new Promise((resolve) => setTimeout(resolve, 0));
      })()`);
      assert.equal(server.forms.length, received);
      assert.equal(page.url(), `${server.origin}/with-agent`);
    });
  });

  it('take no token from the right window once it shows another origin', async () => {
    // The same machine under another name is another origin.
    agentScript = `if (location.hostname === 'localhost') {
      opener.postMessage({ type: 'musubi.agent.token', token: { forged: true } }, '*');
      document.title = 'sent';
    } else location.href = location.href.replace('127.0.0.1', 'localhost');`;
    await withPage({}, async (page) => {
      await page.goto(`${server.origin}/with-agent`);
      const received = server.forms.length;
      const opened = page.waitForEvent('popup');
      await page.locator('[data-start]').click();
      const popup = await opened;
      await popup.waitForFunction("document.title === 'sent'");
      await page.evaluate('new Promise((resolve) => setTimeout(resolve, 0))');
      assert.equal(server.forms.length, received);
      assert.equal(page.url(), `${server.origin}/with-agent`);
    });
  });

  it('say without script why script is needed, and can still be left', async () => {
    await withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto(`${server.origin}/sign-in`);
      assert.ok(await page.locator('noscript .banner').isVisible());
      assert.ok(await page.locator('[data-start]').isDisabled());
      await page.getByRole('button', { name: /サインインせずに/ }).click();
      assert.equal(page.url(), `${server.origin}/interaction/1/cancel`);
      assert.equal(server.forms.at(-1)?.get('csrf'), 'a form token');
    });
  });
});

describe('the consent page', () => {
  it('sends what was ticked and which button was pressed, without script', async () => {
    await withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto(`${server.origin}/consent`);
      assert.equal(await page.locator('input[value="card_status"]').isChecked(), false);
      await page.getByLabel('カードが有効であること').check();
      await page.getByRole('button', { name: '同意する' }).click();
      const form = server.forms.at(-1);
      assert.deepEqual(form?.getAll('claims'), ['card_status', 'birthdate']);
      assert.equal(form?.get('decision'), 'agree');
    });
  });
});
