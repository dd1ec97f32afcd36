import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { createHttpBrowser, type HttpBrowser } from '../../support/http_browser.ts';
import { type InteropHub, startInteropHub } from './interop_hub.ts';
import type { MessagePage } from './message_page.ts';
import { type Pysaml2, type Pysaml2Message, startPysaml2 } from './pysaml2.ts';
import { answerOf, forged, messageIn, signerOf } from './sign_in.ts';

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

/** The hub's answer to a request that pysaml2 has made. */
async function answerTo(
  { location, page }: Pysaml2Message,
  browser: HttpBrowser = createHttpBrowser(),
): Promise<MessagePage> {
  const first = location ? await browser.get(location) : { ...NO_PAGE, url: pysaml2.origin, text: page ?? '' };
  return answerOf(musubi.hub, first, { browser });
}

const NO_PAGE = { status: 200, headers: new Headers() };

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
