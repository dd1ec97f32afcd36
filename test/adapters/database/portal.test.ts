import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { createNotify } from '../../../provider/identity/notices.ts';
import { noMail } from '../../../provider/notices_by_mail/mail_to_person.ts';
import { createAccountLocks } from '../../../provider/portal/account_locks.ts';
import { createMisuseReports } from '../../../provider/portal/misuse_reports.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';

let test: TestDatabase;
let storage: ReturnType<typeof createStorage>;
let subjectId: string;
let other: string;
const vault = createVault([randomBytes(32)]);

before(async () => {
  test = await openTestDatabase();
  storage = createStorage(test.database, vault);
});
after(() => test?.drop());

const insertSubject = async () => {
  const id = randomUUID();
  await storage.identity.insertSubject(id, 0);
  return id;
};
beforeEach(async () => {
  [subjectId, other] = [await insertSubject(), await insertSubject()];
});

function consent(over: object = {}) {
  return lastingConsent({
    ...{ id: randomUUID(), subjectId, clientId: 'clinic', granted: ['sub', 'name'], declined: ['address'] },
    ...{ purpose: 'to see you', grantedAt: 1000, expiresAt: 9000, ...over },
  });
}

describe('consents of one person', () => {
  it('are live until they end, and say how they ended', async () => {
    const [first, second, short] = [
      consent(),
      consent({ grantedAt: 2000 }),
      consent({ clientId: 'shop', expiresAt: 1500 }),
    ];
    for (const each of [first, short, second]) await storage.consents.replace(each);
    await storage.consents.replace(consent({ subjectId: other, clientId: 'other' }));
    const live = await storage.portal.listLiveConsents(subjectId, 3000, 10);
    assert.deepEqual(
      live.map(({ id }) => id),
      [second.id],
    );
    await storage.consents.withdraw(second.id, 4000);
    const past = await storage.portal.listPastConsents(subjectId, 5000, undefined, 10);
    assert.deepEqual(
      past.map(({ id, withdrawnAt, isReplaced }) => [id, withdrawnAt, isReplaced]).sort(),
      [
        [second.id, 4000, false],
        [first.id, 2000, true],
        [short.id, undefined, false],
      ].sort(),
    );
    assert.deepEqual((await storage.portal.listLiveConsents(subjectId, 5000, 10)).length, 0);
  });

  it('come in pages that miss none and repeat none, even of one moment', async () => {
    for (let count = 0; count < 7; count += 1) {
      await storage.consents.replace(consent({ clientId: `c${count}`, expiresAt: 1500 }));
    }
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await storage.portal.listPastConsents(subjectId, 2000, after, 3);
      seen.push(...page.map(({ clientId }) => clientId));
      after = page.at(-1)?.id;
    } while (after !== undefined);
    assert.deepEqual(seen.sort(), ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6']);
  });

  it('are nobody else’s', async () => {
    const mine = consent();
    await storage.consents.replace(mine);
    assert.equal((await storage.portal.findConsents(other, [mine.id])).length, 0);
    assert.equal((await storage.portal.findConsents(subjectId, [mine.id, 'no id', randomUUID()])).length, 1);
    assert.deepEqual(await storage.portal.listPastConsents(other, 99_999, mine.id, 10), []);
  });
});

describe('the history of one person', () => {
  const disclose = (clientId: string, names: string[], now: number) => {
    const claims = names.map((claim) => ({ claim, source: undefined }));
    return storage.consents.disclose({ subjectId, clientId, exit: 'userinfo', claims, now });
  };

  beforeEach(async () => {
    await storage.consents.replace(consent());
    await storage.consents.replace(consent({ clientId: 'shop' }));
    for (let now = 2000; now < 2005; now += 1) await disclose('clinic', ['sub', 'name'], now);
    await disclose('shop', ['sub'], 3000);
  });

  it('says of each claim whose word it was', async () => {
    const claims = [
      { claim: 'sub', source: undefined },
      { claim: 'name', source: 'insurer' },
    ];
    await storage.consents.disclose({ subjectId, clientId: 'clinic', exit: 'userinfo', claims, now: 3001 });
    const [newest] = await storage.portal.listDisclosures(subjectId, {}, undefined, 1);
    assert.deepEqual(
      [newest?.claims, newest?.sources],
      [
        ['sub', 'name'],
        [undefined, 'insurer'],
      ],
    );
  });

  it('is filtered by relying party, claim and time, and paged by place', async () => {
    const ask = async (filter: object, before?: number, limit = 10) =>
      storage.portal.listDisclosures(subjectId, filter, before, limit);
    assert.equal((await ask({})).length, 6);
    assert.deepEqual((await ask({ clientId: 'shop' })).length, 1);
    assert.deepEqual((await ask({ claim: 'name' })).length, 5);
    assert.deepEqual(
      (await ask({ from: 2001, until: 2003 })).map(({ at }) => at),
      [2002, 2001],
    );
    const [newest, ...rest] = await ask({}, undefined, 3);
    const older = await ask({}, rest.at(-1)?.sequence, 10);
    assert.deepEqual([newest?.at, newest?.deliveredAt], [3000, undefined]);
    await storage.consents.confirmDelivery([{ subjectId, sequence: newest?.sequence ?? 0 }], 4000);
    assert.equal((await ask({}, undefined, 1))[0]?.deliveredAt, 4000);
    assert.deepEqual(
      older.map(({ at }) => at),
      [2002, 2001, 2000],
    );
    assert.deepEqual(await storage.portal.listDisclosures(other, {}, undefined, 10), []);
  });

  it('is counted by relying party and claim, of the newest ones', async () => {
    const counts = await storage.portal.countDisclosures(subjectId, 100);
    assert.deepEqual(counts, [
      { clientId: 'clinic', claim: 'name', count: 5, lastAt: 2004 },
      { clientId: 'clinic', claim: 'sub', count: 5, lastAt: 2004 },
      { clientId: 'shop', claim: 'sub', count: 1, lastAt: 3000 },
    ]);
    assert.equal((await storage.portal.countDisclosures(subjectId, 1)).length, 1);
  });
});

