import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { newDataFolder, type SandboxProcess, startSandboxProcess, until } from '../support/sandbox_process.ts';
import { keyboard } from './hands.ts';
import { answered, launchChromium, newPerson, type Person, type PersonOptions, text } from './person.ts';

const SIGN_OUT_QUESTION = 'form[action="/sign-out/confirm"]';

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

async function asPerson(options: PersonOptions, act: (person: Person) => Promise<void>): Promise<void> {
  const person = await newPerson(browser, options);
  try {
    await act(person);
  } finally {
    await person.leave();
  }
}

const onConsentPage = ({ page }: Person) => page.waitForSelector('button[name=decision][value=agree]');
const atRelyingParty = ({ page }: Person) => page.waitForSelector('#sub');

/** From the front page to the greeting. */
async function signIn(person: Person, site: string, card: string, consent: 'asked' | 'not asked'): Promise<string> {
  await person.beginSignIn(site);
  await person.useCard(card);
  if (consent === 'asked') {
    await onConsentPage(person);
    await person.agree();
  }
  await atRelyingParty(person);
  return (await person.greeting()).sub;
}

describe('a person with a My Number Card', () => {
  it('signs in at a clinic, is greeted with what was agreed, and is not asked for consent again', async () => {
    let sub = '';
    await asPerson({}, async (person) => {
      await person.beginSignIn(sandbox.clinic);
      await person.useCard('taro');
      await onConsentPage(person);
      assert.match(await text(person.page), /むすび診療所.*診療の予約と問診票の作成に使います/);
      await person.agree(['card_status']);
      await atRelyingParty(person);
      const greeting = await person.greeting();
      assert.equal(new URL(person.page.url()).origin, sandbox.clinic);
      assert.match(greeting.sub, /^[\w-]{16,}$/);
      assert.equal(greeting.acr, 'aal3');
      for (const method of ['sc', 'pin', 'hwk']) assert.match(greeting.amr, new RegExp(`\\b${method}\\b`));
      assert.match(greeting.claims, /カードは有効です/);
      sub = greeting.sub;
    });
    await asPerson({}, async (person) => {
      assert.equal(await signIn(person, sandbox.clinic, 'taro', 'not asked'), sub);
      assert.match((await person.greeting()).claims, /カードは有効です/);
    });
  });

  it('gives nothing but an identifier where nothing was ticked', () =>
    asPerson({}, async (person) => {
      await person.beginSignIn(sandbox.clinic);
      await person.useCard('hanako');
      await onConsentPage(person);
      await person.agree([]);
      await atRelyingParty(person);
      const { sub, claims } = await person.greeting();
      assert.ok(sub);
      assert.doesNotMatch(claims, /カードは有効です/);
    }));

  it('is somebody else at the shop, signs in there without the card, and signs out of both at once', () =>
    asPerson({}, async (person) => {
      const { page } = person;
      const atClinic = await signIn(person, sandbox.clinic, 'ichiro', 'asked');
      // The shop has never been agreed to: consent is asked for, the card is not.
      await person.beginSignIn(sandbox.shop);
      await onConsentPage(person);
      await person.agree();
      await atRelyingParty(person);
      assert.equal(new URL(page.url()).origin, sandbox.shop);
      assert.notEqual((await person.greeting()).sub, atClinic);

      await page.click('form[action="/sign-out"] button');
      await page.waitForSelector(SIGN_OUT_QUESTION);
      await person.look();
      await page.click(`${SIGN_OUT_QUESTION} button[name]`);
      await page.waitForSelector('a[href="/sign-in"]');
      assert.equal(new URL(page.url()).origin, sandbox.shop);
      await until('the clinic knows of the sign-out', async () => {
        await page.goto(sandbox.clinic);
        return (await page.locator('#sub').count()) === 0;
      });
      await person.look();
      // And the hub has forgotten the browser: the card is asked for.
      await page.click('a[href="/sign-in"]');
      await page.waitForSelector('[data-start]');
    }));

  it('stays signed in when the question is answered with no', () =>
    asPerson({}, async (person) => {
      const { page } = person;
      await signIn(person, sandbox.clinic, 'keiko', 'asked');
      await page.click('form[action="/sign-out"] button');
      await page.waitForSelector(SIGN_OUT_QUESTION);
      await page.click(`${SIGN_OUT_QUESTION} button:not([name])`);
      await page.waitForSelector('a[href="/sign-in"]');
      await person.beginSignIn(sandbox.shop);
      await onConsentPage(person);
    }));

  it('signs in with the keyboard alone', () =>
    asPerson({ locale: 'en-GB', hand: keyboard }, async (person) => {
      await signIn(person, sandbox.clinic, 'mei', 'asked');
      assert.match((await person.greeting()).claims, /Your card is valid/);
    }));

  it('changes the language in the middle of it and loses nothing', () =>
    asPerson({ locale: 'ja-JP' }, async (person) => {
      const { page } = person;
      const language = () => page.getAttribute('html', 'lang');
      await person.beginSignIn(sandbox.shop);
      await page.waitForSelector('[data-start]');
      const signInUnderWay = () => page.getAttribute('[data-sign-in-form]', 'action');
      const before = await signInUnderWay();
      assert.equal(await language(), 'ja');
      await page.click('button[name=language]');
      await page.waitForSelector('html[lang=en]');
      assert.equal(await signInUnderWay(), before);
      assert.match(await text(page), /Sign in with My Number Card/);
      const agent = await person.openCardAgent();
      assert.equal(await agent.getAttribute('html', 'lang'), 'en');
      await agent.check('[value=tanaka-sub]');
      await agent.fill('#pin', '1234');
      await answered(page, () => agent.click('#sign'));
      await onConsentPage(person);
      assert.match(await text(page), /Share your information\?/);
      await page.click('button[name=language]');
      await page.waitForSelector('html[lang=ja]');
      assert.match(await text(page), /むすび商店/);
      await person.agree();
      await atRelyingParty(person);
      assert.match((await person.greeting()).claims, /カードは有効です/);
    }));
});

