import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/* What holds of every page, whichever it is. */

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { width: 320, height: 640 };
export const DESKTOP = { width: 1280, height: 800 };

/** Where the samples are shown. */
export interface Shown {
  readonly browser: Browser;
  readonly origin: string;
}

/** Nothing moves: what is looked at while a colour changes is of neither colour. */
const STILL = { viewport: DESKTOP, locale: 'ja-JP', reducedMotion: 'reduce' } as const;

/** A page in a browser context of its own, and what the browser has complained of since it was asked last. */
async function openPage(browser: Browser, options: BrowserContextOptions) {
  const context = await browser.newContext({ ...STILL, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return { context, page, complaints: () => complaints.splice(0) };
}

/** A page in a new browser context; fails when the browser complains of anything. */
export async function withPage(
  browser: Browser,
  options: BrowserContextOptions,
  run: (page: Page) => Promise<void>,
): Promise<void> {
  const { context, page, complaints } = await openPage(browser, options);
  try {
    await run(page);
    assert.deepEqual(complaints(), [], 'the browser complains');
  } finally {
    await context.close();
  }
}

/** The same for many tests, since a context and its first page take as long as what is tested in them. */
function sharePage(
  shown: () => Shown,
  options: BrowserContextOptions,
): (run: (page: Page) => Promise<void>) => Promise<void> {
  let opened: Awaited<ReturnType<typeof openPage>>;
  before(async () => {
    opened = await openPage(shown().browser, options);
  });
  after(() => opened?.context.close());
  return async (run) => {
    await run(opened.page);
    assert.deepEqual(opened.complaints(), [], 'the browser complains');
  };
}

/** axe's findings, best practices too. Run by the debugger, so that the page's own policy stays as it is. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  // In-page code is text: this program's types know no `document`.
  return page.evaluate<string[]>(`axe.run().then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`);
}

export async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('document.documentElement.scrollWidth > document.documentElement.clientWidth');
}

export async function openEverything(page: Page): Promise<void> {
  for (const summary of await page.locator('summary').all()) await summary.click();
}

/** The focused element as a keyboard user meets it; null at the page's end. */
export interface Stop {
  html: string;
  outline: string;
  height: number;
  /** Links in running text are exempt from target sizes (WCAG 2.5.5, inline); a box's label is part of its target. */
  isTarget: boolean;
}
export const FOCUSED = `(() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const isInline = element.matches('p a, dd a, li a') && !element.matches('.button, .block-link');
  return {
    html: element.outerHTML.slice(0, 80),
    outline: outlineWidth + ' ' + outlineStyle,
    height: element.getBoundingClientRect().height,
    isTarget: !isInline && !element.matches('.choice-input'),
  };
})()`;

export async function show({ origin }: Pick<Shown, 'origin'>, page: Page, name: string): Promise<void> {
  // A page that sends its form at once never has everything loaded.
  await page.goto(`${origin}/${name}`, { waitUntil: name === 'send-form' ? 'domcontentloaded' : 'load' });
}

/** One test in each language and one with the keyboard, for each page. */
export function describePages(names: readonly string[], shown: () => Shown): void {
  // Between them they meet both languages, colours and widths; every combination would tell little more and take long.
  const readers = [
    { locale: 'ja-JP', viewport: PHONE, colorScheme: 'light' },
    { locale: 'en-GB', viewport: DESKTOP, colorScheme: 'dark' },
  ].map((options) => ({ ...options, inPage: sharePage(shown, options as BrowserContextOptions) }));
  const atKeyboard = sharePage(shown, {});

  for (const name of names) {
    for (const { locale, viewport, inPage } of readers) {
      it(`is accessible and fits 320 px, also with text of 200 %: ${name}, ${locale}`, async () => {
        await inPage(async (page) => {
          await page.setViewportSize(viewport);
          await show(shown(), page, name);
          await openEverything(page);
          assert.deepEqual(await violations(page), []);
          await page.setViewportSize(PHONE);
          assert.equal(await scrollsSideways(page), false, 'scrolls sideways');
          await page.evaluate("document.documentElement.style.fontSize = '200%'");
          assert.equal(await scrollsSideways(page), false, 'scrolls sideways at 200 %');
        });
      });
    }

    it(`shows where the keyboard is, and every target is 44 px high: ${name}`, async () => {
      await atKeyboard(async (page) => {
        await show(shown(), page, name);
        const stops: Stop[] = [];
        for (;;) {
          await page.keyboard.press('Tab');
          const stop = await page.evaluate<Stop | null>(FOCUSED);
          // Behind the last one are the browser's own, or none and the first again.
          if (!stop || stop.html === stops[0]?.html) break;
          assert.equal(stop.outline, '4px solid', stop.html);
          if (stop.isTarget && stops.length > 0) assert.ok(stop.height >= 44, `${stop.height} px: ${stop.html}`);
          stops.push(stop);
          assert.ok(stops.length < 40, 'the keyboard never leaves the page');
        }
        assert.match(stops[0]?.html ?? '', /skip-link/);
        assert.ok(stops.length >= 3);
      });
    });
  }
}
