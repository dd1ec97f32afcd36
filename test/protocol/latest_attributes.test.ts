import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checkDocument } from '../../adapters/card/agent_document.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { type AuthorityGate, startAuthorityGate } from '../support/authority_gate.ts';
import { applicationOf, type CardAnswer, fillIn, formOf, signApplication } from '../support/enrol.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { readNotices, startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority } from '../support/sandbox_authority.ts';
import {
  createRelyingParty,
  isConsentPage,
  later,
  open,
  presentCard,
  REDIRECT_URI,
  type RelyingParty,
  type Tokens,
  withdrawConsent,
} from './relying_party.ts';

let gate: AuthorityGate;
let hub: TestHub;
let clinic: RelyingParty;
let shop: RelyingParty;
const citizens = () => hub.authority.authority.citizens;
const SCOPE = 'openid name address';
const OLD = '東京都千代田区永田町９－９－９';
const NEW = '東京都港区芝公園９－９－９';
const MINUTE = 60_000;
const YEAR = 365.25 * 86_400_000;

before(async () => {
  const authority = await startTestAuthority();
  gate = await startAuthorityGate(authority.authority.address);
  const linkage = { url: `${gate.url}/linkage`, latestAttributesUrl: gate.url };
  hub = await startTestHub({ authority, settings: { linkage } });
  const metadata = {
    scope: `${SCOPE} birthdate gender card_status`,
    'client_name#ja': 'みなと診療所\u202e\nhttps://x',
  };
  clinic = await createRelyingParty(hub, { ...metadata, 'purpose#ja': '診療の予約に使います。' });
  shop = await createRelyingParty(hub, { scope: SCOPE });
});
after(async () => {
  await hub.stop();
  await gate.stop();
  await hub.authority.stop();
});

async function events(kind: StoredAuditEvent['kind']): Promise<readonly StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.kind === kind);
}

/** A new citizen who has enrolled, and is known at both relying parties. */
async function enrolled(name: string): Promise<{ card: string; atClinic: Tokens; atShop: Tokens }> {
  await citizens().issue({ name, attributes: { name: `見本　${name}`, address: OLD } });
  await hub.refreshLists();
  const { browser, consent } = await toConsent(name, clinic);
  const uid = /\/interaction\/[^/"]+/.exec(consent.text)?.[0];
  const form = await browser.get(new URL(`${uid}/enrolment`, consent.url).href);
  const page = await fillIn(browser, form, formOf(hub, name));
  assert.match((await signApplication(hub, browser, page, { card: name })).text, /登録が終わりました/);
  return { card: name, atClinic: await signedIn(name, clinic), atShop: await signedIn(name, shop) };
}

const signedIn = (card: string, party: RelyingParty) => party.signIn({ card, parameters: { scope: SCOPE } });

/** Signs in as far as the consent page. */
async function toConsent(card: string, party: RelyingParty, browser: HttpBrowser = createHttpBrowser()) {
  const attempt = await party.attempt({ scope: SCOPE, prompt: 'consent' });
  const page = await open(party.authorizationUrl(attempt), browser);
  // Somebody whose attributes nobody vouches for any more is told so first.
  const consent = await readNotices(browser, await presentCard(hub, browser, page, { card }), REDIRECT_URI);
  assert.ok(isConsentPage(consent), consent.text);
  return { browser, attempt, consent };
}

/** From the consent page to the page that asks. */
async function toForm(card: string, party: RelyingParty) {
  const { browser, consent, ...rest } = await toConsent(card, party);
  const [, path = ''] = /href="([^"]+\/latest-attributes)"/.exec(consent.text) ?? [];
  return { ...rest, browser, form: await browser.get(new URL(path, consent.url).href) };
}

/** And on to the document that is to be signed. */
async function toDocument(card: string, party: RelyingParty, items: readonly string[] = ['name', 'address']) {
  const { browser, form, ...rest } = await toForm(card, party);
  return { ...rest, browser, page: await decide(browser, form, items) };
}

function decide(browser: HttpBrowser, form: Visited, items: readonly string[], decision = 'agree'): Promise<Visited> {
  const { csrf = '' } = hiddenFields(form.text.slice(form.text.indexOf('<main')));
  return browser.post(form.url, [
    ['csrf', csrf],
    ['decision', decision],
    ...items.map((item): [string, string] => ['items', item]),
  ]);
}

/** Agrees that `party` is told the latest of `items`; returns the consent page, which says so. */
async function agreed(card: string, party: RelyingParty, items?: readonly string[]): Promise<Visited> {
  const { browser, page } = await toDocument(card, party, items);
  const answer = await signApplication(hub, browser, page, { card });
  assert.match(answer.text, /最新の情報を伝えるのをやめる/);
  return answer;
}

