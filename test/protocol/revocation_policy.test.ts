import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { enErrors } from '../../views/words/en_errors.ts';
import { jaErrors } from '../../views/words/ja_errors.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import {
  answerOf,
  createRelyingParty,
  isSignInPage,
  later,
  open,
  presentCard,
  type RelyingParty,
  subOf,
} from './relying_party.ts';

const MINUTE = 60_000;
const ONLINE_ACR = 'urn:example:acr:online';

/** Stands before the authority's responder, so that a test can take it away and count what it is asked. */
interface Responder {
  isAway: boolean;
  asked: number;
  url: string;
  server: Server;
}

async function startResponder(authority: TestAuthority): Promise<Responder> {
  const server = createServer(async (request, response) => {
    responder.asked += 1;
    if (responder.isAway) return void response.destroy();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = await fetch(`${authority.authority.address}/ocsp/user`, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request' },
      body: Buffer.concat(chunks),
    });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const responder: Responder = { isAway: false, asked: 0, url, server };
  return responder;
}

let authority: TestAuthority;
let responder: Responder;
let hub: TestHub;
let ordinary: RelyingParty;
let online: RelyingParty;
let careful: RelyingParty;
let browser: HttpBrowser;

before(async () => {
  authority = await startTestAuthority();
  responder = await startResponder(authority);
  hub = await startTestHub({
    authority,
    settings: {
      revocation: {
        responders: [{ anchor: 'user-3', url: responder.url }],
        ocspBreakerFailures: 1000,
        policies: [
          { name: 'online', sources: ['ocsp'], maxAgeSeconds: 1800 },
          { name: 'careful', sources: ['ocsp', 'crl'] },
        ],
        policyByAcr: [{ acr: ONLINE_ACR, policy: 'online' }],
      },
    },
  });
  const party = (id: string, policy?: string) =>
    createRelyingParty(hub, {
      redirect_uris: [`https://${id}.example/callback`],
      ...(policy ? { musubi_revocation_policy: policy } : {}),
    });
  ordinary = await party('ordinary');
  online = await party('online', 'online');
  careful = await party('careful', 'careful');
});
after(async () => {
  await hub?.stop();
  await authority.stop();
  responder.server.closeAllConnections();
  await new Promise((resolve) => responder.server.close(resolve));
});
beforeEach(() => {
  browser = createHttpBrowser();
  responder.isAway = false;
});

const asksForCard = async (party: RelyingParty, parameters: Record<string, string> = {}) =>
  isSignInPage(await open(party.authorizationUrl(await party.attempt(parameters)), browser));
const acrOf = async (party: RelyingParty, parameters: Record<string, string> = {}) =>
  (await party.signIn({ browser, parameters })).claims()?.acr;

describe('a relying party with a stricter policy', () => {
  it('has the card asked for although somebody is signed in, once', async () => {
    assert.equal(await acrOf(ordinary), 'aal3');
    const asked = responder.asked;
    assert.equal(await asksForCard(ordinary), false);
    assert.equal(await asksForCard(online), true);
    assert.ok(subOf(await online.signIn({ browser })));
    assert.equal(responder.asked, asked + 1);
    assert.equal(await asksForCard(online), false);
  });

  it('is told login_required when nobody may be asked', async () => {
    await ordinary.signIn({ browser });
    await online.signIn();
    const page = await open(online.authorizationUrl(await online.attempt({ prompt: 'none' })), browser);
    assert.equal(answerOf(page).error, 'login_required');
  });

  it('has the card asked for again when the authority’s word has become too old', async () => {
    await online.signIn({ browser });
    await later(29 * MINUTE, async () => assert.equal(await asksForCard(online), false));
    await later(31 * MINUTE, async () => {
      assert.equal(await asksForCard(ordinary), false);
      assert.equal(await asksForCard(online), true);
    });
  });

  it('cannot be talked into less by the request', async () => {
    await ordinary.signIn({ browser });
    for (const acr of ['aal3', 'aal3 crl', 'crl']) assert.equal(await asksForCard(online, { acr_values: acr }), true);
    assert.equal(await acrOf(online, { acr_values: 'aal3 crl' }), 'aal3 ocsp');
  });

  it('does not stand in the way of one that asks for less', async () => {
    await online.signIn({ browser });
    assert.equal(await asksForCard(ordinary), false);
  });

  it('is not satisfied with the list where it prefers OCSP, unless OCSP was away for itself', async () => {
    await ordinary.signIn({ browser });
    assert.equal(await asksForCard(careful), true);
    responder.isAway = true;
    browser = createHttpBrowser();
    await careful.signIn({ browser, card: 'mei' });
    assert.equal(await asksForCard(careful), false);
  });
});

describe('a policy in an acr value', () => {
  it('is published, forces a new check and is answered', async () => {
    const discovery = await fetch(`${hub.issuer}/.well-known/openid-configuration`);
    const { acr_values_supported: published } = (await discovery.json()) as { acr_values_supported: string[] };
    assert.deepEqual(published, ['aal3', 'crl', 'ocsp', ONLINE_ACR]);
    await ordinary.signIn({ browser });
    assert.equal(await asksForCard(ordinary, { acr_values: ONLINE_ACR }), true);
    assert.equal(await acrOf(ordinary, { acr_values: ONLINE_ACR }), `aal3 ${ONLINE_ACR}`);
    assert.equal(await acrOf(ordinary), 'aal3');
  });

  it('can be essential', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: `aal3 ${ONLINE_ACR}` } } });
    assert.equal(await acrOf(ordinary, { claims }), `aal3 ${ONLINE_ACR}`);
  });
});

describe('when the responder is away', () => {
  beforeEach(() => {
    responder.isAway = true;
  });

  it('a policy that has the list, too, signs people in by the list', async () => {
    const tokens = await careful.signIn({ browser, card: 'tanaka-sub', parameters: { scope: 'openid card_status' } });
    const info = await careful.userinfo(tokens);
    assert.equal((info.card_status as { source: string }).source, 'crl');
  });

  for (const [language, words, card] of [
    ['en', enErrors, 'keiko'],
    ['ja', jaErrors, 'hanako'],
  ] as const) {
    it(`a policy of OCSP alone lets nobody in and tells when to try again (${language})`, async () => {
      const page = await open(online.authorizationUrl(await online.attempt({ ui_locales: language })), browser);
      const answer = await presentCard(hub, browser, page, { card });
      assert.equal(answer.status, 503);
      const { title, body, next } = words.revocation_unavailable;
      for (const text of [title, body, next]) assert.ok(answer.text.includes(text), text);
      const seconds = Number(answer.headers.get('retry-after'));
      assert.ok(seconds >= 5 && seconds <= 300, `Retry-After: ${seconds}`);
      assert.ok(isSignInPage(answer), 'the person can try again on the same page');
      responder.isAway = false;
      assert.equal((await presentCard(hub, browser, answer, { card })).status, 200);
    });
  }
});

describe('the registration of a policy', () => {
  it('is refused when the hub has none of that name', async () => {
    for (const policy of ['gone', '', 7]) {
      const metadata = { redirect_uris: ['https://rp.example/callback'], musubi_revocation_policy: policy };
      await assert.rejects(hub.hub.clients.add(metadata), { code: 'invalid_client_metadata' });
    }
  });

  it('is shown', async () => {
    assert.equal((await hub.hub.clients.show(online.clientId)).musubi_revocation_policy, 'online');
  });
});
