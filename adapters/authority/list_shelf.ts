import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CrlNumberStore } from '../../provider/authentication/revocation.ts';
import { type Certificate, PkiError, RevocationList, type TrustAnchor } from '../../provider/pki/index.ts';
import type { Clock, Random } from '../../provider/world.ts';
import type { CompiledList, ListDifference } from './compile_list.ts';
import { type IndexFile, openIndexFile } from './index_file.ts';
import type { ListCompiler } from './list_compiler.ts';
import type { ListSeries } from './list_series.ts';
import type { AuthorityLog } from './log.ts';
import type { AuthoritySettings } from './settings.ts';

export interface ListShelfWorld {
  /** Where the indexes are; made when it is missing. Every hub process of a machine may use the same one. */
  readonly folder: string;
  readonly anchors: readonly TrustAnchor[];
  readonly crlNumbers: CrlNumberStore;
  readonly compiler: ListCompiler;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuthorityLog;
  readonly settings: AuthoritySettings;
}

/** A list in service. */
export interface HeldList {
  readonly series: ListSeries;
  readonly anchor: TrustAnchor;
  readonly list: RevocationList;
}

/** A list that came into service in this process, not one that another process has put on the shelf. */
export interface TakenList extends HeldList {
  /** False when it was in service already: the same number and date. */
  readonly isNew: boolean;
  /** Undefined for the first list of its series. */
  readonly difference: ListDifference | undefined;
  /** Index of the entries that the list before it lacks, until the next list is taken; undefined as `difference`. */
  readonly newlyRevoked: string | undefined;
}

/** Thrown when a list that is authentic and in date is nevertheless not taken. */
export class ListRefusal extends Error {
  readonly code: 'crl_rollback' | 'crl_number_store' | 'crl_stale';

  constructor(code: ListRefusal['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ListRefusal';
    this.code = code;
  }
}

interface ListsOfAnchor {
  readonly all: Map<ListSeries, HeldList>;
  /** By the name of the partition, as `keyOf` writes it; lists of everything under `FULL`. */
  readonly byName: Map<string, readonly HeldList[]>;
}

/** No name is empty. */
const FULL = '';

/** Work that was begun and left, by a process that was killed, is removed after this long (ms). */
const LEFT_BEHIND = 3_600_000;
/** A list that ended this long ago (ms) is of an address or a root that nobody asks any more. */
const LONG_OVER = 7 * 86_400_000;

/** `<root>.<scope>.<number, 40 hex digits>.<thisUpdate, 15 digits>.index`: the newest of a series sorts last. */
const INDEX_NAME = /^([0-9a-f]{64})\.(full|[0-9a-f]{64})\.([0-9a-f]{40}\.\d{15})\.index$/;

/**
 * The revocation lists in service: index files in a folder, of each series the newest. A list is verified and compiled
 * beside them and takes its place by one rename, so that a reader sees the old one or the new one, whole; over a
 * restart what is there serves again, without a download. A list never moves backwards: its number is raised in the
 * database before the file has its name.
 */
export class ListShelf {
  readonly #world: ListShelfWorld;
  readonly #held = new Map<ListSeries, HeldList & { readonly file: IndexFile; readonly path: string }>();
  /** The same by root, for the sign-in path: a root may have a list for each of 1,700 municipalities. */
  readonly #byAnchor = new Map<string, ListsOfAnchor>();
  /** Files of the folder that were judged once and not taken. */
  readonly #refused = new Set<string>();
  /** Temporary paths so far. */
  #made = 0;

  constructor(world: ListShelfWorld) {
    this.#world = world;
  }

