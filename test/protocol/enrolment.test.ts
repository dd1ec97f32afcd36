import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { type AuthorityGate, startAuthorityGate } from '../support/authority_gate.ts';
import { fillIn, formOf, signApplication } from '../support/enrol.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { readNotices, startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority } from '../support/sandbox_authority.ts';
import {
  createRelyingParty,
  isConsentPage,
  later,
  open,
  presentCard,
  type RelyingParty,
  subOf,
} from './relying_party.ts';

let linkage: AuthorityGate;
let hub: TestHub;
let clinic: RelyingParty;
const citizens = () => hub.authority.authority.citizens;
const SCOPE = 'openid name address birthdate gender';
/** Longer than the sandbox's responder vouches for an answer (ms). */
const RESPONDER_LIFETIME = 20 * 60_000;

before(async () => {
  const authority = await startTestAuthority();
  linkage = await startAuthorityGate(authority.authority.address);
  hub = await startTestHub({ authority, settings: { linkage: { url: `${linkage.url}/linkage` } } });
  clinic = await createRelyingParty(hub, { scope: `${SCOPE} card_status` });
});
after(async () => {
  await hub.stop();
  await linkage.stop();
  await hub.authority.stop();
});

async function events(kind: StoredAuditEvent['kind']): Promise<readonly StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.kind === kind);
}

/** A new citizen, known to the hub's lists. */
async function citizen(name: string, attributes = {}): Promise<string> {
  await citizens().issue({ name, attributes: { ...attributes, name: `見本　${name}` } });
  await hub.refreshLists();
  return name;
}

/** Signs in at the clinic as far as the consent page, which offers to enrol. */
async function toConsent(card: string, browser: HttpBrowser = createHttpBrowser()) {
  const attempt = await clinic.attempt({ scope: SCOPE });
  const page = await open(clinic.authorizationUrl(attempt), browser);
  const consent = await presentCard(hub, browser, page, { card });
  return { browser, attempt, consent };
}

/** Whether the page offers it or not. */
const enrolmentOf = ({ url, text }: Visited) =>
  new URL(`${/\/interaction\/[^/"]+/.exec(text)?.[0]}/enrolment`, url).href;

/** The same, as far as the application that is to be signed. */
async function toApplication(card: string, typed = formOf(hub, card)) {
  const { browser, attempt, consent } = await toConsent(card);
  const form = await browser.get(enrolmentOf(consent));
  return { browser, attempt, page: await fillIn(browser, form, typed) };
}

async function enrolled(card: string): Promise<Visited> {
  const { browser, page } = await toApplication(card);
  return signApplication(hub, browser, page, { card });
}

