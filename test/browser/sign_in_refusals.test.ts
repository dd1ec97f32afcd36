import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { enErrors } from '../../views/words/en_errors.ts';
import type { ErrorCode } from '../../views/words/ja_errors.ts';
import { jaErrors } from '../../views/words/ja_errors.ts';
import { newDataFolder, type SandboxProcess, startSandboxProcess } from '../support/sandbox_process.ts';
import { launchChromium, newPerson, type Person, text } from './person.ts';

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

const PROBLEM = '[data-problem] .banner';
/** What the page says, once it does, without having asked the hub. */
async function problem({ page }: Person): Promise<string> {
  await page.waitForSelector(PROBLEM);
  return text(page, PROBLEM);
}

type Lang = 'ja' | 'en';

async function asPerson(lang: Lang, act: (person: Person) => Promise<void>): Promise<void> {
  const person = await newPerson(browser, { locale: lang === 'ja' ? 'ja-JP' : 'en-GB' });
  try {
    await act(person);
  } finally {
    await person.leave();
  }
}

/** What the page tells, in its own words: what happened, what it means, what to do next. */
async function assertTells(person: Person, code: ErrorCode, lang: Lang, selector = 'main'): Promise<void> {
  const told = await text(person.page, selector);
  const { title, body, next } = (lang === 'ja' ? jaErrors : enErrors)[code];
  for (const words of [title, body, next]) assert.ok(told.includes(words), `“${words}” is not in: ${told}`);
  await person.look();
}

const startSignIn = async (person: Person) => {
  await person.beginSignIn(sandbox.clinic);
  await person.page.waitForSelector('[data-start]:not([disabled])');
};

describe('a card that is not accepted', () => {
  const refused: Record<string, { card: string; code: ErrorCode; lang: Lang }> = {
    'has expired': { card: 'saburo', code: 'certificate_expired', lang: 'ja' },
    'is suspended': { card: 'jiro', code: 'certificate_on_hold', lang: 'en' },
    'was replaced by a new one': { card: 'keiko-old', code: 'certificate_superseded', lang: 'ja' },
    'was issued under an authority that has ended': {
      card: 'mukashi',
      code: 'certificate_anchor_expired',
      lang: 'en',
    },
  };
  for (const [what, { card, code, lang }] of Object.entries(refused)) {
    it(`${what}: the page says so, and takes another card`, () =>
      asPerson(lang, async (person) => {
        const { page } = person;
        await startSignIn(person);
        await person.useCard(card);
        await assertTells(person, code, lang, '[data-refusal]');
        assert.equal(new URL(page.url()).origin, sandbox.issuer);
        await person.useCard('taro');
        await page.waitForSelector('button[name=decision][value=agree]');
      }));
  }

  for (const lang of ['ja', 'en'] as const) {
    it(`whose holder has died: not a word of it, in ${lang}`, () =>
      asPerson(lang, async (person) => {
        await startSignIn(person);
        await person.useCard('umeko');
        await assertTells(person, 'certificate_revoked', lang, '[data-refusal]');
        assert.doesNotMatch(await person.page.content(), /死亡|亡くな|decease|died|death|cessation|revoked/i);
      }));
  }
});

describe('what the card’s own software refuses', () => {
  it('a wrong PIN, with the tries left; after the third the card is blocked, and the page can be left', () =>
    asPerson('en', async (person) => {
      await startSignIn(person);
      const agent = await person.openCardAgent();
      await agent.check('[value=mei]');
      for (const left of ['2', '1']) {
        await agent.fill('#pin', '0000');
        await agent.click('#sign');
        const told = `That PIN is wrong. Tries left before the card is blocked: ${left}.`;
        await agent.waitForSelector(`#pin-error:text-is("${told}")`);
        await person.look(agent);
      }
      await agent.fill('#pin', '0000');
      await agent.click('#sign');
      await agent.waitForSelector('#error:visible');
      assert.match(await text(agent, '#error'), /blocked.*ward, city, town or village office/s);
      await person.look(agent);
      // The right PIN does not help any more.
      await agent.click('#cancel');
      assert.match(await problem(person), /You stopped reading the card/);
      await person.look();
    }));

  it('when its window was closed, the page says that it was not finished, and opens it again', () =>
    asPerson('ja', async (person) => {
      await startSignIn(person);
      await (await person.openCardAgent()).close();
      assert.match(await problem(person), /カードの読み取り/);
      await person.look();
      await person.useCard('ichiro');
      await person.page.waitForSelector('button[name=decision][value=agree]');
    }));

  it('when it does not run, the page says so, and works when it has been started', () =>
    asPerson('en', async (person) => {
      const { page, context } = person;
      await startSignIn(person);
      await context.route(`${sandbox.cardAgent}/**`, (route) => route.abort('connectionrefused'));
      await page.click('[data-start]');
      assert.match(await problem(person), /Your card software does not answer.*Start your card software/s);
      await person.look();
      await context.unroute(`${sandbox.cardAgent}/**`);
      await person.useCard('ichiro');
      await page.waitForSelector('button[name=decision][value=agree]');
    }));
});

