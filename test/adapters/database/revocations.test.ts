import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { FIND_BY_LOOKUPS, WALK } from '../../../adapters/database/stores/revocation_store.ts';
import { createOidcStore, type OidcStore } from '../../../adapters/oidc-store/oidc_store.ts';
import {
  createListFollower,
  type FollowedCounts,
  type ListDifference,
  type ListFollower,
  type ListInService,
} from '../../../provider/identity/follow_lists.ts';
import { certificateLookup, certificateRecord, createIdentity } from '../../../provider/identity/identity.ts';
import { createNotify } from '../../../provider/identity/notices.ts';
import { effectOf } from '../../../provider/identity/person_state.ts';
import { createRevocationEffects, openRevocation } from '../../../provider/identity/revocation_effects.ts';
import type { RevocableCertificate } from '../../../provider/identity/revocation_store.ts';
import {
  type Certificate,
  RevocationList,
  type RevocationReason,
  revocationReasons,
  writeRevocationList,
} from '../../../provider/pki/index.ts';
import { octetsInMemory } from '../../../provider/pki/revocation_index.ts';
import { SerialTable } from '../../../provider/pki/serial_table.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { verifiedCard } from '../../support/verified_card.ts';

const NOW = Date.parse('2026-11-22T00:00:00Z');
const DAY = 86_400_000;
const MINUTE = 60_000;
const SECOND_LOOK = 80_000;

interface Entry {
  readonly serial: Uint8Array;
  readonly reason?: RevocationReason;
  readonly revokedAt?: number;
}

