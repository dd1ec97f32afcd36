import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  basic,
  createRelyingParty,
  isConsentPage,
  isSignInPage,
  later,
  open,
  postForm as postDirectly,
  presentCard,
  REDIRECT_URI,
  type RelyingParty,
  withdrawConsent,
} from '../protocol/relying_party.ts';
import { travel } from '../protocol/saml_logout_party.ts';
import { createSamlParty, newPartyKey, type SamlParty, type SamlPartyOptions } from '../protocol/saml_party.ts';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { messageText, protocolElement } from '../support/saml/messages.ts';
import { consumer, entityText, localized, uiInfo } from '../support/saml/metadata.ts';
import { type RedirectOptions, redirectQuery, signed } from '../support/saml/sign.ts';
import { assertGuarded } from './attack_hub.ts';

/*
 * The SAML front door from outside, by HTTP. What may be done to one message — its signature, its encoding, its XML — is in
 * the tests of the gate.
 */

const CLASS = 'urn:oasis:names:tc:SAML:2.0:ac:classes:';

let hub: TestHub;
let party: SamlParty;
let other: SamlParty;
let website: RelyingParty;

before(async () => {
  hub = await startTestHub();
  party = await joined('sp.example');
  other = await joined('other.example');
  website = await createRelyingParty(hub);
});
after(() => hub?.stop());

function joined(host: string, options: SamlPartyOptions = {}): Promise<SamlParty> {
  return createSamlParty(hub, { host, ...options });
}

interface Asked {
  readonly from?: SamlParty;
  /** Of the message's root. */
  readonly over?: Readonly<Record<string, string | undefined>>;
  /** Written, behind Issuer. */
  readonly rest?: string;
  /** `null` for no signature. */
  readonly key?: RedirectOptions['key'] | null;
  readonly relayState?: string;
}

function requestText({ from = party, over = {}, rest = '' }: Asked = {}): string {
  return messageText('AuthnRequest', {
    attributes: {
      ID: `_${randomBytes(16).toString('hex')}`,
      IssueInstant: new Date().toISOString(),
      Destination: `${hub.issuer}/saml/sso`,
      ...over,
    },
    issuer: from.entityId,
    rest,
  });
}

/** The address of a request by redirect. */
function urlOf(asked: Asked = {}): string {
  const { from = party, key = from.key.privateKey, relayState } = asked;
  const options = { ...(key && { key }), ...(relayState !== undefined && { relayState }) };
  return `${hub.issuer}/saml/sso?${redirectQuery(requestText(asked), options)}`;
}

/** Sends a request as a form and stops where the browser is sent on to. */
async function post(browser: HttpBrowser, asked: Asked = {}, stopAt?: string): Promise<Visited> {
  const { from = party, key = from.key.privateKey, relayState } = asked;
  const text = requestText(asked);
  const message = key ? signed(text, { key }) : text;
  const form = {
    SAMLRequest: Buffer.from(message).toString('base64'),
    ...(relayState !== undefined && { RelayState: relayState }),
  };
  return browser.post(`${hub.issuer}/saml/sso`, form, stopAt === undefined ? {} : { stopAt });
}

/** A browser in which somebody is signed in, and has agreed at `party`. */
async function signedIn(at: SamlParty = party): Promise<HttpBrowser> {
  const browser = createHttpBrowser();
  await at.signIn({ browser });
  return browser;
}

const isAnswer = ({ text }: Visited) => text.includes('data-send-form');
const answerIn = ({ text }: Visited) => Buffer.from(hiddenFields(text).SAMLResponse ?? '', 'base64').toString();
/** The form of a page's settings comes back to its own address. */
const withoutAddress = ({ text }: Visited) => text.replaceAll(/name="return" value="[^"]*"/g, '');
const statusIn = (page: Visited) =>
  [...answerIn(page).matchAll(/StatusCode Value="[^"]*:([A-Za-z]+)"/g)].map(([, code = '']) => code);
const targetOf = ({ text }: Visited) => /<form [^>]*action="([^"]*)"[^>]*data-send-form/.exec(text)?.[1];
const nameIdIn = (page: Visited) => /<saml:NameID [^>]*>([^<]*)</.exec(answerIn(page))?.[1];