  /** The lists in service of one root, in date or not. */
  of(anchorId: string): readonly HeldList[] {
    return [...(this.#byAnchor.get(anchorId)?.all.values() ?? [])];
  }

  /** Those of them that speak for a certificate: the full ones, and the partitions that it names. */
  covering(certificate: Certificate, anchorId: string): readonly HeldList[] {
    const lists = this.#byAnchor.get(anchorId);
    if (lists === undefined) return [];
    const keys = [FULL, ...certificate.extensions.distributionPoints.map(keyOf)];
    const named = keys.flatMap((key) => lists.byName.get(key) ?? []);
    return named.filter(({ list }) => list.covers(certificate));
  }

  get(series: ListSeries): HeldList | undefined {
    return this.#held.get(series);
  }

  /** Takes into service what is newer in the folder: of an earlier run, or of another process. Never rejects. */
  async look(): Promise<void> {
    const { folder, log } = this.#world;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const names = await readdir(folder);
      const latest = newest(folder, names);
      for (const [series, path] of latest) await this.#adopt(series, path);
      await this.#removeLeftBehind(names, latest);
    } catch (err) {
      log.warn({ err, folder }, 'the folder of revocation lists could not be read');
    }
  }

  /** A path for what has not been judged yet, in the folder so that it can take its place by a rename. */
  temporaryPath(): string {
    this.#made += 1;
    const unique = `${process.pid}-${this.#made}-${Buffer.from(this.#world.random(8)).toString('hex')}`;
    return join(this.#world.folder, `tmp-${unique}`);
  }

  /**
   * Verifies, compiles and takes into service a list of `anchor`.
   *
   * @param source the list, DER.
   * @param labels kept with the list, such as where it came from.
   * @throws PkiError one of the `crl_…` codes; ListRefusal; the file system's own error. What was in service stays.
   */
  async take(anchor: TrustAnchor, source: string, labels: Readonly<Record<string, string>>): Promise<TakenList> {
    const { compiler, clock, settings, log } = this.#world;
    const target = this.temporaryPath();
    const differenceTarget = `${target}-difference`;
    try {
      const compiled = await compiler.compile({
        source,
        target,
        differenceTarget,
        anchor: anchor.certificate.der,
        anchorId: anchor.id,
        now: clock(),
        grace: settings.listGrace,
        maxSize: settings.listMaxSize,
        labels,
        previous: this.#pathsOf(anchor),
      });
      if (compiled.differenceFailure) {
        // Whoever acts on what is newly revoked must act on the whole list.
        log.warn({ list: compiled.series, reason: compiled.differenceFailure }, 'revocation lists not compared');
      }
      const held = await this.#refuseRollback(compiled);
      if (held?.list.number === compiled.number && held.list.thisUpdate === compiled.thisUpdate) {
        return { ...held, difference: undefined, newlyRevoked: undefined, isNew: false };
      }
      const path = await this.#publish(compiled, target, differenceTarget);
      const { difference } = compiled;
      const newlyRevoked = difference && differencePathOf(path);
      return { ...this.#hold(compiled.series, anchor, path), difference, newlyRevoked, isNew: true };
    } finally {
      await Promise.all([target, differenceTarget].map((path) => rm(path, { force: true })));
    }
  }

  /** Takes a list out of service for good: its address gives lists of another scope now. */
  async retire(series: ListSeries): Promise<void> {
    const held = this.#held.get(series);
    if (held === undefined) return;
    this.#held.delete(series);
    this.#replace(held.anchor.id, held, undefined);
    held.file.close();
    await removeIndex(held.path);
  }

  close(): void {
    for (const { file } of this.#held.values()) file.close();
    this.#held.clear();
    this.#byAnchor.clear();
  }

  async #adopt(series: ListSeries, path: string): Promise<void> {
    const { anchors, compiler, clock, log } = this.#world;
    const held = this.#held.get(series);
    const anchor = anchors.find(({ id }) => series.startsWith(`${id}:`));
    if (anchor === undefined || this.#refused.has(path) || (held !== undefined && held.path >= path)) return;
    try {
      await compiler.check(path);
      const { number, nextUpdate } = readFacts(path);
      if (nextUpdate < clock() - LONG_OVER) return await rm(path, { force: true });
      await this.#raise(series, number);
      const { list } = this.#hold(series, anchor, path);
      log.info({ list: series, entries: list.size, nextUpdate: list.nextUpdate }, 'revocation list found on disk');
    } catch (error) {
      // Another process has put a newer one in its place meanwhile.
      if (isMissing(error)) return;
      const code = error instanceof PkiError || error instanceof ListRefusal ? error.code : 'unexpected_error';
      log.warn(
        { list: series, code, ...(code === 'unexpected_error' && { err: error }) },
        'revocation list on disk not used',
      );
      // The database may be back in a moment; no other reason goes away.
      if (code !== 'crl_number_store') this.#refused.add(path);
      if (code === 'index_damaged') await rm(path, { force: true });
    }
  }

  /**
   * An older list is authentic and may still be in date, and lacks the newest revocations: whoever sits between the
   * hub and the authority could bring a stolen card back to life with it. The number outlives a restart.
   */
  async #refuseRollback({ series, number, thisUpdate }: CompiledList): Promise<HeldList | undefined> {
    const held = this.#held.get(series);
    if (held !== undefined) {
      const { list } = held;
      if (number < list.number || (number === list.number && thisUpdate < list.thisUpdate)) {
        throw new ListRefusal('crl_rollback', 'the list is older than the one at hand');
      }
    }
    await this.#raise(series, number);
    return held;
  }

  async #raise(series: ListSeries, number: bigint): Promise<void> {
    let raised: boolean;
    try {
      raised = await this.#world.crlNumbers.raise(series, number);
    } catch (cause) {
      throw new ListRefusal('crl_number_store', 'the number of the list could not be recorded', { cause });
    }
    if (!raised) throw new ListRefusal('crl_rollback', 'a newer list was accepted before');
  }

  /** Gives the files their names, on disk before anybody can read them, and removes what they replace. */
  async #publish(compiled: CompiledList, target: string, differenceTarget: string): Promise<string> {
    const { folder } = this.#world;
    const path = join(folder, indexNameOf(compiled));
    if (compiled.difference) await moveDurably(differenceTarget, differencePathOf(path));
    await moveDurably(target, path);
    await synchronize(folder);
    const replaced = this.#held.get(compiled.series)?.path;
    // Whatever else is older in the folder goes with the next look.
    if (replaced !== undefined && replaced < path) await removeIndex(replaced);
    return path;
  }

  #pathsOf({ id }: TrustAnchor): ReadonlyMap<ListSeries, string> {
    const ofAnchor = [...this.#held.values()].filter(({ anchor }) => anchor.id === id);
    return new Map(ofAnchor.map(({ series, path }) => [series, path]));
  }

  /** Swaps the list in one step; a newer one that came meanwhile stays. */
  #hold(series: ListSeries, anchor: TrustAnchor, path: string): HeldList {
    const held = this.#held.get(series);
    if (held !== undefined && held.path > path) return held;
    const file = openIndexFile(path);
    const now = { series, anchor, list: new RevocationList(file), file, path };
    this.#held.set(series, now);
    this.#replace(anchor.id, held, now);
    held?.file.close();
    return now;
  }

