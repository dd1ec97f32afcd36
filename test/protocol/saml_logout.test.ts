import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Profile } from '@node-saml/node-saml';
import { STATUS } from '../../provider/saml/names.ts';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type LogoutListener, startLogoutListener } from '../support/logout_listener.ts';
import { type SoapLogoutServer, startSoapLogoutServer } from '../support/saml/logout_server.ts';
import {
  answerOf,
  createRelyingParty,
  lastConsent,
  open,
  presentCard,
  type RelyingParty,
  sendForm,
  type Tokens,
} from './relying_party.ts';
import { answerTo, type Journey, startLogout, travel } from './saml_logout_party.ts';
import { createSamlParty, logoutService, partyKey, type SamlParty } from './saml_party.ts';

const GOODBYE = 'https://rp.example/goodbye';
const SILENT_HOST = 'silent.example';
const NAMES_OF_SILENT = new RegExp(SILENT_HOST.replace('.', '\\.'));

let hub: TestHub;
let listener: LogoutListener;
let soapServer: SoapLogoutServer;
/** Told through the browser: by redirect, and by form with an address of its own for responses. */
let first: SamlParty;
let second: SamlParty;
/** Told by a call; without any address; both. */
let called: SamlParty;
let silent: SamlParty;
let either: SamlParty;
let website: RelyingParty;

before(async () => {
  hub = await startTestHub();
  listener = await startLogoutListener();
  soapServer = await startSoapLogoutServer(partyKey());
  const party = (host: string, logoutServices?: string) =>
    createSamlParty(hub, { host, ...(logoutServices !== undefined && { logoutServices }) });
  const bySoap = logoutService('soap', soapServer.url);
  first = await party('first.example');
  second = await party(
    'second.example',
    logoutService('post', 'https://second.example/slo', 'https://second.example/slo/answers'),
  );
  called = await party('called.example', bySoap);
  silent = await party(SILENT_HOST, '');
  either = await party('either.example', bySoap + logoutService('redirect', 'https://either.example/slo'));
  website = await createRelyingParty(hub, {
    backchannel_logout_uri: listener.url,
    post_logout_redirect_uris: [GOODBYE],
  });
});

after(async () => {
  await hub?.stop();
  listener?.close();
  await soapServer?.close();
});

interface SignedIn {
  readonly browser: HttpBrowser;
  readonly profiles: readonly Profile[];
  readonly tokens: Tokens;
}

/** Somebody who is signed in at the website and at these service providers by one session. */
async function signInAt(...parties: readonly SamlParty[]): Promise<SignedIn> {
  const browser = createHttpBrowser();
  const tokens = await website.signIn({ browser });
  const profiles = [];
  for (const party of parties) profiles.push(await party.signIn({ browser }));
  listener.received = [];
  soapServer.requests.length = 0;
  soapServer.answer = [STATUS.success];
  return { browser, profiles, tokens };
}

const isSignedIn = async (browser: HttpBrowser): Promise<boolean> =>
  answerOf(await open(website.authorizationUrl(await website.attempt({ prompt: 'none' })), browser)).code !== undefined;

/** From a LogoutRequest of the first of them to whatever it ends at. */
async function logOut(
  parties: readonly SamlParty[],
  manners: Parameters<typeof travel>[3] = {},
): Promise<Journey & SignedIn & { readonly status: readonly string[] }> {
  const signedIn = await signInAt(...parties);
  const [initiator] = parties;
  const [profile] = signedIn.profiles;
  assert.ok(initiator && profile);
  const begun = await startLogout(signedIn.browser, initiator, profile);
  const journey = await travel(signedIn.browser, begun, parties, manners);
  const { status } = journey.last.status === 0 ? await answerTo(initiator, journey.last) : { status: [] };
  return { ...journey, ...signedIn, status };
}