/** Signs in from the sign-in page on, with `query` at every address that the browser asks for. */
async function goOnWith(
  first: Visited,
  query: URLSearchParams,
  browser: HttpBrowser,
  stopAt = 'https://',
): Promise<Visited> {
  const begun = await browser.get(`${hub.issuer}/authorize/${interactionIn(first)}?${query}`, { stopAt });
  assert.ok(isSignInPage(begun), begun.text);
  const action = formAction(begun.text, 'data-sign-in-form', begun.url);
  const form = hiddenFields(begun.text);
  const token = await hub.sign('ichiro', form.nonce ?? '');
  const page = await browser.post(`${action}?${query}`, { ...form, token }, { stopAt });
  if (!isConsentPage(page)) return page;
  const { csrf = '' } = hiddenFields(page.text);
  const consent = `${hub.issuer}/interaction/${interactionIn(page)}/consent`;
  return browser.post(`${consent}?${query}`, { csrf, decision: 'agree' }, { stopAt });
}

const interactionIn = ({ text }: Visited) => /\/interaction\/([^/"]+)/.exec(text)?.[1];

function lastRefusal(): string | undefined {
  const entries = hub.log.map((line) => JSON.parse(line) as { refusal?: { code?: string } });
  return entries.findLast(({ refusal }) => refusal)?.refusal?.code;
}

/** A page of the hub, from which nothing leads to anybody. */
function assertRefused(page: Visited, status: number, code?: string): void {
  assert.equal(page.status, status, page.text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 300));
  assert.equal(new URL(page.url).origin, hub.issuer);
  assert.ok(!isAnswer(page) && !page.text.includes('SAMLResponse'));
  assertGuarded(page);
  if (code !== undefined) assert.equal(lastRefusal(), code);
}

describe('the client inside the hub that stands for a service provider', () => {
  const exchange = (over: object = {}) =>
    JSON.stringify({
      ...{ requestId: '_x', answerOnceUntil: undefined, acs: 'https://attacker.example/acs', relayState: undefined },
      ...{ nameIdFormat: 'persistent', claims: {}, classes: { challenge: `${CLASS}SmartcardPKI`, tls: undefined } },
      ...over,
    });
  const parameters = (over: Record<string, string> = {}) => ({
    client_id: party.entityId,
    response_type: 'none',
    response_mode: 'saml',
    redirect_uri: `${hub.issuer}/saml/answer`,
    scope: 'openid',
    ...over,
  });
  const unsignedObject = (claims: object) =>
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;

  for (const [title, query] of Object.entries<() => Record<string, string>>({
    'with all that the door itself would send': () => parameters({ saml: exchange() }),
    'with an address that it has': () => parameters({ saml: exchange({ acs: party.acs }) }),
    'without what only the door can send': () => parameters(),
    'without a page': () => parameters({ saml: exchange(), prompt: 'none' }),
    'for a code': () => parameters({ response_type: 'code', response_mode: 'query', code_challenge: 'x'.repeat(43) }),
    'by another response mode': () => parameters({ response_mode: 'form_post', saml: exchange() }),
    'for claims': () => parameters({ saml: exchange({ claims: { address: true } }), claims: '{"id_token":{}}' }),
    'to an address of its metadata': () => parameters({ redirect_uri: 'https://sp.example/acs', saml: exchange() }),
    'in a request object': () => ({
      ...parameters(),
      request: unsignedObject(parameters({ saml: exchange(), iss: party.entityId, aud: hub.issuer })),
    }),
  })) {
    it(`signs nobody in by /authorize ${title}`, async () => {
      const browser = await signedIn();
      const form = query();
      const page = await browser.get(`${hub.issuer}/authorize?${new URLSearchParams(form)}`, { stopAt: 'https://' });
      const posted = await browser.post(`${hub.issuer}/authorize`, form, { stopAt: 'https://' });
      for (const each of [page, posted]) {
        // By another mode an error is sent to the client's one address, which is the hub's own.
        assert.equal(new URL(targetOf(each) ?? each.url).origin, hub.issuer);
        const told = each.url.startsWith(`${hub.issuer}/saml/answer?error=`) ? each.url : '';
        assert.ok(each.status === 400 || isAnswer(each) || told);
        assert.doesNotMatch(withoutAddress(each) + told, /SAMLResponse|[?&]code=|name="code"|attacker/);
      }
    });
  }

  it('pushes no request', async () => {
    const request = unsignedObject(parameters({ saml: exchange() }));
    const forms: Record<string, string>[] = [{}, { saml: exchange() }, { request }];
    for (const over of forms) {
      const { status, json } = await postDirectly(`${hub.issuer}/par`, parameters(over));
      assert.equal(status, 400);
      assert.equal(json.request_uri, undefined);
    }
  });

  it('gets no token, and no word about anybody’s', async () => {
    const tokens = await website.signIn();
    const { entityId: client_id } = party;
    const forms: Record<string, string>[] = [
      { grant_type: 'authorization_code', code: 'x'.repeat(43), redirect_uri: `${hub.issuer}/saml/answer` },
      { grant_type: 'refresh_token', refresh_token: 'x'.repeat(43) },
      { grant_type: 'client_credentials', scope: 'status-check', resource: `${hub.issuer}/status-check` },
    ];
    for (const form of forms) {
      for (const headers of [{}, basic(client_id, '')]) {
        const { status, json } = await postDirectly(`${hub.issuer}/token`, { client_id, ...form }, headers);
        assert.ok(status === 400 || status === 401, `${form.grant_type}: ${status}`);
        assert.equal(json.access_token, undefined);
      }
    }
    const token = tokens.access_token;
    const asked = await postDirectly(`${hub.issuer}/introspect`, { client_id, token });
    assert.ok(asked.status >= 400 || asked.json.active === false);
    assert.equal(asked.json.sub, undefined);
    await postDirectly(`${hub.issuer}/revoke`, { client_id, token });
    assert.ok((await website.userinfo(tokens)).sub, 'and it ends nobody’s');
    for (const path of ['/status-check', '/verifier/authenticate']) {
      const { status } = await fetch(hub.issuer + path, { method: 'POST', headers: basic(client_id, '') });
      assert.equal(status, 401, path);
    }
  });

  it('is led nowhere by a sign-out', async () => {
    const browser = await signedIn();
    const query = new URLSearchParams({ client_id: party.entityId, post_logout_redirect_uri: party.acs });
    assertRefused(await browser.get(`${hub.issuer}/sign-out?${query}`, { stopAt: 'https://' }), 400);
  });
});

describe('an OpenID Connect client', () => {
  const exchange = () =>
    JSON.stringify({ requestId: '_x', acs: REDIRECT_URI, nameIdFormat: 'persistent', claims: {}, classes: {} });

  it('is not answered by SAML', async () => {
    const browser = createHttpBrowser();
    await website.signIn({ browser });
    for (const over of [{ response_mode: 'saml' }, { response_mode: 'saml', prompt: 'none' }]) {
      const page = await open(website.authorizationUrl(await website.attempt(over)), browser);
      assertRefused(page, 400);
      assert.doesNotMatch(page.text, /code=/);
    }
  });

  it('cannot send what only the door can', async () => {
    const browser = createHttpBrowser();
    await website.signIn({ browser });
    for (const over of [
      { saml: exchange() },
      { saml: '' },
      { saml: '{' },
      { saml: exchange(), response_mode: 'saml' },
    ]) {
      const visited = await open(website.authorizationUrl(await website.attempt(over)), browser);
      if ('response_mode' in over) assertRefused(visited, 400);
      else if (over.saml !== '') assert.equal(new URL(visited.url).searchParams.get('error'), 'invalid_request');
      assert.ok(!isAnswer(visited));
    }
    const pushed = await postDirectly(
      `${hub.issuer}/par`,
      { ...(await website.attempt()).parameters, client_id: website.clientId, saml: exchange() },
      basic(website.clientId, website.secret),
    );
    assert.equal(pushed.json.error, 'invalid_request');
  });

  it('gets its own answer, whatever is added to the addresses that a sign-in goes on at', async () => {
    const browser = createHttpBrowser();
    const first = await open(website.authorizationUrl(await website.attempt()), browser);
    const query = new URLSearchParams({ saml: exchange(), response_mode: 'saml', client_id: party.entityId });
    const end = await goOnWith(first, query, browser, 'https://');
    assert.ok(end.url.startsWith(`${REDIRECT_URI}?`), end.url);
    assert.ok(new URL(end.url).searchParams.get('code'));
  });
});

describe('what is added to a request', () => {
  it('beside it, for the engine, asks for nothing', async () => {
    const extra = new URLSearchParams({
      claims: '{"id_token":{"address":null,"card_status":null}}',
      scope: 'openid address card_status',
      client_id: website.clientId,
      redirect_uri: 'https://attacker.example/acs',
      response_mode: 'query',
      response_type: 'code',
      prompt: 'none',
      acr_values: 'x',
      saml: '{"acs":"https://attacker.example/acs"}',
    });
    const browser = createHttpBrowser();
    const first = await browser.get(`${urlOf()}&${extra}`);
    assert.ok(isSignInPage(first));
    const consent = await presentCard(hub, browser, first, { card: 'hanako' });
    assert.ok(isConsentPage(consent));
    assert.doesNotMatch(consent.text, /name="claims"/);
    const page = await hub.answerPages(consent, { browser });
    assert.equal(targetOf(page), party.acs);
    assert.doesNotMatch(answerIn(page), /card_status|postalAddress/);
  });

  it('at the addresses where its sign-in goes on, changes nothing of where it ends', async () => {
    const browser = createHttpBrowser();
    const evil = JSON.stringify({ acs: 'https://attacker.example/acs', claims: { address: true }, classes: {} });
    const redirect_uri = 'https://attacker.example/acs';
    const query = new URLSearchParams({ saml: evil, redirect_uri, response_mode: 'query', prompt: 'none' });
    const end = await goOnWith(await browser.get(urlOf()), query, browser);
    assert.equal(targetOf(end), party.acs);
    assert.deepEqual(statusIn(end), ['Success']);
  });
});

describe('an answer', () => {
  for (const [title, over] of Object.entries<() => Record<string, string>>({
    'of another service provider': () => ({ AssertionConsumerServiceURL: other.acs }),
    'of an attacker': () => ({ AssertionConsumerServiceURL: 'https://attacker.example/acs' }),
    'with a slash more': () => ({ AssertionConsumerServiceURL: `${party.acs}/` }),
    'with a query more': () => ({ AssertionConsumerServiceURL: `${party.acs}?x=y` }),
    'in capitals': () => ({ AssertionConsumerServiceURL: party.acs.toUpperCase() }),
    'with a port more': () => ({ AssertionConsumerServiceURL: 'https://sp.example:443/acs' }),
    'with a user': () => ({ AssertionConsumerServiceURL: 'https://sp.example@attacker.example/acs' }),
    'that is a script': () => ({ AssertionConsumerServiceURL: 'javascript:alert(1)' }),
    'by an index that there is none of': () => ({ AssertionConsumerServiceIndex: '1' }),
  })) {
    it(`goes to no address ${title}`, async () => {
      const browser = await signedIn();
      assertRefused(await browser.get(urlOf({ over: over() })), 400, 'saml_acs_unknown');
      assertRefused(await post(browser, { over: over() }), 400, 'saml_acs_unknown');
    });
  }

  it('is on a page that may send it to that very origin and nowhere else', async () => {
    const page = await (await signedIn()).get(urlOf());
    assertGuarded(page);
    const [, sources = ''] = /form-action ([^;]*)/.exec(page.headers.get('content-security-policy') ?? '') ?? [];
    assert.deepEqual(sources.split(' '), ["'self'", 'https://sp.example']);
    assert.match(page.headers.get('cache-control') ?? '', /no-store/);
  });

  it('is for one service provider, one address, one request and five minutes', async () => {
    const browser = await signedIn();
    const page = await browser.get(urlOf({ over: { ID: '_one-request' } }));
    const xml = answerIn(page);
    assert.deepEqual(
      [...xml.matchAll(/ (InResponseTo|Recipient|Destination)="([^"]*)"|<saml:(Audience)>([^<]*)</g)].map(
        ([, name, value, element, text]) => [name ?? element, value ?? text],
      ),
      [
        ['Destination', party.acs],
        ['InResponseTo', '_one-request'],
        ['InResponseTo', '_one-request'],
        ['Recipient', party.acs],
        ['Audience', party.entityId],
      ],
    );
    const limits = [...xml.matchAll(/ NotOnOrAfter="([^"]*)"/g)].map(([, time = '']) => Date.parse(time) - Date.now());
    assert.equal(limits.length, 2);
    for (const left of limits) assert.ok(left > 0 && left <= 5 * 60_000, `${left} ms`);
    await assert.rejects(other.accept(page), 'another service provider does not take it');
  });
});

