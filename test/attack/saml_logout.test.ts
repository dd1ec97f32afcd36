import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Profile } from '@node-saml/node-saml';
import { STATUS } from '../../provider/saml/names.ts';
import { answerOf, createRelyingParty, later, open, type RelyingParty } from '../protocol/relying_party.ts';
import {
  answerTo,
  handmadeLogoutUrl,
  handmadeRequest,
  signedByParty,
  startLogout,
  travel,
} from '../protocol/saml_logout_party.ts';
import { createSamlParty, newPartyKey, type SamlParty } from '../protocol/saml_party.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { freshAttributes, statusElement } from '../support/saml/logout_server.ts';
import { logoutResponse } from '../support/saml/messages.ts';
import { postForm, redirectQuery } from '../support/saml/sign.ts';

let hub: TestHub;
let victim: SamlParty;
let other: SamlParty;
let third: SamlParty;
let website: RelyingParty;

before(async () => {
  hub = await startTestHub();
  victim = await createSamlParty(hub, { host: 'victim.example' });
  other = await createSamlParty(hub, { host: 'other.example' });
  third = await createSamlParty(hub, { host: 'third.example' });
  website = await createRelyingParty(hub);
});
after(() => hub?.stop());

const ELSEWHERE = { stopAt: 'https://' };
const slo = () => `${hub.issuer}/saml/slo`;

async function signInAt(parties: readonly SamlParty[], card = 'taro') {
  const browser = createHttpBrowser();
  await website.signIn({ browser, card });
  const profiles: Profile[] = [];
  for (const party of parties) profiles.push(await party.signIn({ browser, card }));
  return { browser, profiles, profile: profiles[0] as Profile };
}

const isSignedIn = async (browser: HttpBrowser): Promise<boolean> =>
  answerOf(await open(website.authorizationUrl(await website.attempt({ prompt: 'none' })), browser)).code !== undefined;

/** The code of the refusal that the hub has logged last. */
function lastRefusal(): unknown {
  return hub.log.map((line) => JSON.parse(line)).findLast(({ refusal }) => refusal !== undefined)?.refusal.code;
}

/** A page of the hub that refuses, with the session as alive as it was. */
async function assertRefused(browser: HttpBrowser, page: Visited, code: string): Promise<void> {
  assert.equal(page.status, 400);
  assert.equal(lastRefusal(), code);
  assert.equal(await isSignedIn(browser), true);
}

