import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { createOidcStore } from '../../../adapters/oidc-store/oidc_store.ts';
import { systemClock } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const AT_ONCE = 50;
const CLIENT = 'rp';
const REDIRECT = 'https://rp.example/cb';
const ACCOUNT = 'somebody';

interface TokenResponse {
  status: number;
  body: { error?: string; access_token?: string; refresh_token?: string };
}

// As the hub runs it, the writes of a request go together; an adapter must hold its promises without that too.
for (const batched of [true, false]) {
  describe(`codes and refresh tokens at the engine's token endpoint, ${batched ? '' : 'not '}batched, on ${testEngine}`, () => {
    let test: TestDatabase;
    let server: Server;
    let provider: Provider;
    let issuer: string;

    before(async () => {
      test = await openTestDatabase();
      const vault = createVault([randomBytes(32)]);
      const storage = createStorage(test.database, vault);
      await storage.clients.insert({
        clientId: CLIENT,
        createdAt: 0,
        metadata: {
          client_id: CLIENT,
          redirect_uris: [REDIRECT],
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
        },
      });
      const store = createOidcStore({ database: test.database, vault, clients: storage.clients, clock: systemClock });
      const { privateKey } = await generateKeyPair('RS256', { extractable: true });
      server = createServer((request, response) => provider.callback()(request, response)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      provider = new Provider(issuer, {
        adapter: store.adapter,
        jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
        cookies: { keys: [randomBytes(32).toString('hex')] },
        rotateRefreshToken: true,
        issueRefreshToken: async () => true,
        findAccount: async (_ctx: KoaContextWithOIDC, sub: string) => ({
          accountId: sub,
          claims: async () => ({ sub }),
        }),
        features: { devInteractions: { enabled: false } },
        ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, RefreshToken: 3600 },
      });
      if (batched) provider.use(store.batchWrites);
    });
    after(async () => {
      server.closeAllConnections();
      server.close();
      await test.drop();
    });

    async function issueCode(): Promise<Record<string, string>> {
      const client = await provider.Client.find(CLIENT);
      assert.ok(client);
      const grant = new provider.Grant({ accountId: ACCOUNT, clientId: CLIENT });
      grant.addOIDCScope('openid offline_access');
      const grantId = await grant.save();
      const verifier = randomBytes(32).toString('base64url');
      const code = new provider.AuthorizationCode({
        accountId: ACCOUNT,
        client,
        grantId,
        redirectUri: REDIRECT,
        scope: 'openid offline_access',
        authTime: Math.floor(Date.now() / 1000),
        codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
        codeChallengeMethod: 'S256',
        // The engine's types know these under other names than its constructor takes.
      } as unknown as ConstructorParameters<typeof provider.AuthorizationCode>[0]);
      return {
        grant_type: 'authorization_code',
        code: await code.save(),
        code_verifier: verifier,
        redirect_uri: REDIRECT,
        client_id: CLIENT,
      };
    }

    async function redeem(parameters: Record<string, string>): Promise<TokenResponse> {
      const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(parameters) });
      return { status: response.status, body: (await response.json()) as TokenResponse['body'] };
    }
    const refreshWith = (token: string | undefined) => ({
      grant_type: 'refresh_token',
      refresh_token: String(token),
      client_id: CLIENT,
    });
    async function userinfoStatus(token: string | undefined): Promise<number> {
      return (await fetch(`${issuer}/me`, { headers: { authorization: `Bearer ${token}` } })).status;
    }

    it('a code gives tokens that work', async () => {
      const { status, body } = await redeem(await issueCode());
      assert.equal(status, 200);
      assert.equal(await userinfoStatus(body.access_token), 200);
      assert.equal((await redeem(refreshWith(body.refresh_token))).status, 200);
    });

    it(`a code sent ${AT_ONCE} times at once gives at most one answer with tokens, and those are dead`, async () => {
      const request = await issueCode();
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => redeem(request)));
      const successes = answers.filter(({ status }) => status === 200);
      assert.ok(successes.length <= 1);
      const refused = answers.filter(({ status }) => status !== 200);
      assert.ok(refused.every(({ status, body }) => status === 400 && body.error === 'invalid_grant'));
      for (const { body } of successes) {
        assert.equal(await userinfoStatus(body.access_token), 401);
        assert.equal((await redeem(refreshWith(body.refresh_token))).body.error, 'invalid_grant');
      }
    });

    it('a later second use of a code revokes what the first gave', async () => {
      const request = await issueCode();
      const { body } = await redeem(request);
      assert.equal(await userinfoStatus(body.access_token), 200);
      assert.equal((await redeem(request)).body.error, 'invalid_grant');
      assert.equal(await userinfoStatus(body.access_token), 401);
      assert.equal((await redeem(refreshWith(body.refresh_token))).body.error, 'invalid_grant');
    });

    it(`a refresh token sent ${AT_ONCE} times at once ends its family`, async () => {
      const { body } = await redeem(await issueCode());
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => redeem(refreshWith(body.refresh_token))));
      const successes = answers.filter(({ status }) => status === 200);
      assert.ok(successes.length <= 1);
      assert.ok(answers.every((answer) => answer.status === 200 || answer.body.error === 'invalid_grant'));
      for (const success of successes) {
        assert.equal(await userinfoStatus(success.body.access_token), 401);
        assert.equal((await redeem(refreshWith(success.body.refresh_token))).body.error, 'invalid_grant');
      }
      assert.equal(await userinfoStatus(body.access_token), 401);
    });

    it('a rotated refresh token that comes back ends its family', async () => {
      const { body: first } = await redeem(await issueCode());
      const { body: second } = await redeem(refreshWith(first.refresh_token));
      assert.equal(await userinfoStatus(second.access_token), 200);
      assert.equal((await redeem(refreshWith(first.refresh_token))).body.error, 'invalid_grant');
      assert.equal(await userinfoStatus(second.access_token), 401);
      assert.equal((await redeem(refreshWith(second.refresh_token))).body.error, 'invalid_grant');
    });
  });
}
