import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium } from '../setup.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const LAUNCH = {
  executablePath: findChromium() ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ],
};

export async function launchChromium(): Promise<Browser> {
  return chromium.launch(LAUNCH);
}

/** A person with a browser of their own, and what they do in it. */
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
  /** From a relying party's front page to the hub's sign-in page, or, where nothing is to be asked, back again. */
  beginSignIn(site: string): Promise<void>;
  /** Presses the sign-in page's button; resolves with the card agent's window when it shows the request. */
  openCardAgent(): Promise<Page>;
  /** The whole step: button, card, PIN; resolves when the hub has answered. */
  useCard(card: string, pin?: string): Promise<void>;
  /** Ticks what is named and nothing else, and agrees. */
  agree(claims?: readonly string[]): Promise<void>;
  /** What the relying party greets with. */
  greeting(): Promise<{ sub: string; acr: string; amr: string; claims: string }>;
  /** No accessibility fault that axe knows of, and nothing wider than the window, on the page as it stands. */
  look(page?: Page): Promise<void>;
  leave(): Promise<void>;
}

const WINDOW = { locale: 'ja-JP', viewport: { width: 1280, height: 900 } };

export async function newPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  return personIn(await browser.newContext({ ...WINDOW, ...options }), options);
}

/** A person whose browser is there already. */
export async function personIn(context: BrowserContext, options: BrowserContextOptions = {}): Promise<Person> {
  // Two cores, shared with other test files: patience costs nothing where all is well.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();

  const openCardAgent = async () => {
    const opened = context.waitForEvent('page');
    await page.click('[data-start]:not([disabled])');
    const agent = await opened;
    if (options.viewport) await agent.setViewportSize(options.viewport);
    await agent.waitForSelector('#request:visible');
    return agent;
  };

  return {
    page,
    context,
    openCardAgent,

    async beginSignIn(site) {
      await page.goto(site);
      await page.click('a[href="/sign-in"]');
    },

    async useCard(card, pin = '1234') {
      const agent = await openCardAgent();
      await agent.check(`[name=card][value="${card}"]`);
      await agent.fill('#pin', pin);
      await answered(page, () => agent.click('#sign'));
    },

    async agree(claims = ['card_status']) {
      for (const box of await page.locator('input[name=claims]').all()) {
        await box.setChecked(claims.includes((await box.getAttribute('value')) ?? ''));
      }
      await page.click('button[name=decision][value=agree]');
    },

    async greeting() {
      const text = async (selector: string) => ((await page.textContent(selector)) ?? '').trim();
      return {
        sub: await text('#sub'),
        acr: await text('#acr'),
        amr: await text('#amr'),
        claims: await text('section[aria-labelledby=claims]'),
      };
    },

    look: (at = page) => assertFitForAll(at),
    leave: () => context.close(),
  };
}

/** Resolves when the page's form has been answered, whatever came of it. */
export async function answered(page: Page, act: () => Promise<void>): Promise<void> {
  const answer = page.waitForResponse((response) => response.request().method() === 'POST');
  await act();
  await answer;
  await page.waitForLoadState();
}

async function assertFitForAll(page: Page): Promise<void> {
  // The pages' policy allows no inline script; what the debugger evaluates is not under it.
  await page.evaluate(AXE);
  const found = await page.evaluate<string[]>(`axe.run().then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`);
  assert.deepEqual(found, [], `at ${new URL(page.url()).pathname}`);
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  assert.ok(overflow <= 0, `${new URL(page.url()).pathname} is ${overflow} px too wide`);
}

export async function text(page: Page, selector = 'main'): Promise<string> {
  return ((await page.textContent(selector)) ?? '').replaceAll(/\s+/g, ' ').trim();
}
