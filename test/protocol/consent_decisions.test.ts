import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeJwt, decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import * as client from 'openid-client';
import { checkDocument } from '../../adapters/card/agent_document.ts';
import { verifyHistory, verifyReceipt } from '../../provider/consent/verify_records.ts';
import { applicationOf, signApplication } from '../support/enrol.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type LogoutListener, startLogoutListener } from '../support/logout_listener.ts';
import {
  answerOf,
  createRelyingParty,
  isConsentPage,
  lastConsent,
  later,
  type Metadata,
  open,
  type Parameters,
  presentCard,
  type RelyingParty,
  refused,
  subOf,
} from './relying_party.ts';

const API = 'https://api.example/records';
const CARD = { scope: 'openid card_status' };
const OFFLINE = { scope: 'openid card_status offline_access', prompt: 'consent' };
const REFRESHES = { grant_types: ['authorization_code', 'refresh_token'] };
const CONSENT_SECONDS = 900;
const ACCESS_SECONDS = 300;

/** Title of what was decided before, on the page. */
const KEPT = 'これまでに決めたこと';

let hub: TestHub;
let browser: HttpBrowser;
let listener: LogoutListener;

before(async () => {
  listener = await startLogoutListener();
  hub = await startTestHub({
    settings: {
      lifetimes: { consentSeconds: CONSENT_SECONDS, accessTokenSeconds: ACCESS_SECONDS },
      resources: [{ identifier: API, scopes: ['records:read'], accessTokenFormat: 'opaque' }],
    },
  });
});
after(async () => {
  await hub?.stop();
  listener?.close();
});
beforeEach(async () => {
  listener.received = [];
  browser = createHttpBrowser();
});

const visit = async (party: RelyingParty, parameters: Parameters = {}) =>
  open(party.authorizationUrl(await party.attempt(parameters)), browser);

const refresh = (party: RelyingParty, token: string | undefined) =>
  client.refreshTokenGrant(party.configuration, String(token));

async function withdraw(party: RelyingParty): Promise<string> {
  const { id, subjectId } = await lastConsent(hub, party.clientId);
  assert.equal(await hub.hub.consents.withdraw(id, subjectId, 'en'), true);
  return subjectId;
}

async function receipts(party: RelyingParty) {
  const { subjectId } = await lastConsent(hub, party.clientId);
  const kept = await hub.hub.storage.consents.listReceipts(subjectId, 1000);
  const own = kept.map(({ event, receipt }) => ({ event, receipt, content: decodeJwt<ReceiptContent>(receipt) }));
  return own.filter(({ content }) => content.consent_receipt.party_identification[0]?.party_id === party.clientId);
}

interface ReceiptContent {
  consent_receipt: Record<string, unknown> & {
    purposes: { purpose: string; pii_information: { pii_type: string; pii_optional: boolean }[] }[];
    party_identification: { party_id: string; party_name: string }[];
    event: Record<string, unknown>;
  };
}

async function published(path: string): Promise<unknown> {
  return (await fetch(`${hub.issuer}/.well-known/${path}`)).json();
}
const recordKeys = async () => (await published('record-keys')) as JSONWebKeySet;

describe('a withdrawal', () => {
  it('ends at once what the relying party has: refresh token, access token, code; and the next sign-in asks', async () => {
    const party = await createRelyingParty(hub, REFRESHES);
    const tokens = await party.signIn({ browser, parameters: OFFLINE });
    const rotated = await refresh(party, tokens.refresh_token);
    const attempt = await party.attempt(CARD);
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
    await withdraw(party);

    await assert.rejects(refresh(party, rotated.refresh_token), refused('invalid_grant'));
    await assert.rejects(party.userinfo(tokens));
    await assert.rejects(party.exchange(attempt, callback), refused('invalid_grant'));
    for (const token of [rotated.access_token, String(rotated.refresh_token)]) {
      assert.equal((await client.tokenIntrospection(party.configuration, token)).active, false);
    }
    assert.equal(answerOf(await visit(party, { ...CARD, prompt: 'none' })).error, 'consent_required');
    assert.ok(isConsentPage(await visit(party, CARD)));
  });

  it('is one relying party’s business: others keep theirs, and the person stays signed in', async () => {
    const [party, other] = [await createRelyingParty(hub, REFRESHES), await createRelyingParty(hub, REFRESHES)];
    await party.signIn({ browser, parameters: OFFLINE });
    const tokens = await other.signIn({ browser, parameters: OFFLINE });
    await withdraw(party);
    await refresh(other, tokens.refresh_token);
    assert.ok(answerOf(await visit(other, { ...CARD, prompt: 'none' })).code);
  });

  it('is told by back-channel logout, with the subject and session that the relying party knows', async () => {
    const party = await createRelyingParty(hub, {
      backchannel_logout_uri: listener.url,
      backchannel_logout_session_required: true,
    });
    const tokens = await party.signIn({ browser });
    await withdraw(party);
    await listener.arrived(1);
    const told = decodeJwt(listener.received[0] ?? '');
    assert.deepEqual([told.aud, told.sub, told.sid], [party.clientId, subOf(tokens), tokens.claims()?.sid]);
  });

  it('happens once, of one’s own consent, and is recorded', async () => {
    const party = await createRelyingParty(hub);
    await party.signIn({ browser });
    const { id } = await lastConsent(hub, party.clientId);
    await (await createRelyingParty(hub)).signIn({ card: 'hanako' });
    const strangers = [crypto.randomUUID(), 'x', '\0'];
    for (const stranger of strangers) {
      assert.equal(await hub.hub.consents.withdraw(id, stranger).catch(() => false), false);
    }
    const subjectId = await withdraw(party);
    assert.equal(await hub.hub.consents.withdraw(id, subjectId), false);
    const events = await hub.hub.storage.audit.read(0n, 10_000);
    const ofThis = events.filter(({ kind, data }) => kind === 'consent.withdrawn' && data?.consent === id);
    assert.deepEqual(
      ofThis.map(({ actor }) => actor),
      [`subject:${subjectId}`],
    );
  });
});

