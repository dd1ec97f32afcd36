import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { verifyHistory, verifyReceipt } from '../../provider/consent/verify_records.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { createRelyingParty, isSignInPage, later, type RelyingParty, sendForm } from './relying_party.ts';

let hub: TestHub;
let party: RelyingParty;

before(async () => {
  hub = await startTestHub();
  party = await createRelyingParty(hub, {
    client_name: 'Clinic',
    'client_name#ja': 'みどり診療所',
    'purpose#ja': '診察券の代わりにします',
  });
});
after(() => hub?.stop());

const CARD = { scope: 'openid card_status' };

/** Opens a page of the portal and shows the card where it is asked for. */
async function enter(path = '/portal', { browser = createHttpBrowser(), card = 'taro' } = {}) {
  const page = await hub.answerPages(await browser.get(hub.issuer + path), { browser, card });
  return { browser, page };
}

const open = (browser: HttpBrowser, path: string): Promise<Visited> => browser.get(hub.issuer + path);
const titleOf = ({ text }: Visited) => /<h1>([^<]*)<\/h1>/.exec(text)?.[1];
const linkOf = ({ text }: Visited, pattern: RegExp) => pattern.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
const withdrawLink = (page: Visited) => linkOf(page, /href="([^"]*\/withdraw)"/);

describe('signing in to the portal', () => {
  it('asks for the card, and for no consent, and comes back to the page that was wanted', async () => {
    const browser = createHttpBrowser();
    const signIn = await open(browser, '/portal/history?claim=card_status');
    assert.ok(isSignInPage(signIn));
    assert.ok(signIn.text.includes('マイページ'));
    const page = await hub.answerPages(signIn, { browser });
    assert.equal(page.status, 200);
    assert.equal(page.url, `${hub.issuer}/portal/history?claim=card_status`);
    assert.equal(page.headers.get('cache-control'), 'no-store');
  });

  it('takes the session that another service began', async () => {
    const browser = createHttpBrowser();
    await party.signIn({ browser, parameters: CARD });
    assert.equal(titleOf(await open(browser, '/portal')), 'マイページ');
  });

  it('leads to the front page who changes their mind', async () => {
    const browser = createHttpBrowser();
    const signIn = await open(browser, '/portal');
    const { csrf = '' } = hiddenFields(signIn.text);
    const [, action = ''] = /action="([^"]*\/cancel)"/.exec(signIn.text) ?? [];
    assert.equal((await browser.post(hub.issuer + action, { csrf })).url, `${hub.issuer}/`);
  });

  it('records no consent and no disclosure', async () => {
    const { page } = await enter('/portal/consents', { card: 'hanako' });
    assert.match(page.text, /いま有効な同意はありません/);
    assert.match((await enter('/portal/history', { card: 'hanako' })).page.text, /記録はありません/);
  });

  it('is for the portal alone: no request of anybody else is one of its client, and nobody else has its id', async () => {
    const parameters = { client_id: 'musubi:portal', response_type: 'none', scope: 'openid', response_mode: 'portal' };
    const redirect_uri = `${hub.issuer}/portal/signed-in`;
    const { browser } = await enter();
    for (const more of ['', '&portal=/portal', '&portal=https://evil.example/']) {
      const query = `${new URLSearchParams({ ...parameters, redirect_uri })}${more}`;
      const answer = await open(browser, `/authorize?${query}`);
      assert.equal(answer.status, 400);
      assert.ok(answer.url.startsWith(hub.issuer));
    }
    const attempt = await party.attempt({ portal: '/portal', response_mode: 'portal' });
    assert.equal((await browser.get(party.authorizationUrl(attempt))).status, 400);
    const metadata = { client_id: 'musubi:portal', redirect_uris: ['https://evil.example/'] };
    await assert.rejects(hub.hub.clients.add(metadata), { code: 'client_exists' });
  });
});

