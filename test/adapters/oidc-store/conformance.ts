import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { createVault } from '../../../adapters/database/encryption.ts';
import { artefactKey } from '../../../adapters/oidc-store/artefact_key.ts';
import type { OidcStore } from '../../../adapters/oidc-store/oidc_store.ts';
import { createOidcStore } from '../../../adapters/oidc-store/oidc_store.ts';
import type { ClientStore } from '../../../provider/oidc/oidc_stores.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const AT_ONCE = 50;
const LIFETIME = 60;

const id = () => randomBytes(32).toString('base64url');

/** What every implementation of the engine's storage promises, whatever lies under it. */
export function describeOidcStore(): void {
  describe(`the engine's storage on ${testEngine}`, () => {
    let test: TestDatabase;
    let store: OidcStore;
    let now = Date.parse('2026-11-22T00:00:00Z');
    const vault = createVault([randomBytes(32)]);
    const noClients: Pick<ClientStore, 'find'> = { find: async () => undefined };

    before(async () => {
      test = await openTestDatabase();
      store = createOidcStore({
        database: test.database,
        vault,
        clients: noClients as ClientStore, // the adapter under test only finds
        clock: () => now,
      });
    });
    after(() => test.drop());

    function payload(jti: string, extra: Partial<AdapterPayload> = {}): AdapterPayload {
      return { jti, iat: now / 1000, exp: now / 1000 + LIFETIME, ...extra };
    }
    async function save(
      model: string,
      extra: Partial<AdapterPayload> = {},
    ): Promise<{ jti: string; adapter: Adapter }> {
      const adapter = store.adapter(model);
      const jti = id();
      await adapter.upsert(jti, payload(jti, extra), LIFETIME);
      return { jti, adapter };
    }
    async function saveGrant(): Promise<string> {
      return (await save('Grant', { accountId: 'somebody' })).jti;
    }
    const readAll = async () =>
      (
        await test.database.query<{ row: string }>({
          name: 'test_read_all',
          text: 'SELECT row_to_json(oidc_artefact)::text AS row FROM oidc_artefact',
        })
      ).rows
        .map(({ row }) => row)
        .join('\n');

    describe('write and find', () => {
      it('gives back what was written, by the id alone', async () => {
        const { jti, adapter } = await save('AccessToken', {
          scope: '名前 openid',
          extra: { deep: [1, { two: null }] },
        });
        const found = await adapter.find(jti);
        assert.deepEqual(found, payload(jti, { scope: '名前 openid', extra: { deep: [1, { two: null }] } }));
      });

      it('finds nothing under an id that was never written', async () => {
        assert.equal(await store.adapter('AccessToken').find(id()), undefined);
      });

      it('does not find one kind of artefact as another', async () => {
        const { jti } = await save('RefreshToken');
        assert.equal(await store.adapter('AccessToken').find(jti), undefined);
      });

      it('finds a session by its uid until it is destroyed', async () => {
        const uid = id();
        const { jti, adapter } = await save('Session', { uid });
        assert.equal((await adapter.findByUid(uid))?.jti, jti);
        await adapter.destroy(jti);
        assert.equal(await adapter.findByUid(uid), undefined);
        assert.equal(await adapter.find(jti), undefined);
      });

      it('finds a device code by its user code', async () => {
        const { jti, adapter } = await save('DeviceCode', { userCode: `WDJB${id()}` });
        assert.equal(await adapter.findByUserCode('WDJBMJHT'), undefined);
        const { userCode } = (await adapter.find(jti)) ?? {};
        assert.equal((await adapter.findByUserCode(String(userCode)))?.jti, jti);
      });

      it('overwrites a session that is saved again', async () => {
        const { jti, adapter } = await save('Session', { uid: id() });
        await adapter.upsert(jti, payload(jti, { uid: id(), accountId: 'somebody' }), LIFETIME);
        assert.equal((await adapter.find(jti))?.accountId, 'somebody');
      });

      it('answers hostile ids with "not found" and never with an error', async () => {
        const hostile = [
          '',
          '\0',
          'a\0b',
          "'; DROP TABLE oidc_artefact; --",
          '\ud800',
          '𠮷野家',
          '__proto__',
          'x'.repeat(1e6),
        ];
        for (const model of ['AccessToken', 'Session', 'DeviceCode', 'Client']) {
          const adapter = store.adapter(model);
          for (const bad of hostile) {
            assert.equal(await adapter.find(bad), undefined);
            if (model === 'Session') assert.equal(await adapter.findByUid(bad), undefined);
            if (model === 'DeviceCode') assert.equal(await adapter.findByUserCode(bad), undefined);
          }
        }
      });

      it('keeps neither an id, a uid, a user code, a grant id nor any content readable', async () => {
        const secrets = { uid: id(), userCode: id(), grantId: await saveGrant(), accountId: id() };
        const session = await save('Session', secrets);
        const device = await save('DeviceCode', secrets);
        const rows = await readAll();
        for (const secret of [...Object.values(secrets), session.jti, device.jti]) {
          assert.ok(!rows.includes(secret));
          assert.ok(!rows.includes(Buffer.from(secret).toString('hex')));
        }
      });

      it('refuses a row that somebody moved under the key of another', async () => {
        const [mine, theirs] = [await save('Session', { uid: id() }), await save('Session', { uid: id() })];
        await test.database.query(
          {
            name: 'test_move_row',
            text: `UPDATE oidc_artefact SET sealed_payload = (SELECT sealed_payload FROM oidc_artefact WHERE key = $2)
              WHERE key = $1`,
          },
          [mine.jti, theirs.jti].map((jti) => artefactKey('Session', jti)),
        );
        await assert.rejects(async () => mine.adapter.find(mine.jti), /another's key/);
      });
    });

    describe('expiry and sweep', () => {
      it('does not find what has expired, though no sweep has run', async () => {
        const { jti, adapter } = await save('AccessToken');
        now += LIFETIME * 1000 - 1;
        assert.ok(await adapter.find(jti));
        now += 1;
        assert.equal(await adapter.find(jti), undefined);
      });

      it('sweeps what has expired, in batches, and leaves the rest', async () => {
        now += 365 * 24 * 3600 * 1000;
        await store.sweep(now);
        const kept = await save('Session', { uid: id(), exp: now / 1000 + 2 * LIFETIME });
        const many = Array.from({ length: 1203 }, () => save('Interaction'));
        await Promise.all(many);
        assert.equal(await store.countByModel('Interaction'), 1203);
        now += LIFETIME * 1000;
        assert.equal(await store.sweep(now), 1203);
        assert.equal(await store.countByModel('Interaction'), 0);
        assert.ok(await kept.adapter.find(kept.jti));
      });

      it('sweeps the tokens of a grant together with its mark', async () => {
        const grantId = await saveGrant();
        const longLived = await save('RefreshToken', { grantId, exp: now / 1000 + 30 * 24 * 3600 });
        await store.adapter('Grant').destroy(grantId);
        now += 2 * 3600 * 1000;
        await store.sweep(now);
        assert.equal(await longLived.adapter.find(longLived.jti), undefined);
      });
    });

    describe('single use', () => {
      for (const model of ['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest']) {
        it(`lets one of ${AT_ONCE} parallel callers consume a ${model}, and revokes its grant`, async () => {
          const grantId = await saveGrant();
          const { jti, adapter } = await save(model, { grantId });
          const accessToken = await save('AccessToken', { grantId });
          const results = await Promise.allSettled(
            Array.from({ length: AT_ONCE }, async () => {
              await adapter.find(jti);
              await adapter.consume(jti);
            }),
          );
          const losers = results.filter((result) => result.status === 'rejected');
          assert.equal(losers.length, AT_ONCE - 1);
          assert.ok(losers.every(({ reason }) => reason.error === 'invalid_grant'));
          assert.equal(await accessToken.adapter.find(accessToken.jti), undefined);
          // What the winner saves a moment later is dead too.
          const late = await save('AccessToken', { grantId });
          assert.equal(await late.adapter.find(late.jti), undefined);
        });
      }

      it('tells when it was consumed, in seconds, and leaves the grant alone after one use', async () => {
        const grantId = await saveGrant();
        const { jti, adapter } = await save('AuthorizationCode', { grantId });
        assert.equal((await adapter.find(jti))?.consumed, undefined);
        await adapter.consume(jti);
        assert.equal((await adapter.find(jti))?.consumed, Math.floor(now / 1000));
        assert.ok(await store.adapter('Grant').find(grantId));
      });

      it('answers a pushed request used twice in the form of its endpoint', async () => {
        const { jti, adapter } = await save('PushedAuthorizationRequest');
        await adapter.consume(jti);
        await assert.rejects(async () => adapter.consume(jti), { error: 'invalid_request_uri' });
      });

      it('does not let an expired or unknown code be consumed', async () => {
        const { jti, adapter } = await save('AuthorizationCode', { grantId: await saveGrant() });
        now += LIFETIME * 1000;
        await assert.rejects(async () => adapter.consume(jti), { error: 'invalid_grant' });
        await assert.rejects(async () => adapter.consume(id()), { error: 'invalid_grant' });
      });

      it('lets one of many parallel callers record a jti', async () => {
        const adapter = store.adapter('ReplayDetection');
        const jti = id();
        const results = await Promise.allSettled(
          Array.from({ length: AT_ONCE }, async () => adapter.upsert(jti, payload(jti), LIFETIME)),
        );
        assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      });
    });

    describe('what has ended does not come back', () => {
      for (const model of ['AuthorizationCode', 'RefreshToken']) {
        it(`a consumed ${model} that is saved again from an old copy`, async () => {
          const { jti, adapter } = await save(model, { grantId: await saveGrant() });
          await adapter.consume(jti);
          await assert.rejects(async () => adapter.upsert(jti, payload(jti), LIFETIME), { error: 'invalid_request' });
          await assert.rejects(async () => adapter.consume(jti), { error: 'invalid_grant' });
        });
      }

      it('a used device code that the confirmation page saves again', async () => {
        const { jti, adapter } = await save('DeviceCode', { grantId: await saveGrant() });
        await adapter.consume(jti);
        await adapter.upsert(jti, payload(jti, { accountId: 'somebody else' }), LIFETIME);
        assert.equal((await adapter.find(jti))?.accountId, undefined);
      });

      it('a session that a request in flight saves after logout', async () => {
        const { jti, adapter } = await save('Session', { uid: id(), accountId: 'somebody' });
        await adapter.destroy(jti);
        await adapter.upsert(jti, payload(jti, { uid: id(), accountId: 'somebody' }), LIFETIME);
        assert.equal(await adapter.find(jti), undefined);
      });

      it('a grant that a request in flight saves after revocation, nor any token of it', async () => {
        const grantId = await saveGrant();
        await store.adapter('Grant').destroy(grantId);
        await store.adapter('Grant').upsert(grantId, payload(grantId), LIFETIME);
        assert.equal(await store.adapter('Grant').find(grantId), undefined);
        const late = await save('RefreshToken', { grantId });
        assert.equal(await late.adapter.find(late.jti), undefined);
        await assert.rejects(async () => late.adapter.consume(late.jti), { error: 'invalid_grant' });
      });
    });

    describe('revocation', () => {
      it('deletes the tokens of one grant and model, and no others', async () => {
        const [grantId, otherGrant] = [await saveGrant(), await saveGrant()];
        const mine = await save('AccessToken', { grantId });
        const others = await save('AccessToken', { grantId: otherGrant });
        const refresh = await save('RefreshToken', { grantId });
        await mine.adapter.revokeByGrantId(grantId);
        assert.equal(await mine.adapter.find(mine.jti), undefined);
        assert.ok(await others.adapter.find(others.jti));
        assert.ok(await refresh.adapter.find(refresh.jti));
      });

      it('does not deadlock when every model is revoked at once, many times over', async () => {
        const grantId = await saveGrant();
        for (let i = 0; i < 20; i++)
          await Promise.all([save('AccessToken', { grantId }), save('RefreshToken', { grantId })]);
        const models = ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'Grant'];
        await Promise.all(
          Array.from({ length: 8 }, () => models)
            .flat()
            .map(async (model) => {
              if (model === 'Grant') await store.adapter(model).destroy(grantId);
              else await store.adapter(model).revokeByGrantId(grantId);
            }),
        );
        assert.equal(await store.adapter('Grant').find(grantId), undefined);
      });
    });

    describe('the end of everything of a subject', () => {
      const clientsOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { sid: `${name}-sid` }]));

      it('ends sessions and grants with their tokens, tells whom they were for, and leaves others alone', async () => {
        const [mine, theirs] = [id(), id()];
        const authorizations = clientsOf('clinic', 'shop');
        const session = await save('Session', { uid: id(), accountId: mine, authorizations });
        const bare = await save('Session', { uid: id(), accountId: mine });
        const grant = await save('Grant', { accountId: mine });
        const refresh = await save('RefreshToken', { grantId: grant.jti, accountId: mine });
        const access = await save('AccessToken', { grantId: grant.jti, accountId: mine });
        const other = await save('Session', { uid: id(), accountId: theirs });
        const otherGrant = await save('Grant', { accountId: theirs });
        const otherToken = await save('RefreshToken', { grantId: otherGrant.jti, accountId: theirs });

        const { sessions, grants } = await store.endAllOf(mine);
        assert.equal(grants, 1);
        const told = sessions.flatMap(({ clients }) => clients);
        assert.equal(sessions.length, 2);
        assert.deepEqual(told, [
          { clientId: 'clinic', sid: 'clinic-sid' },
          { clientId: 'shop', sid: 'shop-sid' },
        ]);
        for (const { adapter, jti } of [session, bare, grant, refresh, access]) {
          assert.equal(await adapter.find(jti), undefined);
        }
        for (const { adapter, jti } of [other, otherGrant, otherToken]) assert.ok(await adapter.find(jti));
      });

      it('is told once, however many ask at once, and nothing is left for a second time', async () => {
        const subject = id();
        await save('Session', { uid: id(), accountId: subject, authorizations: clientsOf('clinic') });
        await save('Grant', { accountId: subject });
        const all = await Promise.all(Array.from({ length: 10 }, () => store.endAllOf(subject)));
        assert.equal(all.flatMap(({ sessions }) => sessions).length, 1);
        assert.equal(
          all.reduce((sum, { grants }) => sum + grants, 0),
          1,
        );
        assert.deepEqual(await store.endAllOf(subject), { sessions: [], grants: 0 });
      });

      it('does not count what has expired, and does not come back by a late save', async () => {
        const subject = id();
        await save('Session', { uid: id(), accountId: subject });
        now += (LIFETIME + 1) * 1000;
        assert.deepEqual(await store.endAllOf(subject), { sessions: [], grants: 0 });
        const { jti, adapter } = await save('Session', { uid: id(), accountId: subject });
        await store.endAllOf(subject);
        await adapter.upsert(jti, payload(jti, { uid: id(), accountId: subject }), LIFETIME);
        assert.equal(await adapter.find(jti), undefined);
      });

      it('finds a session that became the subject’s after it was first saved', async () => {
        const subject = id();
        const { jti, adapter } = await save('Session', { uid: id() });
        await adapter.upsert(jti, payload(jti, { uid: id(), accountId: subject }), LIFETIME);
        assert.equal((await store.endAllOf(subject)).sessions.length, 1);
      });
    });

    describe('the end of one session', () => {
      it('ends it with the grants that were given in it, and leaves what is for when the person is away', async () => {
        const subject = id();
        const [grant, offline, elsewhere] = [
          await save('Grant', { accountId: subject }),
          await save('Grant', { accountId: subject }),
          await save('Grant', { accountId: subject }),
        ];
        const token = await save('AccessToken', { grantId: grant.jti, accountId: subject });
        const nameId = { value: 'somebody', format: 'persistent' };
        const session = await save('Session', {
          ...{ uid: id(), accountId: subject },
          // The SAML front door's note is not in the engine's type declarations.
          authorizations: {
            clinic: { sid: 'clinic-sid', grantId: grant.jti },
            shop: { sid: 'shop-sid', grantId: offline.jti, persistsLogout: true },
            library: { sid: 'library-sid', saml: { nameId } },
          } as Record<string, { sid: string }>,
        });
        const other = await save('Session', { uid: id(), accountId: subject });
        const clients = [
          { clientId: 'clinic', sid: 'clinic-sid' },
          { clientId: 'shop', sid: 'shop-sid' },
          { clientId: 'library', sid: 'library-sid', nameId },
        ];
        const live = await store.sessionsOf(subject);
        assert.deepEqual(live.map((each) => each.id).sort(), [session.jti, other.jti].sort());
        assert.deepEqual(live.find((each) => each.id === session.jti)?.clients, clients);
        assert.deepEqual(await store.sessionsOf(id()), []);

        const all = await Promise.all(Array.from({ length: 10 }, () => store.endSession(session.jti)));
        const told = all.filter((ended) => ended !== undefined);
        assert.deepEqual(told, [{ clients, grants: 1 }]);
        for (const { adapter, jti } of [session, grant, token]) assert.equal(await adapter.find(jti), undefined);
        for (const { adapter, jti } of [other, offline, elsewhere]) assert.ok(await adapter.find(jti));
        assert.deepEqual(
          (await store.sessionsOf(subject)).map((each) => each.id),
          [other.jti],
        );
      });
    });

    describe('what strangers may store', () => {
      it('is refused above the cap, and again admitted when the old has expired', async () => {
        const capped = createOidcStore({
          database: test.database,
          vault,
          clients: noClients as ClientStore,
          clock: () => now,
          caps: { Interaction: 5 },
        });
        now += 24 * 3600 * 1000;
        const adapter = capped.adapter('Interaction');
        const open = async () => {
          const jti = id();
          await adapter.upsert(jti, payload(jti), LIFETIME);
          return jti;
        };
        const jtis = [];
        for (let i = 0; i < 5; i++) jtis.push(await open());
        await assert.rejects(open, { code: 'too_many_requests', status: 429 });
        // A person who is half way through may finish.
        const [first] = jtis;
        assert.ok(first);
        await adapter.upsert(first, payload(first, { result: { login: { accountId: 'somebody' } } }), LIFETIME);
        assert.ok((await adapter.find(first))?.result);
        now += LIFETIME * 1000;
        await open();
      });
    });
  });
}