describe('a consent that has expired', () => {
  it('takes everything with it, before anything has swept', async () => {
    const party = await createRelyingParty(hub, { ...REFRESHES, introspection_resource: API });
    const scope = 'openid offline_access records:read';
    const tokens = await party.signIn({ browser, parameters: { scope, resource: API, prompt: 'consent' } });
    const fresh = await later((CONSENT_SECONDS - 5) * 1000, () => refresh(party, tokens.refresh_token));
    await later((CONSENT_SECONDS + 5) * 1000, async () => {
      await assert.rejects(refresh(party, fresh.refresh_token), refused('invalid_grant'));
      for (const token of [fresh.access_token, String(fresh.refresh_token)]) {
        assert.equal((await client.tokenIntrospection(party.configuration, token)).active, false);
      }
    });
  });
});

describe('a consent for this time only', () => {
  it('serves the sign-in that it was given for, until its access token ends', async () => {
    const party = await createRelyingParty(hub, REFRESHES);
    const tokens = await party.signIn({ browser, parameters: OFFLINE, period: 'once' });
    assert.ok((await party.userinfo(tokens)).card_status);
    await later((ACCESS_SECONDS + 120) * 1000, () =>
      assert.rejects(refresh(party, tokens.refresh_token), refused('invalid_grant')),
    );
  });

  for (const period of ['once', 'every_time'] as const) {
    it(`(${period}) is asked again at the next sign-in, in the same browser too`, async () => {
      const party = await createRelyingParty(hub);
      await party.signIn({ browser, parameters: CARD, period });
      assert.equal(answerOf(await visit(party, { ...CARD, prompt: 'none' })).error, 'consent_required');
      const page = await visit(party, CARD);
      assert.ok(isConsentPage(page));
      const box = /<input[^>]*value="card_status"[^>]*>/.exec(page.text)?.[0] ?? '';
      assert.equal(/ checked/.test(box), period === 'every_time', 'who is asked every time sees what they chose');
    });
  }

  it('for what is new leaves what was decided before as it was', async () => {
    const party = await createRelyingParty(hub);
    await party.signIn({ browser });
    const tokens = await party.signIn({ browser, parameters: CARD, period: 'once' });
    assert.ok((await party.userinfo(tokens)).card_status);
    assert.ok(answerOf(await visit(party, { prompt: 'none' })).code, 'the identifier was agreed to before');
    assert.ok(isConsentPage(await visit(party, CARD)));
  });
});

describe('a claim for this time only, beside what lasts', () => {
  it('does not leave any more when its time is over; the rest goes on', async () => {
    const party = await createRelyingParty(hub, REFRESHES);
    const offline = await party.signIn({ browser, parameters: { ...OFFLINE, scope: 'openid offline_access' } });
    const tokens = await party.signIn({ browser, parameters: CARD, period: 'once' });
    assert.ok((await party.userinfo(tokens)).card_status);
    await later((ACCESS_SECONDS + 120) * 1000, async () => {
      const fresh = await refresh(party, offline.refresh_token);
      const { subjectId } = await lastConsent(hub, party.clientId);
      const claims = ['sub', 'card_status'];
      const disclosure = { subjectId, clientId: party.clientId, exit: 'userinfo', claims } as const;
      assert.deepEqual(await hub.hub.consents.release(disclosure), { values: {}, carried: [], unavailable: {} });
      const [newest] = await hub.hub.storage.consents.listDisclosures(subjectId, 1);
      assert.deepEqual(newest?.claims, ['sub']);
      assert.equal(
        (await client.fetchUserInfo(party.configuration, fresh.access_token, subOf(tokens))).sub,
        subOf(tokens),
      );
    });
  });
});

