import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { BrowserContextOptions } from 'playwright-core';
import { enErrors } from '../../views/words/en_errors.ts';
import { ja } from '../../views/words/ja.ts';
import { jaErrors } from '../../views/words/ja_errors.ts';
import { createRelyingParty } from '../protocol/relying_party.ts';
import { startProxiedHub } from '../support/proxied_hub.ts';
import { startTestAuthority } from '../support/sandbox_authority.ts';
import { musubi, newDataFolder, type SandboxProcess, startSandboxProcess } from '../support/sandbox_process.ts';
import { type Computer, startComputer } from './certificate_store.ts';
import { type Person, personIn, text } from './person.ts';

const OFFER = 'a[href$="/certificate"]';

let sandbox: SandboxProcess;
let dataFolder: string;
let remove: () => Promise<void>;
let origin: string;

before(async () => {
  ({ dataFolder, remove } = await newDataFolder());
  sandbox = await startSandboxProcess({ dataFolder });
  const settings = JSON.parse(readFileSync(join(dataFolder, 'sandbox/hub.json'), 'utf8')) as {
    signIn: { tls: { publicUrl: string } };
  };
  origin = settings.signIn.tls.publicUrl;
});
after(async () => {
  await sandbox?.end('SIGTERM');
  await remove?.();
});

/** A person whose browser has imported these citizens' certificates, as the README says. */
async function withCertificates(
  names: readonly string[],
  act: (person: Person) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const files: string[] = [];
  mkdirSync(join(dataFolder, 'export'), { recursive: true });
  for (const name of names) {
    const file = join(dataFolder, 'export', `${name}.p12`);
    const command = ['sandbox', 'citizen', 'export-p12', name, '--passphrase', 'test', '--out', file];
    assert.equal((await sandbox.command(...command)).code, 0);
    files.push(file);
  }
  const authority = join(dataFolder, 'sandbox/web/authority.crt');
  const computer: Computer = await startComputer({ files, authority, origin }, options);
  try {
    await act(await personIn(computer.context, options));
  } finally {
    await computer.shutDown();
  }
}

async function offerOf(person: Person): Promise<void> {
  await person.beginSignIn(sandbox.clinic);
  await person.page.waitForSelector(OFFER);
}

describe('a person whose browser holds the certificate', () => {
  it('signs in without the card agent, is asked for consent and greeted, and is the person of the card', () =>
    withCertificates(['taro'], async (person) => {
      const { page } = person;
      await offerOf(person);
      await person.look();
      await page.click(OFFER);
      await page.waitForSelector('button[name=decision][value=agree]');
      assert.equal(new URL(page.url()).origin, sandbox.issuer);
      await person.agree(['card_status']);
      await page.waitForSelector('#sub');
      const { sub, acr, amr, claims } = await person.greeting();
      assert.equal(acr, 'aal3');
      assert.match(amr, /sc.*pin.*hwk.*mfa/s);
      assert.match(claims, /カードは有効です/);

      await page.context().clearCookies();
      await person.beginSignIn(sandbox.clinic);
      await person.useCard('taro');
      await page.waitForSelector('#sub');
      assert.equal((await person.greeting()).sub, sub);
    }));

  it('needs no script for it', () =>
    withCertificates(
      ['ichiro'],
      async (person) => {
        await offerOf(person);
        await person.page.click(OFFER);
        await person.page.waitForSelector('button[name=decision][value=agree]');
      },
      { javaScriptEnabled: false },
    ));

  it('of a card that was reported lost is told so, and can sign in with the card agent instead', () =>
    withCertificates(['jiro'], async (person) => {
      const { page } = person;
      await offerOf(person);
      await page.click(OFFER);
      await page.waitForSelector('h1');
      const shown = await text(page);
      assert.ok(shown.includes(jaErrors.certificate_on_hold.title), shown);
      await person.look();
      await page.click('main a.button-secondary');
      await person.useCard('keiko');
      await page.waitForSelector('button[name=decision][value=agree]');
    }));
});

describe('behind nginx, as docs/examples/nginx.conf has it', () => {
  it('the certificate of the browser signs in, and none is told so', async () => {
    const authority = await startTestAuthority();
    const { hub, stop } = await startProxiedHub(authority);
    try {
      const party = await createRelyingParty(hub);
      const url = party.authorizationUrl(await party.attempt());
      const visit = async ({ page }: Person) => {
        await page.goto(url);
        await page.click(OFFER);
        await page.waitForSelector('h1');
        return text(page);
      };
      const pkcs12 = join(authority.dataFolder, 'taro.p12');
      await promisify(execFile)(process.execPath, [
        ...[musubi, 'sandbox', 'citizen', 'export-p12', 'taro', '--passphrase', 'test'],
        ...['--data', authority.dataFolder, '--out', pkcs12],
      ]);
      for (const [files, title] of [
        [[pkcs12], ja.consent.title],
        [[], jaErrors.certificate_missing.title],
      ] as const) {
        const there = { files, authority: hub.tls.authorityFile, origin: hub.certificateUrl };
        const computer = await startComputer(there);
        try {
          assert.ok((await visit(await personIn(computer.context))).includes(title));
        } finally {
          await computer.shutDown();
        }
      }
    } finally {
      await stop();
      await authority.stop();
    }
  });
});

describe('a person whose browser holds none', () => {
  for (const [what, words, options] of [
    [
      'in Japanese, on a phone, dark',
      jaErrors,
      { locale: 'ja-JP', viewport: { width: 320, height: 640 }, colorScheme: 'dark' },
    ],
    ['in English', enErrors, { locale: 'en-GB' }],
  ] as const) {
    it(`is told so, can try again, change the language and leave: ${what}`, () =>
      withCertificates(
        [],
        async (person) => {
          const { page } = person;
          await offerOf(person);
          await person.look();
          await page.click(OFFER);
          await page.waitForSelector('h1');
          assert.ok((await text(page)).includes(words.certificate_missing.title));
          assert.ok(!page.url().includes(origin));
          await person.look();
          await page.click('main a.button-primary');
          await page.waitForSelector('main a.button-primary');
          assert.ok((await text(page)).includes(words.certificate_missing.title), 'asked again, and nothing again');
          await page.click('button[name=language]');
          await page.waitForSelector(OFFER);
          await page.click('main button[name=decision]');
          await page.waitForURL((url) => url.origin === sandbox.clinic);
        },
        options,
      ));
  }
});