describe('enrolment from the consent page', () => {
  it('registers what the signing certificate says, and the claims can be given at once', async () => {
    const card = await citizen('first-time');
    const { browser, attempt, consent } = await toConsent(card);
    assert.ok(isConsentPage(consent));
    assert.match(consent.text, /氏名・住所などを登録する/);
    const form = await browser.get(enrolmentOf(consent));
    const page = await fillIn(browser, form, formOf(hub, card));
    assert.match(page.text, /申込書に署名する/);
    const done = await signApplication(hub, browser, page, { card });
    assert.equal(done.status, 200);
    assert.match(done.text, /登録が終わりました/);
    assert.match(done.text, /見本　first-time/);

    const callback = await hub.signIn(clinic.authorizationUrl(attempt), { browser, card });
    const tokens = await clinic.exchange(attempt, callback);
    const told = await clinic.userinfo(tokens);
    const { name, address, birthDate } = citizenAttributes(card);
    assert.equal(told.name, name);
    assert.deepEqual(told.address, { formatted: address });
    assert.equal(told.birthdate, birthDate);
    assert.equal(told.gender, 'male');
    const provenance = told.claims_provenance as Record<
      string,
      { source: string; obtained_at: number; current: boolean }
    >;
    assert.deepEqual(Object.keys(provenance), ['name', 'address', 'birthdate', 'gender']);
    assert.equal(provenance.name?.source, 'jpki_signing_certificate');
    assert.equal(provenance.name?.current, true);
    assert.ok(Math.abs((provenance.name?.obtained_at ?? 0) - Date.now() / 1000) < 60);

    const event = (await events('subject.enrolled')).at(-1);
    assert.deepEqual(event?.data?.attributes, ['name', 'address', 'birthdate', 'gender']);
    assert.match(String(event?.data?.certificate), /^[0-9a-f]{16}$/);
    const [kept] = await hub.hub.storage.enrolments.listApplications(event?.subjectId ?? '', 10);
    assert.equal(kept?.termsVersion, '1');
    assert.ok(!Buffer.from(kept?.sealedDocument ?? []).includes('見本'));
  });

  it('takes a form that says the same in other characters', async () => {
    const card = await citizen('other-characters', { address: '東京都千代田区霞が関２－１－３　龍澤ハイツ１０１号室' });
    const { browser, page } = await toApplication(card, {
      ...formOf(hub, card),
      name: '見本 ｏｔｈｅｒ－characters',
      address: '東京都千代田区霞ヶ関二丁目1番3号 竜沢ハイツ101',
      birth_year: '１９８０',
    });
    assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
  });

  it('shows what differs from the card, registers nothing, and takes what the card says', async () => {
    const card = await citizen('differing');
    const before = (await events('subject.enrolled')).length;
    const typed = { ...formOf(hub, card), name: '見本　次郎', gender: 'female' };
    const { browser, page } = await toApplication(card, typed);
    const answer = await signApplication(hub, browser, page, { card });
    assert.equal(answer.status, 422);
    assert.match(answer.text, /書いた内容が、カードの登録と違います/);
    assert.match(answer.text, /あなたが書いた内容：見本　次郎/);
    assert.match(answer.text, /あなたが書いた内容：女/);
    assert.match(answer.text, /value="見本　differing"/);
    assert.equal((await events('subject.enrolled')).length, before);

    const again = await fillIn(browser, answer, formOf(hub, card));
    assert.match((await signApplication(hub, browser, again, { card })).text, /登録が終わりました/);
  });

  it('says what is wrong in the form before anything is signed', async () => {
    const card = await citizen('careless');
    const typed = {
      ...formOf(hub, card),
      name: '',
      address: '東京都\u202e千代田区',
      birth_month: '2',
      birth_day: '31',
    };
    const { page } = await toApplication(card, typed);
    assert.equal(page.status, 422);
    assert.match(page.text, /氏名を書いてください/);
    assert.match(page.text, /住所に、ほかの端末で表示できない文字があります/);
    assert.match(page.text, /実際にある日付ではありません/);
    assert.doesNotMatch(page.text, /data-document/);
  });

  it('lets somebody without a signing certificate go on without', async () => {
    const { browser, consent } = await toConsent('mei');
    const form = await browser.get(enrolmentOf(consent));
    assert.match(form.text, /15歳未満の方/);
    const back = await browser.get(
      new URL(/href="([^"]+)">登録せずに続ける/.exec(form.text)?.[1] ?? '', form.url).href,
    );
    assert.ok(isConsentPage(back));
  });

  it('can be done again, and twenty times at once, and stays one registration', async () => {
    const card = await citizen('eager');
    assert.match((await enrolled(card)).text, /登録が終わりました/);
    const answers = await Promise.all(Array.from({ length: 20 }, () => enrolled(card)));
    for (const answer of answers) assert.match(answer.text, /登録が終わりました/);
    const { subjectId = '' } = (await events('subject.enrolled')).at(-1) ?? {};
    assert.equal((await hub.hub.storage.enrolments.listApplications(subjectId, 100)).length, 21);
  });
});

