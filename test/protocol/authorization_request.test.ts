import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { UnsecuredJWT } from 'jose';
import * as client from 'openid-client';
import { hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import {
  answerOf,
  basic,
  createRelyingParty,
  handmadeJwt,
  later,
  newKeyPair,
  open,
  type Parameters,
  postForm,
  REDIRECT_URI,
  type RelyingParty,
  subOf,
  tokenForm,
} from './relying_party.ts';

let hub: TestHub;
/** A confidential client, and a browser in which a person has signed in to it. */
let party: RelyingParty;
let browser: HttpBrowser;

before(async () => {
  hub = await startTestHub();
  party = await createRelyingParty(hub);
  browser = createHttpBrowser();
  await party.signIn({ browser });
});
after(() => hub?.stop());

/** Where the person's browser is sent for these parameters. */
async function answer(parameters: Parameters, asker = party): Promise<Record<string, string>> {
  return answerOf(await open(asker.authorizationUrl(await asker.attempt(parameters)), browser));
}

describe('PKCE', () => {
  it('is required', async () => {
    const { error } = await answer({ code_challenge: undefined, code_challenge_method: undefined });
    assert.equal(error, 'invalid_request');
  });

  it('is S256: plain, no method and an unknown method are refused', async () => {
    const verifier = client.randomPKCECodeVerifier();
    for (const code_challenge_method of ['plain', undefined, 'S512']) {
      const { error, code } = await answer({ code_challenge: verifier, code_challenge_method });
      assert.deepEqual([error, code], ['invalid_request', undefined]);
    }
  });

  for (const [title, change] of Object.entries<(form: Record<string, string>) => Record<string, string>>({
    'a wrong verifier': (form) => ({ ...form, code_verifier: client.randomPKCECodeVerifier() }),
    'no verifier': ({ code_verifier: _, ...form }) => form,
    'the challenge as the verifier': (form) => ({ ...form, code_verifier: form.challenge ?? '' }),
  })) {
    it(`gives no tokens for ${title}`, async () => {
      const attempt = await party.attempt();
      const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
      const challenge = attempt.parameters.code_challenge ?? '';
      const { challenge: _, ...form } = change({ ...tokenForm(attempt, callback), challenge });
      const { status, json } = await postForm(`${hub.issuer}/token`, form, basic(party.clientId, party.secret));
      assert.deepEqual([status, json.error], [400, 'invalid_grant']);
    });
  }

  describe('for a confidential client that is exempted', () => {
    let exempt: RelyingParty;
    const WITHOUT = { code_challenge: undefined, code_challenge_method: undefined };
    before(async () => {
      exempt = await createRelyingParty(hub, { require_pkce: false });
    });

    it('is replaced by a nonce', async () => {
      assert.ok(subOf(await exempt.signIn({ parameters: WITHOUT, browser })));
    });

    it('is required when there is no nonce', async () => {
      assert.equal((await answer({ ...WITHOUT, nonce: undefined }, exempt)).error, 'invalid_request');
    });

    it('cannot be added at the token endpoint: a verifier for no challenge is refused', async () => {
      const attempt = await exempt.attempt(WITHOUT);
      const callback = await hub.signIn(exempt.authorizationUrl(attempt), { browser });
      const form = { ...tokenForm(attempt, callback), code_verifier: client.randomPKCECodeVerifier() };
      const { status, json } = await postForm(`${hub.issuer}/token`, form, basic(exempt.clientId, exempt.secret));
      assert.deepEqual([status, json.error], [400, 'invalid_grant']);
    });
  });
});

describe('an authorization request sent as a form', () => {
  it('is answered as by GET (OIDC Core §3.1.2.1)', async () => {
    const { parameters } = await party.attempt();
    const form = { ...parameters, response_type: 'code', client_id: party.clientId, redirect_uri: REDIRECT_URI };
    const { code, state } = answerOf(await browser.post(`${hub.issuer}/authorize`, form, { stopAt: REDIRECT_URI }));
    assert.ok(code);
    assert.equal(state, parameters.state);
  });

  it('is sent on within the hub, whatever it holds, with a parameter that comes twice still coming twice', async () => {
    const { headers } = await fetch(`${hub.issuer}/authorize`, {
      method: 'POST',
      body: new URLSearchParams([
        ['state', 'a'],
        ['state', 'b'],
        ['next', '\r\nX: y'],
        ['redirect_uri', 'https://evil.example'],
      ]),
      redirect: 'manual',
    });
    const location = new URL(String(headers.get('location')), hub.issuer);
    assert.equal(location.origin, hub.issuer);
    assert.deepEqual(location.searchParams.getAll('state'), ['a', 'b']);
  });

  it('is refused when it is no form, or one that no address could hold', async () => {
    for (const [body, type, status] of [
      ['{}', 'application/json', 400],
      [`state=${'a'.repeat(8000)}`, 'application/x-www-form-urlencoded', 413],
    ] as const) {
      const response = await fetch(`${hub.issuer}/authorize`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
        redirect: 'manual',
      });
      assert.equal(response.status, status);
    }
  });
});