describe('RelayState', () => {
  const markup = '"><script>alert(1)</script>&amp;';

  it('with markup comes back as it came and does nothing on the page', async () => {
    const idpInitiated = await joined('start.example', { settings: { idpInitiated: true } });
    const browser = await signedIn();
    const start = new URLSearchParams({ sp: idpInitiated.entityId, RelayState: markup });
    for (const page of [
      await browser.get(urlOf({ relayState: markup })),
      await post(browser, { relayState: markup }),
      await hub.answerPages(await browser.get(`${hub.issuer}/saml/start?${start}`), { browser }),
    ]) {
      assert.deepEqual(statusIn(page), ['Success']);
      assert.equal(hiddenFields(page.text).RelayState, markup);
      assert.doesNotMatch(page.text, /<script>/);
    }
  });

  it('of more than eighty octets, or with characters that break lines, is refused', async () => {
    const idpInitiated = await joined('begin.example', { settings: { idpInitiated: true } });
    const browser = await signedIn();
    for (const relayState of ['あ'.repeat(27), 'x'.repeat(81), 'x\r\nSet-Cookie: y', 'x\u0000y', 'x\u2028y']) {
      assertRefused(await browser.get(urlOf({ relayState })), 400, 'saml_relay_state_invalid');
      assertRefused(await post(browser, { relayState }), 400, 'saml_relay_state_invalid');
      const start = new URLSearchParams({ sp: idpInitiated.entityId, RelayState: relayState });
      assertRefused(await browser.get(`${hub.issuer}/saml/start?${start}`), 400, 'saml_relay_state_invalid');
    }
  });
});

