import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createRemoteJWKSet, jwtVerify, SignJWT } from 'jose';
import * as client from 'openid-client';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import {
  type Answer,
  type Attempt,
  answerOf,
  basic,
  createRelyingParty,
  later,
  newKeyPair,
  open,
  postForm,
  type RelyingParty,
  refused,
  subOf,
  type Tokens,
  tokenForm,
  withdrawConsent,
} from './relying_party.ts';

const API = 'https://api.example/records';
const OPAQUE_API = 'https://opaque.example/';

let hub: TestHub;
/** A person has signed in here, so that only consent is asked. */
let browser: HttpBrowser;

before(async () => {
  hub = await startTestHub({
    settings: {
      resources: [
        { identifier: API, scopes: ['records:read', 'records:write'], accessTokenFormat: 'jwt' },
        { identifier: OPAQUE_API, scopes: ['records:read'], accessTokenFormat: 'opaque' },
      ],
    },
  });
  browser = createHttpBrowser();
  await (await createRelyingParty(hub)).signIn({ browser });
});
after(() => hub?.stop());

const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };
const REFRESHING = { grant_types: ['authorization_code', 'refresh_token'] };

async function withCode(party: RelyingParty): Promise<{ attempt: Attempt; callback: URL }> {
  const attempt = await party.attempt();
  return { attempt, callback: await hub.signIn(party.authorizationUrl(attempt), { browser }) };
}

const exchangeByHand = (party: RelyingParty, form: Record<string, string>): Promise<Answer> =>
  postForm(`${hub.issuer}/token`, form, basic(party.clientId, party.secret));