describe('a pushed authorization request', () => {
  it('signs a person in', async () => {
    const attempt = await party.attempt();
    const url = await client.buildAuthorizationUrlWithPAR(party.configuration, attempt.parameters);
    assert.equal(url.searchParams.has('scope'), false);
    assert.ok(subOf(await party.exchange(attempt, await pushedSignIn(url))));
  });

  it('serves once', async () => {
    const url = await pushed();
    assert.ok((await pushedSignIn(url)).searchParams.get('code'));
    const again = await open(url.href, browser);
    assert.equal(again.status, 400);
  });

  it('serves for a minute', async () => {
    const url = await pushed();
    await later(61_000, async () => {
      assert.equal((await open(url.href, browser)).status, 400);
    });
  });

  it('serves the client that pushed it, and no other', async () => {
    const other = await createRelyingParty(hub);
    const url = await pushed();
    url.searchParams.set('client_id', other.clientId);
    assert.equal((await open(url.href, browser)).status, 400);
  });

  it('cannot be made up, and no other address is fetched in its place', async () => {
    for (const requestUri of ['urn:ietf:params:oauth:request_uri:made-up', `${hub.issuer}/request.jwt`]) {
      const url = await pushed();
      url.searchParams.set('request_uri', requestUri);
      assert.equal((await open(url.href, browser)).status, 400);
    }
  });

  it('is judged when it is pushed: what would be refused later is refused now', async () => {
    const { parameters } = await party.attempt();
    const changes: Record<string, string>[] = [
      { redirect_uri: 'https://evil.example/' },
      { code_challenge_method: 'plain' },
      { scope: 'profile' },
      { response_type: 'token' },
      { prompt: 'none login' },
      { resource: 'https://nobody.example' },
      { request_uri: 'urn:ietf:params:oauth:request_uri:nested' },
    ];
    for (const change of changes) {
      const form = { response_type: 'code', ...parameters, client_id: party.clientId, ...change };
      const { status, json } = await postForm(`${hub.issuer}/par`, form, basic(party.clientId, party.secret));
      assert.equal(status, 400, JSON.stringify(change));
      assert.equal(json.request_uri, undefined);
    }
  });

  it('is the only way for a client that is registered so', async () => {
    const strict = await createRelyingParty(hub, { require_pushed_authorization_requests: true });
    assert.equal((await answer({}, strict)).error, 'invalid_request');
  });

  async function pushed(): Promise<URL> {
    const { parameters } = await party.attempt();
    return client.buildAuthorizationUrlWithPAR(party.configuration, parameters);
  }

  async function pushedSignIn(url: URL): Promise<URL> {
    const visited = await open(url.href, browser);
    assert.equal(visited.status, 0);
    return new URL(visited.url);
  }
});