describe('a request that comes again', () => {
  it('is answered once, in whichever browser and by whichever binding', async () => {
    const over = { ID: `_${randomBytes(8).toString('hex')}` };
    const [browser, another] = [await signedIn(), await signedIn()];
    assert.deepEqual(statusIn(await browser.get(urlOf({ over }))), ['Success']);
    assertRefused(await browser.get(urlOf({ over })), 400);
    assertRefused(await another.get(urlOf({ over })), 400);
    assertRefused(await post(another, { over }), 400);
  });

  it('is answered once of twenty at the same moment', async () => {
    const [browser, url] = [await signedIn(), urlOf()];
    const pages = await Promise.all(Array.from({ length: 20 }, () => browser.get(url)));
    assert.equal(pages.filter((page) => statusIn(page).join() === 'Success').length, 1);
    for (const page of pages.filter((each) => !isAnswer(each))) assertRefused(page, 400);
    assert.equal(pages.filter(isAnswer).length, 1);
  });

  it('is answered once of two sign-ins that both began with it', async () => {
    const url = urlOf();
    const [one, two] = [createHttpBrowser(), createHttpBrowser()];
    const [first, second] = [await one.get(url), await two.get(url)];
    assert.ok(isSignInPage(first) && isSignInPage(second));
    assert.deepEqual(statusIn(await hub.answerPages(first, { browser: one })), ['Success']);
    assertRefused(await hub.answerPages(second, { browser: two }), 400);
  });

  it('is another’s when another service provider uses the same id', async () => {
    const over = { ID: `_${randomBytes(8).toString('hex')}` };
    const browser = await signedIn();
    await other.signIn({ browser });
    assert.deepEqual(statusIn(await browser.get(urlOf({ over }))), ['Success']);
    assert.deepEqual(statusIn(await browser.get(urlOf({ over, from: other }))), ['Success']);
  });

  it('is too old to be answered before the hub forgets that it was', async () => {
    const [browser, url] = [await signedIn(), urlOf()];
    await browser.get(url);
    for (const ahead of [4.9, 5.1, 60]) {
      await later(ahead * 60_000, async () => assertRefused(await browser.get(url), 400));
    }
  });
});

