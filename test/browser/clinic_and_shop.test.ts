import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import {
  newDataFolder,
  runMusubi,
  type SandboxProcess,
  startSandboxProcess,
  until,
} from '../support/sandbox_process.ts';
import { type Hand, keyboard, mouse } from './hands.ts';
import { scrollsSideways } from './page_checks.ts';
import { type EnrolmentForm, launchChromium, newPerson, type Person, type PersonOptions, text } from './person.ts';
import { photograph } from './pictures.ts';

/*
 * Insurers and card issuers as a person meets them, at the clinic and at the shop of the sandbox as somebody would start it: the
 * hub, the authority, the card agent, the providers and the two sites are what they are in `npm start`. What tokens that are out
 * do after a withdrawal: test/protocol/consent_decisions.test.ts. Pictures of all the pages:
 * `MUSUBI_TEST_PICTURES=FOLDER node test/run.ts test/browser/clinic_and_shop.test.ts`
 */

let browser: Browser;
let sandbox: SandboxProcess;
let remove: () => Promise<void>;
/** `--keys` of `musubi receipt verify`. */
let keysFile: string;

before(async () => {
  const folder = await newDataFolder();
  remove = folder.remove;
  [browser, sandbox] = await Promise.all([launchChromium(), startSandboxProcess({ dataFolder: folder.dataFolder })]);
  keysFile = join(folder.dataFolder, 'keys.json');
  writeFileSync(keysFile, await (await fetch(`${sandbox.issuer}/.well-known/record-keys`)).text());
});
after(async () => {
  await browser?.close();
  await sandbox?.end('SIGTERM');
  await remove?.();
});

const TARO: EnrolmentForm = {
  ...{ name: '山田　太郎', address: '東京都千代田区霞が関９－９－１' },
  ...{ birth_year: '1985', birth_month: '3', birth_day: '15', gender: 'male' },
};
const ICHIRO: EnrolmentForm = {
  ...{ name: '佐藤　一郎', address: '北海道小樽市色内９－８－７' },
  ...{ birth_year: '1948', birth_month: '11', birth_day: '3', gender: 'male' },
};

interface Story {
  readonly site: 'clinic' | 'shop';
  readonly card: 'taro' | 'ichiro';
  readonly person: PersonOptions;
  /** Where they have not enrolled yet: without it no provider confirms that somebody is its customer. */
  readonly enrols?: EnrolmentForm;
  readonly provider: { readonly id: string; readonly name: string; readonly entries: Readonly<Record<string, string>> };
  /** What the visit is about. */
  readonly claim: string;
  /** What else is given. The rest of what the site asks for is left out. */
  readonly alsoGiven: readonly string[];
  readonly leftOut: string;
  /** With their own signing certificate, which the page proposes for what is sensitive. */
  readonly signsReceipt: boolean;
  /** What the pages say, in the person's language. */
  readonly says: {
    readonly claim: string;
    readonly notConnected: string;
    /** What the site would learn, why, and that it is asked when it is given. */
    readonly terms: readonly string[];
    /** For how long. */
    readonly period: string;
    readonly visit: string;
    readonly source: string;
    readonly asOf: string;
    readonly notGiven: string;
    readonly exit: string;
    readonly noConsent: string;
    readonly ended: string;
    /** What the record of a disclosure must not have. */
    readonly value: string;
  };
}

const JAPANESE = {
  notConnected: 'この情報を渡せる保険者やカード会社などと、まだ連携していません',
  period: '期間が終わるか、取り消すまで',
  source: '情報の出どころ',
  asOf: 'いつの情報か',
  notGiven: '渡されていません',
  exit: 'サービスからの問い合わせ',
  noConsent: 'いま有効な同意はありません',
  ended: 'このサイトへの同意が、いまはありません',
};
const ENGLISH = {
  notConnected: 'you are not connected with an insurer, card issuer or the like that has it',
  period: 'Until it expires or you withdraw it',
  source: 'Source',
  asOf: 'As of',
  notGiven: 'Not given',
  exit: 'asked by the service',
  noConsent: 'There is no consent in force',
  ended: 'There is no consent for this site now',
};
const CLINIC = {
  site: 'clinic',
  claim: 'health_insurance_valid',
  alsoGiven: ['card_status', 'name'],
  leftOut: 'address',
  signsReceipt: false,
} as const;
const SHOP = { site: 'shop', claim: 'payment_token', alsoGiven: [], leftOut: 'card_status' } as const;
const PHONE = { width: 320, height: 640 };

