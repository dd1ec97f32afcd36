import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { generateProviderKey } from '../../adapters/sandbox/attribute_providers/attribute_provider.ts';
import {
  type OpenIdBehaviour,
  type RunningOpenIdProvider,
  startOpenIdProvider,
} from '../../adapters/sandbox/attribute_providers/openid_provider.ts';
import { registrationAt } from '../../adapters/sandbox/attribute_providers/register_providers.ts';
import { SANDBOX_PROVIDERS } from '../../adapters/sandbox/attribute_providers/sandbox_providers.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { formAction } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { createRelyingParty, type RelyingParty, sendForm, type Tokens } from './relying_party.ts';

const POINTS = 'musubi-points';
const PAGE = `/portal/providers/${POINTS}`;
const CLAIMS = 'card_customer_valid spending_category';
/** Seconds: shorter than what the hub wants of a token that it uses again, so that each question renews it. */
const SHORT = 5;

let hub: TestHub;
let points: RunningOpenIdProvider;
let shop: RelyingParty;
/** People who are signed in to the portal and have not enrolled. */
let taro: HttpBrowser;
let ichiro: HttpBrowser;
let hanako: HttpBrowser;
let keiko: HttpBrowser;

before(async () => {
  hub = await startTestHub();
  const { openId, ...provider } = SANDBOX_PROVIDERS.points;
  assert.ok(openId);
  points = await startOpenIdProvider({
    ...{ provider: { ...provider, openId }, issuer: hub.issuer, port: 0, privateKey: generateProviderKey() },
    ...{ clock: Date.now, accessTokenLifetime: SHORT },
  });
  const { attributeProviders } = hub.hub;
  await attributeProviders.add(
    registrationAt({ provider: SANDBOX_PROVIDERS.points, url: points.url, keys: { keys: [] } }),
  );
  await attributeProviders.offer(POINTS, provider.offers, true);
  shop = await createRelyingParty(hub, { scope: `openid card_status ${CLAIMS}` });
  await attributeProviders.accept(shop.clientId, provider.offers, true);
  taro = await inPortal('taro');
  ichiro = await inPortal('ichiro');
  hanako = await inPortal('hanako');
  keiko = await inPortal('keiko');
});
after(async () => {
  await hub?.stop();
  await points?.close();
});

async function inPortal(card: string): Promise<HttpBrowser> {
  const browser = createHttpBrowser();
  await hub.answerPages(await open('/portal/providers', browser), { browser, card });
  return browser;
}

const open = (path: string, browser: HttpBrowser) => browser.get(hub.issuer + path);

/** Presses the button of the portal's page; ends on the provider's. */
async function goThere(browser: HttpBrowser): Promise<Visited> {
  const page = await sendForm(browser, await open(PAGE, browser));
  assert.ok(page.url.startsWith(points.url), page.url);
  return page;
}

/** Says at the provider who one is; ends where the browser is sent, which has not gone there yet. */
async function answerThere(browser: HttpBrowser, page: Visited, customer: string): Promise<string> {
  const action = formAction(page.text, '<form', page.url);
  const { url } = await browser.post(action, { customer }, { stopAt: `${hub.issuer}/` });
  return url;
}

async function connect(browser: HttpBrowser, customer: string): Promise<Visited> {
  return browser.get(await answerThere(browser, await goThere(browser), customer));
}

async function events(kind: StoredAuditEvent['kind']): Promise<readonly StoredAuditEvent[]> {
  return (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.kind === kind);
}

async function refusals(): Promise<readonly unknown[]> {
  return (await events('membership.refused')).map(({ data }) => data?.reason);
}

