import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../operations/logger.ts';
import type { Revocation, RevocationList } from '../pki/index.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import { certificateLookup, openSerial } from './identity.ts';
import type { RevocationEffects } from './revocation_effects.ts';
import type { ListIssue, ListProgressStore, RevocableCertificate } from './revocation_store.ts';

/** A revocation list in service, by the name of its series. */
export interface ListInService {
  readonly series: string;
  readonly list: RevocationList;
}

/** What a list says that another issue of its series did not. */
export interface ListDifference {
  readonly since: ListIssue;
  /** Throws when it is not there any more: a newer list has replaced it. */
  open(): OpenDifference;
}

export interface OpenDifference {
  /** What is handed out is only lent until the next one. */
  readonly entries: Iterable<{ readonly serial: Uint8Array; readonly revocation: Revocation }>;
  close(): void;
}

export interface ListFollowerWorld {
  /** Every list in service, whoever took it. */
  lists(): readonly ListInService[];
  readonly storage: Pick<Storage, 'revocations'>;
  readonly progress: ListProgressStore;
  readonly vault: Vault;
  readonly effects: RevocationEffects;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Counts what came of it. */
  observe(counts: FollowedCounts): void;
}

/** How many certificates of ours were found newly revoked, and what ended with them. */
export interface FollowedCounts {
  /** Whether what is new was at hand, or every certificate of ours had to be looked up. */
  readonly by: 'difference' | 'walk';
  readonly user: number;
  readonly signing: number;
  readonly sessions: number;
  readonly grants: number;
  /** Of the certificates, those whose state is one that an operator should look at. */
  readonly alerts: number;
  /** Certificates whose revocation could not take effect, and is to be tried again. */
  readonly failures: number;
}

/** Has the revocations of new lists take effect on who is signed in. */
export interface ListFollower {
  /** Follows each list from now on. */
  start(): void;
  /** Tells what is new in a list that has come into service; the looks at all entries are saved by it. */
  taken(taken: ListInService, difference: ListDifference | undefined): void;
  /** Follows what there is to follow. Never rejects: what fails is tried again. */
  follow(): Promise<void>;
  /**
   * Up to which issue of each series what is recorded on certificates is complete: as far as anybody has followed it to
   * its end, or this process has looked at it once.
   */
  reached(): Promise<ReadonlyMap<string, ListIssue>>;
  /** Resolves when nothing is under way any more. What is left undone is done after the next start, by whoever. */
  stop(): Promise<void>;
}

/** How often a process looks for lists that nobody has followed to their end (ms). */
const LOOK_EVERY = 15_000;
/** A list is left to the process that claimed it for this long (ms) after it has last been heard of. */
const CLAIM_LIFETIME = 60_000;
/**
 * When a list is looked at once more (ms). Another process may go by the list before for ten seconds
 * (AuthoritySettings.shelfInterval); what a person is let in by then may become a session within a minute
 * (hand_over.ts). The first look finds neither a certificate that is bound after it, nor a session that is stored after it.
 */
const SECOND_LOOK_AFTER = 75_000;
/** Certificates looked up in one statement: with the embedded database, which runs in this process, some milliseconds. */
const BATCH = 1_000;
/** Serials that are hashed or decrypted before others have their turn: one to three milliseconds. */
const SLICE = 250;

/**
 * Each list is followed twice, at once and again when nobody can be on the way in by the list before, and only then
 * noted as followed. So whatever a process did not get done when it died is done by another, or after its restart.
 *
 * A list whose difference to what was followed last is at hand is followed by that; any other by looking up each of our
 * own certificates in it: the first of its series, one that a process took and did not live to follow, one that came
 * while nobody ran.
 */