describe('what a posted request goes on with', () => {
  const onward = async (browser: HttpBrowser) => (await post(browser, {}, `${hub.issuer}/saml/sso/posted`)).url;

  it('is good for a minute', async () => {
    const browser = await signedIn();
    const [first, second] = [await onward(browser), await onward(browser)];
    assert.deepEqual(statusIn(await browser.get(first)), ['Success']);
    await later(61_000, async () => assertRefused(await browser.get(second), 400, 'saml_request_stale'));
  });

  it('is good for one answer', async () => {
    const browser = await signedIn();
    const url = await onward(browser);
    assert.deepEqual(statusIn(await browser.get(url)), ['Success']);
    assertRefused(await browser.get(url), 400);
  });

  it('is nothing when a letter of it is another, and when it is not one', async () => {
    const browser = await signedIn();
    const url = await onward(browser);
    const { length } = url;
    for (const at of [length - 2, length - 40, url.indexOf('=') + 3, url.indexOf('=') + 30]) {
      const changed = `${url.slice(0, at)}${url[at] === 'A' ? 'B' : 'A'}${url.slice(at + 1)}`;
      assertRefused(await browser.get(changed), 400, 'saml_request_stale');
    }
    const value = url.slice(url.indexOf('=') + 1);
    for (const query of [
      '',
      'message=',
      `message=${value}&message=${value}`,
      `message[]=${value}`,
      `message=${'A'.repeat(9000)}`,
    ]) {
      assertRefused(await browser.get(`${hub.issuer}/saml/sso/posted?${query}`), 400, 'saml_request_stale');
    }
    assert.deepEqual(statusIn(await browser.get(url)), ['Success'], 'and the genuine one still is');
  });

  it('brings no cookie along and needs none', async () => {
    const url = await onward(createHttpBrowser());
    assert.ok(isSignInPage(await createHttpBrowser().get(url)));
  });
});

