import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ensureWebTls } from '../../adapters/sandbox/web_tls.ts';
import type { MailAddresses } from '../../provider/notices_by_mail/mail_addresses.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type MailServer, startMailServer } from '../support/mail_server.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { createRelyingParty, lastConsent, type RelyingParty } from './relying_party.ts';

const MINUTE = 60_000;
const LOGIN = { user: 'musubi', password: 'a password of words' };

let authority: TestAuthority;
let hub: TestHub;
let mails: MailServer;
let ahead = 0;
let sectors = 0;
const folder = mkdtempSync(join(tmpdir(), 'musubi-mail-'));

before(async () => {
  const { keyFile, certificateFile, authorityFile } = await ensureWebTls(folder);
  const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certificateFile, 'utf8')];
  mails = await startMailServer({ tls: { key, cert }, login: LOGIN });
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${LOGIN.password}\n`);
  authority = await startTestAuthority();
  hub = await startTestHub({
    authority,
    settings: {
      mail: {
        ...{ host: 'localhost', port: mails.port, authorityFile, user: LOGIN.user, passwordFile },
        from: 'notices@id.example.jp',
      },
    },
    clock: () => Date.now() + ahead,
  });
});
after(async () => {
  await hub?.stop();
  await authority?.stop();
  await mails?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await deliverLater();
  mails.received = [];
});

/** As after the time for which a mail, and a server that was away, are left alone. */
async function deliverLater(): Promise<void> {
  ahead = 10 * MINUTE;
  await hub.hub.deliverMail().finally(() => {
    ahead = 0;
  });
}

function addresses(): MailAddresses {
  const { mailAddresses } = hub.hub;
  assert.ok(mailAddresses);
  return mailAddresses;
}

function newParty(name: string): Promise<RelyingParty> {
  sectors += 1;
  const redirect_uris = [`https://mail-${sectors}.example/cb`];
  return createRelyingParty(hub, { redirect_uris, 'client_name#ja': name, client_name: `${name} in English` });
}

/** A person with a new card who has confirmed an address by the code out of the mail. */
async function personWithAddress(card: string, address: string): Promise<string> {
  await authority.authority.citizens.issue({ name: card });
  await hub.refreshLists();
  const party = await newParty('最初のサービス');
  await party.signIn({ card });
  const { subjectId } = await lastConsent(hub, party.clientId);
  await addresses().request(subjectId, address);
  await hub.hub.deliverMail();
  const [, code = ''] = /確認コード：(\S+)/.exec(mails.received.at(-1)?.text ?? '') ?? [];
  await addresses().confirm(subjectId, code);
  mails.received = [];
  return subjectId;
}

