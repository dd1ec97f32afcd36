import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { newDataFolder, type SandboxProcess, startSandboxProcess } from '../support/sandbox_process.ts';
import { answered, launchChromium, newPerson, text } from './person.ts';

let browser: Browser;
let sandbox: SandboxProcess;
let remove: () => Promise<void>;

before(async () => {
  const folder = await newDataFolder();
  remove = folder.remove;
  [browser, sandbox] = await Promise.all([launchChromium(), startSandboxProcess({ dataFolder: folder.dataFolder })]);
});
after(async () => {
  await browser?.close();
  await sandbox?.end('SIGTERM');
  await remove?.();
});

describe('a person on their own pages', () => {
  it('sees what was shared, withdraws it, takes everything along, signs out elsewhere and locks the account', async () => {
    const person = await newPerson(browser, { viewport: { width: 320, height: 640 } });
    const { page } = person;
    await person.beginSignIn(sandbox.clinic);
    await person.useCard('taro');
    await page.waitForSelector('button[name=decision][value=agree]');
    assert.match(await text(page), /「マイページ」で取り消せます/);
    await person.agree();
    await person.greeting();

    // From the hub's front page, in the session that is there.
    await page.goto(sandbox.issuer);
    await page.click('a[href="/portal"]');
    await page.getByRole('heading', { name: 'マイページ', level: 1 }).waitFor();
    await person.look();
    await page.click('a[href="/portal/history"]');
    assert.match(await text(page), /カードが有効であること/);
    await person.look();

    await page.goto(`${sandbox.issuer}/portal/download`);
    const download = page.waitForEvent('download');
    await page.click('a[href="/portal/download.json"]');
    const file = await download;
    assert.equal(file.suggestedFilename(), 'musubi-records.json');
    const records = JSON.parse(readFileSync(await file.path(), 'utf8'));
    assert.equal(records.complete, true);
    assert.ok(records.disclosures.length > 0);

    await page.goto(`${sandbox.issuer}/portal/consents`);
    await page.click('a[href$="/withdraw"]');
    await person.look();
    await answered(page, () => page.click('main form button'));
    await page.getByRole('heading', { name: '同意を取り消しました' }).waitFor();
    await page.goto(`${sandbox.issuer}/portal/consents`);
    assert.match(await text(page), /いま有効な同意はありません/);

    const elsewhere = await newPerson(browser);
    await elsewhere.page.goto(`${sandbox.issuer}/portal`);
    await elsewhere.useCard('taro');
    await elsewhere.page.getByRole('heading', { name: 'マイページ', level: 1 }).waitFor();
    await page.goto(`${sandbox.issuer}/portal/sessions`);
    await person.look();
    await page.click('a[href$="/end"]');
    await answered(page, () => page.click('main form button'));
    await elsewhere.page.reload();
    await elsewhere.page.waitForSelector('[data-start]');
    await elsewhere.leave();

    await page.goto(`${sandbox.issuer}/portal/lock`);
    await answered(page, () => page.click('main form button'));
    const reference = (await page.textContent('.portal-reference'))?.trim() ?? '';
    assert.match(reference, /^L-/);
    await person.look();
    await page.goto(`${sandbox.issuer}/portal`);
    await person.useCard('taro');
    assert.match(await text(page), /アカウントはロックされています/);

    const locks = await sandbox.command('person', 'locks');
    assert.match(locks.stdout, new RegExp(reference));
    const unlocked = await sandbox.command('person', 'unlock', reference);
    assert.equal(unlocked.code, 0, unlocked.stderr);
    await person.useCard('taro');
    await page.getByRole('heading', { name: 'マイページ', level: 1 }).waitFor();
    await person.leave();
  });

  it('connects a card issuer by its own sign-in, in the other language, and sees what it holds', async () => {
    const person = await newPerson(browser, { locale: 'en-GB' });
    const { page } = person;
    await page.goto(`${sandbox.issuer}/portal/providers`);
    await person.useCard('hanako');
    await page.getByRole('link', { name: 'Connect (Musubi Points Card)' }).click();
    await person.look();
    await answered(page, () => page.click('main form button'));
    // Chromium has followed the form to another origin, and from there back.
    await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
    await answered(page, () => page.click('button[value="points-0002"]'));
    await page.waitForURL(`${sandbox.issuer}/portal/providers/musubi-points/connected`);
    await person.look();
    await page.goto(`${sandbox.issuer}/portal/attributes`);
    assert.match(await text(page), /Musubi Points Card/);
    await person.leave();
  });
});
