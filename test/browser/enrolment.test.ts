import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { SANDBOX_SIGNING_PIN } from '../../adapters/sandbox/authority/issuing.ts';
import { newDataFolder, type SandboxProcess, startSandboxProcess } from '../support/sandbox_process.ts';
import { answered, launchChromium, newPerson, text } from './person.ts';

let browser: Browser;
let sandbox: SandboxProcess;
let remove: () => void;

before(async () => {
  const folder = await newDataFolder();
  remove = folder.remove;
  [browser, sandbox] = await Promise.all([launchChromium(), startSandboxProcess({ dataFolder: folder.dataFolder })]);
});
after(async () => {
  await browser?.close();
  await sandbox?.end('SIGTERM');
  remove?.();
});

/** What the sandbox's card of Taro says. */
const TARO = {
  name: '山田　太郎',
  address: '東京都千代田区霞が関９－９－１',
  birth_year: '1985',
  birth_month: '3',
  birth_day: '15',
};

describe('a person who enrols', () => {
  it('signs the hub’s own application in the card agent’s window, with PIN and signing password', async () => {
    const person = await newPerson(browser);
    const { page } = person;
    await person.beginSignIn(sandbox.clinic);
    await person.useCard('taro');
    await page.click('a[href$="/enrolment"]');
    for (const [name, value] of Object.entries(TARO)) await page.fill(`[name=${name}]`, value);
    await page.check('[name=gender][value=male]');
    await answered(page, () => page.click('main form button[type=submit], main form button:not([type])'));

    const written = await page.getAttribute('[data-document]', 'data-document');
    const agent = await person.openCardAgent();
    assert.equal(await agent.textContent('#document'), written);
    await person.look(agent);
    await agent.check('[name=card][value=taro]');
    await agent.fill('#pin', '1234');
    await agent.fill('#password', 'WRONG1');
    await agent.click('#sign');
    await agent.waitForSelector('#password-error:visible');
    await agent.fill('#password', SANDBOX_SIGNING_PIN.toLowerCase());
    await answered(page, () => agent.click('#sign'));
    assert.match(await text(page), /登録が終わりました.*山田　?\s*太郎/);

    // And then a consent, in the same window of the card agent.
    await page.click('main a.button');
    await page.click('a[href$="/latest-attributes"]');
    await person.look(page);
    await page.check('[name=items][value=name]');
    await answered(page, () => page.click('button[value=agree]'));
    const consent = await page.getAttribute('[data-document]', 'data-document');
    const again = await person.openCardAgent();
    assert.equal(await again.textContent('#document'), consent);
    await again.check('[name=card][value=taro]');
    await again.fill('#pin', '1234');
    await again.fill('#password', SANDBOX_SIGNING_PIN);
    await answered(page, () => again.click('#sign'));
    assert.match(await text(page), /情報を最新に保つ.*最新の情報を伝えるのをやめる/);
    await person.leave();
  });
});