async function moved(card: string): Promise<void> {
  await citizens().move({ name: card, address: NEW, newSigningCertificate: true });
  await hub.refreshLists();
}

/** Takes back, on the page that asks for the ordinary consent. */
async function takenBack(card: string, party: RelyingParty): Promise<Visited> {
  const { browser, consent } = await toConsent(card, party);
  const main = consent.text.slice(consent.text.indexOf('id="latest-withdraw"'));
  const [, action = ''] = /action="([^"]+)"/.exec(main) ?? [];
  const { csrf = '' } = hiddenFields(main);
  return browser.post(new URL(action, consent.url).href, { csrf });
}

/** What a relying party hears of the address. */
async function addressAt(party: RelyingParty, tokens: Tokens) {
  const told = await party.userinfo(tokens);
  const { address } = told.claims_provenance as Record<
    string,
    { source: string; obtained_at: number; current: boolean }
  >;
  assert.ok(address);
  return { value: (told.address as { formatted?: string }).formatted, ...address };
}

const STALE = { value: OLD, source: 'jpki_signing_certificate', current: false };
const LATEST = { value: NEW, source: 'jpki_latest_attributes', current: true };
async function assertAddress(party: RelyingParty, tokens: Tokens, expected: typeof STALE): Promise<void> {
  const { value, source, current } = await addressAt(party, tokens);
  assert.deepEqual({ value, source, current }, expected);
}
const questions = () => gate.requests.filter((request) => request === 'GET /latest-attributes').length;
const consentsAtAuthority = (card: string) =>
  hub.authority.authority.store.state.consents.filter(({ citizen }) => citizen === card);

