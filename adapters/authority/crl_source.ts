import { rm } from 'node:fs/promises';
import { PkiError, type TrustAnchor } from '../../provider/pki/index.ts';
import type { Clock, Random } from '../../provider/world.ts';
import { type Answer, DownloadError, downloadToFile, type Transport } from './download.ts';
import type { ListSeries } from './list_series.ts';
import { type HeldList, ListRefusal, type ListShelf, type TakenList } from './list_shelf.ts';
import type { AuthorityLog } from './log.ts';
import type { AuthoritySettings } from './settings.ts';

export interface CrlSourceWorld extends Transport {
  readonly shelf: ListShelf;
  /** Called after a list has come into service. */
  readonly onTaken: (taken: TakenList) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: AuthorityLog;
  readonly settings: AuthoritySettings;
}

/** How one list is doing, for metrics and readiness. Times are milliseconds since 1970. */
export interface CrlSourceStatus {
  readonly anchor: string;
  readonly url: string;
  readonly fresh: boolean;
  readonly entries: number | undefined;
  readonly number: string | undefined;
  readonly thisUpdate: number | undefined;
  readonly nextUpdate: number | undefined;
  readonly lastSuccessAt: number | undefined;
  /** Code of the latest attempt when it failed. */
  readonly failure: string | undefined;
  /** Attempts that failed since the last success. */
  readonly failures: number;
}

/**
 * Keeps one revocation list current: looks on schedule, takes a new list only when it is authentic and newer, and
 * keeps the last good one otherwise, until that is out of date.
 */
export class CrlSource {
  readonly anchor: TrustAnchor;
  readonly #url: string;
  readonly #world: CrlSourceWorld;
  readonly #stopped = new AbortController();
  /** Known once the address has given a list. */
  #series: ListSeries | undefined;
  #underway: Promise<void> | undefined;
  #cancelNext: (() => void) | undefined;
  #nextAt: number | undefined;
  #lastSuccessAt: number | undefined;
  #failure: string | undefined;
  #failures = 0;

  constructor(anchor: TrustAnchor, url: string, world: CrlSourceWorld) {
    this.anchor = anchor;
    this.#url = url;
    this.#world = world;
  }

  /** What this address gave to this process, or to another one or an earlier one; in date or not. */
  get #held(): HeldList | undefined {
    const { shelf } = this.#world;
    if (this.#series !== undefined) return shelf.get(this.#series);
    return shelf.of(this.anchor.id).find(({ list }) => list.labels.url === this.#url);
  }

  /** Whether the list of this address may be relied on at `now`. */
  isFresh(now: number): boolean {
    return this.#held?.list.isFresh(now, this.#world.settings.listGrace) === true;
  }

  get isUnderway(): boolean {
    return this.#underway !== undefined;
  }

  /** When the next look is due, in milliseconds since 1970. */
  get nextAt(): number | undefined {
    return this.#nextAt;
  }

  /** Looks now and schedules the next look, whatever comes of it. Never rejects. A look underway is joined. */
  refresh(): Promise<void> {
    this.#underway ??= this.#refresh().finally(() => {
      this.#underway = undefined;
    });
    return this.#underway;
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelNext?.();
    await this.#underway;
  }

  status(): CrlSourceStatus {
    const list = this.#held?.list;
    return {
      anchor: this.anchor.id,
      url: this.#url,
      fresh: this.isFresh(this.#world.clock()),
      entries: list?.size,
      number: list?.number.toString(),
      thisUpdate: list?.thisUpdate,
      nextUpdate: list?.nextUpdate,
      lastSuccessAt: this.#lastSuccessAt,
      failure: this.#failure,
      failures: this.#failures,
    };
  }

  async #refresh(): Promise<void> {
    const { clock, log } = this.#world;
    this.#cancelNext?.();
    try {
      const changed = await this.#look();
      this.#failure = undefined;
      this.#failures = 0;
      this.#lastSuccessAt = clock();
      if (changed?.isNew) {
        const { size, nextUpdate } = changed.list;
        log.info({ list: this.#url, entries: size, nextUpdate }, 'revocation list taken');
      }
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#failure = codeOf(error);
      this.#failures += 1;
      // A mistake of ours must not end the series of looks either, but it must be seen.
      const err = this.#failure === 'unexpected_error' ? { err: error } : {};
      log.warn(
        { list: this.#url, code: this.#failure, failures: this.#failures, ...err },
        'revocation list not renewed',
      );
    }
    this.#scheduleNext();
  }

  /** One look at the authority. The new list, or undefined when the one at hand is still the latest. */
  async #look(): Promise<TakenList | undefined> {
    const { clock, settings, shelf, onTaken } = this.#world;
    const before = this.#held;
    const path = shelf.temporaryPath();
    try {
      const answer = await downloadToFile(
        this.#world,
        this.#url,
        {
          // A list that is out of date leaves no validators: 304 about it would be of no use.
          headers: this.isFresh(clock()) ? this.#validators() : {},
          timeout: settings.listTimeout,
          maxSize: settings.listMaxSize,
          signal: this.#stopped.signal,
        },
        path,
      );
      if (answer.status === 304) {
        if (this.isFresh(clock())) return undefined;
        throw new ListRefusal('crl_stale', 'the authority has nothing newer than a list that is out of date');
      }
      const taken = await shelf.take(this.anchor, path, { url: this.#url, ...validatorLabels(answer) });
      if (before !== undefined && before.series !== taken.series) await shelf.retire(before.series);
      this.#series = taken.series;
      if (taken.isNew) await onTaken(taken);
      return taken;
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Of the list that this address itself has given: another's say nothing to it. */
  #validators(): Record<string, string> {
    const { url, etag, lastModified } = this.#held?.list.labels ?? {};
    if (url !== this.#url) return {};
    return {
      ...(etag !== undefined && { 'if-none-match': etag }),
      ...(lastModified !== undefined && { 'if-modified-since': lastModified }),
    };
  }

  #scheduleNext(): void {
    if (this.#stopped.signal.aborted) return;
    const { clock, schedule } = this.#world;
    const delay = this.#failures === 0 ? this.#regularDelay() : this.#retryDelay();
    this.#nextAt = clock() + delay;
    this.#cancelNext = schedule(delay, () => void this.refresh());
  }

  /** At the next interval, or when the list ends if that is sooner; never in a hurry about one that ends at once. */
  #regularDelay(): number {
    const { clock, settings } = this.#world;
    const untilEnd = (this.#held?.list.nextUpdate ?? 0) - clock();
    return Math.min(settings.refreshInterval, Math.max(settings.retryDelay, untilEnd));
  }

  /** Doubles with each failure, and is spread over half its length so that many hubs do not come back as one. */
  #retryDelay(): number {
    const { random, settings } = this.#world;
    const longest = Math.min(settings.maxRetryDelay, settings.retryDelay * 2 ** Math.min(this.#failures - 1, 30));
    const [share = 0] = random(1);
    return Math.round(longest * (0.5 + share / 510));
  }
}

/** What a later request is made conditional by. Kept with the list, so that a restart costs no download. */
function validatorLabels({ headers }: Answer): Record<string, string> {
  const etag = headers.get('etag');
  const lastModified = headers.get('last-modified');
  return { ...(etag !== null && { etag }), ...(lastModified !== null && { lastModified }) };
}

function codeOf(error: unknown): string {
  if (error instanceof PkiError || error instanceof DownloadError || error instanceof ListRefusal) return error.code;
  return 'unexpected_error';
}