describe('somebody else’s sign-in', () => {
  it('cannot be gone on with in another browser', async () => {
    const [attacker, victim] = [createHttpBrowser(), await signedIn()];
    const first = await attacker.get(urlOf());
    const action = formAction(first.text, 'data-sign-in-form', first.url);
    const form = hiddenFields(first.text);
    const token = await hub.sign('taro', form.nonce ?? '');
    for (const browser of [victim, createHttpBrowser()]) {
      assertRefused(await browser.post(action, { ...form, token }), 400);
      assertRefused(await browser.get(`${hub.issuer}/authorize/${interactionIn(first)}`), 400);
      assertRefused(await browser.get(`${hub.issuer}/interaction/${interactionIn(first)}`), 400);
    }
    assert.deepEqual(statusIn(await hub.answerPages(first, { browser: attacker })), ['Success']);
  });

  it('is not answered for whoever signed in before', async () => {
    const browser = await signedIn();
    const before = nameIdIn(await browser.get(urlOf()));
    const first = await browser.get(urlOf({ over: { ForceAuthn: 'true' } }));
    let page = await presentCard(hub, browser, first, { card: 'hanako' });
    // The session of the first person is closed on the way, by a form that the page sends, and told where they were.
    for (let turn = 0; turn < 3 && !statusIn(page).length; turn += 1) {
      page = isConsentPage(page)
        ? await hub.answerPages(page, { browser })
        : await browser.post(new URL(targetOf(page) ?? '', page.url).href, hiddenFields(page.text));
      page = (await travel(browser, page, [party])).last;
    }
    assert.deepEqual(statusIn(page), ['Success']);
    assert.notEqual(nameIdIn(page), before);
  });
});

describe('ForceAuthn', () => {
  it('is not met by the session, nor by going on without the card', async () => {
    const browser = await signedIn();
    const page = await browser.get(urlOf({ over: { ForceAuthn: 'true' } }));
    assert.ok(isSignInPage(page));
    const onward = await browser.get(`${hub.issuer}/authorize/${interactionIn(page)}`);
    assert.ok(!isAnswer(onward), 'no answer without the card');
  });

  it('cannot be met without a page', async () => {
    const page = await (await signedIn()).get(urlOf({ over: { ForceAuthn: 'true', IsPassive: 'true' } }));
    assert.deepEqual(statusIn(page), ['Responder', 'NoPassive']);
  });
});

describe('IsPassive', () => {
  const over = { IsPassive: 'true' };

  it('shows no page to whoever is not signed in, has not agreed, or would need another card', async () => {
    const unagreed = createHttpBrowser();
    await website.signIn({ browser: unagreed, card: 'mei' });
    for (const page of [
      await createHttpBrowser().get(urlOf({ over })),
      await post(createHttpBrowser(), { over }),
      await unagreed.get(urlOf({ over })),
    ]) {
      assert.deepEqual(statusIn(page), ['Responder', 'NoPassive']);
      assert.doesNotMatch(answerIn(page), /Assertion /);
    }
  });
});

