import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
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
    assert.match(await text(page), /アカウントのロックが解かれました/);
    await page.getByRole('link', { name: '続ける' }).click();
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

  it('has notices sent to an address, confirmed by the mail that the sandbox keeps as a file', async () => {
    const person = await newPerson(browser);
    const { page } = person;
    await page.goto(`${sandbox.issuer}/portal/mail`);
    await person.useCard('keiko');
    await page.getByLabel('メールアドレス').fill('keiko@example.jp');
    const mail = nextMail();
    await answered(page, () => page.getByRole('button', { name: '確認コードを送る' }).click());
    await person.look();
    const text = await mail;
    assert.match(text, /^To: keiko@example\.jp\nSubject: .*メールアドレスの確認/);
    await page.goto(/https?:\S+\/portal\/mail\?code=\S+/.exec(text)?.[0] ?? '');
    await answered(page, () => page.getByRole('button', { name: '登録する' }).click());
    await page.getByText('keiko@example.jp').waitFor();
    await person.leave();
  });
});

/** What the hub writes to people next. */
async function nextMail(): Promise<string> {
  const folder = join(sandbox.dataFolder, 'sandbox', 'mail');
  for await (const { filename } of watch(folder)) {
    if (filename?.endsWith('.txt')) return readFileSync(join(folder, filename), 'utf8');
  }
  throw new Error('the folder of mails is gone');
}