describe('enrolment instead of the sign-in page', () => {
  async function enrolWith(
    card: string,
    typed: Record<string, string> = {},
    of?: { browser: HttpBrowser; form: Visited },
  ) {
    const { browser, form } = of ?? (await toForm());
    const page = await fillIn(browser, form, { ...formOf(hub, card), ...typed });
    return { browser, answer: await signApplication(hub, browser, page, { card }) };
  }

  /** Somebody enrolled whose registration has ended at the authority, and a card that no line connects with it. */
  async function cameBack(name: string): Promise<{ sub: string; card: string }> {
    const attributes = { name: `見本　${name}` };
    await citizens().issue({ name, attributes });
    await hub.refreshLists();
    await enrolled(name);
    const sub = subOf(await clinic.signIn({ card: name }));
    await citizens().revoke({ name, certificate: 'both', reason: 'cessationOfOperation' });
    const card = `${name}-again`;
    await citizens().issue({ name: card, attributes });
    await hub.refreshLists();
    return { sub, card };
  }

  async function toForm() {
    const browser = createHttpBrowser();
    const attempt = await clinic.attempt({ scope: SCOPE });
    const signIn = await open(clinic.authorizationUrl(attempt), browser);
    return { browser, attempt, form: await browser.get(enrolmentOf(signIn)) };
  }

  it('signs in and registers by one use of the card', async () => {
    const card = await citizen('at-once');
    const { browser, attempt, form } = await toForm();
    assert.match(form.text, /そのままサインインします/);
    const page = await fillIn(browser, form, formOf(hub, card));
    const done = await signApplication(hub, browser, page, { card });
    assert.match(done.text, /登録が終わりました/);
    const [, next = ''] = /class="button [^"]*" href="([^"]+)"/.exec(done.text) ?? [];
    const consent = await browser.get(new URL(next, done.url).href);
    assert.ok(isConsentPage(consent));
    assert.doesNotMatch(consent.text, /提供しません/);
    const tokens = await clinic.exchange(
      attempt,
      await hub.signIn(clinic.authorizationUrl(attempt), { browser, card }),
    );
    assert.equal((await clinic.userinfo(tokens)).name, '見本　at-once');
    assert.equal(subOf(tokens), subOf(await clinic.signIn({ card })));
  });

  it('takes over what was registered with a card that has ended, by the same attributes and the signed word', async () => {
    const { sub, card } = await cameBack('returned');
    const { browser, answer } = await enrolWith(card);
    assert.match(answer.text, /同じ内容の登録が見つかりました/);
    const { answer: done } = await enrolWith(card, { takes_over: 'yes' }, { browser, form: answer });
    assert.match(done.text, /登録が終わりました/);
    assert.equal(subOf(await clinic.signIn({ card })), sub);
    const linked = (await events('certificate.linked')).at(-1);
    assert.equal(linked?.data?.method, 'attributes');

    // An operator sees it, and can take it back.
    const [link] = await hub.hub.links.list();
    assert.equal(link?.method, 'attributes');
    await hub.hub.links.undo(link?.certificate ?? '');
    await assert.rejects(clinic.signIn({ card }));
  });

  it('makes somebody new of who says that the earlier registration is not theirs', async () => {
    const { sub, card } = await cameBack('namesake');
    const { browser, answer } = await enrolWith(card);
    const { answer: done } = await enrolWith(card, { knows_of_earlier: 'yes' }, { browser, form: answer });
    assert.match(done.text, /登録が終わりました/);
    assert.notEqual(subOf(await clinic.signIn({ card })), sub);
  });

  it('takes over from nobody whose card is good, whatever is ticked, and by no attribute that differs', async () => {
    const attributes = { name: '見本　隣人' };
    await citizens().issue({ name: 'neighbour', attributes });
    await citizens().issue({ name: 'impostor', attributes });
    await hub.refreshLists();
    await enrolled('neighbour');
    const sub = subOf(await clinic.signIn({ card: 'neighbour' }));
    assert.match((await enrolWith('impostor', { takes_over: 'yes' })).answer.text, /登録が終わりました/);
    assert.notEqual(subOf(await clinic.signIn({ card: 'impostor' })), sub);

    const { sub: gone } = await cameBack('elsewhere');
    await citizens().issue({
      name: 'of-another-house',
      attributes: { name: '見本　elsewhere', address: '東京都千代田区永田町９－９－８' },
    });
    await hub.refreshLists();
    assert.match((await enrolWith('of-another-house', { takes_over: 'yes' })).answer.text, /登録が終わりました/);
    assert.notEqual(subOf(await clinic.signIn({ card: 'of-another-house' })), gone);
  });

  it('moves nobody who has signed in with the card before', async () => {
    const { sub, card } = await cameBack('too-late');
    const own = subOf(await clinic.signIn({ card }));
    assert.match((await enrolWith(card, { takes_over: 'yes' })).answer.text, /登録が終わりました/);
    assert.equal(subOf(await clinic.signIn({ card })), own);
    assert.notEqual(own, sub);
  });

  it('gives one of two cards the registration, when both claim it at the same moment', async () => {
    const { sub, card } = await cameBack('raced');
    await citizens().issue({ name: 'raced-too', attributes: { name: '見本　raced' } });
    await hub.refreshLists();
    const answers = await Promise.all([card, 'raced-too'].map((each) => enrolWith(each, { takes_over: 'yes' })));
    for (const { answer } of answers) assert.match(answer.text, /登録が終わりました/);
    const subs = [subOf(await clinic.signIn({ card })), subOf(await clinic.signIn({ card: 'raced-too' }))];
    assert.equal(subs.filter((each) => each === sub).length, 1);
  });
});

describe('nothing is registered', () => {
  async function assertRefused(answer: Visited, code: string, title: RegExp, status = 403): Promise<void> {
    assert.equal(answer.status, status);
    assert.match(answer.text, title);
    assert.equal((await events('enrolment.refused')).at(-1)?.data?.code, code);
    assert.doesNotMatch(answer.text, /登録が終わりました/);
  }

  it('when both keys are of one card that is not the one that signed in', async () => {
    const card = await citizen('signed-in');
    const other = await citizen('somebody-else');
    const { browser, page } = await toApplication(card, formOf(hub, other));
    await assertRefused(
      await signApplication(hub, browser, page, { card: other }),
      'signing_other_person',
      /サインインした方のカードではありません/,
    );
  });

  it('when the two keys are of two people, though all four attributes are the same', async () => {
    const same = { name: '見本　双子' };
    await citizens().issue({ name: 'twin-1', attributes: same });
    await citizens().issue({ name: 'twin-2', attributes: same });
    await hub.refreshLists();
    const { browser, page } = await toApplication('twin-1');
    await assertRefused(
      await signApplication(hub, browser, page, { card: 'twin-1', signingCard: 'twin-2' }),
      'signing_not_one_person',
      /同じ方のものだと確認できませんでした/,
    );
  });

  it('when the signing certificate is revoked', async () => {
    const card = await citizen('moved-before');
    await citizens().move({ name: card, address: '東京都港区芝公園９－９' });
    await hub.refreshLists();
    const { browser, page } = await toApplication(card);
    await assertRefused(
      await signApplication(hub, browser, page, { card }),
      'signing_certificate_revoked',
      /署名用電子証明書が無効になっています/,
    );
  });

  it('when something else was signed than what was filled in', async () => {
    const card = await citizen('deceived');
    const { browser, page } = await toApplication(card);
    const refused = await signApplication(hub, browser, page, {
      card,
      document: (text) => text.replace('見本', '見木'),
    });
    await assertRefused(refused, 'signed_document_changed', /署名したものと違います/);
    // The page is good for another try, with a challenge of its own.
    assert.match((await signApplication(hub, browser, refused, { card })).text, /登録が終わりました/);
  });

  it('by an answer that was given before, to another page, or for signing in', async () => {
    const card = await citizen('repeated');
    const { browser, page } = await toApplication(card);
    const other = await toApplication(card);
    const nonceOf = ({ text }: Visited) => /data-nonce="([^"]+)"/.exec(text)?.[1] ?? '';
    const step = /この書類の画面が古くなりました/;
    const elsewhere = await signApplication(hub, browser, page, { card, over: { nonce: nonceOf(other.page) } });
    await assertRefused(elsewhere, 'challenge_wrong_session', step, 400);
    assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
    await assertRefused(await signApplication(hub, browser, page, { card }), 'challenge_spent', step, 400);

    const signIn = await open(
      clinic.authorizationUrl(await clinic.attempt({ scope: SCOPE, prompt: 'login' })),
      browser,
    );
    const form = await browser.get(enrolmentOf(signIn));
    const application = await fillIn(browser, form, formOf(hub, card));
    const mixed = await signApplication(hub, browser, application, { card, over: { nonce: nonceOf(signIn) } });
    await assertRefused(mixed, 'challenge_wrong_session', step, 400);
  });

  it('by a document that is none, too large, or missing', async () => {
    const card = await citizen('garbled');
    for (const signed_document of ['', 'AAAA', '%%%', Buffer.alloc(60_000).toString('base64')]) {
      const { browser, page } = await toApplication(card);
      await assertRefused(
        await signApplication(hub, browser, page, { card, over: { signed_document } }),
        'signed_document_unreadable',
        /正しく受け取れませんでした/,
      );
    }
  });

  it('while the authority cannot be asked whether both certificates are one person’s', async () => {
    const card = await citizen('out-of-reach');
    const before = (await events('subject.enrolled')).length;
    const { browser, page } = await toApplication(card);
    linkage.isAway = true;
    const answer = await signApplication(hub, browser, page, { card }).finally(() => {
      linkage.isAway = false;
    });
    await assertRefused(answer, 'linkage_unavailable', /いま、カードの更新を確認できません/, 503);
    assert.equal(answer.headers.get('retry-after'), '30');
    assert.equal((await events('subject.enrolled')).length, before);
    assert.match((await signApplication(hub, browser, answer, { card })).text, /登録が終わりました/);
  });

  it('by a form of another site, or without its fields', async () => {
    const card = await citizen('forged');
    const { browser, page } = await toApplication(card);
    assert.equal((await signApplication(hub, browser, page, { card, over: { csrf: 'x' } })).status, 403);
    const incomplete = await toApplication(card);
    const answer = await signApplication(hub, incomplete.browser, incomplete.page, { card, over: { name: '' } });
    assert.equal(answer.status, 400);
  });
});