describe('every page on the way is without barriers', () => {
  const window = { width: 1280, height: 900 };
  const phone = { width: 320, height: 640 };
  const settings: Record<string, BrowserContextOptions & { card: string; site: 'clinic' | 'shop' }> = {
    'in Japanese, on a phone': { locale: 'ja-JP', viewport: phone, card: 'tanaka-sub', site: 'clinic' },
    'in English, on a phone, dark': {
      locale: 'en-GB',
      viewport: phone,
      colorScheme: 'dark',
      card: 'mei',
      site: 'shop',
    },
    'in Japanese, dark': { locale: 'ja-JP', viewport: window, colorScheme: 'dark', card: 'hanako', site: 'shop' },
    'in English': { locale: 'en-GB', viewport: window, card: 'keiko', site: 'shop' },
  };
  for (const [what, { card, site, ...options }] of Object.entries(settings)) {
    it(what, () =>
      asPerson(options, async (person) => {
        const { page } = person;
        await page.goto(sandbox[site]);
        await person.look();
        await page.click('a[href="/sign-in"]');
        await page.waitForSelector('[data-start]:not([disabled])');
        assert.equal(await page.getAttribute('html', 'lang'), options.locale?.slice(0, 2));
        await person.look();
        const agent = await person.openCardAgent();
        await person.look(agent);
        await agent.check(`[value=${card}]`);
        await agent.fill('#pin', '1234');
        await answered(page, () => agent.click('#sign'));
        await onConsentPage(person);
        await person.look();
        await person.agree();
        await atRelyingParty(person);
        await person.look();
        await page.click('form[action="/sign-out"] button');
        await page.waitForSelector(SIGN_OUT_QUESTION);
        await person.look();
      }),
    );
  }
});
