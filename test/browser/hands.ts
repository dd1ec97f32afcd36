import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** How a person uses what is on a page; elements are named by CSS selectors, and the first one that fits is meant. */
export interface Hand {
  /** A link or a button. */
  press(page: Page, selector: string): Promise<void>;
  /** Types into an empty field. */
  write(page: Page, selector: string, text: string): Promise<void>;
  /** A check box. */
  tick(page: Page, selector: string, isTicked: boolean): Promise<void>;
  /** A radio button. */
  choose(page: Page, selector: string): Promise<void>;
}

export const mouse: Hand = {
  press: (page, selector) => page.click(selector),
  write: (page, selector, text) => page.fill(selector, text),
  tick: (page, selector, isTicked) => page.setChecked(selector, isTicked),
  choose: (page, selector) => page.check(selector),
};

/** As a person who has no mouse: Tab, the arrows, Space and Enter, and nothing that they cannot reach. */
export const keyboard: Hand = {
  async press(page, selector) {
    await tabTo(page, selector);
    await page.keyboard.press('Enter');
  },

  async write(page, selector, text) {
    await tabTo(page, selector);
    await page.keyboard.insertText(text);
  },

  async tick(page, selector, isTicked) {
    await tabTo(page, selector);
    if ((await page.isChecked(selector)) !== isTicked) await page.keyboard.press('Space');
    assert.equal(await page.isChecked(selector), isTicked, selector);
  },

  async choose(page, selector) {
    await page.waitForSelector(selector);
    const name = await page.getAttribute(selector, 'name');
    await tabTo(page, `[name="${name}"]`);
    // Space chooses where none was chosen; from there the arrows go round the group.
    if (!(await page.isChecked(`[name="${name}"]:focus`))) await page.keyboard.press('Space');
    const choices = await page.locator(`[name="${name}"]`).count();
    for (let i = 0; i < choices && !(await page.isChecked(selector)); i += 1) await page.keyboard.press('ArrowDown');
    assert.ok(await page.isChecked(selector), `${selector} cannot be chosen with the keyboard`);
  },
};

async function tabTo(page: Page, selector: string): Promise<void> {
  await page.waitForSelector(selector);
  for (let stops = 0; stops < 60; stops += 1) {
    if (await page.evaluate<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${selector} cannot be reached with the keyboard`);
}