describe('attributes that are no longer vouched for', () => {
  it('are told as of their date and marked, until the person enrols anew', async () => {
    const card = await citizen('mover');
    await enrolled(card);
    const tokens = await clinic.signIn({ card, parameters: { scope: SCOPE } });
    await citizens().move({ name: card, address: '東京都港区芝公園９－９－９', newSigningCertificate: true });
    await hub.refreshLists();
    const currentOf = (told: Record<string, unknown>) =>
      (told.claims_provenance as Record<string, { current: boolean }>).address?.current;
    const stale = await clinic.userinfo(tokens);
    assert.equal(currentOf(stale), false);
    assert.match(JSON.stringify(stale.address), /永田町/);

    const attempt = await clinic.attempt({ scope: SCOPE, prompt: 'consent' });
    const browser = createHttpBrowser();
    const signIn = await open(clinic.authorizationUrl(attempt), browser);
    const notices = await presentCard(hub, browser, signIn, { card });
    assert.match(notices.text, /登録した内容を確かめてください/);
    const consent = await readNotices(browser, notices, 'https://');
    assert.match(consent.text, /変わった可能性があります/);
    const page = await fillIn(browser, await browser.get(enrolmentOf(consent)), formOf(hub, card));
    assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
    const told = await clinic.userinfo(tokens);
    assert.equal(currentOf(told), true);
    assert.match(JSON.stringify(told.address), /芝公園/);
    assert.equal(told.sub, subOf(tokens));
  });
});