describe('a service provider that signs somebody out', () => {
  it('has the hub’s session ended and everybody told, and is answered when they are', async () => {
    const { browser, profiles, tokens } = await signInAt(first, second);
    const begun = await startLogout(browser, first, profiles[0] as Profile, 'there&back');
    assert.equal(await isSignedIn(browser), false, 'the hub’s own session ends first');
    assert.equal(listener.received.length, 1);
    await assert.rejects(website.userinfo(tokens));

    const { asked, last } = await travel(browser, begun, [first, second]);
    assert.deepEqual(asked, ['second.example']);
    const answer = await answerTo(first, last);
    assert.deepEqual(answer.status, ['Success']);
    assert.equal(answer.relayState, 'there&back');
    assert.equal(answer.address, 'https://first.example/slo');
  });

  it('is answered by form at its address for responses, when it asks by form', async () => {
    const { browser, profiles } = await signInAt(second, first);
    const begun = await startLogout(browser, second, profiles[0] as Profile);
    const { asked, last } = await travel(browser, begun, [first, second]);
    assert.deepEqual(asked, ['first.example']);
    const { status, address } = await answerTo(second, last);
    assert.deepEqual(status, ['Success']);
    assert.equal(address, 'https://second.example/slo/answers');
    assert.match(last.headers.get('content-security-policy') ?? '', /form-action 'self' https:\/\/second\.example;/);
  });

  it('is named in the audit log', async () => {
    const { browser } = await logOut([first]);
    const { subjectId } = await lastConsent(hub, first.entityId);
    const ended = (await hub.hub.storage.audit.read(0n, 10_000)).findLast(({ kind }) => kind === 'sessions.ended');
    assert.deepEqual(
      { ...ended, data: { sessions: ended?.data?.sessions } },
      { ...ended, actor: `client:${first.entityId}`, clientId: first.entityId, subjectId, data: { sessions: 1 } },
    );
    assert.equal(await isSignedIn(browser), false);
  });

  it('is answered at once where nobody else was signed in to', async () => {
    const { asked, pages, status } = await logOut([first]);
    assert.deepEqual([asked, pages, status], [[], [], ['Success']]);
  });

  it('has others told by a call, with the identifier and the session that they know', async () => {
    const { asked, status, profiles } = await logOut([first, called]);
    assert.deepEqual([asked, status], [[], ['Success']]);
    const { nameID, sessionIndex } = profiles[1] as Profile;
    const told = soapServer.requests.map((request) => [request.nameId, request.sessionIndex]);
    assert.deepEqual(told, [[nameID, sessionIndex]]);
  });

  it('has the browser sent where a call has failed', async () => {
    const { browser, profiles } = await signInAt(first, either);
    soapServer.answer = undefined;
    const begun = await startLogout(browser, first, profiles[0] as Profile);
    const { asked, last } = await travel(browser, begun, [first, either]);
    assert.deepEqual(asked, ['either.example']);
    assert.deepEqual((await answerTo(first, last)).status, ['Success']);
  });

  describe('hears of a partial logout', () => {
    const PARTIAL = ['Success', 'PartialLogout'];

    it('when another one refuses', async () => {
      const { browser, status } = await logOut([first, second], { 'second.example': 'refuses' });
      assert.deepEqual(status, PARTIAL);
      assert.equal(await isSignedIn(browser), false);
    });

    it('when another one has no address', async () => {
      assert.deepEqual((await logOut([first, silent])).status, PARTIAL);
    });

    for (const [what, answer] of [
      ['fails', undefined],
      ['is refused', [STATUS.requester, STATUS.unknownPrincipal]],
      ['is itself partial', [STATUS.success, STATUS.partialLogout]],
    ] as const) {
      it(`when a call ${what}`, async () => {
        const { browser, profiles } = await signInAt(first, called);
        soapServer.answer = answer;
        const begun = await startLogout(browser, first, profiles[0] as Profile);
        assert.deepEqual((await answerTo(first, begun)).status, PARTIAL);
      });
    }

    it('when an OpenID Connect client has no address', async () => {
      const { browser, profiles } = await signInAt(first);
      await (await createRelyingParty(hub)).signIn({ browser });
      const begun = await startLogout(browser, first, profiles[0] as Profile);
      assert.deepEqual((await answerTo(first, begun)).status, PARTIAL);
    });

    it('when one keeps the browser and the person comes back to the hub by hand, and those behind it are told', async () => {
      const parties = [first, second, either];
      const signedIn = await signInAt(...parties);
      soapServer.answer = undefined;
      const begun = await startLogout(signedIn.browser, first, signedIn.profiles[0] as Profile);
      const stuck = await travel(signedIn.browser, begun, parties, { 'second.example': 'keeps the browser' });
      assert.deepEqual(stuck.asked, ['second.example']);
      assert.equal(await isSignedIn(signedIn.browser), false);
      const back = await signedIn.browser.get(`${hub.issuer}/saml/logout`);
      const { asked, last, pages } = await travel(signedIn.browser, back, parties);
      assert.deepEqual(asked, ['either.example']);
      assert.match(pages.at(-1)?.text ?? '', /<dt>second\.example<\/dt>\s*<dd>確認できませんでした/);
      assert.match(pages.at(-1)?.text ?? '', /<dt>either\.example<\/dt>\s*<dd>サインアウトしました/);
      assert.deepEqual((await answerTo(first, last)).status, PARTIAL);
    });
  });

  it('has what it asked for when nobody is signed in', async () => {
    const { browser, profiles } = await logOut([first]);
    const again = await startLogout(browser, first, profiles[0] as Profile);
    assert.deepEqual((await answerTo(first, again)).status, ['Success']);
    const elsewhere = await startLogout(createHttpBrowser(), first, profiles[0] as Profile);
    assert.deepEqual((await answerTo(first, elsewhere)).status, ['Success']);
  });

  it('sees a page of the hub where it has no address for the answer', async () => {
    const { browser, profiles } = await signInAt(silent);
    const page = await startLogout(browser, silent, profiles[0] as Profile);
    assert.match(page.text, /<h1>サインアウトしました<\/h1>/);
    assert.equal(await isSignedIn(browser), false);
  });
});

