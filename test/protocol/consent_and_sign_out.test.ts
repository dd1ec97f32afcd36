import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createRemoteJWKSet, decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type LogoutListener, startLogoutListener } from '../support/logout_listener.ts';
import {
  answerOf,
  createRelyingParty,
  isConsentPage,
  isSignInPage,
  lastConsent,
  later,
  type Metadata,
  open,
  type Parameters,
  presentCard,
  type RelyingParty,
  refused,
  sendForm,
  subOf,
  withdrawConsent,
} from './relying_party.ts';

const API = 'https://api.example/records';
const CONSENT_SECONDS = 3_600;

let hub: TestHub;
/** Taro has signed in here. */
let browser: HttpBrowser;

before(async () => {
  hub = await startTestHub({
    settings: {
      lifetimes: { consentSeconds: CONSENT_SECONDS },
      resources: [{ identifier: API, scopes: ['records:read'], accessTokenFormat: 'jwt' }],
    },
  });
});
after(() => hub?.stop());
beforeEach(async () => {
  browser = createHttpBrowser();
  await (await createRelyingParty(hub)).signIn({ browser });
});

async function visit(party: RelyingParty, parameters: Parameters = {}, inBrowser = browser) {
  return open(party.authorizationUrl(await party.attempt(parameters)), inBrowser);
}

describe('a pairwise subject', () => {
  const at = (...redirectUris: string[]) => createRelyingParty(hub, { redirect_uris: redirectUris });

  it('is the same at every sign-in of one person, in any browser', async () => {
    const party = await createRelyingParty(hub);
    const [first, second] = [await party.signIn(), await party.signIn()];
    assert.equal(subOf(first), subOf(second));
  });

  it('differs between sectors and between persons', async () => {
    const [clinic, shop] = [await at('https://clinic.example/cb'), await at('https://shop.example/cb')];
    const subs = [await clinic.signIn(), await shop.signIn(), await clinic.signIn({ card: 'hanako' })].map(subOf);
    assert.equal(new Set(subs).size, 3);
  });

  it('is shared by two clients of one sector', async () => {
    const [web, app] = [await at('https://one.example/web'), await at('https://one.example/app')];
    assert.equal(subOf(await web.signIn()), subOf(await app.signIn()));
  });

  it('is not shared by a client that only claims the sector of another host', async () => {
    await assert.rejects(at('https://one.example/cb', 'https://two.example/cb'));
  });

  it('is one value in id_token, userinfo, introspection and access token', async () => {
    const party = await createRelyingParty(hub);
    const tokens = await party.signIn({ browser });
    const forApi = await party.signIn({ browser, parameters: { resource: API, scope: 'openid records:read' } });
    const introspected = await client.tokenIntrospection(party.configuration, tokens.access_token);
    const userinfo = await party.userinfo(tokens);
    const subs = [subOf(tokens), subOf(forApi), userinfo.sub, introspected.sub, decodeJwt(forApi.access_token).sub];
    assert.equal(new Set(subs).size, 1);
  });

  it('says nothing of the certificate or of the hub’s own number, and nothing that leaves does', async () => {
    const party = await createRelyingParty(hub, {
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://rp.example/callback'],
    });
    const parameters = { scope: 'openid card_status offline_access records:read', resource: API, prompt: 'consent' };
    const page = await visit(party, parameters);
    const bound = await party.signIn({ browser, parameters });
    const plain = await party.signIn({ browser, parameters: { scope: 'openid card_status' } });
    const userinfo = await party.userinfo(plain);
    const introspected = await client.tokenIntrospection(party.configuration, plain.access_token);
    const left = [
      page.text,
      JSON.stringify([bound, plain, userinfo, introspected]),
      ...[bound.access_token, bound.id_token, plain.id_token].map((jwt) => JSON.stringify(decodeJwt(String(jwt)))),
      hub.log.join(''),
    ].join('\n');

    const token = JSON.parse(await hub.sign('taro', 'x'.repeat(44))) as { unverifiedCertificate: string };
    const certificate = new X509Certificate(Buffer.from(token.unverifiedCertificate, 'base64'));
    const serial = BigInt(`0x${certificate.serialNumber}`);
    const { subjectId } = await lastConsent(hub, party.clientId);
    const commonName = /CN=(\S+)/.exec(certificate.subject)?.[1] ?? '';
    assert.ok(commonName);
    for (const secret of [
      certificate.serialNumber,
      serial.toString(),
      certificate.serialNumber.replace(/..(?=.)/g, '$&:'),
      certificate.fingerprint256,
      token.unverifiedCertificate.slice(100, 160),
      commonName,
      subjectId,
    ]) {
      assert.equal(left.toLowerCase().includes(secret.toLowerCase()), false, `found ${secret.length} characters`);
    }
  });
});

