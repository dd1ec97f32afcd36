import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { verifyAuditChain } from '../../../provider/audit/audit_chain.ts';
import type { AuditEvent, StoredAuditEvent } from '../../../provider/audit/audit_log.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';

const NOW = Date.parse('2026-11-22T00:00:00Z');

describe(`the audit log on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, createVault([randomBytes(32)]));
  });
  after(() => test.drop());

  const event = (over: Partial<AuditEvent> = {}): AuditEvent => ({ kind: 'client.added', actor: 'operator', ...over });

  it('keeps what it was given, and the chain holds', async () => {
    const subjectId = randomUUID();
    const data = { 日本: ['é', 1.5e30, null, { z: 1, a: true }], empty: {}, hostile: '\0 \ud800 "\\' };
    await storage.audit.append(event({ subjectId, clientId: 'rp', data }), NOW);
    await storage.audit.append(event(), NOW + 1);
    const events = await storage.audit.read(0n, 100);
    assert.equal(events[0]?.subjectId, subjectId);
    assert.deepEqual(events[0]?.data, { ...data, hostile: '\ufffd \ufffd "\\' });
    assert.equal(events[1]?.data, undefined);
    assert.equal(verifyAuditChain(events), undefined);
  });

  it('numbers events without gaps when many transactions append at once and some fail', async () => {
    const before = await storage.audit.read(0n, 10_000);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        storage.transaction(async (stores) => {
          await stores.audit.append(event({ data: { i } }), NOW);
          if (i % 5 === 0) throw new Error('this transaction fails');
        }),
      ),
    );
    const committed = results.filter(({ status }) => status === 'fulfilled').length;
    const events = await storage.audit.read(0n, 10_000);
    assert.equal(committed, 16);
    assert.equal(events.length, before.length + committed);
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, i) => BigInt(i + 1)),
    );
    assert.equal(verifyAuditChain(events), undefined);
  });

  it('appends many at once, each after the one before it, among others that append at the same time', async () => {
    const before = await storage.audit.read(0n, 10_000);
    const batch = (name: string, size: number) =>
      Array.from({ length: size }, (_, i) => ({
        event: event({ actor: name, ...(i % 2 ? { clientId: 'rp', subjectId: randomUUID() } : {}), data: { i } }),
        at: NOW + i,
      }));
    await Promise.all([
      storage.audit.appendAll(batch('one', 700)),
      storage.audit.appendAll(batch('two', 30)),
      storage.audit.appendAll([]),
      ...Array.from({ length: 10 }, () => storage.audit.append(event({ actor: 'three' }), NOW)),
    ]);
    const events = await storage.audit.read(0n, 10_000);
    assert.equal(events.length, before.length + 740);
    assert.equal(verifyAuditChain(events), undefined);
    const two = events.filter(({ actor }) => actor === 'two');
    assert.deepEqual(
      two.map(({ data, sequence }) => [data?.i, sequence]),
      two.map((_, i) => [i, (two[0]?.sequence ?? 0n) + BigInt(i)]),
    );
    assert.equal(two[1]?.clientId, 'rp');
  });

  it('keeps all of a batch or none', async () => {
    const before = await storage.audit.read(0n, 10_000);
    const bad = { event: event({ subjectId: 'no uuid' }), at: NOW };
    await assert.rejects(storage.audit.appendAll([{ event: event(), at: NOW }, bad]));
    assert.equal((await storage.audit.read(0n, 10_000)).length, before.length);
    await storage.audit.append(event(), NOW);
    assert.equal(verifyAuditChain(await storage.audit.read(0n, 10_000)), undefined);
  });

  it('reads on from any event, and the rest of the chain verifies from there', async () => {
    const events = await storage.audit.read(0n, 10_000);
    const third = events[2];
    assert.ok(third);
    const rest = await storage.audit.read(3n, 2);
    assert.deepEqual(
      rest.map(({ sequence }) => sequence),
      [4n, 5n],
    );
    assert.equal(verifyAuditChain(rest, third), undefined);
  });

  for (const [what, tamper, fault] of [
    ['an actor', (e: StoredAuditEvent) => ({ ...e, actor: 'hub' }), 'changed'],
    ['a time', (e: StoredAuditEvent) => ({ ...e, at: e.at + 1 }), 'changed'],
    ['a datum', (e: StoredAuditEvent) => ({ ...e, data: { i: 99 } }), 'changed'],
    ['a hash', (e: StoredAuditEvent) => ({ ...e, hash: new Uint8Array(32) }), 'changed'],
    ['a link', (e: StoredAuditEvent) => ({ ...e, previousHash: new Uint8Array(32) }), 'broken link'],
    ['a number', (e: StoredAuditEvent) => ({ ...e, sequence: e.sequence + 1n }), 'gap'],
  ] as const) {
    it(`shows where ${what} was changed`, async () => {
      const events = [...(await storage.audit.read(0n, 10_000))];
      const fourth = events[3];
      assert.ok(fourth);
      events[3] = tamper(fourth);
      assert.deepEqual(verifyAuditChain(events), { sequence: 4n, fault });
    });
  }

  it('shows a removed and a reordered event', async () => {
    const events = await storage.audit.read(0n, 10_000);
    assert.equal(verifyAuditChain(events.toSpliced(3, 1))?.fault, 'gap');
    assert.ok(verifyAuditChain([...events].reverse()));
  });

  it('finds a row that was rewritten in the database behind our back', async () => {
    const knex = await test.database.knex();
    // Only somebody who may drop the trigger gets this far.
    await knex.raw('ALTER TABLE audit_event DISABLE TRIGGER audit_event_append_only');
    await knex.raw("UPDATE audit_event SET actor = 'somebody else' WHERE sequence = 2");
    await knex.raw('ALTER TABLE audit_event ENABLE TRIGGER audit_event_append_only');
    assert.deepEqual(verifyAuditChain(await storage.audit.read(0n, 10_000)), { sequence: 2n, fault: 'changed' });
  });

  it('refuses updates and deletes', async () => {
    for (const text of ['DELETE FROM audit_event', "UPDATE audit_event SET actor = 'x'", 'TRUNCATE audit_event']) {
      await assert.rejects(test.database.query({ name: `test ${text}`, text }), { code: '42501' });
    }
  });
});
