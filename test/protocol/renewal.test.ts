import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { readNotices, startTestHub, type TestHub } from '../support/hub.ts';
import {
  createRelyingParty,
  isConsentPage,
  open,
  presentCard,
  REDIRECT_URI,
  type RelyingParty,
  subOf,
} from './relying_party.ts';

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

/** Renews a card at the authority, and waits until the hub knows the old one is over. */
async function renew(name: string): Promise<void> {
  await citizens().renew({ name });
  await hub.refreshLists();
}

const identifiers = async (card: string) =>
  Promise.all([library, shop].map(async (party) => subOf(await party.signIn({ card }))));

async function events(kind: StoredAuditEvent['kind']): Promise<readonly StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.kind === kind);
}

describe('a renewed card', () => {
  it('is the same person everywhere, is asked nothing anew, and is in the audit chain', async () => {
    await citizens().issue({ name: 'renewed-once' });
    await hub.refreshLists();
    const before = await identifiers('renewed-once');
    await renew('renewed-once');
    const attempt = await library.attempt();
    const browser = createHttpBrowser();
    const page = await open(library.authorizationUrl(attempt), browser);
    const notices = await presentCard(hub, browser, page, { card: 'renewed-once' });
    assert.match(notices.text, /新しいカードに引き継ぎました/);
    const visited = await readNotices(browser, notices, REDIRECT_URI);
    assert.ok(!isConsentPage(visited));
    assert.equal(visited.status, 0);
    assert.deepEqual(await identifiers('renewed-once'), before);

    const linked = (await events('certificate.linked')).at(-1);
    assert.match(String(linked?.data?.certificate), /^[0-9a-f]{16}$/);
    assert.match(String(linked?.data?.predecessor), /^[0-9a-f]{16}$/);
    assert.ok(linked?.subjectId);
  });

  it('is recognised over renewals that the hub never saw', async () => {
    await citizens().issue({ name: 'renewed-often' });
    await hub.refreshLists();
    const before = await identifiers('renewed-often');
    for (let time = 0; time < 3; time += 1) await citizens().renew({ name: 'renewed-often' });
    await hub.refreshLists();
    assert.deepEqual(await identifiers('renewed-often'), before);
  });

  it('is recognised after the old one was lost', async () => {
    await citizens().issue({ name: 'lost-one' });
    await hub.refreshLists();
    const before = await identifiers('lost-one');
    await citizens().revoke({ name: 'lost-one', certificate: 'both', reason: 'certificateHold' });
    await renew('lost-one');
    assert.deepEqual(await identifiers('lost-one'), before);
  });

  it('gives one person when it is shown twenty times at once for the first time', async () => {
    await citizens().issue({ name: 'hurried' });
    await hub.refreshLists();
    const [before] = await identifiers('hurried');
    await renew('hurried');
    const all = await Promise.all(
      Array.from({ length: 20 }, async () =>
        subOf(await library.signIn({ card: 'hurried', browser: createHttpBrowser() })),
      ),
    );
    assert.deepEqual(new Set(all), new Set([before]));
    const { subjectId } = (await events('certificate.linked')).at(-1) ?? {};
    assert.equal((await events('certificate.linked')).filter((event) => event.subjectId === subjectId).length, 1);
  });

  it('of somebody who was never here is somebody new', async () => {
    const others = await identifiers('taro');
    await citizens().issue({ name: 'newcomer' });
    await renew('newcomer');
    const [sub] = await identifiers('newcomer');
    assert.ok(sub && !others.includes(sub));
  });

  it('can be taken back by an operator: it signs in no more', async () => {
    await citizens().issue({ name: 'mistaken' });
    await hub.refreshLists();
    await identifiers('mistaken');
    await renew('mistaken');
    const tokens = await library.signIn({ card: 'mistaken' });
    assert.ok((await library.userinfo(tokens)).sub);
    const [newest] = await hub.hub.links.list();
    assert.equal(newest?.status, 'current');
    await hub.hub.links.undo(newest?.certificate ?? '');
    await assert.rejects(library.userinfo(tokens));
    const browser = createHttpBrowser();
    const page = await open(library.authorizationUrl(await library.attempt()), browser);
    const refused = await presentCard(hub, browser, page, { card: 'mistaken' });
    assert.equal(refused.status, 403);
    assert.equal((await events('certificate.unlinked')).length, 1);
    await assert.rejects(hub.hub.links.undo(newest?.certificate ?? ''), { code: 'link_unknown' });
    await assert.rejects(hub.hub.links.undo('nothing'), { code: 'link_unknown' });
  });
});

describe('a linkage service that does not tell', () => {
  let away: Server;
  let other: TestHub;
  let party: RelyingParty;
  before(async () => {
    away = createServer((_request, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => away.once('listening', resolve));
    const url = `http://127.0.0.1:${(away.address() as AddressInfo).port}/linkage`;
    other = await startTestHub({ settings: { linkage: { url } } });
    party = await createRelyingParty(other);
  });
  after(async () => {
    await other.stop();
    await new Promise((resolve) => away.close(resolve));
  });

  it('lets nobody in whose card is unknown, with a page that says when to come back, and makes nobody', async () => {
    const browser = createHttpBrowser();
    const page = await open(party.authorizationUrl(await party.attempt()), browser);
    const refused = await presentCard(other, browser, page, { card: 'taro' });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '30');
    assert.match(refused.text, /いま、カードの更新を確認できません/);
    const made = await other.hub.storage.audit.read(0n, 1000);
    assert.ok(!made.some(({ kind }) => kind === 'subject.created'));
  });
});