describe('a person who does not want to', () => {
  it('refuses consent: the relying party says that nothing was given', () =>
    asPerson('ja', async (person) => {
      const { page } = person;
      await startSignIn(person);
      await person.useCard('hanako');
      await page.click('button[name=decision][value=refuse]');
      await page.waitForURL(`${sandbox.clinic}/**`);
      assert.match(await text(page), /サインインを中止しました.*何も渡っていません/);
      await person.look();
      assert.equal(await page.locator('#sub').count(), 0);
      // Nothing was remembered as agreed.
      await page.click('a[href="/sign-in"]');
      await page.waitForSelector('button[name=decision][value=agree]');
    }));

  it('goes back from the sign-in page: the relying party says that it was stopped', () =>
    asPerson('en', async (person) => {
      await startSignIn(person);
      await person.page.click('form[action$="/cancel"] button');
      await person.page.waitForURL(`${sandbox.clinic}/**`);
      assert.match(await text(person.page), /The sign-in was stopped/);
      await person.look();
    }));
});

describe('a request that leads nowhere', () => {
  const authorize = (parameters: Record<string, string>) => {
    const query = new URLSearchParams({
      client_id: 'musubi-store',
      redirect_uri: `${sandbox.shop}/callback`,
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      ...parameters,
    });
    return `${sandbox.issuer}/authorize?${query}`;
  };

  it('from a website that is not registered stays here, with a reference number', () =>
    asPerson('ja', async (person) => {
      const answer = await person.page.goto(authorize({ client_id: 'nobody' }));
      assert.equal(answer?.status(), 400);
      await assertTells(person, 'unregistered_relying_party', 'ja');
      assert.match(await text(person.page, '.facts .code'), /^[\w-]{6,}$/);
    }));

  it('with a redirect address that is not the registered one goes to neither', () =>
    asPerson('en', async (person) => {
      const answer = await person.page.goto(authorize({ redirect_uri: `${sandbox.shop}/callback/../evil` }));
      assert.equal(answer?.status(), 400);
      assert.equal(new URL(person.page.url()).origin, sandbox.issuer);
      await assertTells(person, 'invalid_redirect_uri', 'en');
      assert.match(await text(person.page, '.facts .code'), /^[\w-]{6,}$/);
    }));

  for (const lang of ['ja', 'en'] as const) {
    it(`to a page that is not there says so, in ${lang}`, () =>
      asPerson(lang, async (person) => {
        const answer = await person.page.goto(`${sandbox.issuer}/nowhere`);
        assert.equal(answer?.status(), 404);
        await assertTells(person, 'not_found', lang);
      }));
  }
});

describe('a sign-in page that has lost its browser or its time', () => {
  it('can be loaded again, and is as good as before', () =>
    asPerson('en', async (person) => {
      await startSignIn(person);
      await person.page.reload();
      await person.useCard('ichiro');
      const agree = 'button[name=decision][value=agree]';
      await person.page.waitForSelector(agree);
      await person.page.reload();
      await person.page.waitForSelector(agree);
    }));

  it('cannot be gone on with in another browser, and stays good in its own', () =>
    asPerson('ja', async (person) => {
      await startSignIn(person);
      const address = await addressOf(person);
      await asPerson('en', async (other) => {
        const answer = await other.page.goto(address);
        assert.equal(answer?.status(), 400);
        await assertTells(other, 'interaction_expired', 'en');
        // With a sign-in of its own the other browser is told that this is not it.
        await startSignIn(other);
        await other.page.goto(address);
        await assertTells(other, 'interaction_expired', 'en');
        assert.equal(await other.page.locator('[data-start]').count(), 0);
      });
      await person.useCard('taro');
      await person.page.waitForSelector('button[name=decision][value=agree]');
    }));

  it('tells after five minutes that it is too old, and leads to a new one', () =>
    asPerson('en', async (person) => {
      const { page } = person;
      await page.clock.install();
      await startSignIn(person);
      await page.clock.fastForward('05:01');
      assert.match(await problem(person), /This page can no longer be used/);
      await person.look();
      await openNewPage(person);
      assert.equal(await page.locator(PROBLEM).count(), 0);
    }));

  it('is of no use twice: going back after the sign-in ends in words, not in a second sign-in', () =>
    asPerson('ja', async (person) => {
      const { page } = person;
      await startSignIn(person);
      const addresses = [page.url(), await addressOf(person)];
      await person.useCard('taro');
      await person.agree();
      await page.waitForSelector('#sub');
      for (const address of addresses) {
        const answer = await page.goto(address);
        assert.equal(answer?.status(), 400);
        await assertTells(person, 'interaction_expired', 'ja');
      }
    }));
});

/** Follows the notice's link to a new sign-in page. */
async function openNewPage({ page }: Person): Promise<void> {
  const nonce = await page.getAttribute('#sign-in', 'data-nonce');
  await page.click(`${PROBLEM} a`);
  await page.waitForSelector(`#sign-in:not([data-nonce="${nonce}"]) [data-start]:not([disabled])`);
}

/** Where the sign-in under way can be opened again by its own browser. */
async function addressOf({ page }: Person): Promise<string> {
  const action = (await page.getAttribute('[data-sign-in-form]', 'action')) ?? '';
  return new URL(action.replace('/sign-in', ''), page.url()).href;
}