describe('consent', () => {
  let party: RelyingParty;
  beforeEach(async () => {
    party = await createRelyingParty(hub, {
      client_name: 'Clinic',
      'client_name#ja': 'みどり診療所',
      'purpose#ja': '診察券の代わりにします',
      policy_uri: 'https://rp.example/privacy',
    });
  });
  const CARD = { scope: 'openid card_status' };

  it('is asked once, by name, purpose and claim, in the person’s language', async () => {
    const page = await visit(party, CARD);
    assert.ok(isConsentPage(page));
    for (const shown of ['みどり診療所', '診察券の代わりにします', 'https://rp.example/privacy']) {
      assert.ok(page.text.includes(shown), shown);
    }
    await party.signIn({ browser, parameters: CARD });
    assert.equal((await visit(party, CARD)).status, 0);
    const elsewhere = createHttpBrowser();
    const signIn = await visit(party, CARD, elsewhere);
    assert.equal((await presentCard(hub, elsewhere, signIn)).status, 0, 'nor in another browser');
  });

  it('is asked again for more, and not for less', async () => {
    await party.signIn({ browser });
    assert.ok(isConsentPage(await visit(party, CARD)));
    await party.signIn({ browser, parameters: CARD });
    assert.equal((await visit(party)).status, 0);
  });

  it('given to one relying party is nothing to another', async () => {
    await party.signIn({ browser, parameters: CARD });
    assert.ok(isConsentPage(await visit(await createRelyingParty(hub), CARD)));
  });

  it('of one person is nothing to another', async () => {
    await party.signIn({ browser });
    const others = createHttpBrowser();
    const page = await presentCard(hub, others, await visit(party, {}, others), { card: 'hanako' });
    assert.ok(isConsentPage(page));
  });

  it('that is refused ends in access_denied, releases nothing, and is asked again', async () => {
    const attempt = await party.attempt(CARD);
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser, agree: 'refuse' });
    assert.equal(callback.searchParams.get('error'), 'access_denied');
    assert.equal(callback.searchParams.get('state'), attempt.parameters.state);
    await assert.rejects(party.exchange(attempt, callback));
    await assert.rejects(lastConsent(hub, party.clientId));
    assert.ok(isConsentPage(await visit(party, CARD)));
  });

  it('without a claim leaves it out, and does not ask for it again', async () => {
    const tokens = await party.signIn({ browser, parameters: CARD, agree: [] });
    assert.deepEqual(Object.keys(await party.userinfo(tokens)), ['sub']);
    assert.equal((await visit(party, CARD)).status, 0);
    const again = await party.signIn({ browser, parameters: CARD });
    assert.deepEqual(Object.keys(await party.userinfo(again)), ['sub']);
  });

  it('can be widened afterwards when the relying party asks the person to decide again', async () => {
    await party.signIn({ browser, parameters: CARD, agree: [] });
    const tokens = await party.signIn({ browser, parameters: { ...CARD, prompt: 'consent' } });
    assert.ok((await party.userinfo(tokens)).card_status);
  });

  it('is not widened by a form that names what the page did not show', async () => {
    const attempt = await party.attempt();
    const page = await open(party.authorizationUrl(attempt), browser);
    const form: [string, string][] = [
      ['csrf', hiddenFields(page.text).csrf ?? ''],
      ['decision', 'agree'],
      ...['sub', 'card_status', 'name', 'address'].map((name): [string, string] => ['claims', name]),
    ];
    const visited = await browser.post(`${page.url}/consent`, form, { stopAt: 'https://rp.example/' });
    const tokens = await party.exchange(attempt, new URL(visited.url));
    assert.deepEqual(Object.keys(await party.userinfo(tokens)), ['sub']);
    assert.ok(isConsentPage(await visit(party, CARD)));
  });

  it('that was withdrawn is asked again, and what was given under it serves no longer', async () => {
    const tokens = await party.signIn({ browser, parameters: CARD });
    await withdrawConsent(hub, party.clientId);
    await assert.rejects(party.userinfo(tokens));
    assert.equal(answerOf(await visit(party, { ...CARD, prompt: 'none' })).error, 'consent_required');
    assert.ok(isConsentPage(await visit(party, CARD)));
  });

  it('that was withdrawn before the code is exchanged gives no tokens', async () => {
    await party.signIn({ browser });
    const attempt = await party.attempt();
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
    await withdrawConsent(hub, party.clientId);
    await assert.rejects(party.exchange(attempt, callback), refused('invalid_grant'));
  });

  it('ends after its time', async () => {
    await party.signIn({ browser });
    await later((CONSENT_SECONDS + 1) * 1_000, async () => {
      assert.equal(answerOf(await visit(party, { prompt: 'none' })).error, 'consent_required');
    });
  });

  it('is recorded with what left under it: one row an exit, claims and never values', async () => {
    const tokens = await party.signIn({ browser, parameters: CARD });
    await party.userinfo(tokens);
    assert.equal((await client.tokenIntrospection(party.configuration, tokens.access_token)).sub, subOf(tokens));
    const { id, subjectId } = await lastConsent(hub, party.clientId);
    const rows = await hub.hub.storage.consents.listDisclosures(subjectId, 100);
    const own = rows.filter(({ clientId }) => clientId === party.clientId);
    assert.ok(own.every(({ consentId }) => consentId === id));
    assert.deepEqual(
      own.map(({ exit, claims }) => [exit, claims]),
      [
        ['introspection', ['sub']],
        ['userinfo', ['sub', 'card_status']],
        ['id_token', ['sub']],
      ],
    );
  });
});

