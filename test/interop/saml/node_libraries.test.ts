import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Profile, SAML } from '@node-saml/node-saml';
import { filledExample } from '../../support/filled_example.ts';
import { createHttpBrowser, type HttpBrowser } from '../../support/http_browser.ts';
import { type InteropHub, startInteropHub } from './interop_hub.ts';
import { goOn } from './message_page.ts';
import { createNodeSaml, NODE_SAML_ORIGIN, nodeSamlMetadata } from './node_saml.ts';
import { type KeyFiles, withFurtherKey } from './provider_keys.ts';
import { createSamlify, SAMLIFY_ORIGIN, type Samlify } from './samlify.ts';
import { answerOf, assertSignedOut, forged, messageIn, signerOf, signOutAtHub } from './sign_in.ts';

const NAME = 'urn:oid:2.16.840.1.113730.3.1.241';
const ADDRESS = 'urn:oid:2.5.4.16';
const PAIRWISE_ID = 'urn:oasis:names:tc:SAML:attribute:pairwise-id';
const CLAIMS = { claims: ['name', 'address'] };

let musubi: InteropHub;
before(async () => {
  musubi = await startInteropHub();
});
after(() => musubi?.stop());

/** A page that posts a request, as an application shows it. */
async function answerToPost(action: string, SAMLRequest: string) {
  const browser = createHttpBrowser();
  return answerOf(musubi.hub, await browser.post(action, { SAMLRequest }), { browser });
}

async function answerToRedirect(url: string, browser: HttpBrowser = createHttpBrowser()) {
  return answerOf(musubi.hub, await browser.get(url), { browser });
}

/** The query of an address, as node-saml takes it. */
function redirected(url: string): [Record<string, string>, string] {
  const { search, searchParams } = new URL(url);
  return [Object.fromEntries(searchParams), search.slice(1)];
}

describe('node-saml', () => {
  let saml: SAML;
  let keys: KeyFiles;

  async function signIn(browser?: HttpBrowser) {
    const url = await saml.getAuthorizeUrlAsync('state-1', undefined, {});
    const answer = await answerToRedirect(url, browser);
    const { profile } = await saml.validatePostResponseAsync({ ...answer.fields });
    assert.ok(profile);
    return { profile, answer, response: messageIn(answer) };
  }

  async function useKeys(used: KeyFiles) {
    keys = used;
    saml = await createNodeSaml(await musubi.published(), keys);
  }

  before(async () => {
    await useKeys(musubi.keys);
    await musubi.bringMetadata(nodeSamlMetadata(saml, musubi.keys), CLAIMS);
  });

  it('reads who has signed in and what they agreed to tell, encrypted', async () => {
    const { profile, answer, response } = await signIn(musubi.browser);
    assert.match(response, /<saml:EncryptedAssertion/);
    assert.equal(answer.fields.RelayState, 'state-1');
    assert.equal(profile[NAME], '山田　太郎');
    assert.equal(profile[ADDRESS], '東京都千代田区霞が関９－９－１');
    assert.match(String(profile[PAIRWISE_ID]), /^[0-9a-f]{40}@localhost$/);
    assert.equal(profile.nameIDFormat, 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent');
  });

  it('lists what it wants in the request itself', async () => {
    const example = filledExample('saml/node_saml_listed.js', { health_insurance_valid: NAME });
    const { samlAuthnRequestExtensions } = await import(`data:text/javascript,${encodeURIComponent(example)}`);
    const listing = await createNodeSaml(await musubi.published(), keys, { samlAuthnRequestExtensions });
    const { fields } = await answerToRedirect(await listing.getAuthorizeUrlAsync('', undefined, {}), musubi.browser);
    const { profile } = await listing.validatePostResponseAsync({ ...fields });
    assert.deepEqual([profile?.[NAME], profile?.[ADDRESS]], ['山田　太郎', undefined]);
  });

  it('knows the same person in another browser, with a request by POST and a card', async () => {
    const known = await signIn(musubi.browser);
    const settings = { authnRequestBinding: 'HTTP-POST', skipRequestCompression: true };
    const byPost = await createNodeSaml(await musubi.published(), keys, settings);
    const page = await byPost.getAuthorizeFormAsync('state-2', undefined);
    const [, SAMLRequest = ''] = /name="SAMLRequest" value="([^"]+)"/.exec(page) ?? [];
    const { fields } = await answerToPost(`${musubi.hub.issuer}/saml/sso`, SAMLRequest);
    const { profile } = await byPost.validatePostResponseAsync({ ...fields });
    assert.equal(profile?.nameID, known.profile.nameID);
  });

  it('refuses an answer that is not as the hub signed it', async () => {
    const answer = await answerToRedirect(await saml.getAuthorizeUrlAsync('', undefined, {}));
    await assert.rejects(saml.validatePostResponseAsync({ ...forged(answer.fields) }), /Invalid.*signature/i);
  });

  it('signs people out at the hub, and hears that it is done', async () => {
    const browser = createHttpBrowser();
    const { profile } = await signIn(browser);
    const asked = await saml.getLogoutUrlAsync(profile, 'state-3', {});
    const { url } = await browser.get(asked, { stopAt: NODE_SAML_ORIGIN });
    assert.equal((await saml.validateRedirectAsync(...redirected(url))).loggedOut, true);
    assert.equal(new URL(url).searchParams.get('RelayState'), 'state-3');
    await assertSignedOut(browser, await saml.getAuthorizeUrlAsync('', undefined, {}));
  });

  it('is signed out with the hub, through the browser', async () => {
    const browser = createHttpBrowser();
    const signedIn = await signIn(browser);
    const { url } = await signOutAtHub(musubi.hub, browser, { stopAt: NODE_SAML_ORIGIN });
    const { profile } = await saml.validateRedirectAsync(...redirected(url));
    assert.equal(profile?.nameID, signedIn.profile.nameID);
    assert.equal(profile?.sessionIndex, signedIn.profile.sessionIndex);
    const answer = await saml.getLogoutResponseUrlAsync(profile as Profile, '', {}, true);
    const page = await goOn(browser, await browser.get(answer));
    assert.equal(page.url, `${musubi.hub.issuer}/sign-out/success`, page.text);
  });

  it('goes on while it changes its own key, which it has one of at a time', async () => {
    const next = musubi.makeKeys();
    await musubi.bringMetadata(withFurtherKey(nodeSamlMetadata(saml, musubi.keys), next), {
      encryptAssertions: 'never',
    });
    await signIn();
    await useKeys(next);
    await signIn();
    await musubi.bringMetadata(nodeSamlMetadata(saml, next), { encryptAssertions: 'always' });
    await signIn();
  });

  it('goes on while the hub changes its key', async () => {
    const before = (await signIn()).response;
    await musubi.publishNextKey();
    await useKeys(keys);
    await musubi.signWithNextKey();
    assert.notEqual(signerOf((await signIn()).response), signerOf(before));
  });
});

