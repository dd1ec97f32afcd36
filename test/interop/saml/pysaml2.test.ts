import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../../support/http_browser.ts';
import { type InteropHub, startInteropHub } from './interop_hub.ts';
import { goOn, type MessagePage, messagePage } from './message_page.ts';
import { type Pysaml2, type Pysaml2Message, startPysaml2 } from './pysaml2.ts';
import { answerOf, assertSignedOut, forged, messageIn, signerOf, signOutAtHub } from './sign_in.ts';

let musubi: InteropHub;
let pysaml2: Pysaml2;

before(async () => {
  musubi = await startInteropHub();
  pysaml2 = await startPysaml2(await musubi.published(), musubi.keys);
  await musubi.bringMetadata(await pysaml2.metadata(), { claims: ['birthdate', 'gender'] });
});
after(async () => {
  await pysaml2?.stop();
  await musubi?.stop();
});

/** A page of the application that sends this message on. */
function pageOf({ page }: Pysaml2Message): Visited {
  return { url: pysaml2.origin, status: 200, headers: new Headers(), text: page ?? '' };
}

/** The hub's answer to a request that pysaml2 has made. */
async function answerTo(request: Pysaml2Message, browser: HttpBrowser = createHttpBrowser()): Promise<MessagePage> {
  const { location } = request;
  return answerOf(musubi.hub, location ? await browser.get(location) : pageOf(request), { browser });
}

async function signIn(browser?: HttpBrowser) {
  const answer = await answerTo(await pysaml2.login('redirect'), browser);
  return { ...(await pysaml2.consume(answer.fields.SAMLResponse ?? '')), response: messageIn(answer) };
}

it('reads who has signed in and what they agreed to tell, encrypted', async () => {
  const { attributes, response, ...signedIn } = await signIn(musubi.browser);
  assert.match(response, /<saml:EncryptedAssertion/);
  const { 'pairwise-id': [pairwiseId] = [], ...told } = attributes;
  assert.deepEqual(told, {
    displayName: ['山田　太郎'],
    postalAddress: ['東京都千代田区霞が関９－９－１'],
    schacDateOfBirth: ['19850315'],
    schacGender: ['1'],
  });
  assert.match(pairwiseId ?? '', /^[0-9a-f]{40}@localhost$/);
  assert.equal(signedIn.format, 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent');
  assert.equal(signedIn.authnContext, 'urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI');
  assert.equal(signedIn.issuer, `${musubi.hub.issuer}/saml/metadata`);
});

it('lists what it wants in the request itself, by either binding', async () => {
  for (const binding of ['redirect', 'post'] as const) {
    const answer = await answerTo(await pysaml2.login(binding, true), musubi.browser);
    const { attributes } = await pysaml2.consume(answer.fields.SAMLResponse ?? '');
    assert.deepEqual(Object.keys(attributes).sort(), ['displayName', 'pairwise-id']);
  }
});

it('knows the same person in another browser, with a request by POST and a card', async () => {
  const known = await signIn(musubi.browser);
  const answer = await answerTo(await pysaml2.login('post'));
  const { nameId } = await pysaml2.consume(answer.fields.SAMLResponse ?? '');
  assert.equal(nameId, known.nameId);
  assert.equal(answer.fields.RelayState, '/records?year=2026');
});

it('refuses an answer that is not as the hub signed it', async () => {
  const { fields } = await answerTo(await pysaml2.login('redirect'));
  await assert.rejects(pysaml2.consume(forged(fields).SAMLResponse ?? ''), /SignatureError/);
});

/** The form with a message for pysaml2 that a journey comes to. */
async function formFor(browser: HttpBrowser, first: Visited): Promise<MessagePage['fields']> {
  const page = await goOn(browser, first, { stopAt: pysaml2.origin });
  return messagePage(page)?.fields ?? assert.fail(`${page.url} holds no message: ${page.text}`);
}

it('signs people out at the hub, and hears that it is done', async () => {
  const browser = createHttpBrowser();
  await signIn(browser);
  const { SAMLResponse = '' } = await formFor(browser, pageOf(await pysaml2.logout()));
  assert.ok(await pysaml2.loggedOut(SAMLResponse));
  await assertSignedOut(browser, String((await pysaml2.login('redirect')).location));
});

it('is signed out with the hub, through the browser', async () => {
  const browser = createHttpBrowser();
  await signIn(browser);
  const begun = await signOutAtHub(musubi.hub, browser, { stopAt: pysaml2.origin });
  const { SAMLRequest = '', RelayState = '' } = await formFor(browser, begun);
  const page = await goOn(browser, pageOf(await pysaml2.askedToLogOut(SAMLRequest, RelayState)));
  assert.equal(page.url, `${musubi.hub.issuer}/sign-out/success`, page.text);
});

it('goes on while the hub changes its key', async () => {
  const before = (await signIn()).response;
  await musubi.publishNextKey();
  await pysaml2.load(await musubi.published());
  await musubi.signWithNextKey();
  const { response } = await signIn();
  assert.notEqual(signerOf(response), signerOf(before));
  await pysaml2.load(await musubi.published());
  await signIn();
});

it('goes on while it changes its own key', async () => {
  const next = musubi.makeKeys();
  const steps = [
    { used: [musubi.keys, next], published: true }, // announced
    { used: [next, musubi.keys], published: false }, // signs with the new one already
    { used: [next], published: true },
  ];
  for (const { used, published } of steps) {
    await pysaml2.useKeys(used);
    if (published) await musubi.bringMetadata(await pysaml2.metadata());
    await signIn();
  }
});
