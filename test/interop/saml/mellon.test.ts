import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { type InteropHub, startInteropHub } from './interop_hub.ts';
import { type Mellon, startMellon } from './mellon.ts';
import { goOn } from './message_page.ts';
import { withFurtherKey } from './provider_keys.ts';
import { assertSignedOut, forged, signerOf, signInAt, signOutAtHub, variablesOf } from './sign_in.ts';

let musubi: InteropHub;
let mellon: Mellon;
let secured: string;

before(async () => {
  musubi = await startInteropHub();
  mellon = await startMellon(await musubi.published(), musubi.keys);
  secured = `${mellon.origin}/secure/`;
  await musubi.bringMetadata(await ownMetadata(), { idpInitiated: true });
});
after(async () => {
  await mellon?.stop();
  await musubi?.stop();
});

async function ownMetadata(): Promise<string> {
  return (await fetch(mellon.metadataUrl)).text();
}

it('lets in whoever is signed in at the hub, with what its metadata asks for, encrypted', async () => {
  const { page, response } = await signInAt(musubi.hub, secured, { browser: musubi.browser });
  assert.equal(page.url, secured, page.text);
  assert.match(response, /<saml:EncryptedAssertion/);
  const told = variablesOf(page);
  assert.deepEqual(
    [told.MELLON_displayName, told.MELLON_postalAddress, told.MELLON_gender],
    ['山田　太郎', '東京都千代田区霞が関９－９－１', undefined],
  );
  assert.match(told.REMOTE_USER ?? '', /^[0-9a-f]{40}@localhost$/);
});

it('knows the same person in another browser, with a card', async () => {
  const known = variablesOf(await musubi.browser.get(secured));
  const { page } = await signInAt(musubi.hub, secured);
  assert.equal(variablesOf(page).REMOTE_USER, known.REMOTE_USER);
});

it('lets in whoever comes from a link of the hub', async () => {
  const start = new URLSearchParams({ sp: mellon.metadataUrl, RelayState: secured });
  const { page } = await signInAt(musubi.hub, `${musubi.hub.issuer}/saml/start?${start}`);
  assert.equal(page.url, secured);
});

it('refuses an answer that is not as the hub signed it', async () => {
  const { page } = await signInAt(musubi.hub, secured, { tamper: forged });
  assert.equal(page.status, 400);
  assert.match(mellon.log(), /Error processing authn response.*signature/i);
});

it('signs people out at the hub, and hears that it is done', async () => {
  const { browser } = await signInAt(musubi.hub, secured);
  const back = `${mellon.origin}/?signed-out`;
  const logout = `${mellon.origin}/mellon/logout?ReturnTo=${encodeURIComponent(back)}`;
  assert.equal((await goOn(browser, await browser.get(logout))).url, back);
  await assertSignedOut(browser, secured);
});

it('is signed out with the hub, through the browser, and only there', async () => {
  const { browser: other } = await signInAt(musubi.hub, secured);
  const { browser } = await signInAt(musubi.hub, secured);
  const page = await signOutAtHub(musubi.hub, browser);
  assert.equal(page.url, `${musubi.hub.issuer}/sign-out/success`, page.text);
  await assertSignedOut(browser, secured);
  assert.equal((await other.get(secured)).url, secured);
});

it('goes on while the hub changes its key', async () => {
  const before = (await signInAt(musubi.hub, secured)).response;
  await musubi.publishNextKey();
  await mellon.restart({ hub: await musubi.published() });
  await musubi.signWithNextKey();
  const { page, response } = await signInAt(musubi.hub, secured);
  assert.equal(page.url, secured, page.text);
  assert.notEqual(signerOf(response), signerOf(before));
});

it('goes on while it changes its own key, which it has one of at a time', async () => {
  const next = musubi.makeKeys();
  const go = async () => assert.equal((await signInAt(musubi.hub, secured)).page.url, secured);
  await musubi.bringMetadata(withFurtherKey(await ownMetadata(), next), { encryptAssertions: 'never' });
  await go();
  await mellon.restart({ keys: next });
  await go();
  await musubi.bringMetadata(await ownMetadata(), { encryptAssertions: 'always' });
  await go();
});
