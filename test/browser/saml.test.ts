import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { type SamlWebsite, startSamlWebsite } from '../support/saml/website.ts';
import { newDataFolder, type SandboxProcess, startSandboxProcess } from '../support/sandbox_process.ts';
import { launchChromium, newPerson, text } from './person.ts';

let browser: Browser;
let sandbox: SandboxProcess;
let website: SamlWebsite;
let remove: () => Promise<void>;

before(async () => {
  const folder = await newDataFolder();
  remove = folder.remove;
  [browser, sandbox, website] = await Promise.all([
    launchChromium(),
    startSandboxProcess({ dataFolder: folder.dataFolder }),
    startSamlWebsite(),
  ]);
  await website.configure(sandbox.issuer);
  const file = join(folder.dataFolder, 'sp.xml');
  writeFileSync(file, website.metadata);
  const added = await sandbox.command('saml', 'add', file, '--purpose-ja', '窓口の予約に使います');
  assert.equal(added.code, 0, added.stderr);
});
after(async () => {
  await browser?.close();
  await website?.stop();
  await sandbox?.end('SIGTERM');
  await remove?.();
});

describe('a person at a website that speaks SAML', () => {
  it('signs in with the card, is told by name who asks, and is greeted; the next binding needs no card', async () => {
    const person = await newPerson(browser);
    const { page } = person;
    await page.goto(website.url);
    await page.click('a[href="/redirect"]');
    await page.waitForSelector('[data-start]:not([disabled])');
    assert.match(await text(page), /127\.0\.0\.1/);
    await person.look();
    await person.useCard('taro');
    await page.waitForSelector('button[name=decision][value=agree]');
    assert.match(await text(page), /窓口の予約に使います/);
    await person.look();
    await person.agree();
    await page.waitForSelector('#sub');
    assert.equal(await page.textContent('#state'), 'by-redirect');
    const sub = await page.textContent('#sub');
    assert.match(sub ?? '', /^[\w-]{16,}$/);

    await page.goto(website.url);
    await page.click('a[href="/form"]');
    await page.waitForSelector('#sub');
    assert.equal(await page.textContent('#state'), 'by-form');
    assert.equal(await page.textContent('#sub'), sub);

    // The same session at a website that speaks OpenID Connect.
    await person.beginSignIn(sandbox.clinic);
    await page.waitForSelector('button[name=decision][value=agree]');
    await person.leave();
  });

  it('gets there without script too, by a button on each page that would send itself', async () => {
    const scripted = await newPerson(browser);
    await scripted.beginSignIn(sandbox.clinic);
    await scripted.useCard('hanako');
    await scripted.page.waitForSelector('button[name=decision][value=agree]');
    const storageState = await scripted.context.storageState();
    await scripted.leave();

    const person = await newPerson(browser, { javaScriptEnabled: false, storageState });
    const { page } = person;
    await page.goto(`${website.url}/form`);
    await page.click('[type=submit]');
    await page.waitForSelector('button[name=decision][value=agree]');
    await page.click('button[name=decision][value=agree]');
    const send = page.locator('form[data-send-form] button');
    await send.waitFor();
    await send.click();
    await page.waitForSelector('#sub');
    assert.equal(await page.textContent('#state'), 'by-form');
    await person.leave();
  });
});
