import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** A folder; where it is given, stories leave pictures of their pages in it. */
const folder = process.env.MUSUBI_TEST_PICTURES;
const WIDTHS = [320, 1280];
const SCHEMES = ['light', 'dark'] as const;
/** Pixels. */
const HEIGHT = 900;

let taken = 0;

/**
 * Photographs the whole page in each width and colour scheme, as `NUMBER-LANGUAGE-PATH-WIDTH-SCHEME.png`, in the order of
 * the story. Does nothing where no folder is given.
 */
export async function photograph(page: Page): Promise<void> {
  if (folder === undefined) return;
  taken += 1;
  const language = await page.getAttribute('html', 'lang');
  // Without the parts that are identifiers.
  const path = new URL(page.url()).pathname.match(/\b[a-z-]{2,30}\b(?=\/|$)/g)?.join('-') ?? 'front';
  const window = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const name = `${String(taken).padStart(2, '0')}-${language}-${path}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: join(folder, name), fullPage: true, animations: 'disabled' });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (window) await page.setViewportSize(window);
}