describe('a hub without lists', () => {
  let other: TestHub;
  let party: RelyingParty;
  before(async () => {
    other = await startTestHub({ settings: { revocation: { sources: ['ocsp'] } } });
    party = await createRelyingParty(other, { scope: SCOPE });
  });
  after(() => other?.stop());

  it('hears of a revocation from the responder at the next sign-in, and acts on it', async () => {
    const { citizens: counter } = other.authority.authority;
    await counter.issue({ name: 'asked-about', attributes: { name: '見本　照会' } });
    const browser = createHttpBrowser();
    const url = party.authorizationUrl(await party.attempt({ scope: SCOPE }));
    const consent = await presentCard(other, browser, await open(url, browser), { card: 'asked-about' });
    const page = await fillIn(browser, await browser.get(enrolmentOf(consent)), formOf(other, 'asked-about'));
    assert.match((await signApplication(other, browser, page, { card: 'asked-about' })).text, /登録が終わりました/);
    const signIn = () => party.signIn({ card: 'asked-about', parameters: { scope: SCOPE } });
    const tokens = await signIn();
    const isCurrent = async () => {
      const { name } = (await party.userinfo(tokens)).claims_provenance as Record<string, { current: boolean }>;
      return name?.current;
    };
    assert.equal(await isCurrent(), true);
    await counter.move({ name: 'asked-about', address: '東京都港区芝公園９－９' });
    // Longer than the responder's answers live; on both sides.
    await later(RESPONDER_LIFETIME, async () => {
      assert.equal(subOf(await signIn()), subOf(tokens));
    });
    assert.equal(await isCurrent(), false);

    await counter.revoke({ name: 'asked-about', certificate: 'user', reason: 'certificateHold' });
    await later(2 * RESPONDER_LIFETIME, () => assert.rejects(signIn()));
    await assert.rejects(party.userinfo(tokens));
  });
});