describe('somebody who lets one service be told the latest attributes', () => {
  it('is asked on a page of its own, signs what they read, and sees on the consent page that it is on', async () => {
    const { card } = await enrolled('reader');
    const { browser, form } = await toForm(card, clinic);
    assert.match(form.text, /<h1>最新の情報を伝え続けますか<\/h1>/);
    // Only what this relying party asks for, and nothing is ticked for them.
    assert.deepEqual(
      [...form.text.matchAll(/name="items" value="(\w+)"( checked)?/g)].map(([, name, checked]) => [name, checked]),
      [
        ['name', undefined],
        ['address', undefined],
      ],
    );
    const nothing = await decide(browser, form, []);
    assert.equal(nothing.status, 422);
    assert.match(nothing.text, /伝える項目を1つ以上選んでください/);

    const page = await decide(browser, form, ['address', 'gender']);
    const document = applicationOf(page);
    assert.match(document, /提供先のサービス：「みなと診療所 https:\/\/x」\n提供先のアドレス：rp\.example\n/);
    assert.match(document, /利用目的：診療の予約に使います。\n提供する項目：住所\n同意の期限：\d+年\d+月\d+日\n/);
    assert.match(document, /\nlatest-attributes items=address until=\d{4}-\d\d-\d\d\n/);
    // The card agent signs it for this hub, and for nobody else.
    const { nonce = '' } = hiddenFields(page.text.slice(page.text.indexOf('<main')));
    checkDocument(document, { origin: hub.issuer, nonce });
    const on = await signApplication(hub, browser, page, { card });
    assert.ok(isConsentPage(on));
    assert.match(on.text, /<dt>伝える項目<\/dt><dd>住所<\/dd>/);

    const event = (await events('latest_attributes.consented')).at(-1);
    assert.equal(event?.clientId, clinic.clientId);
    assert.deepEqual(event?.data?.attributes, ['address']);
    assert.equal(consentsAtAuthority(card).length, 1);
  });

  it('goes on without it by not agreeing, and nothing is recorded', async () => {
    const { card } = await enrolled('unwilling');
    const { browser, form } = await toForm(card, clinic);
    const back = await decide(browser, form, ['name'], 'refuse');
    assert.ok(isConsentPage(back));
    assert.match(back.text, /最新の情報を伝える設定をする/);
    assert.equal(consentsAtAuthority(card).length, 0);
  });

  it('is not asked where nothing is registered, or the service asks for none of it', async () => {
    await citizens().issue({ name: 'nobody-yet' });
    await hub.refreshLists();
    const { browser, consent } = await toConsent('nobody-yet', clinic);
    assert.doesNotMatch(consent.text, /latest-attributes/);
    const uid = /\/interaction\/[^/"]+/.exec(consent.text)?.[0];
    assert.ok(isConsentPage(await browser.get(new URL(`${uid}/latest-attributes`, consent.url).href)));
    const { card } = await enrolled('only-sub');
    const attempt = await clinic.attempt({ scope: 'openid', prompt: 'consent' });
    const own = createHttpBrowser();
    const page = await presentCard(hub, own, await open(clinic.authorizationUrl(attempt), own), { card });
    assert.ok(isConsentPage(page));
    assert.doesNotMatch(page.text, /latest-attributes/);
  });
});

describe('after moving house', () => {
  it('the service that was agreed to is told the new address with where it is from, and the other one the old', async () => {
    const { card, atClinic, atShop } = await enrolled('mover');
    await agreed(card, clinic);
    const before = questions();
    // Nothing has changed: nobody is asked.
    await assertAddress(clinic, atClinic, { ...STALE, current: true });
    assert.equal(questions(), before);

    await moved(card);
    await assertAddress(clinic, atClinic, LATEST);
    await assertAddress(shop, atShop, STALE);
    const { obtained_at: obtainedAt } = await addressAt(clinic, atClinic);
    assert.ok(Math.abs(Number(obtainedAt) - Date.now() / 1000) < 60);
    // Asked a moment later, or many times at once, it is one question.
    await Promise.all(Array.from({ length: 20 }, () => clinic.userinfo(atClinic)));
    assert.equal(questions(), before + 1);

    const obtained = await events('latest_attributes.obtained');
    assert.deepEqual(obtained.at(-1)?.data?.attributes, ['name', 'address']);
    assert.equal(obtained.at(-1)?.clientId, clinic.clientId);
    assert.doesNotMatch(
      JSON.stringify(obtained, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      /芝公園/,
    );
    assert.doesNotMatch(hub.log.join(''), /芝公園|見本/);
  });

  it('only the items that were agreed to are told anew', async () => {
    const { card, atClinic } = await enrolled('choosy');
    await agreed(card, clinic, ['name']);
    await moved(card);
    const told = await clinic.userinfo(atClinic);
    const provenance = told.claims_provenance as Record<string, { source: string; current: boolean }>;
    assert.equal(provenance.name?.source, LATEST.source);
    assert.deepEqual([provenance.address?.source, provenance.address?.current], [STALE.source, false]);
    await assertAddress(clinic, atClinic, STALE);
  });

  it('what was told anew is a verified claim again', async () => {
    const { card } = await enrolled('verified-anew');
    await agreed(card, clinic, ['address']);
    await moved(card);
    const request = { verification: { trust_framework: null }, claims: { name: null, address: null } };
    const claims = JSON.stringify({ userinfo: { verified_claims: request } });
    const parameters = { scope: 'openid', claims, prompt: 'consent' };
    const { verified_claims: verified } = await clinic.userinfo(await clinic.signIn({ card, parameters }));
    assert.deepEqual((verified as { claims: object }).claims, { address: { formatted: NEW } });
  });

  it('a new enrolment makes the kept attributes current again, and the consent goes on', async () => {
    const { card, atClinic } = await enrolled('registers-again');
    await agreed(card, clinic);
    await moved(card);
    const { browser, consent } = await toConsent(card, clinic);
    const [, path = ''] = /href="([^"]+\/enrolment)"/.exec(consent.text) ?? [];
    const page = await fillIn(browser, await browser.get(new URL(path, consent.url).href), formOf(hub, card));
    assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
    await assertAddress(clinic, atClinic, { value: NEW, source: STALE.source, current: true });
    assert.match((await toConsent(card, clinic)).consent.text, /最新の情報を伝えるのをやめる/);
  });
});