describe('what a person sees', () => {
  it('is each consent with what, why and until when, and each disclosure with when, to whom, what and how', async () => {
    const browser = createHttpBrowser();
    const tokens = await party.signIn({ browser, parameters: CARD });
    await party.userinfo(tokens);
    const consents = await open(browser, '/portal/consents');
    for (const shown of ['みどり診療所', '診察券の代わりにします', 'カードが有効であること', 'rp.example']) {
      assert.ok(consents.text.includes(shown), shown);
    }
    const history = await open(browser, '/portal/history');
    for (const shown of ['みどり診療所', 'サービスからの問い合わせ', 'サインインのとき', 'の同意']) {
      assert.ok(history.text.includes(shown), shown);
    }
    const filtered = await open(browser, '/portal/history?claim=name&party=nobody&from=2026-13-40');
    assert.match(filtered.text, /記録はありません/);
    assert.match(filtered.text, /日付は「2026-11-30」の形で/);
  });

  it('is in English for who reads English', async () => {
    const { browser } = await enter();
    const page = await browser.get(`${hub.issuer}/portal/consents`, { headers: { 'accept-language': 'en' } });
    assert.equal(titleOf(page), 'My consents');
    assert.ok(page.text.includes('Clinic'));
  });

  it('is the card, without anything that tells it from others', async () => {
    const { browser } = await enter();
    const page = await open(browser, '/portal/cards');
    assert.match(page.text, /利用者証明用電子証明書/);
    assert.match(page.text, /使えます/);
  });

  it('still has the name of a service that is no longer registered', async () => {
    const gone = await createRelyingParty(hub, { 'client_name#ja': '閉じた店', client_name: 'Closed shop' });
    const browser = createHttpBrowser();
    await gone.signIn({ browser });
    await hub.hub.clients.remove(gone.clientId);
    const { text } = await open(browser, '/portal/consents');
    assert.ok(text.includes('閉じた店（登録が終わったサービス）'));
  });

  it('is shown as text, whatever a service calls itself', async () => {
    const hostile = await createRelyingParty(hub, { 'client_name#ja': '"><script>alert(1)</script>' });
    const browser = createHttpBrowser();
    await hostile.signIn({ browser });
    for (const path of ['/portal/consents', '/portal/history', '/portal/sessions', '/portal/report']) {
      const { text } = await open(browser, path);
      assert.doesNotMatch(text, /<script>alert/);
      assert.match(text, /&lt;script&gt;/, path);
    }
  });
});

describe('withdrawing', () => {
  it('ends what the service is told, and asks again the next time', async () => {
    const clinic = await createRelyingParty(hub, { 'client_name#ja': 'やめる店' });
    const browser = createHttpBrowser();
    const tokens = await clinic.signIn({ browser, parameters: CARD });
    const page = await hub.answerPages(await open(browser, '/portal/consents'), { browser });
    const links = [...page.text.matchAll(/href="([^"]*\/withdraw)" aria-label="([^"]*)"/g)];
    const link = links.find(([, , label]) => label?.includes('やめる店'))?.[1] ?? '';
    const confirm = await open(browser, link);
    assert.match(titleOf(confirm) ?? '', /取り消しますか/);
    assert.equal(titleOf(await sendForm(browser, confirm)), '同意を取り消しました');
    await assert.rejects(clinic.userinfo(tokens), { status: 401 });
    assert.equal((await sendForm(browser, confirm)).status, 404, 'once');
    assert.match((await open(browser, '/portal/consents')).text, /取り消し</);
    const attempt = await clinic.attempt(CARD);
    assert.match((await browser.get(clinic.authorizationUrl(attempt))).text, /value="agree"/);
  });

  it('asks for the card of whoever showed it some minutes ago', async () => {
    const { browser } = await enter('/portal', { card: 'hanako' });
    await party.signIn({ browser, card: 'hanako', parameters: CARD });
    const link = withdrawLink(await open(browser, '/portal/consents'));
    const confirm = await open(browser, link);
    await later(6 * 60_000, async () => {
      assert.ok(isSignInPage(await open(browser, link)));
      assert.ok(isSignInPage(await sendForm(browser, confirm)), 'nor is a form taken that was open all the time');
      const again = await hub.answerPages(await open(browser, link), { browser, card: 'hanako' });
      assert.equal(again.url, hub.issuer + link);
      assert.match((await open(browser, '/portal/consents')).text, />有効</);
    });
  });
});