describe('verified claims', () => {
  const request = (verification: object, claims: object = { name: null, birthdate: null }) =>
    JSON.stringify({ userinfo: { verified_claims: { verification, claims } } });
  const ask = async (card: string, verification: object, agree?: readonly string[]) => {
    const parameters = { scope: 'openid', claims: request(verification), prompt: 'consent' };
    return clinic.userinfo(await clinic.signIn({ card, parameters, ...(agree && { agree }) }));
  };
  let card: string;
  before(async () => {
    card = await citizen('verified');
    await enrolled(card);
  });

  it('say how they were verified, never by which certificate', async () => {
    const told = await ask(card, {
      trust_framework: null,
      time: null,
      evidence: [{ type: { value: 'electronic_record' } }],
    });
    const verified = told.verified_claims as { verification: Record<string, unknown>; claims: object };
    assert.deepEqual(verified.claims, { name: '見本　verified', birthdate: '1980-01-01' });
    assert.equal(verified.verification.trust_framework, 'jp_jpki');
    assert.match(String(verified.verification.time), /^\d{4}-\d\d-\d\dT/);
    const [evidence] = verified.verification.evidence as { type: string; record: object }[];
    assert.equal(evidence?.type, 'electronic_record');
    assert.doesNotMatch(JSON.stringify(told), /serial/);
    // Asked for as verified claims only, they are no plain claims.
    assert.equal(told.name, undefined);
  });

  it('say no more than was asked, and only what was agreed to', async () => {
    const told = await ask(card, { trust_framework: null }, ['birthdate']);
    const { verification, claims } = told.verified_claims as { verification: object; claims: object };
    assert.deepEqual(verification, { trust_framework: 'jp_jpki' });
    assert.deepEqual(claims, { birthdate: '1980-01-01' });
    assert.equal((await ask(card, { trust_framework: null }, [])).verified_claims, undefined);
  });

  it('are left out where they cannot be given as asked', async () => {
    assert.equal((await ask(card, { trust_framework: { value: 'eidas' } })).verified_claims, undefined);
    assert.equal((await ask(card, { trust_framework: null, time: { max_age: -1 } })).verified_claims, undefined);
    assert.ok((await ask(card, { trust_framework: { values: ['eidas', 'jp_jpki'] } })).verified_claims);
  });

  it('are left out once nobody vouches for them any more', async () => {
    await citizens().move({ name: card, address: '東京都港区芝公園９－９' });
    await hub.refreshLists();
    assert.equal((await ask(card, { trust_framework: null })).verified_claims, undefined);
  });
});

function citizenAttributes(card: string) {
  const found = hub.authority.authority.store.state.citizens.find(({ name }) => name === card);
  assert.ok(found);
  return found.attributes;
}