describe('nothing new is told', () => {
  it('after the person has taken it back, with one button, and the authority knows', async () => {
    const { card, atClinic } = await enrolled('withdrawing');
    await agreed(card, clinic);
    await moved(card);
    await assertAddress(clinic, atClinic, LATEST);
    const page = await takenBack(card, clinic);
    assert.match(page.text, /最新の情報を伝える設定をする/);
    // At once, though the answer of a moment ago is still at hand.
    await assertAddress(clinic, atClinic, STALE);
    assert.ok(consentsAtAuthority(card).every(({ withdrawnAt }) => withdrawnAt !== null));
    assert.equal((await events('latest_attributes.withdrawn')).at(-1)?.actor.startsWith('subject:'), true);
  });

  it('after it was withdrawn elsewhere, which is learnt by asking', async () => {
    const { card, atClinic } = await enrolled('elsewhere');
    await agreed(card, clinic);
    await moved(card);
    for (const { id } of consentsAtAuthority(card)) await hub.authority.authority.latestAttributes.withdraw(id);
    await assertAddress(clinic, atClinic, STALE);
    const event = (await events('latest_attributes.withdrawn')).at(-1);
    assert.equal(event?.actor, 'authority');
    assert.match((await toConsent(card, clinic)).consent.text, /最新の情報を伝える設定をする/);
  });

  it('after the ordinary consent was withdrawn, not even when that is given anew', async () => {
    const { card, atClinic } = await enrolled('gone');
    await agreed(card, clinic);
    await moved(card);
    await withdrawConsent(hub, clinic.clientId);
    await assert.rejects(clinic.userinfo(atClinic));
    await assertAddress(clinic, await signedIn(card, clinic), STALE);
  });

  it('after ten years', async () => {
    const { card } = await enrolled('old');
    await agreed(card, clinic);
    const subjectId = (await events('latest_attributes.consented')).at(-1)?.subjectId ?? '';
    const { latestConsents } = hub.hub.storage;
    assert.ok(await latestConsents.findLive(subjectId, clinic.clientId, Date.now() + 9.9 * YEAR));
    assert.equal(await latestConsents.findLive(subjectId, clinic.clientId, Date.now() + 10.1 * YEAR), undefined);
  });

  it('while the authority is away: what is kept is told and marked, nobody waits twice, and it comes back', async () => {
    const { card, atClinic } = await enrolled('unreachable');
    await agreed(card, clinic);
    await moved(card);
    gate.isAway = true;
    const before = questions();
    try {
      await assertAddress(clinic, atClinic, STALE);
      await assertAddress(clinic, atClinic, STALE);
      assert.equal(questions(), before + 1);
      await signedIn(card, clinic);
    } finally {
      gate.isAway = false;
    }
    await later(MINUTE, async () => assertAddress(clinic, atClinic, LATEST));
  });

  it('while somebody has no valid certificate, and the consent waits for the next card', async () => {
    const { card, atClinic } = await enrolled('lost');
    await agreed(card, clinic);
    await moved(card);
    // The hub has not heard yet, so that its sessions and tokens go on for a moment.
    await citizens().revoke({ name: card, certificate: 'both', reason: 'certificateHold' });
    await assertAddress(clinic, atClinic, STALE);
    const subjectId = (await events('latest_attributes.consented')).at(-1)?.subjectId ?? '';
    assert.ok(await hub.hub.storage.latestConsents.findLive(subjectId, clinic.clientId, Date.now()));
  });

  it('to a service that was removed, and the authority hears of it', async () => {
    const metadata = { scope: SCOPE, redirect_uris: ['https://passing.example/callback'] };
    const passing = await createRelyingParty(hub, metadata);
    const { card } = await enrolled('left-behind');
    await passing.signIn({ card, parameters: { scope: SCOPE } });
    await agreed(card, passing);
    await hub.hub.clients.remove(passing.clientId);
    const subjectId = (await events('latest_attributes.consented')).at(-1)?.subjectId ?? '';
    assert.equal(await hub.hub.storage.latestConsents.findLive(subjectId, passing.clientId, Date.now()), undefined);
  });
});