describe('signing out', () => {
  const AFTERWARDS = 'https://rp.example/signed-out';
  let listener: LogoutListener;
  before(async () => {
    listener = await startLogoutListener();
  });
  after(() => listener?.close());
  beforeEach(() => {
    listener.received = [];
  });

  const partyWith = (metadata: Metadata = {}) =>
    createRelyingParty(hub, { post_logout_redirect_uris: [AFTERWARDS], ...metadata });

  async function confirmPage(party: RelyingParty, idToken: string | undefined, over: Record<string, string> = {}) {
    const url = client.buildEndSessionUrl(party.configuration, {
      id_token_hint: String(idToken),
      post_logout_redirect_uri: AFTERWARDS,
      state: 'after-all',
      ...over,
    });
    return browser.get(url.href, { stopAt: 'https://rp.example/' });
  }

  it('asks first, ends the session, and leads back with the state', async () => {
    const party = await partyWith();
    const { id_token: idToken } = await party.signIn({ browser });
    const page = await confirmPage(party, idToken);
    assert.equal(page.status, 200);
    assert.equal((await visit(party, { prompt: 'none' })).status, 0);
    assert.ok(answerOf(await visit(party, { prompt: 'none' })).code, 'nothing has ended by asking');

    const back = await browser.post(
      signOutAction(page),
      { ...hiddenFields(page.text), logout: 'yes' },
      { stopAt: AFTERWARDS },
    );
    assert.equal(back.url, `${AFTERWARDS}?state=after-all`);
    assert.equal(answerOf(await visit(party, { prompt: 'none' })).error, 'login_required');
    assert.ok(isSignInPage(await visit(party)));
  });

  it('may be asked for by a form (RP-Initiated Logout §2)', async () => {
    const party = await partyWith();
    const { id_token: idToken } = await party.signIn({ browser });
    const page = await browser.post(`${hub.issuer}/sign-out`, {
      id_token_hint: String(idToken),
      post_logout_redirect_uri: AFTERWARDS,
    });
    const back = await browser.post(
      signOutAction(page),
      { ...hiddenFields(page.text), logout: 'yes' },
      { stopAt: AFTERWARDS },
    );
    assert.equal(back.url, AFTERWARDS);
  });

  it('keeps the session of a person who wants to stay signed in', async () => {
    const party = await partyWith();
    const other = await createRelyingParty(hub);
    await other.signIn({ browser });
    const { id_token: idToken } = await party.signIn({ browser });
    const page = await confirmPage(party, idToken);
    await browser.post(signOutAction(page), hiddenFields(page.text), { stopAt: AFTERWARDS });
    assert.ok(answerOf(await visit(other, { prompt: 'none' })).code);
  });

  it('ends what the session gave: access tokens and codes', async () => {
    const party = await partyWith();
    const tokens = await party.signIn({ browser });
    const attempt = await party.attempt();
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
    await signOut(party, tokens.id_token);
    await assert.rejects(party.exchange(attempt, callback), refused('invalid_grant'));
  });

  it('tells every relying party of the session that can be told, with the subject it knows', async () => {
    const shared = { backchannel_logout_uri: listener.url, backchannel_logout_session_required: true };
    const [clinic, shop] = [
      await partyWith({ ...shared, redirect_uris: ['https://clinic.example/cb'] }),
      await partyWith({ ...shared, redirect_uris: ['https://shop.example/cb'] }),
    ];
    const [atClinic, atShop] = [await clinic.signIn({ browser }), await shop.signIn({ browser })];
    await signOut(clinic, atClinic.id_token);
    assert.equal(listener.received.length, 2);

    const keys = createRemoteJWKSet(new URL(`${hub.issuer}/jwks`));
    const logoutTokens = new Map<unknown, JWTPayload>();
    for (const token of listener.received) {
      const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer: hub.issuer, typ: 'logout+jwt' });
      assert.equal(protectedHeader.alg, 'ES256');
      logoutTokens.set(payload.aud, payload);
    }
    for (const [party, tokens] of [
      [clinic, atClinic],
      [shop, atShop],
    ] as const) {
      const payload = logoutTokens.get(party.clientId);
      assert.equal(payload?.sub, subOf(tokens));
      assert.equal(payload?.sid, tokens.claims()?.sid);
      assert.deepEqual(payload?.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
      assert.equal(payload?.nonce, undefined);
    }
    assert.notEqual(subOf(atClinic), subOf(atShop));
  });

  it('goes on when a relying party cannot be reached', async () => {
    const party = await partyWith({ backchannel_logout_uri: 'http://127.0.0.1:9/logout' });
    const { id_token: idToken } = await party.signIn({ browser });
    assert.equal((await signOut(party, idToken)).url, `${AFTERWARDS}?state=after-all`);
  });

  it('leads back at once when nobody is signed in, and browsers let the form pass', async () => {
    const party = await partyWith();
    const { id_token: idToken } = await party.signIn({ browser });
    await signOut(party, idToken);
    const page = await confirmPage(party, idToken);
    assert.match(String(page.headers.get('content-security-policy')), /form-action 'self' https:\/\/rp\.example;/);
    assert.equal((await sendForm(browser, page)).url, `${AFTERWARDS}?state=after-all`);
  });

  it('does not lead to an address that is not registered, nor anywhere without a client', async () => {
    const party = await partyWith();
    const { id_token: idToken } = await party.signIn({ browser });
    for (const address of ['https://evil.example/', `${AFTERWARDS}/more`, 'javascript:alert(1)']) {
      assert.equal((await confirmPage(party, idToken, { post_logout_redirect_uri: address })).status, 400);
    }
    const anonymous = await browser.get(
      `${hub.issuer}/sign-out?${new URLSearchParams({ post_logout_redirect_uri: 'https://evil.example/' })}`,
    );
    const after = await browser.post(
      signOutAction(anonymous),
      { ...hiddenFields(anonymous.text), logout: 'yes' },
      { stopAt: 'https://' },
    );
    assert.equal(new URL(after.url).origin, hub.issuer);
  });

  it('is refused for an id_token of another client, or of nobody', async () => {
    const [party, other] = [await partyWith(), await partyWith()];
    const { id_token: idToken } = await party.signIn({ browser });
    const forged = `${String(idToken).slice(0, -8)}AAAAAAAA`;
    for (const [hint, clientId] of [
      [idToken, other.clientId],
      [forged, party.clientId],
      ['nonsense', party.clientId],
    ] as const) {
      assert.equal((await confirmPage(party, hint, { client_id: clientId })).status, 400);
    }
  });

  it('is not done by a form that did not come from the page', async () => {
    const party = await partyWith();
    const { id_token: idToken } = await party.signIn({ browser });
    const page = await confirmPage(party, idToken);
    for (const xsrf of ['', 'guessed']) {
      const answer = await browser.post(signOutAction(page), { xsrf, logout: 'yes' }, { stopAt: AFTERWARDS });
      assert.equal(answer.status, 400);
    }
    assert.ok(answerOf(await visit(party, { prompt: 'none' })).code);
  });

  async function signOut(party: RelyingParty, idToken: string | undefined) {
    const page = await confirmPage(party, idToken);
    return browser.post(signOutAction(page), { ...hiddenFields(page.text), logout: 'yes' }, { stopAt: AFTERWARDS });
  }

  const signOutAction = (page: { url: string }): string => new URL('/sign-out/confirm', page.url).href;
});
