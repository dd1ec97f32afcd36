import assert from 'node:assert/strict';
import { fillIn, formOf, signApplication } from '../support/enrol.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { readNotices, type TestHub } from '../support/hub.ts';
import { createRelyingParty, isConsentPage, open, presentCard, REDIRECT_URI } from './relying_party.ts';

/**
 * Has a citizen sign in at a website by OpenID Connect and enrol on the way; returns the browser in which they are signed
 * in.
 */
export async function enrolCitizen(hub: TestHub, card: string): Promise<HttpBrowser> {
  const browser = createHttpBrowser();
  const party = await createRelyingParty(hub);
  const parameters = { scope: 'openid profile address', prompt: 'consent' };
  const first = await open(party.authorizationUrl(await party.attempt(parameters)), browser);
  const consent = await readNotices(browser, await presentCard(hub, browser, first, { card }), REDIRECT_URI);
  assert.ok(isConsentPage(consent), consent.text);
  const path = /\/interaction\/[^/"]+/.exec(consent.text)?.[0];
  const form = await browser.get(new URL(`${path}/enrolment`, consent.url).href);
  const page = await fillIn(browser, form, formOf(hub, card));
  assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
  return browser;
}