describe('samlify', () => {
  let samlify: Samlify;

  before(async () => {
    samlify = createSamlify(await musubi.published(), musubi.keys);
    await musubi.bringMetadata(samlify.metadata(), CLAIMS);
  });

  it('reads who has signed in and what they agreed to tell, encrypted', async () => {
    const { id, context } = samlify.login('redirect');
    const answer = await answerToRedirect(context, musubi.browser);
    assert.match(messageIn(answer), /<saml:EncryptedAssertion/);
    const { attributes, response } = await samlify.consume(answer.fields.SAMLResponse ?? '');
    assert.equal(response.inResponseTo, id);
    assert.equal(attributes[NAME], '山田　太郎');
    assert.equal(attributes[ADDRESS], '東京都千代田区霞が関９－９－１');
  });

  it('knows the same person in another browser, with a request by POST and a card', async () => {
    const { context } = samlify.login('redirect');
    const known = await samlify.consume((await answerToRedirect(context, musubi.browser)).fields.SAMLResponse ?? '');
    const posted = samlify.login('post');
    const { fields } = await answerToPost(String(posted.entityEndpoint), posted.context);
    assert.equal((await samlify.consume(fields.SAMLResponse ?? '')).nameID, known.nameID);
  });

  it('signs people out at the hub, and hears that it is done', async () => {
    const browser = createHttpBrowser();
    const { context } = samlify.login('redirect');
    const answer = await answerToRedirect(context, browser);
    const asked = samlify.logout(await samlify.consume(answer.fields.SAMLResponse ?? ''));
    await samlify.loggedOut((await browser.get(asked, { stopAt: SAMLIFY_ORIGIN })).url);
    await assertSignedOut(browser, samlify.login('redirect').context);
  });

  // It is content with the signature of the assertion, whatever the message around it looks like.
  it('refuses an answer in which the assertion is not as the hub signed it', async () => {
    const { fields } = await answerToRedirect(samlify.login('redirect').context);
    const xml = Buffer.from(fields.SAMLResponse ?? '', 'base64').toString('utf8');
    const end = xml.lastIndexOf('</xenc:CipherValue>') - 40;
    const changed = xml.slice(0, end) + (xml[end] === 'A' ? 'B' : 'A') + xml.slice(end + 1);
    await samlify.consume(Buffer.from(xml).toString('base64'));
    await assert.rejects(samlify.consume(Buffer.from(changed).toString('base64')));
  });
});