describe('RequestedAuthnContext', () => {
  const context = (comparison: string, ...classes: string[]) =>
    protocolElement(
      'RequestedAuthnContext',
      classes
        .map(
          (name) =>
            `<saml:AuthnContextClassRef xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${name}</saml:AuthnContextClassRef>`,
        )
        .join(''),
      ` Comparison="${comparison}"`,
    );

  /** What a card that signs a challenge truly is. */
  const TRUE = [`${CLASS}SmartcardPKI`, `${CLASS}X509`, `${CLASS}unspecified`];

  it('is met by what is true of the sign-in, or not at all', async () => {
    const browser = await signedIn();
    for (const [comparison, classes, expected] of [
      ['exact', [`${CLASS}TLSClient`], undefined],
      ['exact', [`${CLASS}Password`], undefined],
      ['exact', [`${CLASS}PasswordProtectedTransport`, `${CLASS}Kerberos`], undefined],
      ['exact', [`${CLASS}TLSClient`, `${CLASS}SmartcardPKI`], `${CLASS}SmartcardPKI`],
      ['exact', ['urn:x:anything'], undefined],
      ['minimum', ['urn:x:anything'], undefined],
      ['better', [`${CLASS}SmartcardPKI`], undefined],
      ['maximum', [`${CLASS}Password`], `${CLASS}unspecified`],
      ['minimum', [`${CLASS}SmartcardPKI`], `${CLASS}SmartcardPKI`],
      ['better', [`${CLASS}Password`], `${CLASS}SmartcardPKI`],
    ] as const) {
      const page = await browser.get(urlOf({ over: { IsPassive: 'true' }, rest: context(comparison, ...classes) }));
      const [, asserted] = /<saml:AuthnContextClassRef>([^<]*)</.exec(answerIn(page)) ?? [];
      assert.equal(asserted, expected, `${comparison} ${classes.join()}`);
      if (asserted === undefined) assert.match(statusIn(page).join(), /^Responder,(NoAuthnContext|NoPassive)$/);
      else assert.ok(TRUE.includes(asserted));
    }
  });

  it('for a handshake is not met by a card that signs a challenge, though the person shows it again', async () => {
    const browser = await signedIn();
    const rest = context('exact', `${CLASS}TLSClient`);
    for (const over of [{}, { ForceAuthn: 'true' }]) {
      const page = await hub.answerPages(await browser.get(urlOf({ over, rest })), { browser });
      assert.deepEqual(statusIn(page), ['Responder', 'NoAuthnContext']);
    }
  });
});

describe('a person’s no', () => {
  it('is told as RequestDenied, and nothing of the person with it', async () => {
    const page = await other.answer({ card: 'mei', agree: 'refuse' });
    assert.deepEqual(statusIn(page), ['Responder', 'RequestDenied']);
    assert.doesNotMatch(answerIn(page), /NameID|Assertion /);
  });

  it('holds from the moment that the consent is taken back, also for a sign-in that is under way', async () => {
    const fickle = await joined('fickle.example');
    const browser = await signedIn(fickle);
    const first = await browser.get(urlOf({ from: fickle, over: { ForceAuthn: 'true' } }));
    await withdrawConsent(hub, fickle.entityId);
    const page = await presentCard(hub, browser, first);
    assert.ok(isConsentPage(page), 'it is asked for again');
    const passive = await browser.get(urlOf({ from: fickle, over: { IsPassive: 'true' } }));
    assert.deepEqual(statusIn(passive), ['Responder', 'NoPassive']);
  });
});