export function createListFollower(world: ListFollowerWorld): ListFollower {
  const { storage, progress, vault, effects, clock, log } = world;
  const owner = Buffer.from(world.random(8)).toString('hex');
  const differences = new Map<string, { readonly of: ListIssue; readonly difference: ListDifference }>();
  /** Lists that were looked at once by this process, and when. */
  const firstLooks = new Map<string, { readonly of: ListIssue; readonly at: number }>();
  /** As far as is known here: spares the question. */
  const followed = new Map<string, ListIssue>();
  let timer: NodeJS.Timeout | undefined;
  let hasClaimed = false;
  let stopped = false;
  let wanted = false;
  let underway: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (wanted && !stopped) {
      wanted = false;
      await followAll().catch(leaveForLater);
    }
  }

  function leaveForLater(err: unknown): void {
    if (!stopped) log.warn({ err }, 'revocations have not taken effect yet');
  }

  async function followAll(): Promise<void> {
    const behind = world.lists().filter(({ series, list }) => !reaches(followed.get(series), list));
    if (behind.length === 0) return;
    const applied = await progress.applied();
    for (const held of behind) {
      const upTo = applied.get(held.series);
      if (reaches(upTo, held.list)) followed.set(held.series, issueOf(held.list));
      else await followOne(held, upTo).catch(leaveForLater);
    }
  }

  async function followOne(held: ListInService, upTo: ListIssue | undefined): Promise<void> {
    const { series, list } = held;
    const issue = issueOf(list);
    if (!(await claim(series, issue))) return;
    const first = firstLooks.get(series);
    const isLast = first !== undefined && isSame(first.of, issue);
    if (isLast && clock() - first.at < SECOND_LOOK_AFTER) return;
    const counts = await look(held, upTo, isLast);
    report(series, counts);
    if (counts.failures > 0) return;
    if (isLast) {
      await progress.finish(series, issue);
      followed.set(series, issue);
      firstLooks.delete(series);
      differences.delete(series);
    } else {
      firstLooks.set(series, { of: issue, at: clock() });
    }
  }

  function claim(series: string, issue: ListIssue): Promise<boolean> {
    const now = clock();
    hasClaimed = true;
    return progress.claim(series, issue, { owner, now, until: now + CLAIM_LIFETIME });
  }

  async function look(held: ListInService, upTo: ListIssue | undefined, isLast: boolean): Promise<FollowedCounts> {
    const counts = { user: 0, signing: 0, sessions: 0, grants: 0, alerts: 0, failures: 0 };
    const { series, list } = held;
    const difference = openDifference(held, upTo);
    for await (const { found, revocation } of difference ? namedBy(held, difference) : walk(held)) {
      try {
        const said = { ...revocation, asOf: list.thisUpdate };
        const { isNews, alert, sessions, grants } = await effects.apply(found, said, isLast);
        if (isNews) counts[found.kind] += 1;
        if (alert) counts.alerts += 1;
        counts.sessions += sessions;
        counts.grants += grants;
        if (isNews || sessions + grants > 0) await claim(series, issueOf(list));
      } catch (err) {
        // One person's trouble must not keep the others' cards from being acted on.
        log.warn({ err, list: series }, 'a revocation has not taken effect yet');
        counts.failures += 1;
      }
    }
    return { ...counts, by: difference ? 'difference' : 'walk' };
  }

  function report(series: string, counts: FollowedCounts): void {
    world.observe(counts);
    if (counts.user + counts.signing + counts.sessions + counts.grants === 0) return;
    const level = counts.alerts > 0 ? 'warn' : 'info';
    log[level]({ list: series, ...counts }, 'revocations took effect');
  }

  /** What the list names beyond `upTo`, if that is at hand. */
  function openDifference({ series, list }: ListInService, upTo: ListIssue | undefined): OpenDifference | undefined {
    const known = differences.get(series);
    const isUsable = upTo && known && isSame(known.of, issueOf(list)) && isSame(known.difference.since, upTo);
    return isUsable ? openOrNothing(known.difference) : undefined;
  }

  function openOrNothing(difference: ListDifference): OpenDifference | undefined {
    try {
      return difference.open();
    } catch {
      return undefined;
    }
  }

  async function* namedBy(held: ListInService, { entries, close }: OpenDifference): AsyncIterable<Revoked> {
    try {
      for await (const batch of hashed(held.list.issuer, entries)) {
        const rows = await storage.revocations.findByLookups([...batch.values()].map(({ lookup }) => lookup));
        for (const found of rows) {
          const entry = batch.get(hex(found.lookup));
          if (entry) yield { found, revocation: entry.revocation };
        }
        await goOn(held);
      }
    } finally {
      close();
    }
  }

  /** The entries of a list in batches, by the look-up of each. */
  async function* hashed(issuer: Uint8Array, entries: OpenDifference['entries']): AsyncIterable<HashedEntries> {
    let batch: HashedEntries = new Map();
    for (const { serial, revocation } of entries) {
      const lookup = certificateLookup(vault, issuer, serial);
      batch.set(hex(lookup), { lookup, revocation });
      if (batch.size % SLICE === 0) await nextTurn();
      if (batch.size < BATCH) continue;
      yield batch;
      batch = new Map();
    }
    if (batch.size > 0) yield batch;
  }

  async function* walk(held: ListInService): AsyncIterable<Revoked> {
    const { list } = held;
    const issuerHash = createHash('sha256').update(list.issuer).digest();
    let after: Uint8Array | undefined;
    for (;;) {
      const rows = await storage.revocations.walk(issuerHash, after, BATCH);
      for (const [index, found] of rows.entries()) {
        if (index % SLICE === 0) await nextTurn();
        const serial = serialOf(found);
        const revocation = serial && list.find(serial);
        if (revocation) yield { found, revocation };
      }
      after = rows.at(-1)?.lookup;
      if (rows.length < BATCH) return;
      await goOn(held);
    }
  }

  /** Undefined for a row that was damaged or moved: it must not keep those behind it from being looked up. */
  function serialOf({ sealedSerial, subjectId }: RevocableCertificate): Uint8Array | undefined {
    try {
      return openSerial(vault, sealedSerial);
    } catch (err) {
      log.warn({ err, subjectId }, 'a certificate cannot be looked up in the lists: its serial does not open');
      return undefined;
    }
  }

  /** Between two batches: says that this process is still at it, and stops when the hub does. */
  async function goOn({ series, list }: ListInService): Promise<void> {
    if (stopped) throw new Error('the hub stops');
    await claim(series, issueOf(list));
  }

  const follow = () => {
    wanted = true;
    underway ??= run().finally(() => {
      underway = undefined;
    });
    return underway;
  };

  return {
    start() {
      timer = setInterval(() => void follow(), LOOK_EVERY);
      timer.unref();
      void follow();
    },
    taken({ series, list }, difference) {
      if (difference) differences.set(series, { of: issueOf(list), difference });
      if (timer) void follow();
    },
    follow,
    async reached() {
      const reached = new Map(await progress.applied());
      for (const [series, { of }] of firstLooks) {
        if (!reaches(reached.get(series), of)) reached.set(series, of);
      }
      return reached;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await underway;
      // So that the next one need not wait until this one counts as dead, which it does by itself.
      if (hasClaimed) await progress.release(owner).catch(() => {});
    },
  };
}

/** By the look-up in hexadecimal digits. */
type HashedEntries = Map<string, { readonly lookup: Uint8Array; readonly revocation: Revocation }>;

interface Revoked {
  readonly found: RevocableCertificate;
  readonly revocation: Revocation;
}

function issueOf({ number, thisUpdate }: RevocationList): ListIssue {
  return { number, thisUpdate };
}

function isSame(one: ListIssue, other: ListIssue): boolean {
  return one.number === other.number && one.thisUpdate === other.thisUpdate;
}

function reaches(issue: ListIssue | undefined, { number, thisUpdate }: ListIssue): boolean {
  if (issue === undefined) return false;
  return issue.number > number || (issue.number === number && issue.thisUpdate >= thisUpdate);
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}
