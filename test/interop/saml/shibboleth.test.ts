import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { type InteropHub, startInteropHub } from './interop_hub.ts';
import { goOn } from './message_page.ts';
import { BY_POST, LISTED, type Shibboleth, startShibboleth } from './shibboleth.ts';
import { assertSignedOut, forged, signerOf, signInAt, signOutAtHub, variablesOf } from './sign_in.ts';

let musubi: InteropHub;
let shibboleth: Shibboleth;
let secured: string;

before(async () => {
  musubi = await startInteropHub();
  shibboleth = await startShibboleth(await musubi.published(), musubi.keys);
  secured = `${shibboleth.origin}/secure/`;
  await musubi.bringMetadata(await ownMetadata(), {
    claims: ['name', 'address', 'birthdate', 'gender'],
    idpInitiated: true,
  });
});
after(async () => {
  await shibboleth?.stop();
  await musubi?.stop();
});

async function ownMetadata(): Promise<string> {
  return (await fetch(shibboleth.metadataUrl)).text();
}

it('lets in whoever is signed in at the hub, with what they agreed to tell, encrypted', async () => {
  const { page, response } = await signInAt(musubi.hub, secured, { browser: musubi.browser });
  assert.equal(page.url, secured);
  assert.match(response, /<saml:EncryptedAssertion/);
  const told = variablesOf(page);
  assert.deepEqual(
    [told.displayName, told.postalAddress, told.dateOfBirth, told.gender],
    ['山田　太郎', '東京都千代田区霞が関９－９－１', '19850315', '1'],
  );
  assert.match(told.REMOTE_USER ?? '', /^[0-9a-f]{40}@localhost$/);
  assert.equal(told['Shib-AuthnContext-Class'], 'urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI');
  assert.equal(told['Shib-Identity-Provider'], `${musubi.hub.issuer}/saml/metadata`);
});

it('knows the same person in another browser, with a request by POST and a card', async () => {
  const known = variablesOf(await musubi.browser.get(secured));
  const start = `${shibboleth.origin}${BY_POST}?target=${encodeURIComponent(secured)}`;
  const { page } = await signInAt(musubi.hub, start, { agree: [] });
  assert.equal(variablesOf(page).REMOTE_USER, known.REMOTE_USER);
});

it('lists what it wants in the request itself', async () => {
  const start = `${shibboleth.origin}${LISTED}?target=${encodeURIComponent(secured)}`;
  const { page } = await signInAt(musubi.hub, start, { browser: musubi.browser });
  const told = variablesOf(page);
  assert.deepEqual([told.displayName, told.postalAddress, told.gender], ['山田　太郎', undefined, undefined]);
});

it('lets in whoever comes from a link of the hub', async () => {
  const start = new URLSearchParams({ sp: `${shibboleth.origin}/shibboleth`, RelayState: secured });
  const { page } = await signInAt(musubi.hub, `${musubi.hub.issuer}/saml/start?${start}`);
  assert.equal(page.url, secured);
});

it('refuses an answer that is not as the hub signed it', async () => {
  const { page } = await signInAt(musubi.hub, secured, { tamper: forged });
  assert.equal(page.status, 500);
  assert.match(page.text, /Message was signed, but signature could not be verified/);
});

it('signs people out at the hub, and hears that it is done', async () => {
  const { browser } = await signInAt(musubi.hub, secured);
  const page = await goOn(browser, await browser.get(`${shibboleth.origin}/Shibboleth.sso/Logout`));
  assert.equal(new URL(page.url).pathname, '/Shibboleth.sso/SLO/Redirect');
  assert.match(page.text, /Logout completed successfully/);
  await assertSignedOut(browser, secured);
});

it('is signed out with the hub, by a call', async () => {
  const { browser } = await signInAt(musubi.hub, secured);
  const page = await signOutAtHub(musubi.hub, browser);
  assert.equal(page.url, `${musubi.hub.issuer}/sign-out/success`, page.text);
  await assertSignedOut(browser, secured);
});

it('goes on while the hub changes its key', async () => {
  const before = (await signInAt(musubi.hub, secured)).response;
  await musubi.publishNextKey();
  await shibboleth.untilReloaded();
  await musubi.signWithNextKey();
  const { page, response } = await signInAt(musubi.hub, secured);
  assert.equal(page.url, secured);
  assert.notEqual(signerOf(response), signerOf(before));
});

it('goes on while it changes its own key', async () => {
  const next = musubi.makeKeys();
  const steps = [
    { used: [musubi.keys, next], published: true }, // announced
    { used: [next, musubi.keys], published: false }, // signs with the new one already
    { used: [next], published: true },
  ];
  for (const { used, published } of steps) {
    await shibboleth.useKeys(used);
    if (published) await musubi.bringMetadata(await ownMetadata());
    const { page } = await signInAt(musubi.hub, secured);
    assert.equal(page.url, secured, page.text);
  }
});
