import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { builtInCatalogue, type Catalogue } from '../../../provider/attributes/catalogue/catalogue.ts';
import { createProviderAdministration } from '../../../provider/attributes/providers/provider_administration.ts';
import { createProviderAttributes } from '../../../provider/attributes/providers/provider_attributes.ts';
import { type ProviderQuestions, ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import type { Membership } from '../../../provider/attributes/providers/provider_store.ts';
import { HubError } from '../../../provider/errors.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const MINUTE = 60_000;
const AT_ONCE = 10;
const key = { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: '1' };
const draftOf = (id: string) => ({
  ...{
    id,
    kind: 'insurer',
    names: { ja: '保険者', en: 'Insurer' },
    url: `https://${id}.example`,
    keys: { keys: [key] },
  },
  entries: [{ name: 'number', label: { ja: '番号', en: 'Number' } }],
});

describe(`attribute providers on ${testEngine}`, () => {
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
    await register().add(draftOf('kenpo'));
    await register().offer('kenpo', ['health_insurance_valid', 'checkup_results'], true);
    await storage.clients.insert({ clientId: 'clinic', metadata: {}, createdAt: NOW });
    await register().accept('clinic', ['health_insurance_valid', 'checkup_results'], true);
  });
  after(() => test.drop());

  async function newSubject(): Promise<string> {
    const id = randomUUID();
    await storage.identity.insertSubject(id, NOW);
    return id;
  }

  const membershipOf = (subjectId: string, customer: string, boundAt = NOW): Membership => ({
    ...{ id: randomUUID(), subjectId, providerId: 'kenpo', boundAt },
    customer: vault.index('membership.customer', Buffer.from(customer)),
    sealedReference: vault.seal('membership.reference', Buffer.from(customer)),
  });

  describe('the register', () => {
    const refusals: Readonly<Record<string, readonly [code: string, change: Record<string, unknown>]>> = {
      'a private key': ['attribute_provider_invalid', { keys: { keys: [{ ...key, d: 'AAAA' }] } }],
      'a plain http address': ['attribute_provider_invalid', { url: 'http://kenpo.example' }],
      'an address with a query': ['attribute_provider_invalid', { url: 'https://kenpo.example?a' }],
      'an address with user info': ['attribute_provider_invalid', { url: 'https://a:b@kenpo.example' }],
      'a name that cannot be read': ['attribute_provider_invalid', { names: { ja: 'a\u202eb', en: 'x' } }],
      'one entry twice': [
        'attribute_provider_invalid',
        { entries: [...draftOf('x').entries, ...draftOf('x').entries] },
      ],
      'nothing to enter': ['attribute_provider_invalid', { entries: [] }],
      'an id that is taken': ['attribute_provider_exists', { id: 'kenpo' }],
    };
    for (const [what, [code, change]] of Object.entries(refusals)) {
      it(`refuses ${what}`, () =>
        assert.rejects(
          register().add({ ...draftOf('other'), ...change }),
          (error) => error instanceof HubError && error.code === code,
        ));
    }

    it('knows claims of the catalogue only, and members that are there', async () => {
      const refused = (code: string) => (error: unknown) => error instanceof HubError && error.code === code;
      await assert.rejects(register().offer('kenpo', ['address'], true), refused('claim_unknown'));
      await assert.rejects(register().offer('nobody', ['medical_costs'], true), refused('attribute_provider_unknown'));
      await assert.rejects(register().accept('nobody', ['medical_costs'], true), refused('client_not_found'));
    });

    it('shows who holds, offers and accepts what, and what goes with a member', async () => {
      await register().add(draftOf('passing'));
      await register().offer('passing', ['medical_costs'], false);
      await storage.clients.insert({ clientId: 'shop', metadata: {}, createdAt: NOW });
      await register().accept('shop', ['medical_costs'], true);
      const costs = async () => (await register().table()).filter(({ claim }) => claim === 'medical_costs');
      assert.deepEqual(
        (await costs()).map(({ provider, relyingParty, holds, offers, accepts }) => [
          ...[provider, relyingParty, holds, offers, accepts],
        ]),
        [
          ['passing', undefined, true, false, false],
          [undefined, 'shop', false, false, true],
        ],
      );
      await register().remove('passing');
      await storage.clients.remove('shop');
      assert.deepEqual(await costs(), []);
    });
  });

  describe('a membership', () => {
    it('makes selectable what is offered and accepted, and nothing else', async () => {
      const subject = await newSubject();
      const claims = ['health_insurance_valid', 'checkup_results', 'medical_costs'];
      const selectable = async (client: string | undefined) =>
        (await storage.providers.selectable(subject, client, claims)).map(({ claim }) => claim).toSorted();
      assert.deepEqual(await selectable('clinic'), []);
      assert.ok(await storage.providers.bind(membershipOf(subject, 'one')));
      assert.deepEqual(await selectable('clinic'), ['checkup_results', 'health_insurance_valid']);
      assert.deepEqual(await selectable('nobody'), []);
      assert.deepEqual(await selectable(undefined), ['checkup_results', 'health_insurance_valid']);
    });

    it('of one customer is one person’s, of many who bind it at once', async () => {
      const subjects = await Promise.all(Array.from({ length: AT_ONCE }, newSubject));
      const bind = async (subjectId: string) => {
        const taken = () => new Error('taken');
        return storage
          .transaction(async (stores) => {
            if (!(await stores.providers.bind(membershipOf(subjectId, 'wanted')))) throw taken();
            return true;
          })
          .catch(() => false);
      };
      const bound = await Promise.all(subjects.map(bind));
      assert.equal(bound.filter(Boolean).length, 1);
    });

    it('takes the place of the one before at the same provider, of many at once too', async () => {
      const subject = await newSubject();
      const each = Array.from({ length: AT_ONCE }, (_, index) => membershipOf(subject, `own ${index}`, NOW + index));
      const bound = await Promise.all(each.map((membership) => storage.providers.bind(membership)));
      assert.ok(bound.every(Boolean));
      assert.equal((await storage.providers.listMemberships(subject)).length, 1);
    });
  });

  describe('an answer', () => {
    const value = [{ date: '2026-06-01', weight: 70, judgement: 'a' }];
    let asked = 0;
    let silent = false;
    let validFor = 3600;
    /** What the provider says of each claim in the place of that. */
    let saying: Record<string, unknown> | undefined;
    const questions: ProviderQuestions = {
      async attributes(_provider, { claims }) {
        asked += 1;
        if (silent) throw new ProviderSilent('status_503');
        const asOf = Math.floor(now / 1000);
        const said = { value, as_of: asOf, valid_until: asOf + validFor, ...saying };
        return Object.fromEntries(Object.keys(claims).map((name) => [name, said]));
      },
      customer: async () => undefined,
      withdrawal: async () => {},
      claimToken: () => assert.fail('nothing is asked for in another form'),
    };
    const keeping: Catalogue = {
      ...builtInCatalogue,
      claims: builtInCatalogue.claims.map((claim) => ({ ...claim, keepSeconds: 600 })),
      find: (name) => keeping.claims.find((claim) => claim.name === name),
    };
    const sourceOf = (catalogue: Catalogue) =>
      createProviderAttributes({
        ...{
          storage,
          vault,
          catalogue,
          questions,
          clock: () => now,
          random: randomBytes,
          observe: () => {},
          onSilence: () => {},
        },
        userinfo: { attributes: () => assert.fail('this provider has none') },
      });
    const asking = { clientId: 'clinic', consent: { id: 'c', purpose: undefined } };

    it('is asked for anew each time where the catalogue keeps nothing', async () => {
      const subject = await newSubject();
      await storage.providers.bind(membershipOf(subject, 'fresh'));
      asked = 0;
      const source = sourceOf(builtInCatalogue);
      for (let times = 0; times < 2; times++) await source.values(subject, ['checkup_results'], asking);
      assert.equal(asked, 2);
      assert.equal((await storage.providers.findAnswers('00000000-0000-0000-0000-000000000000', [], now)).length, 0);
    });

    it('is kept sealed as long as the catalogue says, not longer than it is valid, and goes with its membership', async () => {
      const subject = await newSubject();
      const membership = membershipOf(subject, 'kept');
      await storage.providers.bind(membership);
      const source = sourceOf(keeping);
      const fetch = async (maxAge?: number) => {
        const wishes = { checkup_results: { maxAge } };
        return (await source.values(subject, ['checkup_results'], { ...asking, wishes })).checkup_results;
      };
      asked = 0;
      const first = await fetch();
      now += 5 * MINUTE;
      assert.deepEqual(await fetch(), first);
      assert.equal(asked, 1);
      // Fresher than what is kept.
      await fetch(60);
      assert.equal(asked, 2);
      silent = true;
      now += 5 * MINUTE;
      assert.ok('value' in ((await fetch()) ?? {}));
      now += 6 * MINUTE;
      assert.deepEqual(await fetch(), { unavailable: 'not_available', source: 'kenpo' });
      silent = false;
      assert.equal(await storage.providers.sweepAnswers(now), 1);

      validFor = 60;
      await fetch();
      now += 2 * MINUTE;
      asked = 0;
      await fetch();
      assert.equal(asked, 1);
      const dump = await test.database.query<{ sealed: Buffer }>({
        name: 'test_sealed_answers',
        text: 'SELECT sealed FROM provider_answer',
      });
      assert.equal(dump.count, 1);
      assert.ok(!dump.rows[0]?.sealed.includes('2026-06-01'));
      assert.equal(await storage.providers.end(membership.id, subject, 'person', now), 'kenpo');
      assert.deepEqual(await storage.providers.findAnswers(membership.id, ['checkup_results'], now), []);
    });

    const unusable: Readonly<Record<string, () => Record<string, unknown>>> = {
      'is of another type': () => ({ value: 'true' }),
      'is of tomorrow': () => ({ value: true, as_of: now / 1000 + 3600 }),
      'is over': () => ({ value: true, valid_until: now / 1000 - 1 }),
      'is about another day': () => ({ value: true, target_date: '2026-11-29' }),
      'is about no day': () => ({ value: true }),
    };
    for (const [what, say] of Object.entries(unusable)) {
      it(`that ${what} is none`, async () => {
        const subject = await newSubject();
        await storage.providers.bind(membershipOf(subject, what));
        const name = 'health_insurance_valid';
        const wishes = { [name]: { targetDate: '2026-11-30' } };
        const told = async () =>
          (await sourceOf(builtInCatalogue).values(subject, [name], { ...asking, wishes }))[name];
        saying = say();
        assert.deepEqual(await told(), { unavailable: 'not_available', source: 'kenpo' });
        saying = { value: true, target_date: '2026-11-30' };
        const good = await told();
        saying = undefined;
        assert.ok(good && 'value' in good);
      });
    }

    it('for the person’s own eyes needs nobody’s acceptance', async () => {
      const subject = await newSubject();
      await storage.providers.bind(membershipOf(subject, 'own eyes'));
      saying = { value: true };
      const { values, unavailable } = await sourceOf(builtInCatalogue).own(subject, 'the portal');
      saying = undefined;
      assert.deepEqual(Object.keys(values), ['health_insurance_valid']);
      assert.deepEqual(unavailable, { checkup_results: { unavailable: 'not_available', source: 'kenpo' } });
    });

    it('comes from the membership that was bound last, where two providers offer it', async () => {
      await register().add(draftOf('second'));
      await register().offer('second', ['checkup_results'], true);
      const subject = await newSubject();
      await storage.providers.bind(membershipOf(subject, 'first'));
      await storage.providers.bind({ ...membershipOf(subject, 'later', NOW + MINUTE), providerId: 'second' });
      const { checkup_results: told } = await sourceOf(builtInCatalogue).values(subject, ['checkup_results'], asking);
      assert.ok(told && 'value' in told);
      assert.equal(told.provenance?.source, 'second');
    });
  });
});
