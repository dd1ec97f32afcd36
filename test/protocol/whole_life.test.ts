import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { decodeJwt } from 'jose';
import { fillIn, formOf, signApplication } from '../support/enrol.ts';
import { type EventReceiver, startEventReceiver } from '../support/event_receiver.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { readNotices, startTestHub, type TestHub } from '../support/hub.ts';
import { isConsentPage, open, presentCard, REDIRECT_URI, subOf } from './relying_party.ts';
import { callJson, type StatusParty, statusParty } from './status_party.ts';

/*
 * One person from the first enrolment over two cards, a move and a loss, as two relying parties see it. Each step rests on
 * the ones before it: one test.
 */

const SCOPE = 'openid name address birthdate gender';
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const ACCOUNT_DISABLED = 'https://schemas.openid.net/secevent/risc/event-type/account-disabled';
const EVENTS = [`${CAEP}token-claims-change`, `${CAEP}session-revoked`, ACCOUNT_DISABLED];
const OLD_HOME = '東京都千代田区永田町９－９－９';
const NEW_HOME = '北海道小樽市色内９－８－７';

let hub: TestHub;
let receiver: EventReceiver;
let clinic: StatusParty;
let bank: StatusParty;
const citizens = () => hub.authority.authority.citizens;

before(async () => {
  hub = await startTestHub();
  receiver = await startEventReceiver();
  clinic = await statusParty(hub, { scope: SCOPE });
  bank = await statusParty(hub, { scope: SCOPE, redirect_uris: ['https://bank.example/callback'] });
});
after(async () => {
  await hub?.stop();
  receiver?.close();
});

it('is one person for life', async () => {
  const card = 'hanae';
  await citizens().issue({ name: card, attributes: { name: '見本　英恵', address: OLD_HOME } });
  await hub.refreshLists();
  await listen(clinic);

  // Enrols on the way into the clinic, and signs in at both.
  await enrol(card);
  assert.deepEqual(await told(clinic, card), { address: OLD_HOME, current: true });
  assert.deepEqual(await told(bank, card), { address: OLD_HOME, current: true });
  const identifiers = await subs(card);
  assert.notEqual(identifiers[0], identifiers[1]);
  assert.deepEqual(await status(clinic, identifiers[0]), { status: 'current', attributes: 'current' });
  assert.deepEqual(await happened(), [], 'nobody hears of somebody whom they did not know');

  // A new card, five years on: the same person, asked nothing anew, and told of it.
  await citizens().renew({ name: card });
  await hub.refreshLists();
  const browser = createHttpBrowser();
  const shown = await presentCard(hub, browser, await open(await urlOf(clinic), browser), { card });
  assert.match(shown.text, /新しいカードに引き継ぎました/);
  assert.equal((await readNotices(browser, shown, REDIRECT_URI)).status, 0, 'no page asks for a consent again');
  assert.deepEqual(await subs(card), identifiers);

  // What the old signing certificate said is marked until the new one says it.
  assert.deepEqual(await told(clinic, card), { address: OLD_HOME, current: false });
  await enrol(card);
  assert.deepEqual(await told(clinic, card), { address: OLD_HOME, current: true });
  await happened();

  // A move: the person signs in as before, both relying parties see that something is another, the clinic hears of it.
  await citizens().move({ name: card, address: NEW_HOME, municipality: '01203', newSigningCertificate: true });
  await hub.refreshLists();
  assert.deepEqual(await happened(), [`${CAEP}token-claims-change stale`]);
  assert.deepEqual(await told(clinic, card), { address: OLD_HOME, current: false });
  assert.deepEqual(await told(bank, card), { address: OLD_HOME, current: false });
  assert.deepEqual(await status(bank, identifiers[1]), { status: 'attributes_changed', attributes: 'stale' });
  await enrol(card);
  assert.deepEqual(await told(bank, card), { address: NEW_HOME, current: true });
  assert.deepEqual(await status(bank, identifiers[1]), { status: 'current', attributes: 'current' });
  assert.deepEqual(await happened(), [`${CAEP}token-claims-change current`]);
  assert.deepEqual(await subs(card), identifiers);

  // The card is lost: sessions end, the card is refused with a page that says what to do, and relying parties hear of it.
  const tokens = await bank.signIn({ card });
  await citizens().revoke({ name: card, certificate: 'both', reason: 'certificateHold' });
  await hub.refreshLists();
  await assert.rejects(bank.userinfo(tokens));
  assert.deepEqual((await happened()).sort(), [
    `${CAEP}session-revoked`,
    `${CAEP}token-claims-change stale`,
    ACCOUNT_DISABLED,
  ]);
  assert.deepEqual(await status(clinic, identifiers[0]), { status: 'contact_needed', attributes: 'stale' });
  const visitor = createHttpBrowser();
  const refused = await presentCard(hub, visitor, await open(await urlOf(clinic), visitor), { card });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /一時停止/);

  // A new one: the same person again.
  await citizens().renew({ name: card });
  await hub.refreshLists();
  assert.deepEqual(await subs(card), identifiers);
  await enrol(card);
  assert.deepEqual(await told(clinic, card), { address: NEW_HOME, current: true });
  assert.deepEqual(await status(clinic, identifiers[0]), { status: 'current', attributes: 'current' });
});

