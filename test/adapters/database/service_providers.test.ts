import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { builtInCatalogue } from '../../../provider/attributes/catalogue/catalogue.ts';
import { createServiceProviders } from '../../../provider/saml/find_service_provider.ts';
import {
  decide,
  type RegistrationWorld,
  register,
  renewMetadata,
  unregister,
} from '../../../provider/saml/registration.ts';
import type { MetadataSource } from '../../../provider/saml/service_provider_store.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { serviceProvider } from '../../support/saml/providers.ts';

const AT_ONCE = 20;
const NOW = Date.parse('2026-11-30T00:00:00Z');
const MINUTE = 60_000;
const world: RegistrationWorld = {
  catalogue: builtInCatalogue,
  issuer: 'https://hub.example',
  judgeClient: (metadata) => metadata,
};

describe(`service providers on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  let count = 0;

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, createVault([randomBytes(32)]));
  });
  after(() => test.drop());

  const newEntityId = () => `https://sp${++count}.example/metadata`;
  const providerOf = (entityId: string, metadata = {}, settings = {}) =>
    serviceProvider({ entityId, ...metadata }, settings);
  const add = (entityId: string, metadata = {}, sourceId?: string) =>
    storage.transaction((stores) =>
      register(stores, world, providerOf(entityId, metadata), { sourceId, actor: 'operator', now: NOW }),
    );
  const eventsOf = async (entityId: string) => {
    const events = [];
    for (let after = 0n; ; ) {
      const read = await storage.audit.read(after, 500);
      events.push(...read);
      const last = read.at(-1);
      if (!last) return events.filter(({ clientId }) => clientId === entityId);
      after = last.sequence;
    }
  };

  describe('are kept so that they', () => {
    it('come back as they were given, beside the client that stands for them, with an audit event', async () => {
      const entityId = newEntityId();
      await add(entityId, { validUntil: NOW + MINUTE, wantAssertionsSigned: true });
      const found = await storage.serviceProviders.find(entityId);
      const given = providerOf(entityId, { validUntil: NOW + MINUTE, wantAssertionsSigned: true });
      assert.deepEqual(found?.metadata, JSON.parse(JSON.stringify(given.metadata)));
      assert.deepEqual(found?.settings, JSON.parse(JSON.stringify(given.settings)));
      assert.deepEqual([found?.sourceId, found?.version, found?.addedAt], [undefined, 1, NOW]);
      const client = await storage.clients.find(entityId);
      assert.equal(client?.saml_sector, `saml:${entityId}`);
      assert.deepEqual(client?.redirect_uris, ['https://hub.example/saml/answer']);
      assert.deepEqual(
        (await eventsOf(entityId)).map(({ kind, actor }) => [kind, actor]),
        [['service_provider.added', 'operator']],
      );
      assert.equal(await storage.serviceProviders.find('\0'), undefined);
    });

    it('are one for an entity id, however many are added at once', async () => {
      const entityId = newEntityId();
      const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => add(entityId)));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'service_provider_exists');
      }
      assert.equal((await eventsOf(entityId)).length, 1);
    });

    it('never take the id of an OpenID Connect client', async () => {
      const entityId = newEntityId();
      await storage.clients.insert({ clientId: entityId, metadata: { client_id: entityId }, createdAt: NOW });
      await assert.rejects(add(entityId), { code: 'client_exists' });
      assert.equal(await storage.serviceProviders.find(entityId), undefined);
      assert.deepEqual(await eventsOf(entityId), []);
    });

    it('change together with their client, as one event that names what is new', async () => {
      const entityId = newEntityId();
      await add(entityId);
      const renew = async (metadata: object) => {
        const current = await storage.serviceProviders.find(entityId);
        assert.ok(current);
        return storage.transaction((stores) =>
          renewMetadata(stores, world, current, providerOf(entityId, metadata).metadata, {
            actor: 'hub',
            now: NOW + MINUTE,
          }),
        );
      };
      assert.equal(await renew({}), false);
      assert.equal((await storage.serviceProviders.find(entityId))?.version, 1);
      // That it holds for longer is no news to anybody.
      assert.equal(await renew({ validUntil: NOW + 5 * MINUTE }), false);
      assert.equal((await storage.serviceProviders.find(entityId))?.metadata.validUntil, NOW + 5 * MINUTE);
      assert.equal((await eventsOf(entityId)).length, 1);
      const acs = [{ binding: 'post', location: 'https://sp.example/new', index: 0, isDefault: true }];
      const display = { ...providerOf(entityId).metadata.display, names: { ja: '新しい名前' } };
      assert.equal(await renew({ assertionConsumerServices: acs, display, signingCertificates: ['AAAA'] }), true);
      assert.equal((await storage.clients.find(entityId))?.['client_name#ja'], '新しい名前');
      const event = (await eventsOf(entityId)).at(-1);
      assert.equal(event?.kind, 'service_provider.refreshed');
      assert.deepEqual(
        new Set(event?.data?.changed as string[]),
        new Set(['assertionConsumerServices', 'display', 'signingCertificates', 'validUntil']),
      );
      assert.deepEqual(event?.data?.assertionConsumerServices, ['https://sp.example/new']);
      const { before } = event?.data ?? {};
      assert.deepEqual(Object(before).assertionConsumerServices, ['https://sp.example/acs']);
    });

    it('have the client of their metadata and settings, whoever changes which at the same moment', async () => {
      const entityId = newEntityId();
      await add(entityId);
      const { display } = providerOf(entityId).metadata;
      const change = (n: number) =>
        storage.transaction(async (stores) => {
          const current = await stores.serviceProviders.findLocked(entityId);
          assert.ok(current);
          if (n % 2 === 0) return decide(stores, world, current, { purpose: { ja: `目的${n}` } }, NOW);
          const metadata = { ...current.metadata, display: { ...display, names: { ja: `名前${n}` } } };
          return renewMetadata(stores, world, current, metadata, { actor: 'hub', now: NOW });
        });
      await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => change(n)));
      const [found, client] = [await storage.serviceProviders.find(entityId), await storage.clients.find(entityId)];
      assert.match(found?.settings.purpose.ja ?? '', /^目的/);
      assert.equal(client?.['purpose#ja'], found?.settings.purpose.ja);
      assert.match(found?.metadata.display.names.ja ?? '', /^名前/);
      assert.equal(client?.['client_name#ja'], found?.metadata.display.names.ja);
      assert.equal(found?.version, AT_ONCE + 1);
      assert.equal((await eventsOf(entityId)).length, AT_ONCE + 1);
    });

    it('go with their client', async () => {
      const entityId = newEntityId();
      await add(entityId);
      await storage.transaction((stores) => unregister(stores, entityId, { actor: 'operator', now: NOW }));
      assert.equal(await storage.serviceProviders.find(entityId), undefined);
      assert.equal(await storage.clients.find(entityId), undefined);
      assert.equal((await eventsOf(entityId)).at(-1)?.kind, 'service_provider.removed');
      await assert.rejects(
        storage.transaction((stores) => unregister(stores, entityId, { actor: 'operator', now: NOW })),
        { code: 'service_provider_not_found' },
      );
    });
  });

  describe('are looked up so that they', () => {
    it('work at once when they are new, change within two seconds, and are one object as long as they do not', async () => {
      let now = NOW;
      let asked = 0;
      const providers = createServiceProviders({
        store: {
          find: (entityId) => {
            asked += 1;
            return storage.serviceProviders.find(entityId);
          },
        },
        clock: () => now,
      });
      const entityId = newEntityId();
      assert.equal(await providers.find(entityId), undefined);
      await add(entityId);
      const first = await providers.find(entityId);
      assert.ok(first);
      asked = 0;
      assert.equal(await providers.find(entityId), first);
      assert.equal(asked, 0);
      now += 2_001;
      assert.equal(await providers.find(entityId), first);
      assert.equal(asked, 1);
      await storage.serviceProviders.setSettings(entityId, { ...first.settings, idpInitiated: true }, now);
      now += 2_001;
      assert.equal((await providers.find(entityId))?.settings.idpInitiated, true);
      await storage.transaction((stores) => unregister(stores, entityId, { actor: 'operator', now }));
      now += 2_001;
      assert.equal(await providers.find(entityId), undefined);
    });

    it('are nobody once their metadata has expired, to the millisecond and from the cache', async () => {
      let now = NOW;
      const providers = createServiceProviders({ store: storage.serviceProviders, clock: () => now });
      const entityId = newEntityId();
      await add(entityId, { validUntil: NOW + 1_000 });
      now = NOW + 999;
      assert.ok(await providers.find(entityId));
      now = NOW + 1_000;
      assert.equal(await providers.find(entityId), undefined);
    });

    for (const odd of ['', 'not a URI', '\0', `https://sp.example/${'a'.repeat(2000)}`, 'https://sp.example/é']) {
      it(`cost no question for what no entity can be called: ${JSON.stringify(odd.slice(0, 30))}`, async () => {
        const store = { find: () => assert.fail('the database was asked') };
        assert.equal(await createServiceProviders({ store, clock: () => NOW }).find(odd), undefined);
      });
    }
  });

  describe('come from sources that', () => {
    const sourceOf = (over: Partial<MetadataSource> = {}) => ({
      ...{
        sourceId: `feed:${++count}`,
        kind: 'feed' as const,
        url: 'https://federation.example/',
        filter: { entityIds: ['x'] },
      },
      ...{ settings: serviceProvider().settings, pinnedCertificates: ['AAAA', 'BBBB'], addedAt: NOW, etag: '"1"' },
      ...{ lastModified: undefined, fetchedAt: NOW, refreshEvery: MINUTE, nextRefreshAt: NOW + MINUTE },
      ...over,
    });

    it('come back as they were given, once each', async () => {
      const source = sourceOf();
      assert.equal(await storage.serviceProviders.insertSource(source), true);
      assert.equal(await storage.serviceProviders.insertSource(source), false);
      const found = await storage.serviceProviders.findSource(source.sourceId);
      const settings = JSON.parse(JSON.stringify(source.settings));
      assert.deepEqual(found, { ...source, settings, failures: 0, lastError: undefined });
      assert.equal(await storage.serviceProviders.removeSource(source.sourceId), true);
    });

    it('are looked at by one of many processes, when they are due, and by another when that one has died', async () => {
      const { sourceId } = sourceOf();
      await storage.serviceProviders.insertSource(sourceOf({ sourceId }));
      const claims = (now: number) =>
        Promise.all(
          Array.from({ length: AT_ONCE }, (_, owner) =>
            storage.serviceProviders.claimDue(`process-${owner}`, now, now + MINUTE),
          ),
        );
      assert.equal((await claims(NOW)).filter(Boolean).length, 0);
      const due = NOW + MINUTE;
      const owner = (await claims(due)).findIndex(Boolean);
      assert.ok(owner >= 0);
      assert.equal((await claims(due + MINUTE - 1)).filter(Boolean).length, 0);
      assert.equal(await storage.serviceProviders.claim(sourceId, 'operator', due, due + MINUTE), undefined);
      const takenOver = (await claims(due + MINUTE)).filter(Boolean);
      assert.equal(takenOver.length, 1);
      // Whoever was thought dead may not store what it has found.
      const look = {
        etag: '"2"',
        lastModified: 'x',
        fetchedAt: due,
        refreshEvery: MINUTE,
        nextRefreshAt: due + MINUTE,
      };
      const isStillOwner = takenOver[0] && (await storage.serviceProviders.extend(sourceId, 'nobody', due));
      assert.equal(isStillOwner, false);
      assert.equal(await storage.serviceProviders.looked(sourceId, 'nobody', look), false);
      assert.equal(await storage.serviceProviders.lookFailed(sourceId, 'nobody', 'x', due), false);
      await storage.serviceProviders.removeSource(sourceId);
    });

    it('remember how the last look went, and are free again after it', async () => {
      const { sourceId } = sourceOf();
      const { serviceProviders } = storage;
      await serviceProviders.insertSource(sourceOf({ sourceId }));
      await serviceProviders.claim(sourceId, 'me', NOW, NOW + MINUTE);
      assert.equal(await serviceProviders.extend(sourceId, 'me', NOW + 2 * MINUTE), true);
      assert.equal(await serviceProviders.lookFailed(sourceId, 'me', 'status 500', NOW + 9 * MINUTE), true);
      const failed = await serviceProviders.findSource(sourceId);
      assert.deepEqual(
        [failed?.failures, failed?.lastError, failed?.nextRefreshAt, failed?.etag, failed?.fetchedAt],
        [1, 'status 500', NOW + 9 * MINUTE, '"1"', NOW],
      );
      assert.ok(await serviceProviders.claim(sourceId, 'me', NOW, NOW + MINUTE));
      const look = { etag: '"2"', lastModified: 'then', fetchedAt: NOW + 1, refreshEvery: 7, nextRefreshAt: NOW + 8 };
      assert.equal(await serviceProviders.looked(sourceId, 'me', look), true);
      const { failures, lastError, ...found } = (await serviceProviders.findSource(sourceId)) ?? {};
      assert.deepEqual([failures, lastError], [0, undefined]);
      assert.deepEqual({ ...found, ...look }, found);
      await serviceProviders.removeSource(sourceId);
    });

    it('cannot go before what came from them', async () => {
      const { sourceId } = sourceOf();
      await storage.serviceProviders.insertSource(sourceOf({ sourceId }));
      const entityId = newEntityId();
      await add(entityId, {}, sourceId);
      assert.deepEqual(
        (await storage.serviceProviders.ofSource(sourceId)).map(({ metadata }) => metadata.entityId),
        [entityId],
      );
      await assert.rejects(storage.serviceProviders.removeSource(sourceId));
      await storage.transaction((stores) => unregister(stores, entityId, { actor: 'hub', now: NOW }));
      assert.equal(await storage.serviceProviders.removeSource(sourceId), true);
    });
  });
});