describe('mail', () => {
  it('tells of a consent once, with names and no values, under TLS and the hub’s own user', async () => {
    await personWithAddress('mail-consent', 'consent@example.jp');
    const clinic = await newParty('さくら医院');
    const parameters = { scope: 'openid card_status' };
    const tokens = await clinic.signIn({ card: 'mail-consent', parameters });
    // What was agreed to is not asked again, and not told again.
    await clinic.signIn({ card: 'mail-consent', parameters });
    await hub.hub.deliverMail();
    await hub.hub.deliverMail();
    assert.equal(mails.received.length, 1);
    const [mail] = mails.received;
    assert.ok(mail?.isEncrypted);
    assert.equal(mail.user, LOGIN.user);
    assert.deepEqual(mail.to, ['consent@example.jp']);
    assert.match(mail.text, /「さくら医院」への情報の提供に同意しました[\s\S]*- カードが有効であること/);
    assert.match(mail.text, /“さくら医院 in English”|“さくら医院”/);
    assert.ok(!mail.text.includes(tokens.claims()?.sub ?? 'no sub'));
  });

  it('goes to nobody who has given no address', async () => {
    await authority.authority.citizens.issue({ name: 'mail-none' });
    await hub.refreshLists();
    await (await newParty('さくら医院')).signIn({ card: 'mail-none' });
    await hub.hub.deliverMail();
    assert.deepEqual(mails.received, []);
  });

  it('waits while the server is away, and no sign-in does', async () => {
    await personWithAddress('mail-away', 'away@example.jp');
    await mails.stop();
    await (await newParty('さくら医院')).signIn({ card: 'mail-away' });
    await hub.hub.deliverMail();
    await mails.start();
    // Neither the mail nor the server is tried again at once.
    await hub.hub.deliverMail();
    assert.equal(mails.received.length, 0);
    await deliverLater();
    assert.deepEqual(
      mails.received.map(({ to }) => to),
      [['away@example.jp']],
    );
    const metrics = await (await fetch(`http://127.0.0.1:${hub.port}/metrics`)).text();
    assert.match(metrics, /musubi_mails_total\{outcome="failed"\} [1-9]/);
  });

  it('outlives the hub that wrote it', async () => {
    await personWithAddress('mail-restart', 'restart@example.jp');
    await mails.stop();
    await (await newParty('さくら医院')).signIn({ card: 'mail-restart' });
    await hub.restart();
    await mails.start();
    await deliverLater();
    assert.deepEqual(
      mails.received.map(({ to }) => to),
      [['restart@example.jp']],
    );
  });

  it('tells of a renewed card', async () => {
    await personWithAddress('mail-cards', 'cards@example.jp');
    const party = await newParty('さくら医院');
    await authority.authority.citizens.renew({ name: 'mail-cards' });
    await hub.refreshLists();
    await party.signIn({ card: 'mail-cards' });
    await hub.hub.deliverMail();
    const texts = mails.received.map(({ text }) => text);
    assert.equal(texts.length, 2);
    const renewal = texts.find((text) => !text.includes('さくら医院')) ?? '';
    assert.match(renewal, /新しいカードに引き継ぎました[\s\S]*Your new card has taken the old one’s place/);
  });

  it('is asked for on a page of the portal: entered, confirmed by the link in the mail, removed', async () => {
    const browser = createHttpBrowser();
    const first = await hub.answerPages(await browser.get(`${hub.issuer}/portal/mail`), { browser, card: 'hanako' });
    assert.match(first.text, /登録されていません/);
    const { csrf = '' } = hiddenFields(first.text);
    const post = (path: string, fields: Record<string, string>) =>
      browser.post(`${hub.issuer}/portal/mail${path}`, { csrf, ...fields });

    const hostile = await post('', { address: 'hanako@example.jp\r\nBcc: all@example.jp' });
    assert.equal(hostile.status, 400);
    assert.match(hostile.text, /メールアドレスの形が正しくありません/);
    assert.equal((await browser.post(`${hub.issuer}/portal/mail`, { csrf: 'x', address: 'x@example.jp' })).status, 403);

    assert.match((await post('', { address: 'hanako@example.jp' })).text, /hanako@example\.jpに確認コードを送りました/);
    await hub.hub.deliverMail();
    assert.equal(mails.received.length, 1);
    const [link = ''] = /https?:\S+\/portal\/mail\?code=\S+/.exec(mails.received[0]?.text ?? '') ?? [];
    const filled = await browser.get(link);
    const [, code = ''] = /name="code" value="([^"]+)"/.exec(filled.text) ?? [];
    // To open the link changes nothing.
    assert.match(filled.text, /登録されていません/);
    assert.match((await post('/confirm', { code: 'AAAAA-AAAAA' })).text, /確認コードが違います/);
    const confirmed = await post('/confirm', { code });
    assert.match(confirmed.text, /<bdi>hanako@example\.jp<\/bdi>/);
    assert.match((await post('/remove', {})).text, /登録されていません/);
  });

  it('that the server does not take is said to the person on their pages, until they enter an address that works', async () => {
    await personWithAddress('mail-refused', 'gone@example.jp');
    const browser = createHttpBrowser();
    mails.answer = { recipient: 550 };
    await (await newParty('さくら医院')).signIn({ card: 'mail-refused', browser });
    await hub.hub.deliverMail();
    const card = 'mail-refused';
    const top = await hub.answerPages(await browser.get(`${hub.issuer}/portal`), { browser, card });
    assert.match(top.text, /お知らせのメールが届いていません[\s\S]*href="\/portal\/mail"/);
    const page = await browser.get(`${hub.issuer}/portal/mail`);
    assert.match(page.text, /お知らせの送り先は、[^<]*から、メールサーバーに受け付けられていません/);

    const { csrf = '' } = hiddenFields(page.text);
    const post = (path: string, fields: Record<string, string>) =>
      browser.post(`${hub.issuer}/portal/mail${path}`, { csrf, ...fields });
    await post('', { address: 'typo@example.jp' });
    await hub.hub.deliverMail();
    const untold = await browser.get(`${hub.issuer}/portal/mail`);
    assert.match(untold.text, /typo@example\.jpは、メールサーバーに受け付けられず、確認コードを送れませんでした/);
    assert.doesNotMatch(untold.text, /name="code"/);

    mails.answer = {};
    await post('', { address: 'new@example.jp' });
    await hub.hub.deliverMail();
    const [, code = ''] = /確認コード：(\S+)/.exec(mails.received.at(-1)?.text ?? '') ?? [];
    assert.doesNotMatch((await post('/confirm', { code })).text, /受け付けられ/);
    assert.doesNotMatch((await browser.get(`${hub.issuer}/portal`)).text, /お知らせのメールが届いていません/);
  });

  it('goes where the person’s own records say, as JSON and as a page', async () => {
    await personWithAddress('mail-records', 'records@example.jp');
    const browser = createHttpBrowser();
    const open = (path: string) => browser.get(`${hub.issuer}/portal/${path}`);
    const json = await hub.answerPages(await open('download.json'), { browser, card: 'mail-records' });
    const { mail_address } = JSON.parse(json.text);
    assert.equal(mail_address.address, 'records@example.jp');
    assert.ok(Date.parse(mail_address.confirmed_at) <= Date.now());
    assert.equal(mail_address.to_be_confirmed, null);
    assert.match((await open('download.html')).text, /<bdi>records@example\.jp<\/bdi>/);
  });

  it('tells that an account was locked, and that an operator has unlocked it', async () => {
    await personWithAddress('mail-lock', 'lock@example.jp');
    const browser = createHttpBrowser();
    const page = await hub.answerPages(await browser.get(`${hub.issuer}/portal/lock`), { browser, card: 'mail-lock' });
    await browser.post(`${hub.issuer}/portal/lock`, hiddenFields(page.text));
    const [{ reference = '' } = {}] = await hub.hub.locks.list();
    await hub.hub.locks.unlock(reference);
    await hub.hub.deliverMail();
    const texts = mails.received.map(({ text }) => text);
    assert.equal(texts.length, 2);
    assert.ok(
      texts.some(
        (text) => text.includes('アカウントのロックが解かれました') && text.includes('Your account is unlocked'),
      ),
    );
    assert.ok(!texts.some((text) => text.includes(reference)));
  });

  it('puts no address into the log', () => {
    assert.doesNotMatch(hub.log.join('\n'), /@example\.jp/);
  });
});