async function userinfoStatus(accessToken: string): Promise<number> {
  const response = await fetch(`${hub.issuer}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } });
  return response.status;
}

describe('a code', () => {
  let party: RelyingParty;
  before(async () => {
    party = await createRelyingParty(hub, REFRESHING);
  });

  it('serves once; a second use takes back what the first gave', async () => {
    const attempt = await party.attempt(OFFLINE);
    const callback = await hub.signIn(party.authorizationUrl(attempt), { browser });
    const tokens = await party.exchange(attempt, callback);
    assert.equal(await userinfoStatus(tokens.access_token), 200);
    await assert.rejects(party.exchange(attempt, callback), refused('invalid_grant'));
    assert.equal(await userinfoStatus(tokens.access_token), 401);
    await assert.rejects(client.refreshTokenGrant(party.configuration, refreshOf(tokens)), refused('invalid_grant'));
  });

  it('gives at most one success to fifty at once', async () => {
    const { attempt, callback } = await withCode(party);
    const form = tokenForm(attempt, callback);
    const answers = await Promise.all(Array.from({ length: 50 }, () => exchangeByHand(party, form)));
    const successes = answers.filter(({ status }) => status === 200);
    assert.ok(successes.length <= 1, `${successes.length} successes`);
    assert.ok(answers.every(({ status, json }) => status === 200 || json.error === 'invalid_grant'));
    for (const { json } of successes) assert.equal(await userinfoStatus(String(json.access_token)), 401);
  });

  it('of another client gives nothing, and nothing is lost to whom it belongs', async () => {
    const thief = await createRelyingParty(hub);
    const { attempt, callback } = await withCode(party);
    const { status, json } = await exchangeByHand(thief, tokenForm(attempt, callback));
    assert.deepEqual([status, json.error], [400, 'invalid_grant']);
  });

  it('lives a minute', async () => {
    const { attempt, callback } = await withCode(party);
    await later(61_000, async () => {
      await assert.rejects(party.exchange(attempt, callback), refused('invalid_grant'));
    });
  });

  it('serves in one tab when the same website signs in in another, and so do the tokens of both', async () => {
    const [one, two] = [await withCode(party), await withCode(party)];
    const tokens = [await party.exchange(one.attempt, one.callback), await party.exchange(two.attempt, two.callback)];
    const third = await party.signIn({ browser, parameters: { scope: 'openid card_status' } });
    for (const each of [...tokens, third]) assert.equal(await userinfoStatus(each.access_token), 200);
    assert.ok((await party.userinfo(third)).card_status);
    await party.signIn({ browser });
    assert.ok((await party.userinfo(third)).card_status, 'a narrower request takes nothing away');
  });

  it('cannot be made up', async () => {
    for (const code of ['x', 'A'.repeat(43), '%00', "' OR 1=1 --", 'a'.repeat(10_000)]) {
      const { attempt, callback } = await withCode(party);
      const { status, json } = await exchangeByHand(party, { ...tokenForm(attempt, callback), code });
      assert.deepEqual([status, json.error], [400, 'invalid_grant']);
    }
  });
});

describe('a refresh token', () => {
  let party: RelyingParty;
  before(async () => {
    party = await createRelyingParty(hub, REFRESHING);
  });
  const signIn = () => party.signIn({ browser, parameters: OFFLINE });
  const refresh = (tokens: Tokens) => client.refreshTokenGrant(party.configuration, refreshOf(tokens));

  it('is given for offline_access that the person agreed to, and for nothing less', async () => {
    assert.ok((await signIn()).refresh_token);
    for (const parameters of [{}, { prompt: 'consent' }, { scope: 'openid offline_access' }]) {
      assert.equal((await party.signIn({ browser, parameters })).refresh_token, undefined);
    }
    const online = await createRelyingParty(hub);
    assert.equal((await online.signIn({ browser, parameters: OFFLINE })).refresh_token, undefined);
  });

  it('is replaced at every use, for the same subject', async () => {
    const first = await signIn();
    const second = await refresh(first);
    const third = await refresh(second);
    assert.equal(new Set([first, second, third].map(refreshOf)).size, 3);
    assert.equal(subOf(third), subOf(first));
    assert.equal((await party.userinfo(third)).sub, subOf(first));
  });

  it('ends its whole family when an old one is used', async () => {
    const first = await signIn();
    const second = await refresh(first);
    await assert.rejects(refresh(first), refused('invalid_grant'));
    await assert.rejects(refresh(second), refused('invalid_grant'));
    assert.equal(await userinfoStatus(second.access_token), 401);
  });

  it('gives at most one success to twenty at once', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: refreshOf(await signIn()) };
    const answers = await Promise.all(Array.from({ length: 20 }, () => exchangeByHand(party, form)));
    const successes = answers.filter(({ status }) => status === 200).length;
    assert.ok(successes <= 1, `${successes} successes`);
    assert.ok(answers.every(({ status, json }) => status === 200 || json.error === 'invalid_grant'));
  });

  it('serves as long as it is used within its time, whatever the time since the sign-in', async () => {
    const day = 86_400_000;
    const lasting = await createRelyingParty(hub, REFRESHING);
    await lasting.signIn({ browser }); // an earlier sign-in of the same session that was not made to last
    let tokens = await lasting.signIn({ browser, parameters: OFFLINE });
    const again = () => client.refreshTokenGrant(lasting.configuration, refreshOf(tokens));
    for (const days of [13, 26, 39]) tokens = await later(days * day, again);
    await later(54 * day, () => assert.rejects(again(), refused('invalid_grant')));
  });

  it('serves nobody but its client', async () => {
    const tokens = await signIn();
    const other = await createRelyingParty(hub, REFRESHING);
    await assert.rejects(client.refreshTokenGrant(other.configuration, refreshOf(tokens)), refused('invalid_grant'));
  });

  it('does not widen what was agreed to', async () => {
    const tokens = await signIn();
    await assert.rejects(
      client.refreshTokenGrant(party.configuration, refreshOf(tokens), { scope: 'openid card_status' }),
      refused('invalid_scope'),
    );
  });

  it('is refused after the consent was withdrawn, and so is userinfo', async () => {
    const leaving = await createRelyingParty(hub, REFRESHING);
    const tokens = await leaving.signIn({ browser, parameters: OFFLINE });
    assert.ok(await leaving.userinfo(tokens));
    await withdrawConsent(hub, leaving.clientId);
    await assert.rejects(client.refreshTokenGrant(leaving.configuration, refreshOf(tokens)), refused('invalid_grant'));
    assert.equal(await userinfoStatus(tokens.access_token), 401);
  });

  it('of a public client is bound to its DPoP key', async () => {
    const app = await createRelyingParty(hub, { ...REFRESHING, token_endpoint_auth_method: 'none' });
    const dpop = client.getDPoPHandle(app.configuration, await client.randomDPoPKeyPair());
    const tokens = await app.signIn({ browser, parameters: OFFLINE, dpop });
    const thief = client.getDPoPHandle(app.configuration, await client.randomDPoPKeyPair());
    await assert.rejects(
      client.refreshTokenGrant(app.configuration, refreshOf(tokens), undefined, { DPoP: thief }),
      refused('invalid_grant'),
    );
    await assert.rejects(client.refreshTokenGrant(app.configuration, refreshOf(tokens)));
  });
});

describe('an access token bound by DPoP', () => {
  let party: RelyingParty;
  let tokens: Tokens;
  let key: Awaited<ReturnType<typeof newKeyPair>>;
  before(async () => {
    party = await createRelyingParty(hub, { dpop_bound_access_tokens: true });
    key = await newKeyPair('ES256');
    const { privateKey, publicKey } = key;
    const dpop = client.getDPoPHandle(party.configuration, { privateKey, publicKey });
    tokens = await party.signIn({ browser, dpop });
  });

  it('is of type DPoP and serves with a proof', async () => {
    assert.equal(tokens.token_type, 'dpop');
    assert.equal(await withProof(await proof()), 200);
  });

  it('is refused as a bearer token', async () => {
    assert.equal(await userinfoStatus(tokens.access_token), 401);
  });

  it('is refused without a proof', async () => {
    assert.equal(await withProof(undefined), 400);
  });

  it('is refused when the proof is used twice', async () => {
    const once = await proof();
    assert.equal(await withProof(once), 200);
    assert.equal(await withProof(once), 401);
  });

  it('is refused with a proof by another key, for another token, address or method, or an old one', async () => {
    const thief = await newKeyPair('ES256');
    const seconds = Math.floor(Date.now() / 1000);
    const bad = [
      proof({}, thief),
      proof({ ath: createHash('sha256').update('another').digest('base64url') }),
      proof({ ath: undefined }),
      proof({ htu: `${hub.issuer}/token` }),
      proof({ htu: 'https://other.example/userinfo' }),
      proof({ htm: 'POST' }),
      proof({ iat: seconds - 3_600 }),
      proof({ iat: seconds + 3_600 }),
      proof({ jti: undefined }),
    ];
    for (const each of bad) assert.equal(await withProof(await each), 401);
    assert.equal(await withProof(await proof()), 200);
  });

  it('is not given without a proof to a client that is registered for it', async () => {
    await assert.rejects(party.signIn({ browser }));
  });

  async function proof(change: Record<string, unknown> = {}, { privateKey, jwk } = key): Promise<string> {
    const { alg: _alg, use: _use, kid: _kid, ...publicJwk } = jwk;
    return new SignJWT({
      jti: randomUUID(),
      htm: 'GET',
      htu: `${hub.issuer}/userinfo`,
      iat: Math.floor(Date.now() / 1000),
      ath: createHash('sha256').update(tokens.access_token).digest('base64url'),
      ...change,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: publicJwk })
      .sign(privateKey);
  }

  async function withProof(dpop: string | undefined): Promise<number> {
    const headers = { authorization: `DPoP ${tokens.access_token}`, ...(dpop ? { dpop } : {}) };
    return (await fetch(`${hub.issuer}/userinfo`, { headers })).status;
  }
});

describe('an access token for a resource server', () => {
  let party: RelyingParty;
  before(async () => {
    party = await createRelyingParty(hub);
  });
  const tokensFor = (resource: string, scope: string) =>
    party.signIn({ browser, parameters: { resource, scope: `openid ${scope}` } });

  it('is a JWT for that audience, with the pairwise subject and the scopes of that server only', async () => {
    const tokens = await tokensFor(API, 'records:read card_status records:unknown');
    const keys = createRemoteJWKSet(new URL(`${hub.issuer}/jwks`));
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, {
      issuer: hub.issuer,
      audience: API,
      typ: 'at+jwt',
    });
    assert.equal(protectedHeader.alg, 'ES256');
    assert.equal(payload.sub, subOf(tokens));
    assert.equal(payload.client_id, party.clientId);
    assert.equal(payload.scope, 'records:read');
    assert.equal('card_status' in payload, false);
  });

  it('is not accepted at userinfo', async () => {
    for (const resource of [API, OPAQUE_API]) {
      const tokens = await tokensFor(resource, 'records:read');
      assert.ok([401, 403].includes(await userinfoStatus(tokens.access_token)));
    }
  });

  it('is refused for a server that is not known, at both endpoints', async () => {
    const url = party.authorizationUrl(await party.attempt({ resource: 'https://nobody.example/' }));
    assert.equal(answerOf(await open(url, browser)).error, 'invalid_target');

    const { attempt, callback } = await withCode(party);
    const form = { ...tokenForm(attempt, callback), resource: 'https://nobody.example/' };
    assert.equal((await exchangeByHand(party, form)).json.error, 'invalid_target');
  });

  it('is refused for a server that the authorization request did not name', async () => {
    const { attempt, callback } = await withCode(party);
    const { json } = await exchangeByHand(party, { ...tokenForm(attempt, callback), resource: API });
    assert.equal(json.error, 'invalid_target');
  });

  it('is introspected by that server, which sees the same subject as the relying party', async () => {
    const server = await createRelyingParty(hub, { introspection_resource: OPAQUE_API });
    const tokens = await tokensFor(OPAQUE_API, 'records:read');
    const seen = await client.tokenIntrospection(server.configuration, tokens.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.sub, subOf(tokens));
    assert.equal(seen.scope, 'records:read');
    assert.deepEqual([seen.aud].flat(), [OPAQUE_API]);
  });

  it('is nothing to the server of another resource', async () => {
    const server = await createRelyingParty(hub, { introspection_resource: API });
    const tokens = await tokensFor(OPAQUE_API, 'records:read');
    assert.deepEqual(
      { ...(await client.tokenIntrospection(server.configuration, tokens.access_token)) },
      { active: false },
    );
  });
});

describe('introspection and revocation', () => {
  let party: RelyingParty;
  let other: RelyingParty;
  before(async () => {
    party = await createRelyingParty(hub, REFRESHING);
    other = await createRelyingParty(hub, REFRESHING);
  });
  const signIn = () => party.signIn({ browser, parameters: OFFLINE });
  const isActive = async (asker: RelyingParty, token: string) =>
    (await client.tokenIntrospection(asker.configuration, token)).active;

  it('tells a client about its own tokens', async () => {
    const tokens = await signIn();
    const seen = await client.tokenIntrospection(party.configuration, tokens.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.sub, subOf(tokens));
    assert.equal(seen.client_id, party.clientId);
    assert.equal(await isActive(party, refreshOf(tokens)), true);
  });

  it('tells a client nothing about another’s tokens, nor about what was never one', async () => {
    const tokens = await signIn();
    for (const token of [tokens.access_token, refreshOf(tokens), 'never', 'A'.repeat(43)]) {
      const answer = await client.tokenIntrospection(other.configuration, token);
      assert.deepEqual({ ...answer }, { active: false });
    }
  });

  it('is refused without client authentication', async () => {
    const tokens = await signIn();
    for (const endpoint of ['introspect', 'revoke']) {
      const { status } = await postForm(`${hub.issuer}/${endpoint}`, { token: tokens.access_token });
      assert.ok(status === 400 || status === 401);
    }
    assert.equal(await isActive(party, tokens.access_token), true);
  });

  it('ends an access token', async () => {
    const tokens = await signIn();
    await client.tokenRevocation(party.configuration, tokens.access_token);
    assert.equal(await userinfoStatus(tokens.access_token), 401);
    assert.equal(await isActive(party, tokens.access_token), false);
  });

  it('ends a refresh token and what came of it', async () => {
    const tokens = await signIn();
    await client.tokenRevocation(party.configuration, refreshOf(tokens));
    await assert.rejects(client.refreshTokenGrant(party.configuration, refreshOf(tokens)), refused('invalid_grant'));
    assert.equal(await userinfoStatus(tokens.access_token), 401);
  });

  it('does not end another client’s token', async () => {
    const tokens = await signIn();
    await client.tokenRevocation(other.configuration, tokens.access_token).catch(() => undefined);
    await client.tokenRevocation(other.configuration, refreshOf(tokens)).catch(() => undefined);
    assert.equal(await userinfoStatus(tokens.access_token), 200);
    assert.equal(await isActive(party, refreshOf(tokens)), true);
  });
});

function refreshOf(tokens: Tokens): string {
  assert.ok(tokens.refresh_token, 'a refresh token');
  return tokens.refresh_token;
}