describe('sessions', () => {
  it('are listed with their services, and one ends without the others', async () => {
    const [here, there] = [createHttpBrowser(), createHttpBrowser()];
    await party.signIn({ browser: here, card: 'ichiro' });
    await party.signIn({ browser: there, card: 'ichiro' });
    const page = await open(here, '/portal/sessions');
    assert.match(page.text, /この端末/);
    assert.ok(page.text.includes('みどり診療所'));
    const link = linkOf(page, /href="(\/portal\/sessions\/[\w-]+\/end)"/);
    assert.equal(titleOf(await sendForm(here, await open(here, link))), '端末のサインインを終わらせました');
    assert.ok(isSignInPage(await open(there, '/portal')));
    assert.equal(titleOf(await open(here, '/portal')), 'マイページ');
    assert.equal((await open(here, link)).status, 404);
  });

  it('all end, this one too, with their tokens', async () => {
    const { browser } = await enter('/portal', { card: 'ichiro' });
    const tokens = await party.signIn({ browser, card: 'ichiro', parameters: CARD });
    const done = await sendForm(browser, await open(browser, '/portal/sessions/end-all'));
    assert.match(titleOf(done) ?? '', /すべての端末/);
    assert.ok(isSignInPage(await open(browser, '/portal')));
    await assert.rejects(party.userinfo(tokens), { status: 401 });
  });
});

describe('receipts and the proof of a history', () => {
  it('are downloaded in the form that musubi verifies', async () => {
    const browser = createHttpBrowser();
    await party.signIn({ browser, parameters: CARD });
    const path = linkOf(await open(browser, '/portal/consents'), /href="(\/portal\/receipts\/[^"]+)"/);
    const receipt = await open(browser, path);
    assert.match(receipt.headers.get('content-disposition') ?? '', /attachment; filename="musubi-receipt.jwt"/);
    const keys = JSON.parse((await open(browser, '/.well-known/record-keys')).text);
    assert.equal((await verifyReceipt(receipt.text, keys)).issuer, hub.issuer);
    const proof = await open(browser, '/portal/history.json');
    const verified = await verifyHistory(JSON.parse(proof.text), keys, undefined);
    assert.ok(verified.disclosures > 0);
    const { browser: other } = await enter('/portal', { card: 'ichiro' });
    assert.equal((await open(other, path)).status, 404, 'and are nobody else’s');
    assert.equal((await open(browser, '/portal/receipts/none')).status, 404);
  });
});

describe('the download', () => {
  it('holds everything as JSON and as a page', async () => {
    const { browser } = await enter();
    const json = await open(browser, '/portal/download.json');
    assert.match(json.headers.get('content-disposition') ?? '', /attachment; filename="musubi-records.json"/);
    const records = JSON.parse(json.text);
    assert.equal(records.complete, true);
    assert.ok(records.disclosures.length > 0);
    const clinic = records.relying_parties.find((known: { name_ja?: string }) => known.name_ja === 'みどり診療所');
    assert.ok(records.consents.some((consent: { client_id: string }) => consent.client_id === clinic.client_id));
    assert.equal(records.attributes[0].name, 'card_status');
    assert.match((await open(browser, '/portal/download.html')).text, /みどり診療所/);
  });

  it('asks for the card of whoever showed it some minutes ago', async () => {
    const { browser } = await enter();
    await later(6 * 60_000, async () => {
      assert.ok(isSignInPage(await open(browser, '/portal/download.json')));
      assert.ok(isSignInPage(await open(browser, '/portal/download.html')));
    });
  });
});