/** Between them they meet both sites in both languages, every page in each, and each person enrols once. */
const STORIES: Readonly<Record<string, Story>> = {
  'the clinic, in Japanese, on a phone': {
    ...CLINIC,
    ...{ card: 'taro', enrols: TARO, person: { viewport: PHONE } },
    provider: { id: 'musubi-kenpo', name: 'むすび健康保険組合', entries: { symbol: '12345', number: '6789' } },
    says: {
      ...JAPANESE,
      claim: '健康保険が有効かどうか',
      terms: [
        'サービスが尋ねた日（特に指定がなければ今日）に資格があるかどうかだけを伝えます。',
        '受付で、保険証の代わりに、今日の資格を確かめます。',
        '提供するときに、ここへ問い合わせて受け取ります。',
      ],
      visit: '今日の健康保険の資格を確認しました',
      value: '資格があります',
    },
  },
  'the shop, in English, in the dark': {
    ...SHOP,
    ...{ card: 'taro', signsReceipt: true, person: { locale: 'en-GB', colorScheme: 'dark' } },
    provider: { id: 'musubi-card', name: 'Musubi Card', entries: { last_digits: '4242' } },
    says: {
      ...ENGLISH,
      claim: 'The card to pay with',
      terms: [
        'Never the card number itself.',
        'To take your payment. We never receive your card number.',
        'It is asked when the information is shared.',
      ],
      visit: 'You can pay with Musubi ending in 4242',
      value: '4242',
    },
  },
  'the clinic, in English, with the keyboard alone': {
    ...CLINIC,
    ...{ card: 'ichiro', enrols: ICHIRO, person: { locale: 'en-GB', hand: keyboard } },
    provider: {
      id: 'musubi-kokuho',
      name: 'Musubi City National Health Insurance',
      entries: { symbol: '小樽', number: '4321' },
    },
    says: {
      ...ENGLISH,
      claim: 'Whether your health insurance is valid',
      terms: [
        'Only whether you are insured on the day that the service asks about',
        'To check you in today without your insurance card.',
        'It is asked when the information is shared.',
      ],
      visit: 'Your health insurance is valid today',
      value: 'You are insured',
    },
  },
  'the shop, in Japanese': {
    ...SHOP,
    ...{ card: 'ichiro', signsReceipt: false, person: {} },
    provider: { id: 'musubi-card', name: 'むすびカード', entries: { last_digits: '0011' } },
    says: {
      ...JAPANESE,
      claim: '支払いに使うカード',
      terms: [
        'カード番号そのものは伝えません。',
        'お支払いに使います。カード番号は受け取りません。',
        '提供するときに、ここへ問い合わせて受け取ります。',
      ],
      visit: 'Musubi（末尾0011）でお支払いいただけます',
      value: '0011',
    },
  },
};

describe('a person agrees to what a provider of theirs tells, sees it at the site and in the record, and takes it back', () => {
  for (const [where, story] of Object.entries(STORIES)) {
    it(where, async () => {
      const person = await newPerson(browser, story.person);
      const teller = { person, story, hand: story.person.hand ?? mouse };
      await arrive(teller);
      await connectProvider(teller);
      await decide(teller);
      await seeWhatTheSiteKnows(teller);
      await readTheRecord(teller);
      await withdraw(teller);
      await person.leave();
    });
  }
});

interface Teller {
  readonly person: Person;
  readonly hand: Hand;
  readonly story: Story;
}

/** To the consent page, which says that nobody is connected who could answer. */
async function arrive({ person, story, hand }: Teller): Promise<void> {
  const { page } = person;
  await page.goto(sandbox[story.site]);
  await look(page, person);
  await hand.press(page, 'a[href="/sign-in"]');
  await person.useCard(story.card);
  if (story.enrols) await person.enrol(story.card, story.enrols);
  const claim = await claimOnPage(page, story);
  assert.ok(claim.includes(story.says.notConnected), claim);
  await look(page, person);
}

/** In a second tab, beside the sign-in that is under way. */
async function connectProvider({ person, story, hand }: Teller): Promise<void> {
  const { page, context } = person;
  const { id, name, entries } = story.provider;
  const opened = context.waitForEvent('page');
  await hand.press(page, 'a[href="/portal/providers"]');
  const portal = await opened;
  if (story.person.viewport) await portal.setViewportSize(story.person.viewport);
  await portal.waitForSelector('main h1');
  await look(portal, person);
  await hand.press(portal, `a[href="/portal/providers/${id}"]`);
  await portal.waitForSelector(`form[action="/portal/providers/${id}"]`);
  assert.ok((await text(portal, 'h1')).includes(name));
  await look(portal, person);
  for (const [entry, value] of Object.entries(entries)) await hand.write(portal, `[name="entry.${entry}"]`, value);
  await hand.press(portal, 'main form button');
  await portal.waitForSelector('main .banner-success');
  await look(portal, person);
  await portal.close();
  await hand.press(page, 'main a[href^="/interaction/"]:not(.button)');
}

/** On one page: who would answer, what exactly the site would learn, why, and for how long; each item apart. */
async function decide({ person, story, hand }: Teller): Promise<void> {
  const { page } = person;
  await page.waitForSelector(`input[name=claims][value=${story.claim}]`);
  const claim = await claimOnPage(page, story);
  for (const term of [story.provider.name, ...story.says.terms]) assert.ok(claim.includes(term), `${term}: ${claim}`);
  assert.ok((await text(page)).includes(story.says.period));
  await assertFits(page, person);
  if ((await page.isChecked('#sign-receipt')) !== story.signsReceipt) {
    await hand.tick(page, '#sign-receipt', story.signsReceipt);
  }
  await person.agree([story.claim, ...story.alsoGiven]);
  if (!story.signsReceipt) return;
  await page.waitForSelector('[data-document]');
  await look(page, person);
  await person.sign(story.card);
}

