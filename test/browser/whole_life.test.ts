import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { newDataFolder, type SandboxProcess, startSandboxProcess, until } from '../support/sandbox_process.ts';
import { launchChromium, newPerson, type Person, text } from './person.ts';

/*
 * One person with a browser, a card and a card agent, from the first enrolment over two cards, a move and a loss. The whole
 * sandbox runs as somebody would start it; what the authority's counter does are its commands. Each step rests on the ones
 * before it: one test. What relying parties hear meanwhile: test/protocol/whole_life.test.ts.
 */

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

const CARD = 'taro';
const ATTRIBUTES = ['name', 'address', 'birthdate', 'gender'];

it('is one person for life, in a browser', async () => {
  const home = '東京都千代田区霞が関９－９－１';
  await asPerson(async (person) => {
    await person.beginSignIn(sandbox.clinic);
    await person.useCard(CARD);
    await enrol(person, home);
    await person.agree(ATTRIBUTES);
    await greeted(person);
    assert.match(await claimsOf(person), /山田.*霞が関９－９－１/);
    assert.doesNotMatch(await claimsOf(person), /変わった可能性/);
    await person.beginSignIn(sandbox.shop);
    await person.agree(ATTRIBUTES);
    await greeted(person);
  });
  const identifiers = await signInEverywhere();
  assert.notEqual(identifiers[0], identifiers[1]);

  // A new card: told once, asked nothing anew.
  await counterAndLists('renew', CARD);
  await asPerson(async (person) => {
    await person.beginSignIn(sandbox.clinic);
    await person.useCard(CARD);
    await person.page.waitForSelector('h1:text("お知らせ")');
    assert.match(await text(person.page), /新しいカードに引き継ぎました/);
    await person.look();
    await goOn(person);
    await greeted(person);
    assert.equal((await person.greeting()).sub, identifiers[0]);
    assert.match(await claimsOf(person), /変わった可能性/);
  });
  await enrolAnew(home);
  assert.deepEqual(await signInEverywhere(), identifiers);

  // A move: the sign-in goes on, the mark is there, and goes when the person has enrolled anew.
  const newHome = '北海道小樽市色内９－８－７';
  await counterAndLists('move', CARD, '--address', newHome, '--municipality', '01203', '--new-signing-certificate');
  await asPerson(async (person) => {
    await person.beginSignIn(sandbox.clinic);
    await person.useCard(CARD);
    await goOn(person);
    await greeted(person);
    assert.match(await claimsOf(person), /霞が関.*変わった可能性/);
  });
  await enrolAnew(newHome);
  await asPerson(async (person) => {
    await person.beginSignIn(sandbox.clinic);
    await person.useCard(CARD);
    await goOn(person);
    await greeted(person);
    assert.match(await claimsOf(person), /小樽市/);
    assert.doesNotMatch(await claimsOf(person), /変わった可能性/);

    // The card is lost: the session ends while the browser is open, and the finder of the card is turned away.
    await counterAndLists('revoke', CARD, '--certificate', 'both', '--reason', 'certificateHold');
    await until('the clinic knows that the session has ended', async () => {
      await person.page.goto(sandbox.clinic);
      return (await person.page.locator('#sub').count()) === 0;
    });
    await person.beginSignIn(sandbox.clinic);
    await person.useCard(CARD);
    await person.page.waitForSelector('[data-refusal]');
    assert.match(await text(person.page), /一時停止/);
    await person.look();
  });

  // A new card: the same person. The lists are as they were, since a lost one stays on them.
  await counter('renew', CARD);
  await asPerson(async (person) => {
    await person.beginSignIn(sandbox.clinic);
    await person.useCard(CARD);
    await goOn(person);
    await greeted(person);
    assert.equal((await person.greeting()).sub, identifiers[0]);
  });
  assert.deepEqual(await signInEverywhere(), identifiers);
});

async function asPerson(act: (person: Person) => Promise<void>): Promise<void> {
  const person = await newPerson(browser);
  try {
    await act(person);
  } finally {
    await person.leave();
  }
}

const claimsOf = async (person: Person) => (await person.greeting()).claims.replaceAll(/\s+/g, ' ');
const greeted = ({ page }: Person) => page.waitForSelector('#sub');

/** From the notices, where there are any. */
async function goOn({ page }: Person): Promise<void> {
  // Whichever of the two pages it is, it has to be there before it is looked at.
  await page.locator('#sub, main a.button-primary[href^="/authorize/"]').first().waitFor();
  if (/お知らせ/.test(await page.title())) await page.click('main a.button-primary');
}

/** From the consent page, and back to it. */
async function enrol(person: Person, address: string): Promise<void> {
  const { page } = person;
  await person.enrol(CARD, registered(address));
  await page.waitForSelector('button[name=decision][value=agree]');
}

/** Of the person as they are registered, at this address. */
const registered = (address: string) =>
  ({ name: '山田　太郎', address, birth_year: '1985', birth_month: '3', birth_day: '15', gender: 'male' }) as const;

/** Instead of signing in, by the link on the sign-in page. */
async function enrolAnew(address: string): Promise<void> {
  await asPerson(async (person) => {
    const { page } = person;
    await person.beginSignIn(sandbox.clinic);
    await page.click('details:has(a[href$="/enrolment"]) summary');
    await person.enrol(CARD, registered(address));
    await greeted(person);
  });
}

async function signInEverywhere(): Promise<string[]> {
  const subs: string[] = [];
  await asPerson(async (person) => {
    for (const site of [sandbox.clinic, sandbox.shop]) {
      await person.beginSignIn(site);
      if (site === sandbox.clinic) {
        await person.useCard(CARD);
        await goOn(person);
      }
      await greeted(person);
      subs.push((await person.greeting()).sub);
    }
  });
  return subs;
}

/** A command of the authority's counter. */
async function counter(...args: string[]): Promise<void> {
  const { code, stderr } = await sandbox.command('sandbox', 'citizen', ...args);
  assert.equal(code, 0, stderr);
}

/** The same; resolves when the hub has the lists that come of it. */
async function counterAndLists(...args: string[]): Promise<void> {
  const lists = async () => (await sandbox.command('crl', 'status')).stdout;
  const before = await lists();
  await counter(...args);
  await until('the hub has the lists', async () => (await lists()) !== before);
}