describe('the consent page', () => {
  it('shows what is new as the choice, and what was decided before beside it', async () => {
    const party = await createRelyingParty(hub);
    await party.signIn({ browser });
    assert.ok(!(await visit(party, { prompt: 'consent' })).text.includes(KEPT), 'all is to be decided again');
    const page = await visit(party, CARD);
    const [choices = '', kept = ''] = page.text.slice(page.text.indexOf('id="claims-heading"')).split(KEPT);
    assert.ok(choices.includes('value="card_status"'));
    const IDENTIFIER = 'このサービス専用の識別番号';
    assert.deepEqual([choices.includes(IDENTIFIER), kept.includes(IDENTIFIER)], [false, true]);
  });

  it('states what a single claim is for, by the request or by the registration', async () => {
    const claims = JSON.stringify({ userinfo: { card_status: { purpose: '<b>予約</b>の確認' } } });
    const registered: Metadata = { claim_purposes: { card_status: { ja: '受付で使います', en: 'For the desk' } } };
    const [byRequest, byRegistration] = [await createRelyingParty(hub), await createRelyingParty(hub, registered)];
    await byRequest.signIn({ browser });
    assert.match((await visit(byRequest, { claims })).text, /&lt;b&gt;予約/);
    await byRegistration.signIn({ browser });
    assert.match((await visit(byRegistration, CARD)).text, /受付で使います/);
  });

  it('is shown again for a claim that is wanted for something else', async () => {
    const party = await createRelyingParty(hub);
    const claims = (purpose: string) => JSON.stringify({ userinfo: { card_status: { purpose } } });
    await party.signIn({ browser, parameters: { claims: claims('one') } });
    assert.ok(answerOf(await visit(party, { claims: claims('one') })).code);
    assert.ok(isConsentPage(await visit(party, { claims: claims('another') })));
  });

  it('is for purposes of claims that there are, in texts', async () => {
    for (const claim_purposes of [[], { unknown: { ja: 'x' } }, { name: {} }, { name: { ja: 1 } }, { name: 'x' }]) {
      await assert.rejects(createRelyingParty(hub, { claim_purposes }));
    }
  });
});

describe('a receipt', () => {
  it('says who may have what, for what and until when, and is verified with the published keys alone', async () => {
    const party = await createRelyingParty(hub, {
      client_name: 'Clinic',
      'client_name#ja': 'みどり診療所',
      'purpose#ja': '診察券の代わり',
      policy_uri: 'https://rp.example/privacy',
      contacts: ['dpo@rp.example'],
    });
    const claims = JSON.stringify({ id_token: { card_status: { essential: true } } });
    const tokens = await party.signIn({ browser, parameters: { claims } });
    const [receipt] = await receipts(party);
    assert.ok(receipt);
    assert.equal(decodeProtectedHeader(receipt.receipt).typ, 'consent-receipt+jwt');
    const verified = await verifyReceipt(receipt.receipt, await recordKeys());
    assert.equal(verified.issuer, hub.issuer);
    const { consent_receipt: told, sub } = receipt.content;
    assert.equal(sub, subOf(tokens));
    assert.deepEqual(
      [told.schema_version, told.language, told.privacy_notice, told.event.event_state],
      ['ISO/IEC TS 27560:2023', 'ja', 'https://rp.example/privacy', 'granted'],
    );
    assert.deepEqual(told.party_identification[0], {
      ...{ party_id: party.clientId, party_role: 'pii_controller', party_name: 'みどり診療所' },
      party_contact: ['dpo@rp.example'],
    });
    assert.deepEqual(
      told.purposes.map(({ purpose, pii_information }) => [
        purpose,
        pii_information.map(({ pii_type, pii_optional }) => [pii_type, pii_optional]),
      ]),
      [
        [
          '診察券の代わり',
          [
            ['sub', false],
            ['card_status', false],
          ],
        ],
      ],
    );
    assert.equal(told.event.validity_duration, CONSENT_SECONDS);
  });

  it('is made for each decision, and outlives the key that signed it', async () => {
    const party = await createRelyingParty(hub);
    await party.signIn({ browser });
    await party.signIn({ browser, parameters: CARD });
    await withdraw(party);
    await hub.hub.keys.rotate(0, ['ES256']);
    await hub.hub.refreshKeys();
    await later(60 * 86_400_000, async () => {
      const kept = await receipts(party);
      assert.deepEqual(
        kept.map(({ event }) => event),
        ['withdrawn', 'changed', 'granted'],
      );
      const keys = await recordKeys();
      assert.ok(keys.keys.every((key) => !('d' in key)));
      for (const { receipt } of kept) await verifyReceipt(receipt, keys);
    });
  });
});