describe('a request object', () => {
  let signing: RelyingParty;
  let key: Awaited<ReturnType<typeof newKeyPair>>;
  before(async () => {
    key = await newKeyPair('ES256');
    const keys = [key.jwk, (await newKeyPair('RS256')).jwk];
    signing = await createRelyingParty(hub, { request_object_signing_alg: 'ES256', jwks: { keys } });
  });

  it('signs a person in', async () => {
    const attempt = await signing.attempt();
    const url = await client.buildAuthorizationUrlWithJAR(signing.configuration, attempt.parameters, {
      key: key.privateKey,
      kid: key.jwk.kid,
    });
    // The library's browser stops at the redirect address, which is inside the signed object.
    assert.ok(subOf(await signing.exchange(attempt, await signInHere(url.href))));
  });

  it('outweighs what stands beside it in the address', async () => {
    const { status, json } = await push(await claims({ nonce: 'inside' }), {}, { scope: 'openid name address' });
    assert.deepEqual([status, typeof json.request_uri], [201, 'string']);
  });

  it('may be required of a client', async () => {
    const strict = await createRelyingParty(hub, { require_signed_request_object: true, jwks: { keys: [key.jwk] } });
    assert.equal((await answer({}, strict)).error, 'invalid_request');
  });

  const seconds = () => Math.floor(Date.now() / 1000);
  for (const [title, change, header] of [
    ['has expired', { exp: seconds() - 60 }],
    ['lives longer than ten minutes', { exp: seconds() + 900 }],
    ['lives for ever', { exp: undefined }],
    ['is for another server', { aud: 'https://other.example' }],
    ['names two audiences', { aud: ['HUB', 'https://other.example'] }],
    ['is of another client', { iss: 'somebody-else' }],
    ['speaks for another client', { client_id: 'somebody-else' }],
    ['holds a request object', { request: 'e30.e30.' }],
    ['has an unencoded payload', {}, { b64: false, crit: ['b64'] }],
    ['demands an extension', {}, { crit: ['exp'] }],
    ['is a logout token by its typ', {}, { typ: 'logout+jwt' }],
    ['is a client assertion by its typ', {}, { typ: 'client-authentication+jwt' }],
  ] as [string, Record<string, unknown>, Record<string, unknown>?][]) {
    it(`is refused when it ${title}`, async () => {
      const { status, json } = await push(await claims(change), header);
      assert.deepEqual([status, json.error], [400, 'invalid_request_object']);
    });
  }

  it('is refused when it is not signed, even where no algorithm is registered', async () => {
    for (const asker of [signing, party]) {
      const unsigned = new UnsecuredJWT(await claims({ iss: asker.clientId, client_id: asker.clientId })).encode();
      const form = { client_id: asker.clientId, request: unsigned };
      const { status, json } = await postForm(`${hub.issuer}/par`, form, basic(asker.clientId, asker.secret));
      assert.deepEqual([status, json.error], [400, 'invalid_request_object']);
    }
  });

  it('is refused at the authorization endpoint on a page of ours, since its redirect address is not believed', async () => {
    const unsigned = new UnsecuredJWT(await claims({})).encode();
    const query = new URLSearchParams({ client_id: signing.clientId, request: unsigned });
    const visited = await open(`${hub.issuer}/authorize?${query}&redirect_uri=${REDIRECT_URI}`, browser);
    const refusedThere = visited.status === 0 && answerOf(visited).error === 'invalid_request_object';
    assert.ok(visited.status === 400 || refusedThere);
  });

  it('is refused when its algorithm is not the registered one', async () => {
    const rsa = await newKeyPair('RS256');
    const other = await createRelyingParty(hub, {
      request_object_signing_alg: 'RS256',
      jwks: { keys: [rsa.jwk, key.jwk] },
    });
    const jwt = handmadeJwt(
      { kid: key.jwk.kid },
      await claims({ iss: other.clientId, client_id: other.clientId }),
      key.privateKey,
    );
    const form = { client_id: other.clientId, request: jwt };
    const { status, json } = await postForm(`${hub.issuer}/par`, form, basic(other.clientId, other.secret));
    assert.deepEqual([status, json.error], [400, 'invalid_request_object']);
  });

  it('is refused when another key signed it, named as ours or brought along', async () => {
    const thief = await newKeyPair('ES256');
    for (const header of [{ kid: key.jwk.kid }, { jwk: thief.jwk }, { kid: key.jwk.kid, jwk: thief.jwk }]) {
      const form = { client_id: signing.clientId, request: handmadeJwt(header, await claims({}), thief.privateKey) };
      const { json } = await postForm(`${hub.issuer}/par`, form, basic(signing.clientId, signing.secret));
      assert.equal(json.error, 'invalid_request_object');
    }
  });

  async function claims(change: Record<string, unknown>): Promise<Record<string, unknown>> {
    const { parameters } = await signing.attempt();
    const { aud = hub.issuer, ...rest } = change;
    return {
      ...parameters,
      response_type: 'code',
      client_id: signing.clientId,
      iss: signing.clientId,
      exp: Math.floor(Date.now() / 1000) + 120,
      aud: [aud].flat().map((one) => (one === 'HUB' ? hub.issuer : one)),
      ...rest,
    };
  }

  function push(
    body: Record<string, unknown>,
    header: Record<string, unknown> = {},
    beside: Record<string, string> = {},
  ) {
    const jwt = handmadeJwt({ kid: key.jwk.kid, ...header }, body, key.privateKey);
    const form = { client_id: signing.clientId, request: jwt, ...beside };
    return postForm(`${hub.issuer}/par`, form, basic(signing.clientId, signing.secret));
  }

  async function signInHere(url: string): Promise<URL> {
    const withTarget = `${url}&redirect_uri=${encodeURIComponent(REDIRECT_URI)}`;
    return hub.signIn(withTarget, { browser });
  }
});