describe('a provider’s own sign-in', () => {
  it('is where the portal says that it leads, by code with PKCE, state and nonce, and to one address for this provider', async () => {
    const page = await open(PAGE, taro);
    assert.ok(page.text.includes(new URL(points.url).host));
    assert.doesNotMatch(page.text, /<input class="input"/);
    assert.match(page.headers.get('content-security-policy') ?? '', new RegExp(`form-action 'self' ${points.url}`));
    const answer = await taro.post(
      hub.issuer + PAGE,
      { csrf: /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '' },
      { stopAt: `${points.url}/authorize` },
    );
    const asked = Object.fromEntries(new URL(answer.url).searchParams);
    const { state, nonce, code_challenge: challenge, ...rest } = asked;
    for (const random of [state, nonce, challenge]) assert.match(random ?? '', /^[\w-]{43}$/);
    assert.deepEqual(rest, {
      ...{ response_type: 'code', client_id: 'musubi', scope: 'openid offline_access points', prompt: 'login consent' },
      ...{ redirect_uri: `${hub.issuer}${PAGE}/callback`, code_challenge_method: 'S256', ui_locales: 'ja' },
    });
  });

  it('that is given up, or that the customer refuses, connects nobody', async () => {
    const refused = await connect(taro, '');
    assert.equal(refused.status, 403);
    assert.match(refused.text, /連携しませんでした/);
    // The answer stands in the address of this page, and nowhere in it.
    assert.doesNotMatch(refused.text, /state=/);
    assert.equal((await refusals()).at(-1), 'sign_in_cancelled');
  });

  const forged: Readonly<Record<string, (callback: URL) => unknown>> = {
    'a state that was never given': ({ searchParams }) => searchParams.set('state', 'A'.repeat(43)),
    'no state': ({ searchParams }) => searchParams.delete('state'),
    'the issuer of another': ({ searchParams }) => searchParams.set('iss', 'https://other.example'),
    'no issuer, though it promises one': ({ searchParams }) => searchParams.delete('iss'),
    'a code that is none': ({ searchParams }) => searchParams.set('code', 'A'.repeat(43)),
    'two codes': ({ searchParams }) => searchParams.append('code', 'x'),
  };
  for (const [place, [what, forge]] of Object.entries(forged).entries()) {
    it(`with ${what} in its answer connects nobody, and the answer is spent`, async () => {
      // Nobody may try so often.
      const person = place % 2 === 0 ? hanako : keiko;
      const callback = new URL(await answerThere(person, await goThere(person), 'points-0002'));
      const changed = new URL(callback);
      forge(changed);
      const refused = await person.get(changed.href);
      const isUnknown = changed.searchParams.get('state') !== callback.searchParams.get('state');
      assert.equal(refused.status, isUnknown ? 400 : 403);
      assert.equal((await refusals()).at(-1), isUnknown ? 'sign_in_unknown' : 'sign_in_failed');
      assert.match((await open('/portal/providers', person)).text, /連携しているところはありません/);
      if (!isUnknown) assert.equal((await person.get(callback.href)).status, 400);
    });
  }

  it('of one person connects nobody else: neither by their address, nor by their code with another state', async () => {
    const [ofTaro, ofIchiro] = [
      new URL(await answerThere(taro, await goThere(taro), 'points-0001')),
      new URL(await answerThere(ichiro, await goThere(ichiro), 'points-0002')),
    ];
    assert.equal((await ichiro.get(ofTaro.href)).status, 400);
    // PKCE and nonce are of the other's attempt.
    ofIchiro.searchParams.set('code', ofTaro.searchParams.get('code') ?? '');
    assert.equal((await ichiro.get(ofIchiro.href)).status, 403);
    for (const browser of [taro, ichiro]) {
      assert.match((await open('/portal/providers', browser)).text, /連携しているところはありません/);
    }
    // Nobody who forges answers may have the provider left alone for everybody.
    await goThere(hanako);
  });

  it('that comes back to a browser without a session, or with another, leads to the sign-in and connects nobody', async () => {
    const callback = await answerThere(hanako, await goThere(hanako), 'points-0002');
    hanako = await inPortal('hanako');
    assert.equal((await hanako.get(callback)).status, 400);
    const { url, text } = await createHttpBrowser().get(callback);
    assert.ok(url.startsWith(hub.issuer));
    assert.match(text, /data-sign-in-form/);
    assert.doesNotMatch(`${url} ${text}`, /code=/);
  });

  it('connects who signed in there, by its own identifier, and the address of the answer is left', async () => {
    const done = await connect(taro, 'points-0001');
    assert.equal(done.url, `${hub.issuer}${PAGE}/connected`);
    assert.match(done.text, /連携しました/);
    assert.match((await open('/portal/providers', taro)).text, /むすびポイントカード/);
    const event = (await events('membership.bound')).at(-1);
    assert.equal(event?.data?.provider, POINTS);
    assert.doesNotMatch(JSON.stringify(event?.data), /points-0001/);
    assert.doesNotMatch(hub.log.join('\n'), /points-0001|code=|state=/);
  });

  it('cannot be tried without end', async () => {
    const forge = () => open(`${PAGE}/callback?state=${'A'.repeat(43)}&code=x`, ichiro);
    const statuses = [];
    for (let times = 0; times < 10; times += 1) statuses.push((await forge()).status);
    assert.equal(statuses.at(0), 400);
    assert.equal(statuses.at(-1), 429);
    const before = (await refusals()).length;
    const refused = await forge();
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.equal((await refusals()).length, before);
  });

  it('of a customer who is somebody else here is refused', async () => {
    const refused = await connect(keiko, 'points-0001');
    assert.equal(refused.status, 409);
    assert.match(refused.text, /すでに登録されています/);
    assert.equal((await refusals()).at(-1), 'taken');
  });
});