describe('a service provider that nobody knows', () => {
  /** The page without its reference number. */
  const face = (page: Visited) => [
    page.status,
    withoutAddress(page).replaceAll(/<span class="code">[^<]*<\/span>/g, ''),
  ];

  it('looks like one that has to sign and did not, did so wrongly, or whose metadata has expired', async () => {
    const expiring = await addExpiring('expiring.example');
    const stranger = newPartyKey();
    const nobody = { ...party, entityId: 'https://nobody.example/saml' };
    const browser = createHttpBrowser();
    for (const ask of [(asked: Asked) => browser.get(urlOf(asked)), (asked: Asked) => post(browser, asked)]) {
      const pages = [
        await ask({ from: nobody }),
        await ask({ from: nobody, key: null }),
        await ask({ key: null }),
        await ask({ key: stranger.privateKey }),
        await ask({ key: stranger.privateKey, over: { AssertionConsumerServiceURL: 'https://attacker.example/' } }),
        await ask({ key: stranger.privateKey, over: { IssueInstant: '2020-01-01T00:00:00Z' } }),
        await later(2 * 3_600_000, () => ask({ from: { ...party, entityId: expiring }, key: null })),
      ];
      for (const page of pages) {
        assertRefused(page, 400, 'saml_service_unknown');
        assert.deepEqual(face(page), face(pages[0] ?? page));
      }
    }
  });

  it('looks at the link of the hub like one that may not be entered from there', async () => {
    const expiring = await addExpiring('ending.example');
    await hub.hub.serviceProviders.set(expiring, { idpInitiated: true });
    const browser = await signedIn();
    const start = (sp: string) => browser.get(`${hub.issuer}/saml/start?${new URLSearchParams({ sp })}`);
    const pages = [
      await start('https://nobody.example/saml'),
      await start(party.entityId),
      await start(website.clientId),
      await start(''),
      await start(`${party.entityId}\u0000`),
      await browser.get(`${hub.issuer}/saml/start`),
      await later(2 * 3_600_000, () => start(expiring)),
    ];
    for (const page of pages) {
      assertRefused(page, 400, 'saml_service_unknown');
      assert.deepEqual(face(page), face(pages[0] ?? page));
    }
  });

  it('is one that the operator has removed while the person signed in', async () => {
    const from = { ...party, entityId: await addExpiring('late.example') };
    const browser = createHttpBrowser();
    const first = await browser.get(urlOf({ from, key: null }));
    assert.ok(isSignInPage(first));
    const consent = await presentCard(hub, browser, first);
    assert.ok(isConsentPage(consent));
    await later(10_000, async () => {
      await hub.hub.serviceProviders.remove(from.entityId);
      assertRefused(await hub.answerPages(consent, { browser }), 400);
    });
  });

  async function addExpiring(host: string): Promise<string> {
    const entityId = `https://${host}/saml`;
    const validUntil = new Date(Date.now() + 3_600_000).toISOString();
    const document = Buffer.from(entityText({ entityId, entity: { validUntil } }));
    await hub.hub.serviceProviders.add({ kind: 'file', document });
    return entityId;
  }
});

describe('what a service provider’s metadata says', () => {
  const script = `<script>alert("1")</script>'`;

  it('does nothing on the pages that show it', async () => {
    const entityId = 'https://hostile.example/saml';
    const words = (name: string) => localized(name, 'ja', `${script}${name}`) + localized(name, 'en', script);
    const document = entityText({
      entityId,
      roleExtensions: uiInfo(
        words('mdui:DisplayName') +
          words('mdui:Description') +
          localized('mdui:PrivacyStatementURL', 'ja', 'https://hostile.example/"><script>'),
      ),
      services:
        `<md:AttributeConsumingService index="0">${words('md:ServiceName')}${words('md:ServiceDescription')}` +
        `<md:RequestedAttribute Name="card_status" FriendlyName="&lt;script>"/><md:RequestedAttribute Name="&lt;script>x"/>` +
        '</md:AttributeConsumingService>',
    });
    await hub.hub.serviceProviders.add({ kind: 'file', document: Buffer.from(document) });
    const from = { ...party, entityId };
    const browser = createHttpBrowser();
    const first = await browser.get(urlOf({ from, key: null }));
    const consent = await presentCard(hub, browser, first);
    assert.ok(isConsentPage(consent));
    const answer = await hub.answerPages(consent, { browser });
    assert.ok(consent.text.includes('&lt;script&gt;alert('), 'it is shown as text');
    for (const page of [first, consent, answer]) {
      assertGuarded(page);
      assert.doesNotMatch(page.text, /<script>|alert\("1"\)|javascript:/);
    }
  });

  it('lets no address in that is a script, or is not protected', async () => {
    for (const [host, location] of [
      ['js.example', 'javascript:alert(1)'],
      ['data.example', 'data:text/html,x'],
      ['plain.example', 'http://plain.example/acs'],
      ['user.example', 'https://user:word@user.example/acs'],
    ] as const) {
      const document = entityText({ entityId: `https://${host}/saml`, consumers: consumer(location) });
      await assert.rejects(hub.hub.serviceProviders.add({ kind: 'file', document: Buffer.from(document) }), {
        code: 'saml_metadata_invalid',
      });
    }
  });
});

describe('after all of this', () => {
  it('nothing of it was a bug, and people still sign in', async () => {
    const bugs = hub.log.filter((line) => 'err' in JSON.parse(line) || JSON.parse(line).level === 'error');
    assert.deepEqual(bugs, []);
    assert.ok((await party.signIn()).nameID);
  });
});