describe('the answer to an authorization request', () => {
  it('names the issuer, in errors too (RFC 9207)', async () => {
    assert.equal((await answer({})).iss, hub.issuer);
    const refusedAnswer = await answer({ prompt: 'none', scope: 'openid card_status' });
    assert.ok(refusedAnswer.error);
    assert.equal(refusedAnswer.iss, hub.issuer);
  });

  it('returns the state as it came, and none where none came', async () => {
    const state = 'a b+c&d=é"<>';
    assert.equal((await answer({ state })).state, state);
    assert.equal('state' in (await answer({ state: undefined })), false);
  });

  for (const mode of ['jwt', 'query.jwt']) {
    it(`is signed when response_mode is ${mode}`, async () => {
      const jarm = await createRelyingParty(hub, { authorization_signed_response_alg: 'ES256' });
      client.useJwtResponseMode(jarm.configuration);
      const attempt = await jarm.attempt({ response_mode: mode });
      const callback = await hub.signIn(jarm.authorizationUrl(attempt), { browser });
      assert.deepEqual([...callback.searchParams.keys()], ['response']);
      assert.ok(subOf(await jarm.exchange(attempt, callback)));

      const forged = new URL(callback);
      forged.searchParams.set('response', `${callback.searchParams.get('response')?.slice(0, -4)}AAAA`);
      await assert.rejects(jarm.exchange(attempt, forged));
    });
  }

  it('is a fragment when response_mode is fragment', async () => {
    const attempt = await party.attempt({ response_mode: 'fragment' });
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
    assert.equal(callback.search, '');
    const asQuery = new URL(`${REDIRECT_URI}?${callback.hash.slice(1)}`);
    assert.equal(asQuery.searchParams.get('iss'), hub.issuer);
    assert.ok(subOf(await party.exchange(attempt, asQuery)));
  });

  it('is a form that only the relying party’s address may receive when response_mode is form_post', async () => {
    const attempt = await party.attempt({ response_mode: 'form_post' });
    const page = await open(party.authorizationUrl(attempt), browser);
    assert.equal(page.status, 200);
    assert.match(page.text, new RegExp(`action="${REDIRECT_URI}"`));
    const policy = String(page.headers.get('content-security-policy'));
    assert.match(policy, /form-action 'self' https:\/\/rp\.example(;|$| )/);
    assert.match(policy, /script-src 'self';/);
    assert.match(page.text, /<html lang="ja"/);
    const request = new Request(REDIRECT_URI, { method: 'POST', body: new URLSearchParams(hiddenFields(page.text)) });
    assert.ok(subOf(await party.exchange(attempt, request)));
  });

  const responseTypes: [string, string][] = [
    ['token', 'unsupported_response_type'],
    ['id_token', 'unsupported_response_type'],
    ['code id_token', 'unsupported_response_type'],
    // The hub knows it, for the clients that stand for SAML service providers and nobody else.
    ['none', 'invalid_request'],
  ];
  for (const [responseType, expected] of responseTypes) {
    it(`is refused in the response type ${responseType}`, async () => {
      const url = new URL(party.authorizationUrl(await party.attempt()));
      url.searchParams.set('response_type', responseType);
      const visited = await open(url.href, browser);
      const target = new URL(visited.url);
      const { error } = Object.fromEntries(new URLSearchParams(target.search || target.hash.slice(1)));
      assert.equal(error, expected);
    });
  }
});