describe('what left', () => {
  it('is confirmed once its answer was sent, with whose word it was, and verified against what is published', async () => {
    const party = await createRelyingParty(hub);
    const tokens = await party.signIn({ browser, parameters: CARD });
    await party.userinfo(tokens);
    await hub.hub.confirmDeliveries();
    const { subjectId } = await lastConsent(hub, party.clientId);
    const told = await hub.hub.storage.consents.listDisclosures(subjectId, 2);
    assert.deepEqual(
      told.map(({ exit, claims }) => [exit, claims]),
      [
        ['userinfo', ['sub', 'card_status']],
        ['id_token', ['sub']],
      ],
    );
    assert.ok(told.every(({ deliveredAt }) => deliveredAt !== undefined));

    await hub.hub.history.publish();
    const exported = JSON.parse(JSON.stringify(await hub.hub.history.export(subjectId)));
    const { heads } = (await published('disclosure-heads')) as { heads: string[] };
    const verdict = await verifyHistory(exported, await recordKeys(), heads);
    assert.equal(verdict.published?.disclosures, exported.disclosures.length);
    assert.equal(JSON.stringify(await published('disclosure-heads')).includes(subjectId), false);
  });
});

describe('a receipt that the person signs', () => {
  /** As far as the page with what is to be signed. */
  async function toSigning(party: RelyingParty, card: string) {
    const attempt = await party.attempt(CARD);
    const signIn = await open(party.authorizationUrl(attempt), browser);
    const consent = await presentCard(hub, browser, signIn, { card });
    const form: [string, string][] = [
      ['csrf', hiddenFields(consent.text.slice(consent.text.indexOf('<main'))).csrf ?? ''],
      ['decision', 'agree'],
      ['claims', 'card_status'],
      ['sign_receipt', 'yes'],
    ];
    return { attempt, page: await browser.post(`${consent.url}/consent`, form, { stopAt: 'https://' }) };
  }

  const signatures = async (party: RelyingParty) => {
    const { subjectId } = await lastConsent(hub, party.clientId);
    const [receipt] = await receipts(party);
    const kept = (await hub.hub.storage.consents.listReceipts(subjectId, 1))[0];
    const signed = await hub.hub.storage.consents.receiptSignatures(subjectId);
    return { receipt, isSigned: signed.has(kept?.id ?? '') };
  };

  it('names it by its hash and says what was agreed; the sign-in goes on', async () => {
    await hub.authority.authority.citizens.issue({ name: 'receipt-signer' });
    await hub.refreshLists();
    const party = await createRelyingParty(hub, { 'client_name#ja': 'みどり診療所', 'purpose#ja': '診察券の代わり' });
    const { attempt, page } = await toSigning(party, 'receipt-signer');
    const document = applicationOf(page);
    const [kept] = await receipts(party);
    const sha256 = createHash('sha256').update(String(kept?.receipt)).digest('hex');
    for (const line of ['提供先のサービス：みどり診療所', '利用目的：診察券の代わり']) {
      assert.ok(document.split('\n').includes(line), document);
    }
    assert.ok(document.includes(`sha256=${sha256}`));
    checkDocument(document, { origin: hub.issuer, nonce: hiddenFields(page.text).nonce ?? '' });
    assert.equal((await signatures(party)).isSigned, false);

    const back = await signApplication(hub, browser, page, { card: 'receipt-signer' });
    assert.equal((await signatures(party)).isSigned, true);
    await party.exchange(attempt, new URL(back.url));
  });

  it('is not signed by another’s card, for another text or a second time; without a signature the sign-in goes on', async () => {
    for (const name of ['receipt-owner', 'receipt-other']) await hub.authority.authority.citizens.issue({ name });
    await hub.refreshLists();
    const party = await createRelyingParty(hub);
    const { attempt, page } = await toSigning(party, 'receipt-owner');
    const card = 'receipt-owner';
    const foreign = await signApplication(hub, browser, page, { card: 'receipt-other' });
    assert.equal(foreign.status, 403);
    const other = await signApplication(hub, browser, foreign, { card, document: (text) => `${text} ` });
    assert.equal(other.status, 403);
    assert.equal((await signApplication(hub, browser, page, { card })).status, 400, 'the challenge is spent');
    assert.equal((await signatures(party)).isSigned, false);

    const main = other.text.slice(other.text.indexOf('<main'));
    const skip = /action="([^"]*\/receipt\/[^"/]+)"/.exec(main)?.[1] ?? '';
    const csrf = hiddenFields(main).csrf ?? '';
    const back = await browser.post(new URL(skip, hub.issuer).href, { csrf }, { stopAt: 'https://' });
    await party.exchange(attempt, new URL(back.url));
  });
});