describe('a relying party', () => {
  it('keeps its name when it is gone, and has the new one when it comes back', async () => {
    const metadata = { client_name: 'Clinic', 'client_name#ja': '診療所', redirect_uris: ['https://rp.example/cb'] };
    const client = { clientId: `rp-${randomUUID()}`, metadata, createdAt: 0 };
    await storage.clients.insert(client);
    const find = async () => (await storage.portal.findRelyingParties([client.clientId]))[0];
    assert.deepEqual((await find())?.metadata, metadata);
    await storage.clients.remove(client.clientId);
    assert.deepEqual(await find(), {
      clientId: client.clientId,
      isRegistered: false,
      metadata: { client_name: 'Clinic', 'client_name#ja': '診療所' },
    });
    await storage.clients.insert({ ...client, metadata: { client_name: 'New' } });
    assert.deepEqual((await find())?.metadata, { client_name: 'New' });
    assert.deepEqual(await storage.portal.findRelyingParties(['nobody', 'no\0body']), []);
  });
});

describe('a lock', () => {
  const ended: string[] = [];
  const events = { emit: async () => {} };
  const locks = () =>
    createAccountLocks({
      storage,
      sessions: {
        async endAllOf(id) {
          ended.push(id);
          return { sessions: 0, grants: 0 };
        },
      },
      ...{ events, mail: noMail, notify: createNotify(events) },
      clock: () => 5000,
      random: randomBytes,
    });

  it('is one, however often and at however many places at once it is asked for, and ends what lives', async () => {
    const references = await Promise.all([1, 2, 3].map(() => locks().lock(subjectId)));
    assert.equal(new Set(references).size, 1);
    assert.equal(ended.filter((id) => id === subjectId).length, 3);
    const events = await storage.audit.read(0n, 1000);
    assert.equal(events.filter((event) => event.kind === 'account.locked' && event.subjectId === subjectId).length, 1);
  });

  it('stops every release, and no one else’s', async () => {
    const release = async (id: string) => {
      const claims = [{ claim: 'sub', source: undefined }];
      const told = { subjectId: id, clientId: 'clinic', exit: 'userinfo', claims, now: 2000 } as const;
      return (await storage.consents.disclose(told))?.claims;
    };
    for (const id of [subjectId, other]) await storage.consents.replace(consent({ subjectId: id }));
    const reference = await locks().lock(subjectId);
    assert.equal(await release(subjectId), undefined);
    assert.deepEqual(await release(other), ['sub']);
    assert.deepEqual(await storage.portal.listDisclosures(subjectId, {}, undefined, 10), []);
    await locks().unlock(reference);
    assert.deepEqual(await release(subjectId), ['sub']);
    await assert.rejects(locks().unlock(reference), { code: 'lock_unknown' });
  });

  it('that is lifted is told to its person, once', async () => {
    const reference = await locks().lock(subjectId);
    const before = await storage.notices.list(subjectId, 10);
    await Promise.allSettled([1, 2, 3].map(() => locks().unlock(reference)));
    const told = (await storage.notices.list(subjectId, 10)).slice(0, -before.length || undefined);
    assert.deepEqual(told, [{ kind: 'account_unlocked', at: 5000 }]);
  });
});

describe('reports', () => {
  it('are encrypted, read by whom they are for, and bounded by day though they come at once', async () => {
    let now = 1000;
    const counted: string[] = [];
    const reports = createMisuseReports({
      ...{ storage, vault, clock: () => now, random: randomBytes, log: { warn: () => {} } },
      observe: (kind) => counted.push(kind),
    });
    const send = () => reports.report(subjectId, { kind: 'card', clientId: undefined, text: '失くしました' });
    const sent = await Promise.allSettled(Array.from({ length: 12 }, send));
    assert.equal(sent.filter(({ status }) => status === 'fulfilled').length, 10);
    assert.equal(counted.length, 10);
    assert.equal((await reports.listOf(subjectId))[0]?.text, '失くしました');
    assert.deepEqual(await reports.listOf(other), []);
    const { rows } = await test.database.query<{ sealed_text: Buffer }>({
      name: 'test_reports',
      text: 'SELECT sealed_text FROM misuse_report',
    });
    assert.ok(rows.every(({ sealed_text: text }) => !text.includes('失くしました')));
    now += 2 * 86_400_000;
    await send();
  });
});
