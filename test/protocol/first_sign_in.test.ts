import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as client from 'openid-client';
import { startTestHub, type TestHub } from '../support/hub.ts';

const REDIRECT_URI = 'https://rp.example/callback';

describe('a relying party with openid-client', () => {
  let hub: TestHub;
  let configuration: client.Configuration;

  before(async () => {
    hub = await startTestHub();
    const registered = await hub.hub.clients.add({ redirect_uris: [REDIRECT_URI], scope: 'openid card_status' });
    configuration = await client.discovery(
      new URL(hub.issuer),
      String(registered.client_id),
      undefined,
      client.ClientSecretBasic(String(registered.client_secret)),
      { execute: [client.allowInsecureRequests] },
    );
  });
  after(() => hub.stop());

  it('signs a card holder in and gets a pairwise subject and the agreed claims', async () => {
    const verifier = client.randomPKCECodeVerifier();
    const nonce = client.randomNonce();
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: REDIRECT_URI,
      scope: 'openid card_status',
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const callback = await hub.signIn(url.href);
    const tokens = await client.authorizationCodeGrant(configuration, callback, {
      pkceCodeVerifier: verifier,
      expectedNonce: nonce,
    });
    const claims = tokens.claims();
    assert.equal(claims?.acr, 'aal3');
    const userinfo = await client.fetchUserInfo(configuration, tokens.access_token, String(claims?.sub));
    assert.equal((userinfo.card_status as { status: string }).status, 'good');
  });
});