describe('a relying party', () => {
  let tokens: Tokens;
  const told = () => shop.userinfo(tokens);
  before(async () => {
    tokens = await shop.signIn({
      card: 'taro',
      parameters: { scope: `openid card_status ${CLAIMS}`, prompt: 'consent' },
    });
  });

  it('is told what stands in the userinfo, by the names of the catalogue and with its source', async () => {
    const { card_customer_valid: valid, spending_category: spent, claims_provenance: provenance } = await told();
    assert.equal(valid, true);
    assert.equal((spent as unknown[]).length, 6);
    const { source, obtained_at: at } =
      (provenance as Record<string, Record<string, unknown>>).card_customer_valid ?? {};
    assert.equal(source, POINTS);
    assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 20);
    const [disclosed] = await hub.hub.storage.consents.listDisclosures(await subjectId(), 1);
    assert.ok(disclosed?.claims.includes('card_customer_valid'));
  });

  it('is told again and again, though each question renews the tokens, and many at once do not use one twice', async () => {
    await told();
    const answers = await Promise.all(Array.from({ length: 4 }, told));
    assert.ok(answers.every(({ card_customer_valid: valid }) => valid === true));
    assert.deepEqual(await events('membership.lapsed'), []);
  });

  it('cannot ask for a day', async () => {
    const claims = JSON.stringify({ userinfo: { card_customer_valid: { target_date: '2020-01-01' } } });
    const asking = await shop.signIn({ card: 'taro', parameters: { scope: 'openid', claims, prompt: 'consent' } });
    const { card_customer_valid: valid, claims_unavailable: missing } = await shop.userinfo(asking);
    assert.equal(valid, undefined);
    assert.deepEqual(missing, { card_customer_valid: { source: POINTS, reason: 'not_possible' } });
  });

  const LIES: Partial<Record<OpenIdBehaviour, string>> = {
    down: 'not_available',
    wrong_subject: 'not_available',
    oversized: 'not_available',
    wrong_type: 'not_available',
    silent: 'not_told',
  };
  for (const [behaviour, reason] of Object.entries(LIES)) {
    it(`is told the rest by a provider that is ${behaviour.replace('_', ' about the ')}`, async () => {
      points.behave(behaviour as OpenIdBehaviour);
      const { card_customer_valid: valid, claims_unavailable: missing, card_status: card } = await told();
      points.behave('ordinary');
      assert.equal(valid, undefined);
      assert.equal((card as Record<string, unknown>).status, 'good');
      assert.deepEqual((missing as Record<string, unknown>).card_customer_valid, { source: POINTS, reason });
      assert.equal((await told()).card_customer_valid, true);
    });
  }

  it('is told nothing more when the provider has forgotten the person, who is told so and connects again', async () => {
    points.behave('forgetful');
    const { claims_unavailable: missing } = await told();
    points.behave('ordinary');
    assert.deepEqual((missing as Record<string, unknown>).card_customer_valid, {
      ...{ source: POINTS, reason: 'not_available' },
    });
    assert.equal((await events('membership.lapsed')).at(-1)?.subjectId, await subjectId());
    assert.equal((await told()).card_customer_valid, undefined);
    const page = await open('/portal/providers', taro);
    assert.match(page.text, /もう一度連携が必要です/);
    assert.ok(page.text.includes(`href="${PAGE}"`));

    await connect(taro, 'points-0001');
    assert.doesNotMatch((await open('/portal/providers', taro)).text, /もう一度連携が必要です/);
    assert.equal((await told()).card_customer_valid, true);
  });

  it('is told nothing more when the person ends it, and the provider hears of that', async () => {
    assert.ok(await tokensOf());
    const { revoked } = points;
    const [link = ''] =
      /\/portal\/providers\/memberships\/[^"]+\/end/.exec((await open('/portal/providers', taro)).text) ?? [];
    assert.match((await sendForm(taro, await open(link, taro))).text, /連携をやめました/);
    assert.equal((await told()).card_customer_valid, undefined);
    assert.equal(await tokensOf(), undefined);
    assert.equal(points.revoked, revoked + 1);
  });

  async function tokensOf() {
    const [membership] = await hub.hub.storage.providers.listMemberships(await subjectId());
    return membership && (await hub.hub.storage.providerSignIns.findTokens(membership.id))?.sealed;
  }
});

/** Taro's. */
async function subjectId(): Promise<string> {
  return (await events('membership.bound'))[0]?.subjectId ?? '';
}