describe('a report', () => {
  it('is kept for the operator, who hears of it, and gives the person a number', async () => {
    const { browser } = await enter();
    const page = await open(browser, '/portal/report?kind=disclosure');
    const empty = await sendForm(browser, page);
    assert.equal(empty.status, 422);
    assert.match(empty.text, /起きたことを書いてください/);
    const text = '知らない時間に<b>提供</b>されていました';
    const done = await sendForm(browser, page, { kind: 'disclosure', party: party.clientId, text });
    const reference = /R-[2-9A-Z]{4}-[2-9A-Z]{4}/.exec(done.text)?.[0];
    assert.ok(reference);
    assert.match(done.text, /href="\/portal\/lock"/);
    const [report] = await hub.hub.reports.list();
    assert.deepEqual(
      { ...report, reported: '' },
      { reference, kind: 'disclosure', client: party.clientId, text, reported: '' },
    );
    assert.ok(hub.log.some((line) => line.includes(reference)));
    assert.ok(!hub.log.some((line) => line.includes('知らない時間')));
    const metrics = await (await fetch(`${hub.issuer}/metrics`)).text();
    assert.match(metrics, /musubi_misuse_reports_total\{kind="disclosure"\} 1/);
  });

  it('is not taken without end', async () => {
    const { browser } = await enter('/portal', { card: 'hanako' });
    const page = await open(browser, '/portal/report');
    let last: Visited | undefined;
    for (let count = 0; count <= 10; count += 1) {
      last = await sendForm(browser, page, { kind: 'other', text: `${count}` });
    }
    assert.equal(last?.status, 429);
    assert.equal((await sendForm(browser, page, { kind: 'other', text: 'あ'.repeat(1001) })).status, 422);
  });
});

describe('a lock', () => {
  it('ends everything, lets nobody in by any card, tells nobody anything, and ends by the operator’s hand', async () => {
    const { browser } = await enter('/portal', { card: 'ichiro' });
    const offline = await createRelyingParty(hub, {
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://rp.example/callback'],
    });
    const parameters = { scope: 'openid card_status offline_access', prompt: 'consent' };
    const tokens = await offline.signIn({ browser, card: 'ichiro', parameters });
    const done = await sendForm(browser, await open(browser, '/portal/lock'));
    const reference = /L-[2-9A-Z]{4}-[2-9A-Z]{4}/.exec(done.text)?.[0] ?? '';
    assert.ok(reference);

    assert.ok(isSignInPage(await open(browser, '/portal')));
    await assert.rejects(offline.userinfo(tokens), { status: 401 });
    const refusal = (await enter('/portal', { card: 'ichiro' })).page;
    assert.equal(refusal.status, 403);
    assert.match(refusal.url, /\/interaction\/[^/]+\/sign-in$/, 'the card itself is refused, and no session begun');
    assert.match(refusal.text, /アカウントはロックされています/);
    assert.ok(!refusal.text.includes(reference));
    assert.ok(hub.log.some((line) => line.includes('account_locked') && line.includes(reference)));

    assert.deepEqual(
      (await hub.hub.locks.list()).map((lock) => lock.reference),
      [reference],
    );
    await assert.rejects(hub.hub.locks.unlock('L-0000-0000'), { code: 'lock_unknown' });
    await hub.hub.locks.unlock(reference.toLowerCase());
    assert.equal(titleOf((await enter('/portal', { card: 'ichiro' })).page), 'マイページ');
  });

  it('holds against the session of a sign-in that was under way', async () => {
    const { browser } = await enter('/portal', { card: 'ichiro' });
    const tokens = await party.signIn({ browser, card: 'ichiro', parameters: CARD });
    const granted = await hub.hub.storage.audit.read(0n, 10_000);
    const subjectId = granted.findLast(({ kind, clientId }) => kind === 'consent.granted' && clientId)?.subjectId ?? '';
    // The lock without what follows from it: whatever is stored after it was looked for.
    await hub.hub.storage.accountLocks.lock(subjectId, { reference: 'L-TEST-TEST', lockedAt: Date.now() });
    await assert.rejects(party.userinfo(tokens), { status: 401 });
    assert.match((await open(browser, '/portal/history')).text, /アカウントはロックされています/);
    await assert.rejects(party.signIn({ browser, card: 'ichiro' }), 'nor does the session get tokens');
    await hub.hub.locks.unlock('L-TEST-TEST');
  });
});