describe(`revocations on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  let oidcStore: OidcStore;
  let now: number;
  const vault = createVault([randomBytes(32)]);

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
    oidcStore = createOidcStore({ database: test.database, vault, clients: storage.clients, clock: () => now });
  });
  after(() => test.drop());
  beforeEach(() => {
    now = NOW;
  });

  /** Each test has an issuer of its own. */
  const newIssuer = () => Buffer.from(`Authority ${randomUUID()}`);

  interface Bound {
    readonly issuer: Uint8Array;
    readonly serial: Uint8Array;
    readonly subjectId: string;
    readonly lookup: Uint8Array;
  }

  async function bind(issuer: Uint8Array, kind: 'user' | 'signing' = 'user', subject?: string): Promise<Bound> {
    const serial = randomBytes(8);
    serial[0] = 1;
    const subjectId = subject ?? randomUUID();
    if (subject === undefined) await storage.identity.insertSubject(subjectId, now);
    const certificate = {
      issuer,
      serial,
      der: randomBytes(20),
      fingerprint: randomBytes(32).toString('hex'),
      notBefore: NOW - DAY,
      notAfter: NOW + DAY,
    } as unknown as Certificate; // what a record is made of
    const record = certificateRecord(vault, certificate, kind, subjectId);
    assert.ok(await storage.identity.insertCertificate(record, { checkedAt: now, source: 'crl', asOf: now }, now));
    return { issuer, serial, subjectId, lookup: certificateLookup(vault, issuer, serial) };
  }

  /** As an enrolment with this signing certificate. */
  async function keepAttributes({ subjectId, lookup: certificate }: Bound): Promise<void> {
    const sealed = vault.seal('test', randomBytes(9));
    await storage.enrolments.keepAttributes({ subjectId, sealed, certificate, obtainedAt: now, match: undefined });
  }

  async function find({ lookup }: Pick<Bound, 'lookup'>): Promise<RevocableCertificate> {
    const [found] = await storage.revocations.findByLookups([lookup]);
    assert.ok(found);
    return found;
  }

  function tableOf(entries: readonly Entry[]): SerialTable {
    const table = new SerialTable();
    for (const { serial, reason = 'certificateHold', revokedAt = NOW - DAY } of entries) {
      table.add(serial, 0, serial.length, revocationReasons.indexOf(reason), revokedAt / 1000);
    }
    return table;
  }

  function listOf(issuer: Uint8Array, number: number, entries: readonly Entry[]): RevocationList {
    const pieces: Uint8Array[] = [];
    const facts = {
      issuer,
      number: BigInt(number),
      thisUpdate: NOW + number * MINUTE,
      nextUpdate: NOW + DAY,
      distributionPoints: undefined,
      scope: new Uint8Array(),
    };
    writeRevocationList(facts, tableOf(entries), {}, (octets) => pieces.push(octets.slice()));
    return new RevocationList(octetsInMemory(Buffer.concat(pieces)));
  }

  async function inService(list: RevocationList, series: string = randomUUID()): Promise<ListInService> {
    assert.ok(await storage.crlNumbers.raise(series, list.number));
    return { series, list };
  }

  function differenceOf(older: RevocationList, list: RevocationList): ListDifference & { opened: number } {
    const difference = {
      since: { number: older.number, thisUpdate: older.thisUpdate },
      opened: 0,
      open() {
        difference.opened += 1;
        const entries = [...list.entries.entries()].filter(({ serial }) => !older.find(serial));
        return { entries, close() {} };
      },
    };
    return difference;
  }

  interface Process {
    readonly follower: ListFollower;
    readonly counts: FollowedCounts[];
    lists: ListInService[];
    /** Subjects whose sessions were ended, once for each time. */
    readonly ended: string[];
    endAllOf(subjectId: string): Promise<{ sessions: number; grants: number }>;
  }

  /** What one hub process has of this. */
  function newProcess(): Process {
    const counts: FollowedCounts[] = [];
    const process: Omit<Process, 'follower'> = {
      counts,
      lists: [],
      ended: [],
      async endAllOf(subjectId) {
        const { sessions, grants } = await oidcStore.endAllOf(subjectId);
        process.ended.push(subjectId);
        return { sessions: sessions.length, grants };
      },
    };
    const clock = () => now;
    const sessions = { endAllOf: (subjectId: string) => process.endAllOf(subjectId) };
    const follower = createListFollower({
      lists: () => process.lists,
      storage,
      progress: storage.listProgress,
      vault,
      effects: createRevocationEffects({
        storage,
        vault,
        sessions,
        notify: createNotify({ emit: async () => {} }),
        events: { emit: async () => {} },
        clock,
      }),
      clock,
      random: systemRandom,
      log: { info() {}, warn() {} },
      observe: (seen) => counts.push(seen),
    });
    return Object.assign(process, { follower });
  }

  async function followTwice(process: Process): Promise<void> {
    await process.follower.follow();
    now += SECOND_LOOK;
    await process.follower.follow();
  }

  async function saveSession(accountId: string): Promise<string> {
    const jti = randomBytes(32).toString('base64url');
    const uid = randomBytes(32).toString('base64url');
    const times = { iat: now / 1000, exp: now / 1000 + 3600 };
    await oidcStore.adapter('Session').upsert(jti, { jti, uid, accountId, kind: 'Session', ...times }, 3600);
    return jti;
  }
  const isAlive = async (jti: string) => (await oidcStore.adapter('Session').find(jti)) !== undefined;

  const auditOf = async (subject: string) =>
    (await storage.audit.read(0n, 100_000)).filter(({ subjectId }) => subjectId === subject);

  describe('certificates', () => {
    it('are found by thousands of look-ups in one statement, and nobody else’s are', async () => {
      const issuer = newIssuer();
      const mine = [await bind(issuer), await bind(issuer, 'signing')];
      const strangers = Array.from({ length: 3000 }, () => certificateLookup(vault, issuer, randomBytes(8)));
      const found = await storage.revocations.findByLookups([...strangers, ...mine.map(({ lookup }) => lookup)]);
      assert.deepEqual(
        found.map(({ subjectId, kind }) => `${subjectId} ${kind}`).sort(),
        mine.map(({ subjectId }, place) => `${subjectId} ${place === 0 ? 'user' : 'signing'}`).sort(),
      );
      assert.deepEqual(await storage.revocations.findByLookups([]), []);
    });

    it('are walked issuer by issuer, page by page, each once', async () => {
      const [issuer, other] = [newIssuer(), newIssuer()];
      const mine = await Promise.all(Array.from({ length: 7 }, () => bind(issuer)));
      await bind(other);
      const hash = createHash('sha256').update(issuer).digest();
      const seen: string[] = [];
      let last: Uint8Array | undefined;
      for (let page = 0; page < 3; page++) {
        const rows = await storage.revocations.walk(hash, last, 3);
        seen.push(...rows.map(({ subjectId }) => subjectId));
        last = rows.at(-1)?.lookup;
      }
      assert.deepEqual(seen.toSorted(), mine.map(({ subjectId }) => subjectId).toSorted());
    });

    it('take one of two records that were made at once', async () => {
      const found = await find(await bind(newIssuer()));
      const record = (asOf: number) =>
        storage.revocations.record(found, { sealed: vault.seal('test', randomBytes(9)), asOf });
      assert.deepEqual((await Promise.all([record(1), record(2)])).toSorted(), [false, true]);
    });

    it('are found by an index, whatever the number', async () => {
      for (const [statement, values] of [
        [FIND_BY_LOOKUPS, [['\\x00']]],
        [WALK, [randomBytes(32), randomBytes(32), 10, randomBytes(33)]],
      ] as const) {
        const { rows } = await test.database.query<{ 'QUERY PLAN': string }>(
          { name: `explain_${statement.name}`, text: `EXPLAIN ${statement.text}` },
          values,
        );
        assert.doesNotMatch(rows.map((row) => row['QUERY PLAN']).join('\n'), /Seq Scan/);
      }
    });

    it('say nothing of their reason at rest, not by a length either', async () => {
      const issuer = newIssuer();
      const bound = await Promise.all(Array.from({ length: 3 }, () => bind(issuer)));
      const reasons = ['cessationOfOperation', 'superseded', 'keyCompromise'] as const;
      const process = newProcess();
      const entries = bound.map(({ serial }, place): Entry => ({ serial, reason: reasons[place] ?? 'unspecified' }));
      process.lists = [await inService(listOf(issuer, 1, entries))];
      await process.follower.follow();
      const stored = await Promise.all(bound.map(find));
      assert.equal(new Set(stored.map(({ revocation }) => revocation?.sealed.length)).size, 1);
      assert.deepEqual(
        stored.map(({ revocation }) => revocation && openRevocation(vault, revocation).reason),
        reasons,
      );
    });
  });

  describe('how far a list has been followed', () => {
    const claimOf = (owner: string, at = NOW) => ({ owner, now: at, until: at + MINUTE });
    const issue = { number: 5n, thisUpdate: NOW };

    it('is one process’s to find out, until that is done or dead', async () => {
      const { series } = await inService(listOf(newIssuer(), 5, []));
      const { listProgress } = storage;
      assert.ok(await listProgress.claim(series, issue, claimOf('one')));
      assert.ok(await listProgress.claim(series, issue, claimOf('one')), 'goes on');
      assert.equal(await listProgress.claim(series, issue, claimOf('two')), false);
      assert.ok(await listProgress.claim(series, issue, claimOf('two', NOW + MINUTE)));
      await listProgress.release('two');
      assert.ok(await listProgress.claim(series, issue, claimOf('three', NOW)));
      await listProgress.finish(series, issue);
      assert.equal(await listProgress.claim(series, issue, claimOf('three')), false);
    });

    it('never goes back, and knows two lists of one number apart by their dates', async () => {
      const { series } = await inService(listOf(newIssuer(), 5, []));
      const { listProgress } = storage;
      await listProgress.finish(series, issue);
      await listProgress.finish(series, { number: 4n, thisUpdate: NOW + DAY });
      assert.deepEqual((await listProgress.applied()).get(series), issue);
      assert.ok(await listProgress.claim(series, { ...issue, thisUpdate: NOW + 1 }, claimOf('one')));
    });
  });

  describe('a list', () => {
    it('ends the sessions of those that it names, by looking up each of ours when it is the first', async () => {
      const issuer = newIssuer();
      const [lost, fine] = [await bind(issuer), await bind(issuer)];
      const sessions = [await saveSession(lost.subjectId), await saveSession(fine.subjectId)];
      const process = newProcess();
      process.lists = [await inService(listOf(issuer, 1, [lost, { serial: randomBytes(8) }]))];
      await process.follower.follow();
      assert.deepEqual(await Promise.all(sessions.map(isAlive)), [false, true]);
      const [counts] = process.counts;
      assert.deepEqual([counts?.by, counts?.user, counts?.sessions], ['walk', 1, 1]);
    });

    it('does so by its difference when that is at hand, in batches, and lets others have their turn', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const process = newProcess();
      const first = listOf(issuer, 1, []);
      const held = await inService(first);
      process.lists = [held];
      await followTwice(process);
      const session = await saveSession(lost.subjectId);
      const strangers = Array.from({ length: 5000 }, () => ({ serial: randomBytes(8) }));
      const second = listOf(issuer, 2, [...strangers, lost]);
      process.lists = [await inService(second, held.series)];
      const difference = differenceOf(first, second);
      process.follower.taken({ series: held.series, list: second }, difference);
      let turns = 0;
      const count = () => {
        turns += 1;
        if (process.counts.length < 3) setImmediate(count);
      };
      count();
      await process.follower.follow();
      assert.ok(turns > 15, `${turns} turns of the event loop`);
      assert.equal(await isAlive(session), false);
      assert.deepEqual([difference.opened, process.counts.at(-1)?.by], [1, 'difference']);
    });

    it('is looked up whole when its difference is to another list than the last one followed, or gone', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const process = newProcess();
      const [first, second, third] = [listOf(issuer, 1, []), listOf(issuer, 2, [lost]), listOf(issuer, 3, [lost])];
      const { series } = await inService(first);
      process.lists = [{ series, list: first }];
      await followTwice(process);
      // The second was taken by a process that died: nobody has followed it.
      process.lists = [await inService(third, series)];
      const difference = differenceOf(second, third);
      process.follower.taken({ series, list: third }, difference);
      await followTwice(process);
      assert.deepEqual([difference.opened, process.ended], [0, [lost.subjectId, lost.subjectId]]);

      const fourth = listOf(issuer, 4, [lost]);
      process.lists = [await inService(fourth, series)];
      const gone = {
        since: { number: third.number, thisUpdate: third.thisUpdate },
        open: () => {
          throw new Error('ENOENT');
        },
      };
      process.follower.taken({ series, list: fourth }, gone);
      await process.follower.follow();
      assert.equal(process.counts.at(-1)?.by, 'walk');
    });

    it('is followed by another process when the first one dies in the middle', async () => {
      const issuer = newIssuer();
      const lost = [await bind(issuer), await bind(issuer)];
      const sessions = await Promise.all(lost.map(({ subjectId }) => saveSession(subjectId)));
      const held = await inService(listOf(issuer, 1, lost));
      const dying = newProcess();
      dying.lists = [held];
      // Recorded, and no more: the process is gone.
      dying.endAllOf = () => new Promise(() => {});
      void dying.follower.follow();
      while ((await Promise.all(lost.map(find))).every(({ revocation }) => revocation === undefined)) await nextTurn();
      const next = newProcess();
      next.lists = [held];
      await next.follower.follow();
      assert.deepEqual(next.ended, [], 'it may be alive');
      now += MINUTE + 1;
      await followTwice(next);
      assert.deepEqual(await Promise.all(sessions.map(isAlive)), [false, false]);
      assert.ok((await Promise.all(lost.map(find))).every(({ isSettled }) => isSettled));
      for (const { subjectId } of lost) {
        const kinds = (await auditOf(subjectId)).map(({ kind }) => kind);
        assert.deepEqual(kinds.toSorted(), ['certificate.revoked', 'sessions.ended']);
      }
    });

    it('is tried again for the one that could not be acted on, and acts on the others', async () => {
      const issuer = newIssuer();
      const [unlucky, lost] = [await bind(issuer), await bind(issuer)];
      const session = await saveSession(unlucky.subjectId);
      const process = newProcess();
      process.lists = [await inService(listOf(issuer, 1, [unlucky, lost]))];
      const { endAllOf } = process;
      process.endAllOf = async (subjectId) => {
        if (subjectId === unlucky.subjectId) throw new Error('the database is away');
        return endAllOf(subjectId);
      };
      await process.follower.follow();
      assert.deepEqual([process.ended, process.counts[0]?.failures], [[lost.subjectId], 1]);
      process.endAllOf = endAllOf;
      await process.follower.follow();
      assert.equal(await isAlive(session), false);
    });

    it('is followed past a row that somebody damaged', async () => {
      const issuer = newIssuer();
      const bound = [await bind(issuer), await bind(issuer), await bind(issuer)];
      await test.database.query(
        { name: 'test_damage', text: `UPDATE certificate SET sealed_serial = '\\x00' WHERE lookup = $1` },
        [bound[1]?.lookup],
      );
      const process = newProcess();
      process.lists = [await inService(listOf(issuer, 1, bound))];
      await process.follower.follow();
      assert.deepEqual(process.ended.toSorted(), [bound[0]?.subjectId, bound[2]?.subjectId].toSorted());
    });

    it('takes back, at its second look, what a request in flight stored after the first, and then leaves the person alone', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const process = newProcess();
      process.lists = [await inService(listOf(issuer, 1, [lost]))];
      await process.follower.follow();
      const late = await saveSession(lost.subjectId);
      now += SECOND_LOOK / 2;
      await process.follower.follow();
      assert.equal(await isAlive(late), true, 'the first look is not repeated');
      now += SECOND_LOOK / 2;
      await process.follower.follow();
      assert.equal(await isAlive(late), false);
      // With a new card of theirs, say.
      const later = await saveSession(lost.subjectId);
      now += SECOND_LOOK;
      await process.follower.follow();
      const again = newProcess();
      again.lists = [await inService(listOf(issuer, 2, [lost]), process.lists[0]?.series)];
      await followTwice(again);
      assert.equal(await isAlive(later), true);
    });

    it('finds a certificate that was bound between its two looks', async () => {
      const issuer = newIssuer();
      const process = newProcess();
      const first = listOf(issuer, 1, []);
      const { series } = await inService(first);
      process.lists = [{ series, list: first }];
      await followTwice(process);
      const serial = randomBytes(8);
      serial[0] = 1;
      const known: Entry[] = [{ serial }];
      const second = listOf(issuer, 2, known);
      process.lists = [await inService(second, series)];
      process.follower.taken({ series, list: second }, differenceOf(first, second));
      await process.follower.follow();
      // A process that still had the list before has let them in.
      const subjectId = randomUUID();
      await storage.identity.insertSubject(subjectId, now);
      const certificate = {
        ...{ issuer, serial, fingerprint: randomBytes(32).toString('hex') },
        ...{ notBefore: NOW, notAfter: NOW + DAY },
      } as unknown as Certificate;
      const record = certificateRecord(vault, certificate, 'user', subjectId);
      await storage.identity.insertCertificate(record, { checkedAt: now, source: 'crl', asOf: now }, now);
      const session = await saveSession(subjectId);
      now += SECOND_LOOK;
      await process.follower.follow();
      assert.equal(await isAlive(session), false);
    });

    it('acts anew when a hold turns out to be a theft, and when a card is held a second time', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const process = newProcess();
      const held = await inService(listOf(issuer, 1, [lost]));
      for (const [number, entry] of [
        [1, lost],
        [2, { ...lost, reason: 'keyCompromise' }],
        [3, { ...lost, reason: 'keyCompromise', revokedAt: NOW }],
      ] as const) {
        process.lists = [await inService(listOf(issuer, number, [entry]), held.series)];
        const session = await saveSession(lost.subjectId);
        await followTwice(process);
        assert.equal(await isAlive(session), false);
      }
      assert.equal(
        process.counts.reduce((sum, { alerts }) => sum + alerts, 0),
        2,
      );
    });

    it('older than what is recorded changes nothing', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const [old, newer] = [listOf(issuer, 1, [{ ...lost, reason: 'superseded' }]), listOf(issuer, 2, [lost])];
      const process = newProcess();
      process.lists = [await inService(newer)];
      await followTwice(process);
      const stale = newProcess();
      // A list of another scope, for one, that also names the card.
      stale.lists = [await inService(old)];
      await followTwice(stale);
      assert.deepEqual(stale.ended, []);
      const { revocation } = await find(lost);
      assert.equal(revocation && openRevocation(vault, revocation).reason, 'certificateHold');
    });

    it('of another authority names other certificates by the same serials', async () => {
      const [issuer, other] = [newIssuer(), newIssuer()];
      const fine = await bind(issuer);
      const process = newProcess();
      process.lists = [await inService(listOf(other, 1, [fine]))];
      await followTwice(process);
      assert.deepEqual(process.ended, []);
    });

    it('marks a signing certificate and ends nothing', async () => {
      const issuer = newIssuer();
      const user = await bind(newIssuer());
      const signing = await bind(issuer, 'signing', user.subjectId);
      const session = await saveSession(user.subjectId);
      const process = newProcess();
      process.lists = [await inService(listOf(issuer, 1, [{ ...signing, reason: 'keyCompromise' }]))];
      await process.follower.follow();
      assert.equal(await isAlive(session), true);
      const { revocation, isSettled } = await find(signing);
      assert.ok(revocation && isSettled);
      assert.deepEqual([process.counts[0]?.signing, process.counts[0]?.alerts], [1, 0]);
    });

    it('that names a renewed card ends nothing when the hub knows the new one already', async () => {
      const issuer = newIssuer();
      const old = await bind(issuer);
      await test.database.query(
        { name: 'test_supersede', text: `UPDATE certificate SET status = 'superseded' WHERE lookup = $1` },
        [old.lookup],
      );
      const session = await saveSession(old.subjectId);
      const process = newProcess();
      process.lists = [await inService(listOf(issuer, 1, [{ ...old, reason: 'superseded' }]))];
      await process.follower.follow();
      assert.equal(await isAlive(session), true);
      assert.ok((await find(old)).isSettled);
    });

    it('is followed by two processes at once with one event each', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const session = await saveSession(lost.subjectId);
      const held = await inService(listOf(issuer, 1, [lost]));
      const processes = [newProcess(), newProcess()];
      for (const process of processes) process.lists = [held];
      await Promise.all(processes.map(({ follower }) => follower.follow()));
      assert.equal(await isAlive(session), false);
      const kinds = (await auditOf(lost.subjectId)).map(({ kind }) => kind);
      assert.deepEqual(kinds.toSorted(), ['certificate.revoked', 'sessions.ended']);
    });
  });

  describe('a sign-in with a certificate that a list has revoked', () => {
    const identity = () =>
      createIdentity({
        storage,
        vault,
        linkage: undefined,
        notify: createNotify({ emit: async () => {} }),
        linkedCertificates: { check: async () => 'good' as const },
        clock: () => now,
        random: systemRandom,
      });
    const verified = ({ issuer, serial }: Bound, thisUpdate: number) =>
      verifiedCard(serial, { issuer, now, thisUpdate });

    it('is refused where it rests on an older word, with the page of the reason', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const list = listOf(issuer, 1, [lost]);
      const process = newProcess();
      process.lists = [await inService(list)];
      await process.follower.follow();
      const older = verified(lost, list.thisUpdate - 1);
      await assert.rejects(identity().subjectOf(older), { code: 'certificate_on_hold' });
    });

    it('has the effect that the table gives to each pair of words, on sessions, on sign-ins and on what is held', async () => {
      const words = revocationReasons.filter((reason) => reason !== undefined);
      const pairs = (['good', ...words] as const).flatMap((user) =>
        (['good', 'none', ...words] as const).map((signing) => ({ user, signing })),
      );
      assert.equal(pairs.length, 132);
      const [userIssuer, signingIssuer] = [newIssuer(), newIssuer()];
      const people = [];
      for (const { user, signing } of pairs) {
        const card = await bind(userIssuer);
        const other = signing === 'none' ? undefined : await bind(signingIssuer, 'signing', card.subjectId);
        if (other) await keepAttributes(other);
        people.push({ user, signing, card, other, session: await saveSession(card.subjectId) });
      }
      const process = newProcess();
      const userList = listOf(
        userIssuer,
        1,
        people.flatMap(({ user, card }) => (user === 'good' ? [] : [{ ...card, reason: user }])),
      );
      const signingList = listOf(
        signingIssuer,
        1,
        people.flatMap(({ signing, other }) =>
          other === undefined || signing === 'good' || signing === 'none' ? [] : [{ ...other, reason: signing }],
        ),
      );
      process.lists = [await inService(userList), await inService(signingList)];
      await process.follower.follow();
      for (const { user, signing, card, session } of people) {
        const effect = effectOf(signing, user);
        const what = `signing ${signing}, user ${user}`;
        assert.equal(await isAlive(session), effect.sessions === 'go_on', what);
        const signIn = identity().subjectOf(verified(card, userList.thisUpdate - 1));
        if (effect.signIn === 'goes_on') assert.equal((await signIn).subjectId, card.subjectId, what);
        else await assert.rejects(signIn, { code: effect.signIn }, what);
        const held = await storage.enrolments.findAttributes(card.subjectId, now);
        assert.equal(held === undefined ? 'none' : held.isCurrent ? 'current' : 'stale', effect.attributes, what);
        const notices = (await storage.notices.list(card.subjectId, 10)).map(({ kind }) => kind);
        assert.deepEqual(notices, effect.attributes === 'stale' ? ['attributes_stale'] : [], what);
      }
    });

    it('goes on where the authority’s newer word is good', async () => {
      const issuer = newIssuer();
      const lost = await bind(issuer);
      const list = listOf(issuer, 1, [lost]);
      const process = newProcess();
      process.lists = [await inService(list)];
      await process.follower.follow();
      assert.equal((await identity().subjectOf(verified(lost, list.thisUpdate + 1))).subjectId, lost.subjectId);
    });
  });
});
