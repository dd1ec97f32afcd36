import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { SANDBOX_SIGNING_PIN } from '../../adapters/sandbox/authority/issuing.ts';
import { findChromium, findHeadlessChromium } from '../setup.ts';
import { type Hand, mouse } from './hands.ts';

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

/** @param args beside those that every test's browser has. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = findHeadlessChromium() ?? LAUNCH.executablePath;
  return chromium.launch({ executablePath, args: [...LAUNCH.args, ...args] });
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
  /** From a page that shows a document: signs it in the card agent's window; resolves when the hub has answered. */
  sign(card: string): Promise<void>;
  /** From a page that offers it: fills in the form and signs the application in the card agent, until the hub has registered it. */
  enrol(card: string, form: EnrolmentForm): Promise<void>;
  /** Ticks what is named and nothing else, and agrees. */
  agree(claims?: readonly string[]): Promise<void>;
  /** What the relying party greets with. */
  greeting(): Promise<{ sub: string; acr: string; amr: string; claims: string }>;
  /** No accessibility fault that axe knows of, and nothing wider than the window, on the page as it stands. */
  look(page?: Page): Promise<void>;
  leave(): Promise<void>;
}

/** What is on the card, as it is typed into the form of enrolment, by the form's own names. */
export interface EnrolmentForm {
  readonly name: string;
  readonly address: string;
  readonly birth_year: string;
  readonly birth_month: string;
  readonly birth_day: string;
  readonly gender: 'male' | 'female';
}

/** The browser's settings, and how the person uses it: with the mouse, where nothing is said. */
export interface PersonOptions extends BrowserContextOptions {
  readonly hand?: Hand;
}

const WINDOW = { locale: 'ja-JP', viewport: { width: 1280, height: 900 } };

export async function newPerson(browser: Browser, { hand, ...options }: PersonOptions = {}): Promise<Person> {
  return personIn(await browser.newContext({ ...WINDOW, ...options }), { hand, ...options });
}

/** A person whose browser is there already. */
export async function personIn(
  context: BrowserContext,
  { hand = mouse, viewport }: Pick<PersonOptions, 'hand' | 'viewport'> = {},
): Promise<Person> {
  // Two cores, shared with other test files: patience costs nothing where all is well.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();

  const openCardAgent = async () => {
    const opened = context.waitForEvent('page');
    await hand.press(page, '[data-start]:not([disabled])');
    const agent = await opened;
    if (viewport) await agent.setViewportSize(viewport);
    await agent.waitForSelector('#request:visible');
    return agent;
  };

  const sign = async (card: string) => {
    const agent = await openCardAgent();
    await hand.choose(agent, `[name=card][value="${card}"]`);
    await hand.write(agent, '#pin', '1234');
    await hand.write(agent, '#password', SANDBOX_SIGNING_PIN);
    await answered(page, () => hand.press(agent, '#sign'));
  };

  return {
    page,
    context,
    openCardAgent,
    sign,

    async beginSignIn(site) {
      await page.goto(site);
      await hand.press(page, 'a[href="/sign-in"]');
    },

    async useCard(card, pin = '1234') {
      const agent = await openCardAgent();
      await hand.choose(agent, `[name=card][value="${card}"]`);
      await hand.write(agent, '#pin', pin);
      await answered(page, () => hand.press(agent, '#sign'));
    },

    async enrol(card, { gender, ...fields }) {
      await hand.press(page, 'a[href$="/enrolment"]');
      for (const [name, value] of Object.entries(fields)) await hand.write(page, `[name=${name}]`, value);
      await hand.choose(page, `[name=gender][value=${gender}]`);
      await answered(page, () => hand.press(page, 'main form button:not([type])'));
      await sign(card);
      await hand.press(page, 'main a.button-primary');
    },

    async agree(claims = ['card_status']) {
      for (const box of await page.locator('input[name=claims]').all()) {
        const claim = (await box.getAttribute('value')) ?? '';
        await hand.tick(page, `input[name=claims][value="${claim}"]`, claims.includes(claim));
      }
      await hand.press(page, 'button[name=decision][value=agree]');
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