async function urlOf(party: StatusParty, over: Record<string, string> = {}): Promise<string> {
  return party.authorizationUrl(await party.attempt({ scope: SCOPE, ...over }));
}

async function subs(card: string): Promise<string[]> {
  return Promise.all([clinic, bank].map(async (party) => subOf(await party.signIn({ card }))));
}

/** The address that a relying party is told, and whether anybody vouches for it. */
async function told(party: StatusParty, card: string) {
  const claims = await party.userinfo(await party.signIn({ card, parameters: { scope: SCOPE } }));
  const { address } = claims.claims_provenance as Record<string, { current: boolean }>;
  return { address: claims.address?.formatted, current: address?.current };
}

async function status(party: StatusParty, sub: string | undefined) {
  const { json } = await callJson(`${hub.issuer}/status-check`, {
    method: 'POST',
    token: await party.token(),
    body: { subjects: [sub] },
  });
  const [{ status: state, attributes }] = json.results;
  return { status: state, attributes };
}

/** Through the consent page of the clinic, as a person would. */
async function enrol(card: string): Promise<void> {
  const browser = createHttpBrowser();
  const signIn = await open(await urlOf(clinic, { prompt: 'consent' }), browser);
  const consent = await readNotices(browser, await presentCard(hub, browser, signIn, { card }), REDIRECT_URI);
  assert.ok(isConsentPage(consent), consent.text);
  const path = /\/interaction\/[^/"]+/.exec(consent.text)?.[0];
  const form = await browser.get(new URL(`${path}/enrolment`, consent.url).href);
  const page = await fillIn(browser, form, formOf(hub, card));
  assert.match((await signApplication(hub, browser, page, { card })).text, /登録が終わりました/);
}

async function listen(party: StatusParty): Promise<void> {
  const { status: code } = await callJson(`${hub.issuer}/ssf/streams`, {
    method: 'POST',
    token: await party.token({ resource: `${hub.issuer}/ssf`, scope: 'ssf.manage' }),
    body: {
      events_requested: EVENTS,
      delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: receiver.url },
    },
  });
  assert.equal(code, 201);
}

/** The events that the clinic has got since the last look. */
async function happened(): Promise<string[]> {
  await hub.hub.deliverEvents();
  const sets = receiver.received.map(({ set }) => decodeJwt(set).events as Record<string, { claims?: object }>);
  receiver.received = [];
  return sets.flatMap((events) =>
    Object.entries(events).map(([uri, { claims }]) => [uri, ...Object.values(claims ?? {})].join(' ')),
  );
}