describe('a sign-out at the hub', () => {
  /** Asked for by a website, and confirmed. */
  async function signOut({ browser, tokens }: SignedIn, over: Record<string, string> = {}): Promise<Visited> {
    const query = new URLSearchParams({ id_token_hint: String(tokens.id_token), ...over });
    const page = await browser.get(`${hub.issuer}/sign-out?${query}`);
    return browser.post(
      `${hub.issuer}/sign-out/confirm`,
      { ...hiddenFields(page.text), logout: 'yes' },
      { stopAt: 'https://' },
    );
  }

  it('is told to service providers by a call and through the browser, and ends at the signed-out page', async () => {
    const parties = [first, second, called];
    const signedIn = await signInAt(...parties);
    const { asked, last } = await travel(signedIn.browser, await signOut(signedIn), parties);
    assert.deepEqual(asked, ['first.example', 'second.example']);
    assert.equal(soapServer.requests.length, 1);
    assert.equal(listener.received.length, 1, 'by the engine, and by nobody else');
    assert.equal(new URL(last.url).pathname, '/sign-out/success');
    assert.equal(await isSignedIn(signedIn.browser), false);
  });

  it('ends where the website that asked for it wants', async () => {
    const signedIn = await signInAt(first);
    const begun = await signOut(signedIn, { post_logout_redirect_uri: GOODBYE, state: 'at the door' });
    const { asked, last } = await travel(signedIn.browser, begun, [first]);
    assert.deepEqual(asked, ['first.example']);
    assert.equal(last.url, `${GOODBYE}?state=at+the+door`);
  });

  it('tells the person which services could not be told, and leads on from there', async () => {
    const parties = [first, silent];
    const signedIn = await signInAt(...parties);
    const begun = await signOut(signedIn, { post_logout_redirect_uri: GOODBYE });
    const { last } = await travel(signedIn.browser, begun, parties, { 'first.example': 'refuses' });
    assert.match(last.text, /<li>first\.example<\/li>/);
    assert.match(last.text, NAMES_OF_SILENT);
    assert.match(last.text, new RegExp(`<a [^>]*href="${GOODBYE}"`));
    const again = await signedIn.browser.get(last.url);
    assert.equal(again.text, last.text, 'it is still there when it is asked for once more');
  });

  it('tells nothing of an address to go on to where there is none', async () => {
    const signedIn = await signInAt(silent);
    const { last: page } = await travel(signedIn.browser, await signOut(signedIn), [silent]);
    assert.match(page.text, /<h1>一部のサービスからはサインアウトできていません<\/h1>/);
    assert.doesNotMatch(page.text, /href="[^"]*\/sign-out\/success"/);
  });

  it('is no single logout for who stays signed in', async () => {
    const { browser, tokens } = await signInAt(first, called);
    const page = await browser.get(
      `${hub.issuer}/sign-out?${new URLSearchParams({ id_token_hint: String(tokens.id_token) })}`,
    );
    const stays = await browser.post(`${hub.issuer}/sign-out/confirm`, hiddenFields(page.text));
    assert.equal(new URL(stays.url).pathname, '/sign-out/success');
    assert.equal(soapServer.requests.length, 0);
  });

  it('by another person’s card is told too, names nobody’s services, and lets that person in', async () => {
    const parties = [first, silent, called];
    const { browser } = await signInAt(...parties);
    const attempt = await website.attempt({ prompt: 'login' });
    const signIn = await open(website.authorizationUrl(attempt), browser);
    const closing = await presentCard(hub, browser, signIn, { card: 'hanako' });
    const { asked, pages, last } = await travel(browser, await sendForm(browser, closing), parties);
    assert.deepEqual(asked, ['first.example']);
    assert.equal(soapServer.requests.length, 1);
    assert.match(pages[0]?.text ?? '', /前にサインインした方/);
    for (const { text } of pages.slice(0, -1)) assert.doesNotMatch(text, /first\.example|silent\.example/);
    const finished = await hub.answerPages(last, { browser, stopAt: String(attempt.parameters.redirect_uri) });
    assert.ok(answerOf(finished).code);
  });
});
