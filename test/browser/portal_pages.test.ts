import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { DESKTOP, describePages, show, withPage } from './page_checks.ts';
import { type SampleServer, startSampleServer } from './page_samples.ts';
import { launchChromium } from './person.ts';
import { portalSamples } from './portal_samples.ts';

/* A file of its own: together with the other pages they would take longer than one file may on a busy machine. */

let browser: Browser;
let server: SampleServer;

before(async () => {
  [browser, server] = await Promise.all([launchChromium(), startSampleServer()]);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

describe('every page of the portal', () => {
  describePages(Object.keys(portalSamples), () => ({ browser, origin: server.origin }));
});

describe('a table of the portal', () => {
  /** Of each table's box: how much of it one would have to scroll to (px). */
  const HIDDEN = `[...document.querySelectorAll('.table-scroll')].map((box) => box.scrollWidth - box.clientWidth)`;
  /** What is shown in front of each cell. */
  const LABELS = `[...document.querySelectorAll('.table td')].map((cell) => getComputedStyle(cell, '::before').content)`;

  for (const name of ['portal-history', 'portal-attributes']) {
    it(`is read on a phone row by row, without scrolling sideways, and is a table still for who hears it: ${name}`, async () => {
      await withPage(browser, { viewport: { width: 320, height: 640 } }, async (page) => {
        await show(server, page, name);
        assert.deepEqual(new Set(await page.evaluate<number[]>(HIDDEN)), new Set([0]));
        const labels = await page.evaluate<string[]>(LABELS);
        assert.ok(
          labels.every((label) => /^"[^"]+"/.test(label)),
          labels.join(),
        );
        const columns = page.getByRole('table').first().getByRole('columnheader');
        assert.ok((await columns.count()) >= 4);
        await page.setViewportSize(DESKTOP);
        assert.deepEqual(new Set(await page.evaluate<string[]>(LABELS)), new Set(['none']));
      });
    });
  }
});
