import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { StreamRecord } from '../../../provider/events/event_store.ts';
import { createSubjectEvents, openEvent } from '../../../provider/events/subject_events.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';

const NOW = Date.parse('2026-11-24T00:00:00Z');
const MINUTE = 60_000;

describe(`events for relying parties, on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  const vault = createVault([randomBytes(32)]);
  const events = createSubjectEvents({ issuer: 'https://hub.example', vault, clock: () => NOW, random: systemRandom });
  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
  });
  after(() => test.drop());

  async function newStream(over: Partial<StreamRecord> = {}, metadata: object = { status_check: true }) {
    const name = randomBytes(6).toString('hex');
    const stream: StreamRecord = {
      streamId: `s-${name}`,
      clientId: `rp-${name}`,
      sector: `${name}.example`,
      method: 'push',
      endpointUrl: 'https://rp.example/events',
      sealedAuthorization: undefined,
      eventsRequested: [
        'https://schemas.openid.net/secevent/caep/event-type/session-revoked',
        'https://schemas.openid.net/secevent/risc/event-type/account-disabled',
      ],
      description: undefined,
      status: 'enabled',
      statusReason: undefined,
      isFull: false,
      failures: 0,
      ...over,
    };
    await storage.clients.insert({ clientId: stream.clientId, metadata: { ...metadata }, createdAt: NOW });
    assert.ok(await storage.events.insertStream(stream, NOW, 4));
    return stream;
  }

  async function personOf(...sectors: string[]): Promise<string> {
    const subjectId = randomUUID();
    await storage.identity.insertSubject(subjectId, NOW);
    for (const sector of sectors) {
      await storage.identity.pairwiseIdentifier(subjectId, sector, `${sector}-${subjectId}`);
      await consentOf(subjectId, `rp-${sector.replace('.example', '')}`);
    }
    return subjectId;
  }

  async function consentOf(subjectId: string, clientId: string, expiresAt = NOW + MINUTE): Promise<void> {
    const decision = { granted: ['sub'], declined: [], purpose: undefined, grantedAt: NOW - MINUTE, expiresAt };
    await storage.consents.replace(lastingConsent({ id: randomUUID(), subjectId, clientId, ...decision }));
  }

  const emit = (subjectId: string, ...happenings: Parameters<typeof events.emit>[2]) =>
    storage.transaction((stores) => events.emit(stores, subjectId, happenings));
  const contents = async ({ streamId }: StreamRecord) =>
    (await storage.events.waiting(streamId, 100)).map((event) => openEvent(vault, event));
  /** Puts aside whatever other tests have left to do. */
  async function claimed(owner: string, wanted: StreamRecord, now = NOW): Promise<boolean> {
    for (;;) {
      const stream = await storage.events.claim(owner, now, now + MINUTE);
      if (stream === undefined || stream.streamId === wanted.streamId) return stream !== undefined;
    }
  }

  it('are written for nobody whose consent to the relying party has ended', async () => {
    const stream = await newStream();
    const subjectId = await personOf(stream.sector);
    await emit(subjectId, 'sessions_ended');
    await consentOf(subjectId, stream.clientId, NOW);
    await emit(subjectId, 'contact_needed');
    assert.equal((await contents(stream)).length, 1);
  });

  it('are written for each stream whose relying party knows the person, by its own identifier', async () => {
    const [one, two, other] = [
      await newStream(),
      await newStream({ method: 'poll', endpointUrl: undefined }),
      await newStream(),
    ];
    const subjectId = await personOf(one.sector, two.sector);
    await emit(subjectId, 'sessions_ended', 'contact_needed', 'attributes_stale');
    for (const stream of [one, two]) {
      const found = await contents(stream);
      assert.deepEqual(
        found.map(({ events: told }) => Object.keys(told)[0]),
        stream.eventsRequested,
      );
      for (const { sub_id: subject } of found) assert.equal(subject.sub, `${stream.sector}-${subjectId}`);
    }
    assert.deepEqual(await contents(other), []);
  });

  it('are not written for whom the operator no longer allows, nor on a stream that takes none', async () => {
    const streams = [
      await newStream({}, {}),
      await newStream({}, { status_check: false }),
      await newStream({ status: 'disabled' }),
    ];
    const full = await newStream();
    await storage.events.markFull(full.streamId);
    const removed = await newStream();
    await storage.clients.remove(removed.clientId);
    const paused = await newStream({ status: 'paused' });
    const all = [...streams, full, removed, paused];
    await emit(await personOf(...all.map(({ sector }) => sector)), 'sessions_ended');
    for (const stream of [...streams, full, removed]) assert.deepEqual(await contents(stream), []);
    assert.equal((await contents(paused)).length, 1, 'one that is paused keeps them');
  });

  it('are there when what made them happen is, and not otherwise', async () => {
    const stream = await newStream();
    const subjectId = await personOf(stream.sector);
    const failing = storage.transaction(async (stores) => {
      await events.emit(stores, subjectId, ['sessions_ended']);
      throw new Error('something else failed');
    });
    await assert.rejects(failing, /something else/);
    assert.deepEqual(await contents(stream), []);
  });

  it('keep their order on a stream', async () => {
    const stream = await newStream();
    for (let round = 0; round < 5; round++) await emit(await personOf(stream.sector), 'sessions_ended');
    const before = await storage.events.waiting(stream.streamId, 100);
    assert.equal(before.length, 5);
    assert.deepEqual(await storage.events.waiting(stream.streamId, 2), before.slice(0, 2));
    assert.equal(await storage.events.acknowledge(stream.streamId, [before[1]?.jti ?? '', 'x']), 1);
    const after = await storage.events.waiting(stream.streamId, 100);
    assert.deepEqual(
      after.map(({ jti }) => jti),
      before.filter((_, index) => index !== 1).map(({ jti }) => jti),
    );
  });

  it('are brought by one process at a time, and by another when that one has died', async () => {
    const stream = await newStream();
    await emit(await personOf(stream.sector), 'sessions_ended');
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, n) => storage.events.claim(`p${n}`, NOW, NOW + MINUTE)),
    );
    assert.equal(claims.filter((claim) => claim?.streamId === stream.streamId).length, 1);
    assert.equal(await claimed('late', stream), false);
    assert.equal(await claimed('later', stream, NOW + MINUTE), true);
    const owner = `p${claims.findIndex((claim) => claim?.streamId === stream.streamId)}`;
    assert.equal(
      await storage.events.extend(stream.streamId, owner, NOW + 9 * MINUTE),
      false,
      'it is another’s by now',
    );
    assert.equal(await storage.events.extend(stream.streamId, 'later', NOW + 9 * MINUTE), true);
    await storage.events.release(stream.streamId, 'later');
    assert.equal(await claimed('again', stream, NOW + MINUTE), true);
  });

  it('wait after a failure, and begin anew when the receiver changes the stream', async () => {
    const stream = await newStream();
    await emit(await personOf(stream.sector), 'sessions_ended');
    assert.ok(await claimed('p', stream));
    const [event] = await storage.events.waiting(stream.streamId, 1);
    await storage.events.failed(stream.streamId, 'p', event?.jti ?? '', NOW + 5 * MINUTE);
    assert.equal((await storage.events.waiting(stream.streamId, 1))[0]?.attempts, 1);
    assert.equal(await claimed('p', stream, NOW + 4 * MINUTE), false);
    const found = await storage.events.findStream(stream.clientId, stream.streamId);
    assert.equal(found?.failures, 1);
    await storage.events.updateStream({ ...stream, description: 'mended' }, NOW);
    assert.ok(await claimed('p', stream, NOW + 4 * MINUTE));
  });

  it('are given up for good by one statement, and wait again when an operator says so', async () => {
    const stream = await newStream();
    await emit(await personOf(stream.sector), 'sessions_ended');
    const [{ jti } = { jti: '' }] = await storage.events.waiting(stream.streamId, 1);
    assert.equal(await storage.events.bury(stream.streamId, jti, 'no', NOW), true);
    assert.equal(await storage.events.bury(stream.streamId, jti, 'no', NOW), false);
    assert.equal(await storage.events.acknowledge(stream.streamId, [jti]), 0);
    const overview = (await storage.events.overview()).find(({ streamId }) => streamId === stream.streamId);
    assert.deepEqual([overview?.waiting, overview?.dead, overview?.oldest], [0, 1, undefined]);
    assert.equal(await storage.events.revive(stream.streamId, NOW + 1), 1);
    assert.equal((await storage.events.waiting(stream.streamId, 9))[0]?.at, NOW + 1);
    assert.equal((await storage.events.buryOlder(NOW + 2, NOW + 2)) > 0, true);
    assert.deepEqual(await contents(stream), []);
    assert.equal((await storage.events.sweepDead(NOW + 3)) > 0, true);
    assert.equal(
      (await storage.events.deadLetters(100)).filter(({ streamId }) => streamId === stream.streamId).length,
      0,
    );
  });

  it('are bounded: a stream where too many wait is found, once', async () => {
    const stream = await newStream();
    for (let round = 0; round < 4; round++) await emit(await personOf(stream.sector), 'sessions_ended');
    const isFull = async (most: number) =>
      (await storage.events.overdue(most, 0)).some(
        ({ streamId, cause }) => streamId === stream.streamId && cause === 'full',
      );
    assert.equal(await isFull(4), false);
    assert.equal(await isFull(3), true);
    await storage.events.markFull(stream.streamId);
    assert.equal(await isFull(3), false);
    await storage.events.setStatus(stream.streamId, 'paused', undefined, NOW);
    await storage.events.setStatus(stream.streamId, 'enabled', undefined, NOW);
    assert.equal(await isFull(3), true);
  });

  it('go with their stream', async () => {
    const stream = await newStream();
    await emit(await personOf(stream.sector), 'sessions_ended');
    assert.equal(await storage.events.removeStream('somebody else', stream.streamId), false);
    assert.equal(await storage.events.removeStream(stream.clientId, stream.streamId), true);
    assert.deepEqual(await contents(stream), []);
  });

  it('may be verified by one of many who ask at once', async () => {
    const stream = await newStream();
    const asked = () => storage.events.mayVerify(stream.streamId, NOW, MINUTE);
    const granted = await Promise.all(Array.from({ length: 10 }, asked));
    assert.equal(granted.filter(Boolean).length, 1);
    assert.equal(await storage.events.mayVerify(stream.streamId, NOW + MINUTE, MINUTE), true);
  });
});
