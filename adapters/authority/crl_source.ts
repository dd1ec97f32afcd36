import { createHash } from 'node:crypto';
import type { CrlNumberStore } from '../../provider/authentication/revocation.ts';
import type { RevocationList, TrustAnchor } from '../../provider/pki/index.ts';
import { PkiError, parseRevocationList } from '../../provider/pki/index.ts';
import type { Clock, Random } from '../../provider/world.ts';
import type { Download, Transport } from './download.ts';
import { DownloadError, download } from './download.ts';
import type { AuthorityLog } from './log.ts';
import type { AuthoritySettings } from './settings.ts';

export interface CrlSourceWorld extends Transport {
  readonly crlNumbers: CrlNumberStore;
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

/** Thrown here when a list that is authentic and in date is nevertheless not taken. */
class ListRefusal extends Error {
  readonly code: 'crl_rollback' | 'crl_number_store' | 'crl_stale';

  constructor(code: ListRefusal['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
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
  #list: RevocationList | undefined;
  /** Validators of `#list`; a list that was refused leaves none, so that the next look is a full one. */
  #validators: Record<string, string> = {};
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

  /** The list, if it may be relied on at `now`. */
  freshList(now: number): RevocationList | undefined {
    return this.#list?.isFresh(now, this.#world.settings.listGrace) ? this.#list : undefined;
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

  stop(): void {
    this.#stopped.abort();
    this.#cancelNext?.();
  }

  status(): CrlSourceStatus {
    const list = this.#list;
    return {
      anchor: this.anchor.id,
      url: this.#url,
      fresh: this.freshList(this.#world.clock()) !== undefined,
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
      if (changed) {
        const { size, nextUpdate } = changed;
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
  async #look(): Promise<RevocationList | undefined> {
    const { clock, settings } = this.#world;
    const answer = await download(this.#world, this.#url, {
      headers: this.#validators,
      timeout: settings.listTimeout,
      maxSize: settings.listMaxSize,
      signal: this.#stopped.signal,
    });
    if (answer.status === 304) {
      if (this.freshList(clock()) !== undefined) return undefined;
      this.#validators = {};
      throw new ListRefusal('crl_stale', 'the authority has nothing newer than a list that is out of date');
    }
    const list = parseRevocationList(answer.body, {
      anchor: this.anchor,
      now: clock(),
      grace: settings.listGrace,
      maxSize: settings.listMaxSize,
    });
    await this.#refuseRollback(list);
    this.#list = list;
    this.#validators = validatorsOf(answer);
    return list;
  }

  /**
   * An older list is authentic and may still be in date, and lacks the newest revocations: whoever sits between the
   * hub and the authority could bring a stolen card back to life with it. The number outlives a restart.
   */
  async #refuseRollback(list: RevocationList): Promise<void> {
    const held = this.#list;
    if (
      held !== undefined &&
      Buffer.compare(held.scope, list.scope) === 0 &&
      (list.number < held.number || (list.number === held.number && list.thisUpdate < held.thisUpdate))
    ) {
      throw new ListRefusal('crl_rollback', 'the list is older than the one at hand');
    }
    let raised: boolean;
    try {
      raised = await this.#world.crlNumbers.raise(listIdOf(this.anchor, list), list.number);
    } catch (cause) {
      throw new ListRefusal('crl_number_store', 'the number of the list could not be recorded', { cause });
    }
    if (!raised) throw new ListRefusal('crl_rollback', 'a newer list was accepted before');
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
    const untilEnd = (this.#list?.nextUpdate ?? 0) - clock();
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

/** Names the authority's key and the list's scope: the same list at another address has the same identity. */
function listIdOf(anchor: TrustAnchor, list: RevocationList): string {
  const scope = list.scope.length === 0 ? 'full' : createHash('sha256').update(list.scope).digest('hex');
  return `${anchor.id}:${scope}`;
}

function validatorsOf({ headers }: Download): Record<string, string> {
  const etag = headers.get('etag');
  const lastModified = headers.get('last-modified');
  return {
    ...(etag !== null && { 'if-none-match': etag }),
    ...(lastModified !== null && { 'if-modified-since': lastModified }),
  };
}

function codeOf(error: unknown): string {
  if (error instanceof PkiError || error instanceof DownloadError || error instanceof ListRefusal) return error.code;
  return 'unexpected_error';
}