  /** Puts `after` where `before` was; either may be missing. The other lists of the root stay as they are. */
  #replace(anchorId: string, before: HeldList | undefined, after: HeldList | undefined): void {
    const lists: ListsOfAnchor = this.#byAnchor.get(anchorId) ?? { all: new Map(), byName: new Map() };
    this.#byAnchor.set(anchorId, lists);
    if (before) {
      lists.all.delete(before.series);
      for (const key of keysOf(before)) {
        const others = (lists.byName.get(key) ?? []).filter((held) => held !== before);
        if (others.length > 0) lists.byName.set(key, others);
        else lists.byName.delete(key);
      }
    }
    if (after) {
      lists.all.set(after.series, after);
      for (const key of keysOf(after)) lists.byName.set(key, [...(lists.byName.get(key) ?? []), after]);
    }
  }

  async #removeLeftBehind(names: readonly string[], latest: ReadonlyMap<ListSeries, string>): Promise<void> {
    const { folder, clock } = this.#world;
    for (const name of names) {
      const match = INDEX_NAME.exec(name);
      const path = join(folder, name);
      if (match && path < (latest.get(seriesOfName(match)) ?? path)) await removeIndex(path);
    }
    for (const name of names.filter((other) => other.startsWith('tmp-'))) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (mtimeMs < clock() - LEFT_BEHIND) await rm(path, { force: true });
    }
  }
}

function keysOf({ list }: HeldList): readonly string[] {
  return list.distributionPoints?.map(keyOf) ?? [FULL];
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
}

/** The newest index of each series. */
function newest(folder: string, names: readonly string[]): Map<ListSeries, string> {
  const found = new Map<ListSeries, string>();
  for (const name of names.toSorted()) {
    const match = INDEX_NAME.exec(name);
    if (match) found.set(seriesOfName(match), join(folder, name));
  }
  return found;
}

function seriesOfName([, anchorId = '', scope = '']: RegExpExecArray): ListSeries {
  return `${anchorId}:${scope}`;
}

function indexNameOf({ series, number, thisUpdate }: CompiledList): string {
  const issue = `${number.toString(16).padStart(40, '0')}.${thisUpdate.toString().padStart(15, '0')}`;
  return `${series.replace(':', '.')}.${issue}.index`;
}

/** Whoever has it open reads on. */
async function removeIndex(path: string): Promise<void> {
  await Promise.all([path, differencePathOf(path)].map((each) => rm(each, { force: true })));
}

function differencePathOf(path: string): string {
  return `${path}.new`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function readFacts(path: string): RevocationList {
  const file = openIndexFile(path);
  try {
    return new RevocationList(file);
  } finally {
    file.close();
  }
}

async function moveDurably(from: string, to: string): Promise<void> {
  await synchronize(from);
  await rename(from, to);
}

async function synchronize(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