describe('a consent is not taken', () => {
  async function assertRefused(answer: Visited, code: string, title: RegExp, status = 403): Promise<void> {
    assert.equal(answer.status, status);
    assert.match(answer.text, title);
    assert.equal((await events('latest_attributes.refused')).at(-1)?.data?.code, code);
  }
  const nonceOf = ({ text }: Visited) => /data-nonce="([^"]+)"/.exec(text)?.[1] ?? '';
  const sign = (browser: HttpBrowser, page: Visited, answer: CardAnswer) => signApplication(hub, browser, page, answer);

  it('when both keys are of a card that is not the one that signed in', async () => {
    const { card } = await enrolled('victim');
    const { card: other } = await enrolled('other-victim');
    await citizens().issue({ name: 'unknown-here' });
    await hub.refreshLists();
    for (const foreign of [other, 'unknown-here']) {
      const { browser, page } = await toDocument(card, clinic);
      const answer = await sign(browser, page, { card: foreign });
      await assertRefused(answer, 'signing_other_person', /サインインした方のカードではありません/);
    }
    assert.equal(consentsAtAuthority(other).length, 0);
  });

  it('when the two keys are of two people', async () => {
    const { card } = await enrolled('half');
    const { card: other } = await enrolled('other-half');
    const { browser, page } = await toDocument(card, clinic);
    const answer = await sign(browser, page, { card, signingCard: other });
    await assertRefused(answer, 'signing_not_one_person', /同じ方のものだと確認できませんでした/);
  });

  it('when the signing certificate is revoked', async () => {
    const { card } = await enrolled('revoked');
    await citizens().move({ name: card, address: NEW });
    await hub.refreshLists();
    const { browser, page } = await toDocument(card, clinic);
    const answer = await sign(browser, page, { card });
    await assertRefused(answer, 'signing_certificate_revoked', /署名用電子証明書が無効になっています/);
  });

  it('when something else was signed, or the form was changed after it', async () => {
    const { card } = await enrolled('careful');
    const { browser, page } = await toDocument(card, clinic, ['name']);
    const other = await sign(browser, page, { card, document: (text) => text.replace('氏名', '性別') });
    await assertRefused(other, 'signed_document_changed', /署名したものと違います/);
    const widened = await sign(browser, other, { card, over: { items: 'name address' } });
    await assertRefused(widened, 'signed_document_changed', /署名したものと違います/);
    // What is not offered cannot be agreed to, even by a document that says so.
    const { browser: own, page: again } = await toDocument(card, clinic, ['name']);
    const document = (text: string) => text.replace('氏名', '氏名、性別').replace('items=name', 'items=name,gender');
    const smuggled = await sign(own, again, { card, document, over: { items: 'name gender' } });
    await assertRefused(smuggled, 'latest_consent_invalid', /この同意は受け付けられませんでした/, 400);
    for (const until of ['2999-12-31', '2020-01-01', 'x']) {
      const late = await toDocument(card, clinic, ['name']);
      assert.equal((await sign(late.browser, late.page, { card, over: { until } })).status, 400);
    }
    assert.equal(consentsAtAuthority(card).length, 0);
  });

  it('by an answer that was given before, to another page, or for enrolling', async () => {
    const { card } = await enrolled('repeating');
    const { browser, page } = await toDocument(card, clinic);
    const other = await toDocument(card, clinic);
    const step = /この書類の画面が古くなりました/;
    const elsewhere = await sign(browser, page, { card, over: { nonce: nonceOf(other.page) } });
    await assertRefused(elsewhere, 'challenge_wrong_session', step, 400);
    assert.match((await sign(browser, page, { card })).text, /最新の情報を伝えるのをやめる/);
    await assertRefused(await sign(browser, page, { card }), 'challenge_spent', step, 400);

    // The same interaction, and yet another purpose.
    const { browser: own, form } = await toForm(card, clinic);
    const enrolment = await own.get(form.url.replace(/latest-attributes$/, 'enrolment'));
    const application = await fillIn(own, enrolment, formOf(hub, card));
    const document = await decide(own, form, ['name', 'address']);
    const mixed = await sign(own, document, { card, over: { nonce: nonceOf(application) } });
    await assertRefused(mixed, 'challenge_wrong_session', step, 400);
    const mixedUp = await sign(own, application, { card, over: { nonce: nonceOf(document) } });
    assert.equal((await events('enrolment.refused')).at(-1)?.data?.code, 'challenge_wrong_session');
    assert.doesNotMatch(mixedUp.text, /登録が終わりました/);
  });

  it('while the authority cannot be reached, and the person can try again', async () => {
    const { card } = await enrolled('patient');
    const { browser, page } = await toDocument(card, clinic);
    const authority = hub.authority.authority.latestAttributes;
    const consent = authority.consent;
    authority.consent = () => Promise.reject(new Error('no answer'));
    const answer = await sign(browser, page, { card }).finally(() => {
      authority.consent = consent;
    });
    await assertRefused(answer, 'latest_attributes_unavailable', /いま、同意を認証局に届けられません/, 503);
    assert.ok(answer.headers.get('retry-after'));
    assert.match((await sign(browser, answer, { card })).text, /最新の情報を伝えるのをやめる/);
  });

  it('nor taken back, by a form of another site', async () => {
    const { card } = await enrolled('forged');
    const { browser, page } = await toDocument(card, clinic);
    assert.equal((await sign(browser, page, { card, over: { csrf: 'x' } })).status, 403);
    const withdraw = page.url.replace(/latest-attributes$/, 'latest-attributes/withdraw');
    assert.equal((await browser.post(withdraw, { csrf: 'x' })).status, 403);
  });
});

describe('a new consent', () => {
  it('takes the place of the old one, whose end the authority hears of', async () => {
    const { card, atClinic } = await enrolled('changing');
    await agreed(card, clinic, ['address']);
    await agreed(card, clinic, ['name']);
    await moved(card);
    await assertAddress(clinic, atClinic, STALE);
    const page = await takenBack(card, clinic);
    assert.match(page.text, /最新の情報を伝える設定をする/);
  });
});
