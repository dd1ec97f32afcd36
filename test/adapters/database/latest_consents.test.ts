import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { createLatestAttributes } from '../../../provider/attributes/latest_attributes.ts';
import type { LatestAnswer, LatestAttributesSource } from '../../../provider/attributes/latest_attributes_source.ts';
import type { SignedLatestConsent } from '../../../provider/attributes/latest_consent_store.ts';
import { createLatestConsents, sealReference } from '../../../provider/attributes/latest_consents.ts';
import { createAuditQueue } from '../../../provider/audit/group_commit.ts';
import { HubError } from '../../../provider/errors.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';

const AT_ONCE = 20;
const NOW = Date.parse('2026-11-30T00:00:00Z');
const MINUTE = 60_000;
const CLIENT = 'rp';

describe(`latest-attributes consents on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  const vault = createVault([randomBytes(32)]);

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
  });
  after(() => test.drop());

  async function newSubject(): Promise<string> {
    const subjectId = randomUUID();
    await storage.identity.insertSubject(subjectId, NOW);
    return subjectId;
  }
  const consentOf = (subjectId: string, over: Partial<SignedLatestConsent> = {}): SignedLatestConsent => ({
    ...{ id: randomUUID(), subjectId, clientId: CLIENT, items: ['name', 'address'] },
    sealedReference: sealReference(vault, randomUUID()),
    sealedDocument: vault.seal('test', Buffer.from('a signed document')),
    ...{ consentedAt: NOW, expiresAt: NOW + MINUTE },
    ...over,
  });
  async function given(over: Partial<SignedLatestConsent> = {}): Promise<SignedLatestConsent> {
    const consent = consentOf(over.subjectId ?? (await newSubject()), over);
    await storage.latestConsents.replace(consent);
    return consent;
  }
  const live = ({ subjectId, clientId }: SignedLatestConsent, now = NOW) =>
    storage.latestConsents.findLive(subjectId, clientId, now);
  const untold = (now = NOW, triedBefore = now, limit = 1000) =>
    storage.latestConsents.takeUntold(now, triedBefore, limit);
  /** What earlier tests have left untold is none of the next one's. */
  async function forgetUntold(): Promise<void> {
    for (const { id } of await untold(NOW, Number.MAX_SAFE_INTEGER)) await storage.latestConsents.noteTold(id, NOW);
  }

  describe('are kept so that they', () => {
    it('come back as they were given, until they end', async () => {
      const { sealedDocument: _kept, ...consent } = await given();
      const found = await live(consent as SignedLatestConsent);
      assert.deepEqual({ ...found, sealedReference: undefined }, { ...consent, sealedReference: undefined });
      assert.deepEqual(Buffer.from(found?.sealedReference ?? []), Buffer.from(consent.sealedReference));
      assert.equal(await live(consent as SignedLatestConsent, consent.expiresAt), undefined);
      assert.equal(await storage.latestConsents.findLive(consent.subjectId, 'another', NOW), undefined);
      assert.equal(await storage.latestConsents.findLive(consent.subjectId, '\0', NOW), undefined);
    });

    it('are one for a pair, however many are given at once, and the others are to be told', async () => {
      await forgetUntold();
      const subjectId = await newSubject();
      await Promise.all(Array.from({ length: AT_ONCE }, () => given({ subjectId })));
      const { rows } = await test.database.query<{ live: number }>(
        {
          name: 'test_live_latest_consents',
          text: 'SELECT count(*) AS live FROM latest_consent WHERE subject_id = $1 AND ended_at IS NULL',
        },
        [subjectId],
      );
      assert.equal(rows[0]?.live, 1);
      assert.equal((await untold()).length, AT_ONCE - 1);
    });

    it('end once, and the authority is told only of what it did not end itself', async () => {
      await forgetUntold();
      const [byPerson, byAuthority] = [await given(), await given()];
      const ends = Array.from({ length: AT_ONCE }, () => storage.latestConsents.end(byPerson.id, 'person', NOW));
      assert.equal((await Promise.all(ends)).filter(Boolean).length, 1);
      assert.equal(await storage.latestConsents.end(byAuthority.id, 'authority', NOW), true);
      assert.equal(await live(byPerson), undefined);
      assert.equal(await live(byAuthority), undefined);
      assert.deepEqual(
        (await untold()).map(({ id }) => id),
        [byPerson.id],
      );
    });

    it('end with the ordinary consent that they rest on, and with no other', async () => {
      await forgetUntold();
      const consent = await given();
      const elsewhere = await given({ subjectId: consent.subjectId, clientId: 'another' });
      const ordinary = {
        ...{ id: randomUUID(), subjectId: consent.subjectId, clientId: CLIENT, granted: ['sub'], declined: [] },
        ...{ purpose: undefined, grantedAt: NOW, expiresAt: NOW + MINUTE },
      };
      await storage.consents.replace(lastingConsent(ordinary));
      // Deciding anew withdraws nothing.
      await storage.consents.replace(lastingConsent({ ...ordinary, id: randomUUID() }));
      assert.ok(await live(consent));
      const { id } = (await storage.consents.findLive(consent.subjectId, CLIENT, NOW)) ?? { id: '' };
      assert.equal(await storage.consents.withdraw(id, NOW), true);
      assert.equal(await live(consent), undefined);
      assert.ok(await live(elsewhere));
      assert.deepEqual(
        (await untold()).map(({ id }) => id),
        [consent.id],
      );
    });

    it('end with the relying party', async () => {
      const ended = await Promise.all([given({ clientId: 'leaving' }), given({ clientId: 'leaving' })]);
      const other = await given();
      assert.equal(await storage.latestConsents.endAllOf('leaving', NOW), 2);
      for (const consent of ended) assert.equal(await live(consent), undefined);
      assert.ok(await live(other));
    });

    it('are taken to be told by one hub each, again after a while, longest untried first, and never once told', async () => {
      await forgetUntold();
      const ended = await Promise.all(Array.from({ length: 6 }, () => given()));
      for (const { id } of ended) await storage.latestConsents.end(id, 'person', NOW);
      const taken = (await Promise.all([untold(NOW + 1, NOW, 3), untold(NOW + 1, NOW, 3)])).flat();
      assert.equal(new Set(taken.map(({ id }) => id)).size, 6);
      assert.deepEqual(await untold(NOW + 2, NOW), []);
      await storage.latestConsents.noteTold(ended[0]?.id ?? '', NOW + 2);
      const again = await untold(NOW + 3, NOW + 2);
      assert.deepEqual(
        again.map(({ id }) => id).sort(),
        ended
          .slice(1)
          .map(({ id }) => id)
          .sort(),
      );
    });

    it('hold neither document nor reference in readable form, and are never removed', async () => {
      const reference = randomUUID();
      await given({ sealedReference: sealReference(vault, reference) });
      const { rows } = await test.database.query<{ row: string }>({
        name: 'test_dump_latest_consent',
        text: 'SELECT row_to_json(latest_consent)::text AS row FROM latest_consent',
      });
      const dump = rows.map(({ row }) => row).join('\n');
      for (const secret of [reference, 'a signed document']) {
        assert.ok(!dump.includes(secret));
        assert.ok(!dump.includes(Buffer.from(secret).toString('hex')));
      }
      const text = 'DELETE FROM latest_consent';
      await assert.rejects(test.database.query({ name: 'test_delete_latest_consent', text }), { code: '42501' });
    });
  });

  /** An authority that answers as told, and what it was asked. */
  function authority() {
    const state = { isAway: false, answer: undefined as LatestAnswer | undefined };
    const asked: string[] = [];
    const reach = async <T>(question: string, answer: () => T) => {
      asked.push(question);
      if (state.isAway) throw new HubError('latest_attributes_unavailable', 503, 'away');
      return answer();
    };
    const source: LatestAttributesSource = {
      consent: () => reach('consent', () => randomUUID()),
      latest: (id) => reach(`latest ${id}`, () => state.answer ?? { outcome: 'consent_ended' }),
      withdraw: (id) => reach(`withdraw ${id}`, () => undefined),
    };
    return Object.assign(state, { source, asked });
  }

  describe('that have ended', () => {
    const roomOf = (source: LatestAttributesSource, time: { now: number }) =>
      createLatestConsents({
        ...{ storage, vault, source },
        attributes: { held: async () => ({ names: [], stale: [] }) },
        signatures: { verify: async () => assert.fail(), confirmOnePerson: async () => assert.fail() },
        clock: () => time.now,
      });

    it('are told to the authority at once, or when it can be reached again', async () => {
      await forgetUntold();
      const time = { now: NOW + MINUTE / 2 };
      const far = authority();
      const room = roomOf(far.source, time);
      const reference = randomUUID();
      const told = `withdraw ${reference}`;
      const consent = await given({ sealedReference: sealReference(vault, reference) });
      far.isAway = true;
      assert.equal(await room.withdraw(consent.subjectId, CLIENT), true);
      assert.equal(await live(consent), undefined);
      assert.equal(await room.withdraw(consent.subjectId, CLIENT), false);
      await room.tellAuthority();
      assert.deepEqual(far.asked, [told, told]);
      far.isAway = false;
      // It was tried a moment ago.
      await room.tellAuthority();
      assert.equal(far.asked.length, 2);
      time.now += 6 * MINUTE;
      await room.tellAuthority();
      time.now += 6 * MINUTE;
      await room.tellAuthority();
      assert.deepEqual(far.asked, [told, told, told]);
    });
  });

  describe('that are live let be told', () => {
    function latestOf(source: LatestAttributesSource, time: { now: number }) {
      const outcomes: string[] = [];
      const latest = createLatestAttributes({
        ...{ storage, vault, source, audit: createAuditQueue(storage.audit) },
        clock: () => time.now,
        observe: (outcome) => void outcomes.push(outcome),
      });
      return { latest, outcomes };
    }
    const text = (text: string) => ({ text, substitutes: [] });
    const all = { name: text('見本'), address: text('東京都'), gender: 'male' as const };

    it('what was agreed to and no more, with one question for whoever asks in the same minute', async () => {
      const consent = await given({ items: ['address'], expiresAt: NOW + 10 * MINUTE });
      const time = { now: NOW };
      const far = Object.assign(authority(), { answer: { outcome: 'told', attributes: all } as const });
      const { latest, outcomes } = latestOf(far.source, time);
      const ask = () => latest.tellable(consent.subjectId, CLIENT);
      const told = await Promise.all(Array.from({ length: AT_ONCE }, ask));
      for (const each of told) {
        assert.deepEqual(each, { items: ['address'], attributes: { address: all.address }, obtainedAt: NOW });
      }
      assert.equal(far.asked.length, 1);
      time.now += MINUTE - 1;
      await ask();
      assert.equal(far.asked.length, 1);
      time.now += 1;
      assert.equal((await ask())?.obtainedAt, time.now);
      assert.deepEqual(outcomes, ['told', 'told']);
      assert.equal(await latest.tellable(consent.subjectId, 'another'), undefined);
      assert.equal(far.asked.length, 2);
    });

    it('nothing from before a withdrawal, a new consent, or what was dropped', async () => {
      const consent = await given({ expiresAt: NOW + 10 * MINUTE });
      const time = { now: NOW };
      const far = Object.assign(authority(), { answer: { outcome: 'told', attributes: all } as const });
      const { latest } = latestOf(far.source, time);
      assert.ok(await latest.tellable(consent.subjectId, CLIENT));
      await given({ subjectId: consent.subjectId, items: ['name'], expiresAt: NOW + 10 * MINUTE });
      assert.deepEqual((await latest.tellable(consent.subjectId, CLIENT))?.items, ['name']);
      assert.equal(far.asked.length, 2);
      latest.forget();
      await latest.tellable(consent.subjectId, CLIENT);
      assert.equal(far.asked.length, 2);
      const { id } = (await storage.latestConsents.findLive(consent.subjectId, CLIENT, NOW)) ?? { id: '' };
      await storage.latestConsents.end(id, 'person', NOW);
      assert.equal(await latest.tellable(consent.subjectId, CLIENT), undefined);
    });

    it('nothing while the authority is away, which is asked again after ten seconds', async () => {
      const consent = await given({ expiresAt: NOW + 10 * MINUTE });
      const time = { now: NOW };
      const far = Object.assign(authority(), { isAway: true });
      const { latest, outcomes } = latestOf(far.source, time);
      for (const [pass, questions] of [
        [0, 1],
        [9_999, 1],
        [1, 2],
      ] as const) {
        time.now += pass;
        assert.equal(await latest.tellable(consent.subjectId, CLIENT), undefined);
        assert.equal(far.asked.length, questions);
      }
      assert.deepEqual(outcomes, ['unavailable', 'unavailable']);
      assert.ok(await live(consent));
    });

    it('nothing after the authority says that it has ended, and it is not asked again', async () => {
      const consent = await given();
      const far = authority();
      const { latest } = latestOf(far.source, { now: NOW });
      assert.equal(await latest.tellable(consent.subjectId, CLIENT), undefined);
      assert.equal(await latest.tellable(consent.subjectId, CLIENT), undefined);
      assert.equal(far.asked.length, 1);
      assert.equal(await live(consent), undefined);
    });
  });
});