async function seeWhatTheSiteKnows({ person, story }: Teller): Promise<void> {
  const { page } = person;
  await page.waitForSelector('#sub');
  const visit = await text(page, 'section[aria-labelledby=visit]');
  const { says, provider } = story;
  assert.ok(visit.includes(says.visit), visit);
  assert.ok(visit.includes(`${says.source}${provider.name}`.replaceAll(/\s+/g, ' ')), visit);
  assert.ok(visit.includes(says.asOf), visit);
  const userinfo = JSON.parse((await page.textContent('[aria-labelledby=userinfo]')) ?? '');
  const { source, obtained_at, valid_until } = userinfo.claims_provenance[story.claim];
  assert.equal(source, provider.id);
  const now = Date.now() / 1000;
  assert.ok(Math.abs(obtained_at - now) < 60 && valid_until > now, 'it is of now');
  assert.ok(!(story.leftOut in userinfo));
  assert.ok((await person.greeting()).claims.includes(says.notGiven));
  await look(page, person);
}

async function readTheRecord({ person, story, hand }: Teller): Promise<void> {
  const { page } = person;
  const { says } = story;
  await hand.press(page, `a[href="${sandbox.issuer}/portal"]`);
  await page.waitForSelector('.portal-menu');
  await look(page, person);
  await hand.press(page, '.portal-menu a[href="/portal/history"]');
  const newest = await text(page, 'ul.cards > li');
  for (const told of [says.claim, story.provider.name, says.exit]) assert.ok(newest.includes(told), newest);
  assert.ok(!newest.includes(says.value), newest);
  await look(page, person);

  await hand.press(page, '.portal-bar a[href="/portal"]');
  await hand.press(page, '.portal-menu a[href="/portal/consents"]');
  await page.waitForSelector('a[href$="/withdraw"]');
  assert.ok((await text(page)).includes(says.claim));
  await look(page, person);
  const download = page.waitForEvent('download');
  await hand.press(page, 'section:has(a[href$="/withdraw"]) a[download]');
  const file = await (await download).path();
  const verified = await runMusubi(['receipt', 'verify', file, '--keys', keysFile]);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stdout, new RegExp(`Signed by ${sandbox.issuer}[\\s\\S]*"${story.claim}"`));
}

async function withdraw({ person, story, hand }: Teller): Promise<void> {
  const { page } = person;
  await hand.press(page, 'a[href$="/withdraw"]');
  await page.waitForSelector('form[action$="/withdraw"]');
  await look(page, person);
  await hand.press(page, 'main form button');
  await page.waitForSelector('main .banner-success');
  await hand.press(page, 'main a[href="/portal"]');
  await hand.press(page, '.portal-menu a[href="/portal/consents"]');
  await page.waitForURL(`${sandbox.issuer}/portal/consents`);
  assert.ok((await text(page)).includes(story.says.noConsent));

  // The site has been told, and has forgotten; and the hub gives it nothing any more, in the session that is there.
  const site = sandbox[story.site];
  await until('the site has heard of the withdrawal', async () => {
    await page.goto(site);
    return (await page.locator('#sub').count()) === 0;
  });
  await page.goto(`${site}/check`);
  assert.ok((await text(page)).includes(story.says.ended), await text(page));
  await look(page, person);
}

/** The item of the consent page that the visit is about, as it stands there. */
async function claimOnPage(page: Page, { says }: Story): Promise<string> {
  await page.waitForSelector('button[name=decision][value=agree]');
  const item = page.locator('li.choice', { hasText: says.claim });
  return ((await item.textContent()) ?? '').replaceAll(/\s+/g, ' ');
}

/** What has been looked at: a page is the same page for everybody who reads it in the same language. */
const seen = new Set<string>();

async function look(page: Page, person: Person): Promise<void> {
  const banners = await page.locator('.banner-title').allTextContents();
  const key = [new URL(page.url()).origin, await page.title(), await text(page, 'h1'), ...banners].join(' ');
  if (!seen.has(key)) await assertFits(page, person);
  seen.add(key);
}

/** No fault that axe knows of, and nothing wider than 320 px, with text of 200 % too. */
async function assertFits(page: Page, person: Person): Promise<void> {
  await person.look(page);
  const window = page.viewportSize();
  await page.setViewportSize(PHONE);
  for (const size of ['100%', '200%']) {
    await page.evaluate(`document.documentElement.style.fontSize = '${size}'`);
    assert.equal(await scrollsSideways(page), false, `${page.url()} scrolls sideways with text of ${size}`);
  }
  await page.evaluate("document.documentElement.style.fontSize = ''");
  if (window) await page.setViewportSize(window);
  await photograph(page);
}
