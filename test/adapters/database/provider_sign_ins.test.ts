import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { builtInCatalogue } from '../../../provider/attributes/catalogue/catalogue.ts';
import { createMembershipTokens } from '../../../provider/attributes/providers/membership_tokens.ts';
import {
  type GivenTokens,
  type OpenIdProvider,
  REFUSED,
  RefusedByProvider,
} from '../../../provider/attributes/providers/openid_providers.ts';
import { createProviderAdministration } from '../../../provider/attributes/providers/provider_administration.ts';
import { createProviderCredentials } from '../../../provider/attributes/providers/provider_credentials.ts';
import { ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import { registrationOf } from '../../../provider/attributes/providers/provider_registration.ts';
import { HubError } from '../../../provider/errors.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const MINUTE = 60_000;
const AT_ONCE = 8;
const SECRET = 'a secret of the hub'.replaceAll(' ', '-');
const draftOf = (id: string) => ({
  ...{ id, kind: 'card_issuer', names: { ja: 'カード', en: 'Card' }, interface: 'userinfo' },
  ...{ issuer: `https://${id}.example`, client_id: 'hub', scope: 'openid offline_access points' },
  claims: { card_customer_valid: '/member/active' },
});

describe(`providers with a sign-in of their own on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  let now = NOW;
  const vault = createVault([randomBytes(32)]);
  const register = () =>
    createProviderAdministration({
      ...{ storage, vault, catalogue: builtInCatalogue, clock: () => now, allowPlainHttp: false },
    });

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
    await register().add(draftOf('points'));
  });
  after(() => test.drop());

  describe('the register', () => {
    const refused = (code: string) => (error: unknown) => error instanceof HubError && error.code === code;
    const invalid = 'attribute_provider_invalid';
    const refusals: Readonly<Record<string, readonly [code: string, change: Record<string, unknown>]>> = {
      'a secret that is missing': [invalid, { token_endpoint_auth_method: 'client_secret_basic' }],
      'a secret that nobody would use': [invalid, { client_secret: SECRET }],
      'a plain http issuer': [invalid, { issuer: 'http://other.example' }],
      'a scope without openid': [invalid, { scope: 'points' }],
      'a place that is no JSON Pointer': [invalid, { claims: { card_customer_valid: '/a~2' } }],
      'a claim that nobody holds': ['claim_unknown', { claims: { address: 'address' } }],
      'what the other interface has': [invalid, { entries: [] }],
      'an interface that is none': [invalid, { interface: 'telephone' }],
    };
    for (const [what, [code, change]] of Object.entries(refusals)) {
      it(`refuses ${what}`, () => assert.rejects(register().add({ ...draftOf('other'), ...change }), refused(code)));
    }

    it('gives back what was written, and never the secret, which is kept sealed', async () => {
      const draft = { ...draftOf('with-secret'), token_endpoint_auth_method: 'client_secret_basic' };
      const added = await register().add({ ...draft, client_secret: SECRET });
      assert.deepEqual(registrationOf(added), { ...draft, isActive: true });
      assert.deepEqual(await register().show('with-secret'), added);
      const dump = await test.database.query<{ row: string }>({
        name: 'test_providers',
        text: `SELECT row_to_json(p)::text || row_to_json(s)::text AS row FROM attribute_provider p
          JOIN attribute_provider_secret s ON s.provider_id = p.id`,
      });
      assert.equal(dump.count, 1);
      assert.ok(
        !dump.rows[0]?.row.includes(SECRET) && !dump.rows[0]?.row.includes(Buffer.from(SECRET).toString('hex')),
      );
    });

    it('changes the secret, and forgets it with the method that needs it', async () => {
      const statements = { sign: () => assert.fail('nothing is signed') };
      const { secret } = createProviderCredentials({
        ...{ storage, vault, statements, clock: () => now, random: randomBytes },
      });
      await register().set('with-secret', { names: { ja: '名', en: 'Name' } });
      assert.equal(await secret('with-secret'), SECRET);
      await register().set('with-secret', { client_secret: 'another-secret' });
      assert.equal(await secret('with-secret'), 'another-secret');
      await register().set('with-secret', { token_endpoint_auth_method: 'private_key_jwt' });
      await assert.rejects(secret('with-secret'), (error) => error instanceof ProviderSilent);
      const back = register().set('with-secret', { token_endpoint_auth_method: 'client_secret_post' });
      await assert.rejects(back, refused(invalid));
    });

    it('does not change whose customers they are', async () => {
      for (const change of [{ issuer: 'https://other.example' }, { interface: 'messages' }, { id: 'x' }, {}]) {
        await assert.rejects(register().set('points', change), refused(invalid));
      }
    });

    it('takes published keys in the place of pinned ones, and one of the two', async () => {
      const keys = { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }] };
      const entries = [{ name: 'number', label: { ja: '番号', en: 'Number' } }];
      const { id, kind, names } = draftOf('kenpo');
      const draft = { id, kind, names, entries, url: 'https://kenpo.example' };
      const jwks_uri = 'https://kenpo.example/jwks?v=1';
      for (const known of [{}, { keys, jwks_uri }, { jwks_uri: 'http://kenpo.example/jwks' }]) {
        await assert.rejects(register().add({ ...draft, ...known }), refused(invalid));
      }
      assert.deepEqual((await register().add({ ...draft, keys })).keys, keys);
      const changed = await register().set('kenpo', { jwks_uri });
      assert.deepEqual([changed.keys, changed.jwksUri], [undefined, jwks_uri]);
      assert.deepEqual(await register().show('kenpo'), changed);
    });
  });

  it('a person who is on the way comes back once, of many at the same moment', async () => {
    const store = storage.providerSignIns;
    const state = randomBytes(32);
    await store.keepAttempt(state, randomBytes(8), NOW);
    const taken = await Promise.all(Array.from({ length: AT_ONCE }, () => store.takeAttempt(state)));
    assert.equal(taken.filter(Boolean).length, 1);
    await store.keepAttempt(state, randomBytes(8), NOW);
    await store.keepAttempt(randomBytes(32), randomBytes(8), NOW + MINUTE);
    assert.equal(await store.sweepAttempts(NOW + 1), 1);
    assert.equal(await store.takeAttempt(state), undefined);
  });

  describe('tokens', () => {
    let refreshed: string[];
    let revoked: string[];
    /** What the provider does when tokens are renewed. */
    let renewal: (refreshToken: string) => Promise<GivenTokens>;
    const there = {
      async refresh(refreshToken: string) {
        refreshed.push(refreshToken);
        return renewal(refreshToken);
      },
      revoke: async (refreshToken: string) => void revoked.push(refreshToken),
    } as Partial<OpenIdProvider> as OpenIdProvider;
    const tokens = () =>
      createMembershipTokens({
        ...{ storage, vault, clock: () => now, pause: () => turn(), onSilence: () => {} },
        openIdProviders: { visit: (_provider, work) => work(there) },
      });

    /** A membership whose access token is good until `expiresAt`. */
    async function bound(expiresAt: number): Promise<{ subjectId: string; id: string }> {
      [refreshed, revoked] = [[], []];
      renewal = async () => ({ accessToken: 'access-2', expiresAt: now + 10 * MINUTE, refreshToken: 'refresh-2' });
      const [subjectId, id] = [randomUUID(), randomUUID()];
      await storage.identity.insertSubject(subjectId, NOW);
      const customer = vault.index('membership.customer', Buffer.from(id));
      await storage.providers.bind({
        ...{ id, subjectId, providerId: 'points', customer, boundAt: now },
        sealedReference: vault.seal('membership.reference', Buffer.from('customer')),
      });
      const sealed = tokens().seal({ accessToken: 'access-1', expiresAt, refreshToken: 'refresh-1' });
      await storage.providerSignIns.keepTokens(id, sealed);
      return { subjectId, id };
    }
    const access = (id: string, spent?: string) => tokens().access(there, id, 'customer', spent);
    const isSilent = (code: string) => (error: unknown) => error instanceof ProviderSilent && error.code === code;

    it('are used while they are good, and renewed when they are not or were refused', async () => {
      const { id } = await bound(NOW + MINUTE);
      assert.equal(await access(id), 'access-1');
      assert.deepEqual(refreshed, []);
      assert.equal(await access(id, 'access-1'), 'access-2');
      assert.equal(await access(id), 'access-2');
      renewal = async () => ({ accessToken: 'access-3', expiresAt: now + MINUTE, refreshToken: undefined });
      await access(id, 'access-2');
      await access(id, 'access-3');
      // Where the provider gives no other refresh token the one before goes on.
      assert.deepEqual(refreshed, ['refresh-1', 'refresh-2', 'refresh-2']);
    });

    it('are renewed by one of many who need them at the same moment, in whatever process', async () => {
      const { id } = await bound(NOW);
      const used = await Promise.all(Array.from({ length: AT_ONCE }, () => access(id)));
      assert.deepEqual(new Set(used), new Set(['access-2']));
      assert.deepEqual(refreshed, ['refresh-1']);
    });

    it('are not renewed while another process may do so, and again when that has died', async () => {
      const { id } = await bound(NOW);
      assert.ok(await storage.providerSignIns.leaseTokens(id, randomUUID(), now + 45_000, now));
      await assert.rejects(access(id), isSilent('renewal_underway'));
      now += 45_000;
      assert.equal(await access(id), 'access-2');
      now = NOW;
    });

    it('stay when the provider is away, and can be renewed at once', async () => {
      const { id } = await bound(NOW);
      const good = renewal;
      renewal = async () => {
        throw new ProviderSilent('outbound_timeout');
      };
      await assert.rejects(access(id), isSilent('outbound_timeout'));
      renewal = good;
      assert.equal(await access(id), 'access-2');
    });

    it('end when the provider takes them no more, which the person sees and the chain says', async () => {
      const { subjectId, id } = await bound(NOW);
      assert.deepEqual(await storage.providerSignIns.lapsed(subjectId), []);
      renewal = async () => {
        throw new RefusedByProvider(REFUSED.refresh);
      };
      await assert.rejects(access(id), isSilent('sign_in_needed'));
      await assert.rejects(access(id), isSilent('sign_in_needed'));
      assert.deepEqual(refreshed, ['refresh-1']);
      assert.deepEqual(await storage.providerSignIns.lapsed(subjectId), [id]);
      const events = await storage.audit.read(0n, 1000);
      const lapsed = events.filter(({ kind }) => kind === 'membership.lapsed');
      assert.deepEqual(
        lapsed.map((event) => [event.subjectId, event.data?.membership]),
        [[subjectId, id]],
      );
    });

    it('that come for a membership which has ended meanwhile are given back', async () => {
      const { subjectId, id } = await bound(NOW);
      const good = renewal;
      renewal = async (refreshToken) => {
        await storage.providers.end(id, subjectId, 'person', now);
        assert.equal((await storage.providerSignIns.dropTokens(subjectId, 'points')).length, 1);
        return good(refreshToken);
      };
      await assert.rejects(access(id), isSilent('membership_ended'));
      assert.deepEqual(revoked, ['refresh-2']);
      assert.equal(await storage.providerSignIns.findTokens(id), undefined);
    });
  });
});