describe('a LogoutRequest ends nothing', () => {
  it('for another person, at whichever service provider', async () => {
    const { browser } = await signInAt([victim]);
    const theirs = await signInAt([victim, other], 'hanako');
    for (const nameId of [theirs.profiles[0]?.nameID, theirs.profiles[1]?.nameID, 'nobody']) {
      const answer = await browser.get(handmadeLogoutUrl(hub, victim, { nameId: String(nameId) }), ELSEWHERE);
      assert.deepEqual((await answerTo(victim, answer)).status, ['Requester', 'UnknownPrincipal']);
    }
    assert.equal(await isSignedIn(browser), true);
  });

  it('by a session index of another session, or of another service provider', async () => {
    const elsewhere = await signInAt([victim]);
    const { browser, profiles } = await signInAt([victim, other]);
    for (const sessionIndex of [elsewhere.profile.sessionIndex, profiles[1]?.sessionIndex, 'invented']) {
      const request = { nameId: String(profiles[0]?.nameID), sessionIndex };
      const answer = await browser.get(handmadeLogoutUrl(hub, victim, request), ELSEWHERE);
      assert.deepEqual((await answerTo(victim, answer)).status, ['Requester', 'RequestDenied']);
    }
    assert.equal(await isSignedIn(browser), true);
  });

  it('from a service provider that took no part in the session', async () => {
    const elsewhere = await signInAt([other]);
    const { browser } = await signInAt([victim]);
    const answer = await browser.get(handmadeLogoutUrl(hub, other, { nameId: elsewhere.profile.nameID }), ELSEWHERE);
    assert.deepEqual((await answerTo(other, answer)).status, ['Requester', 'UnknownPrincipal']);
    assert.equal(await isSignedIn(browser), true);
  });

  it('that is not signed, or by another key, or of another sender', async () => {
    const { browser, profile } = await signInAt([victim]);
    const message = handmadeRequest(victim, slo(), { nameId: profile.nameID });
    const stranger = newPartyKey().privateKey;
    for (const url of [redirectQuery(message), redirectQuery(message, { key: stranger })]) {
      await assertRefused(browser, await browser.get(`${slo()}?${url}`), 'saml_service_unknown');
    }
    const form = Object.fromEntries(postForm(message));
    await assertRefused(browser, await browser.post(slo(), form), 'saml_service_unknown');
  });

  it('that is stale, or meant for another address', async () => {
    const { browser, profile } = await signInAt([victim]);
    for (const [attributes, code] of [
      [{ IssueInstant: '2020-01-01T00:00:00Z' }, 'saml_request_stale'],
      [{ NotOnOrAfter: '2020-01-01T00:00:00Z' }, 'saml_request_stale'],
      [{ Destination: 'https://other-hub.example/saml/slo' }, 'saml_wrong_destination'],
    ] as const) {
      const url = handmadeLogoutUrl(hub, victim, { nameId: profile.nameID, attributes });
      await assertRefused(browser, await browser.get(url), code);
    }
  });

  it('a second time, in the session of then', async () => {
    const { browser, profile } = await signInAt([victim]);
    const url = handmadeLogoutUrl(hub, victim, { nameId: profile.nameID });
    assert.equal((await answerTo(victim, await browser.get(url, ELSEWHERE))).status[0], 'Success');
    await victim.signIn({ browser });
    await assertRefused(browser, await browser.get(url), 'saml_request_replayed');
  });

  it('a second time by form, whether the form or what the hub made of it is sent again', async () => {
    const { browser, profile } = await signInAt([victim]);
    const message = handmadeRequest(victim, slo(), { nameId: profile.nameID });
    const form = Object.fromEntries(postForm(signedByParty(victim, message)));
    const sealed = await fetch(slo(), { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
    const posted = String(sealed.headers.get('location'));
    assert.equal((await answerTo(victim, await browser.get(`${hub.issuer}${posted}`, ELSEWHERE))).status[0], 'Success');
    await victim.signIn({ browser });
    await assertRefused(browser, await browser.post(slo(), form), 'saml_request_replayed');
    await assertRefused(browser, await browser.get(`${hub.issuer}${posted}`), 'saml_request_replayed');
  });
});

describe('a LogoutResponse', () => {
  /** On the way: the first service provider that the browser is sent to has been asked. */
  async function onTheWay() {
    const signedIn = await signInAt([victim, other, third]);
    const begun = await startLogout(signedIn.browser, victim, signedIn.profile);
    const parties = [other, third];
    const asking = await travel(signedIn.browser, begun, parties, { 'other.example': 'keeps the browser' });
    const fields = new URL(asking.last.url).searchParams;
    const { profile: request } = await other.saml.validateRedirectAsync(
      Object.fromEntries(fields),
      new URL(asking.last.url).search.slice(1),
    );
    return { ...signedIn, parties, requestId: String(request?.ID) };
  }

  const responseUrl = (
    party: SamlParty,
    inResponseTo: string | undefined,
    { key = party.key.privateKey, codes = [STATUS.success] as readonly string[] } = {},
  ): string => {
    const message = logoutResponse({
      issuer: party.entityId,
      attributes: { ...freshAttributes(), Destination: slo(), InResponseTo: inResponseTo },
      rest: statusElement(codes),
    });
    return `${slo()}?${redirectQuery(message, { key, parameter: 'SAMLResponse' })}`;
  };

  it('to nothing is refused', async () => {
    const { browser } = await signInAt([victim]);
    for (const id of ['_invented', undefined]) {
      await assertRefused(browser, await browser.get(responseUrl(victim, id)), 'saml_response_unexpected');
    }
    await assertRefused(browser, await browser.get(`${slo()}?SAMLResponse=garbage`), 'saml_response_unexpected');
    const posted = await browser.post(slo(), { SAMLResponse: 'garbage' });
    await assertRefused(browser, posted, 'saml_response_unexpected');
  });

  it('of another service provider, to another request, by another key or in another browser says nothing of who was asked', async () => {
    const { browser, parties, requestId } = await onTheWay();
    const elsewhere = await createHttpBrowser().get(responseUrl(other, requestId));
    assert.equal(elsewhere.status, 400);
    for (const url of [
      responseUrl(third, requestId),
      responseUrl(victim, requestId),
      responseUrl(other, '_invented'),
      responseUrl(other, undefined),
      responseUrl(other, requestId, { key: newPartyKey().privateKey }),
    ]) {
      const page = await browser.get(url);
      assert.match(page.text, /<dt>other\.example<\/dt>\s*<dd>返事を待っています/);
    }
    const { asked, last } = await travel(browser, await browser.get(`${hub.issuer}/saml/logout`), parties);
    assert.deepEqual(asked, ['third.example']);
    assert.deepEqual((await answerTo(victim, last)).status, ['Success', 'PartialLogout']);
  });

  it('counts once: what it has said is not said otherwise by a second one', async () => {
    const { browser, parties, requestId } = await onTheWay();
    await browser.get(responseUrl(other, requestId, { codes: [STATUS.responder] }));
    const page = await browser.get(responseUrl(other, requestId));
    assert.match(page.text, /<dt>other\.example<\/dt>\s*<dd>確認できませんでした/);
    const { asked, last } = await travel(browser, page, parties);
    assert.deepEqual(asked, ['third.example']);
    assert.deepEqual((await answerTo(victim, last)).status, ['Success', 'PartialLogout']);
    const late = await browser.get(responseUrl(other, requestId));
    assert.equal(late.status, 400);
  });

  it('that was signed before the person signed in again starts nothing', async () => {
    const { browser, parties, requestId } = await onTheWay();
    await travel(browser, await browser.get(`${hub.issuer}/saml/logout`), parties);
    await victim.signIn({ browser });
    await website.signIn({ browser });
    await assertRefused(browser, await browser.get(responseUrl(other, requestId)), 'saml_response_unexpected');
  });
});

describe('a logout that is on its way', () => {
  async function begin() {
    const signedIn = await signInAt([victim, other, third]);
    const page = await startLogout(signedIn.browser, victim, signedIn.profile);
    const next = /url=(.+)/.exec(String(page.headers.get('refresh')))?.[1];
    return { ...signedIn, page, next: new URL(String(next), hub.issuer).href };
  }

  it('goes each step once, however many ask for it at once', async () => {
    const { browser, next } = await begin();
    const all = await Promise.all(Array.from({ length: 10 }, () => browser.get(next, ELSEWHERE)));
    const sent = all.filter(({ status }) => status === 0);
    assert.deepEqual(
      sent.map(({ url }) => new URL(url).host),
      ['other.example'],
    );
    for (const { url, status } of all) assert.ok(status === 0 || new URL(url).pathname === '/saml/logout');
  });

  it('is nobody else’s: without its cookie there is nothing to see and nothing to do', async () => {
    const { browser, next, page } = await begin();
    const stranger = createHttpBrowser();
    assert.doesNotMatch((await stranger.get(next)).text, /other\.example/);
    assert.doesNotMatch((await stranger.get(page.url)).text, /other\.example/);
    const { asked } = await travel(browser, page, [other, third]);
    assert.deepEqual(asked, ['other.example', 'third.example']);
  });

  it('is over in minutes', async () => {
    const { browser, next } = await begin();
    await later(601_000, async () => {
      const page = await browser.get(next, ELSEWHERE);
      assert.match(page.text, /<h1>サインアウトしました<\/h1>/);
    });
  });

  it('has no address in a page or a redirect that a RelayState or a name could have chosen', async () => {
    const { browser, profile } = await signInAt([victim, other]);
    const relayState = '"><script>alert(1)</script>';
    const message = handmadeRequest(victim, slo(), { nameId: profile.nameID });
    const query = redirectQuery(message, { key: victim.key.privateKey, relayState });
    const begun = await browser.get(`${slo()}?${query}`, ELSEWHERE);
    assert.doesNotMatch(begun.text, /alert\(1\)/);
    const { last } = await travel(browser, begun, [other]);
    assert.equal((await answerTo(victim, last)).relayState, relayState);
  });

  it('ends at no address that nobody has registered', async () => {
    const { browser } = await signInAt([victim]);
    for (const step of ['1&url=https://evil.example/', '-1', 'NaN', '1e9', '%00', '']) {
      const { url } = await browser.get(`${hub.issuer}/saml/logout/next?step=${step}`, ELSEWHERE);
      assert.equal(new URL(url).origin, hub.issuer);
    }
    assert.equal(await isSignedIn(browser), true);
  });
});