describe('a redirect address', () => {
  for (const address of [
    'https://rp.example.evil.example/callback',
    'https://rp.example/callback/',
    'https://rp.example/callback/more',
    'https://rp.example/callbac',
    'https://rp.example/Callback',
    'https://RP.example/callback',
    'https://rp.example/callback?x=1',
    'https://rp.example/callback?',
    'https://rp.example/callback#x',
    'https://rp.example/%63allback',
    'https://rp.example/x/../callback',
    'https://rp.example//callback',
    'https://rp.example:443/callback',
    'https://rp.example@evil.example/callback',
    'https://user@rp.example/callback',
    'http://rp.example/callback',
    'https://rp.example\\@evil.example/callback',
    ' https://rp.example/callback',
    'https://rp.example/callback\u0000',
    'javascript:alert(1)//https://rp.example/callback',
    '',
    `https://rp.example/callback${'a'.repeat(8_000)}`,
  ]) {
    it(`is compared whole: ${address.length > 80 ? 'a very long one' : JSON.stringify(address)} is nobody’s`, async () => {
      const page = await open(await urlWith((query) => query.set('redirect_uri', address)), browser);
      assert.equal(page.status, 400);
      assert.equal(page.headers.get('location'), null);
      assert.doesNotMatch(page.text, /="\s*(https?:|javascript:)[^"]*(evil|callback)/i);
    });
  }

  it('is named once, even when the client has only one', async () => {
    for (const change of [
      (query: URLSearchParams) => query.append('redirect_uri', 'https://evil.example/'),
      (query: URLSearchParams) => query.append('redirect_uri', REDIRECT_URI),
      (query: URLSearchParams) => query.delete('redirect_uri'),
    ]) {
      const page = await browser.get(await urlWith(change), { stopAt: 'https://' });
      assert.equal(page.status, 400);
    }
  });

  it('of another client is nobody’s', async () => {
    const other = await createRelyingParty(hub, { redirect_uris: ['https://other.example/cb'] });
    const page = await open(await urlWith((query) => query.set('client_id', other.clientId)), browser);
    assert.equal(page.status, 400);
  });

  it('is exact for errors too', async () => {
    const url = await urlWith((query) => {
      query.set('redirect_uri', 'https://evil.example/');
      query.set('scope', '');
      query.set('response_type', 'nonsense');
    });
    assert.equal((await browser.get(url, { stopAt: 'https://' })).status, 400);
  });

  it('of nobody’s is not allowed by the content policy of the page that refuses it, whatever it is', async () => {
    for (const address of ['https://evil.example/', '', 'nonsense', "x; script-src 'unsafe-inline'"]) {
      const url = await urlWith((query) => {
        query.set('redirect_uri', address);
        query.set('response_mode', 'form_post');
      });
      const page = await browser.get(url, { stopAt: 'https://' });
      assert.equal(page.status, 400, address);
      assert.match(String(page.headers.get('content-security-policy')), /form-action 'self';/);
    }
  });

  it('of nobody’s leads to a page that says so, with a reference', async () => {
    const page = await open(await urlWith((query) => query.set('client_id', 'nobody')), browser);
    assert.equal(page.status, 400);
    assert.match(page.text, /このサービスは登録されていません|登録/);
  });

  it('in the token request must be the one of the authorization request', async () => {
    const two = await createRelyingParty(hub, { redirect_uris: [REDIRECT_URI, 'https://rp.example/second'] });
    const attempt = await two.attempt();
    const callback = await hub.signIn(two.authorizationUrl(attempt), { browser });
    const form = { ...tokenForm(attempt, callback), redirect_uri: 'https://rp.example/second' };
    const { status, json } = await postForm(`${hub.issuer}/token`, form, basic(two.clientId, two.secret));
    assert.deepEqual([status, json.error], [400, 'invalid_grant']);
  });

  async function urlWith(change: (query: URLSearchParams) => void): Promise<string> {
    const url = new URL(party.authorizationUrl(await party.attempt()));
    change(url.searchParams);
    return url.href;
  }
});
