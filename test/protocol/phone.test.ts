import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { createRelyingParty, open, presentCard, type RelyingParty, subOf } from './relying_party.ts';

let hub: TestHub;
let library: RelyingParty;
let shop: RelyingParty;
const citizens = () => hub.authority.authority.citizens;

before(async () => {
  hub = await startTestHub();
  library = await createRelyingParty(hub);
  shop = await createRelyingParty(hub, { redirect_uris: ['https://shop.example/callback'] });
});
after(() => hub.stop());

/** A citizen with a card and a phone, whom the hub does not know. */
async function newCitizen(name: string): Promise<{ card: string; phone: string }> {
  await citizens().issue({ name });
  await citizens().addPhone({ name });
  return { card: name, phone: `${name}-phone` };
}

/** What each website calls whoever signs in with this. */
const identifiers = async (card: string) =>
  Promise.all([library, shop].map(async (party) => subOf(await party.signIn({ card }))));

async function assertRefused(card: string, words: RegExp): Promise<void> {
  const browser = createHttpBrowser();
  const page = await open(library.authorizationUrl(await library.attempt()), browser);
  const refused = await presentCard(hub, browser, page, { card });
  assert.equal(refused.status, 403);
  assert.match(refused.text, words);
}

async function linkedEvents(): Promise<readonly StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 10_000)).filter(({ kind }) => kind === 'certificate.linked');
}

describe('a person with a card and a phone', () => {
  it('is one person everywhere, whichever is shown first, and both stay good', async () => {
    const { card, phone } = await newCitizen('both');
    const before = await identifiers(card);
    assert.deepEqual(await identifiers(phone), before);
    assert.deepEqual(await identifiers(card), before);
    assert.equal((await linkedEvents()).at(-1)?.data?.method, 'other device');

    const other = await newCitizen('phone-first');
    const first = await identifiers(other.phone);
    assert.deepEqual(await identifiers(other.card), first);
    assert.notDeepEqual(first, before);
  });

  it('is one person when both are shown for the first time at once', async () => {
    const { card, phone } = await newCitizen('at-once');
    const all = await Promise.all(
      [card, phone, card, phone].map(async (each) =>
        subOf(await library.signIn({ card: each, browser: createHttpBrowser() })),
      ),
    );
    assert.equal(new Set(all).size, 1);
  });

  it('goes on with the phone when the card is renewed, and with both afterwards', async () => {
    const { card, phone } = await newCitizen('card-renewed');
    const before = await identifiers(card);
    await identifiers(phone);
    await citizens().renew({ name: card });
    await hub.refreshLists();
    assert.deepEqual(await identifiers(phone), before);
    assert.deepEqual(await identifiers(card), before);
  });

  it('is known by a phone whose card was renewed before the hub saw either of the two', async () => {
    const { card, phone } = await newCitizen('renewed-unseen');
    const before = await identifiers(card);
    for (let time = 0; time < 2; time += 1) await citizens().renew({ name: card });
    await hub.refreshLists();
    assert.deepEqual(await identifiers(phone), before);
    assert.deepEqual(await identifiers(card), before);
  });

  it('goes on with the card when the phone is lost, and with the next phone', async () => {
    const { card, phone } = await newCitizen('phone-lost');
    const before = await identifiers(card);
    await identifiers(phone);
    await citizens().revoke({ name: card, device: 'phone', certificate: 'both', reason: 'certificateHold' });
    await hub.refreshLists();
    await assertRefused(phone, /一時停止/);
    assert.deepEqual(await identifiers(card), before);
    await citizens().addPhone({ name: card });
    await hub.refreshLists();
    assert.deepEqual(await identifiers(phone), before);
  });

  it('goes on with the phone when the card is lost, and with neither when all has ended', async () => {
    const { card, phone } = await newCitizen('card-lost');
    const before = await identifiers(card);
    await identifiers(phone);
    await citizens().revoke({ name: card, certificate: 'both', reason: 'certificateHold' });
    await hub.refreshLists();
    await assertRefused(card, /一時停止/);
    assert.deepEqual(await identifiers(phone), before);
    await citizens().revoke({ name: card, certificate: 'both', reason: 'cessationOfOperation' });
    await hub.refreshLists();
    await assertRefused(phone, /このカードは使えません/);
  });

  it('loses the phone, and not the card, when an operator undoes that link', async () => {
    const { card, phone } = await newCitizen('undone');
    const before = await identifiers(card);
    await identifiers(phone);
    const [newest] = await hub.hub.links.list();
    assert.deepEqual([newest?.method, newest?.status], ['other device', 'current']);
    await hub.hub.links.undo(newest?.certificate ?? '');
    await assertRefused(phone, /このカードは使えません/);
    assert.deepEqual(await identifiers(card), before);
  });
});
