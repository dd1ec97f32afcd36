import type { Random } from '../provider/world.ts';

export interface CircuitBreakerSettings {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds: how long it stays open at first, and at most. It doubles with each probe that fails. */
  readonly delay: number;
  readonly maxDelay: number;
  /** Milliseconds that a probe takes at most. */
  readonly probeTime: number;
}

/**
 * Leaves a neighbour alone that does not answer, so that nobody waits for its time-out in vain and so that it can
 * recover. While it is open one question after another probes, each alone; one usable answer closes it.
 */
export class CircuitBreaker {
  readonly #settings: CircuitBreakerSettings;
  readonly #random: Random;
  #failures = 0;
  #openUntil = 0;
  #probing = false;

  constructor(settings: CircuitBreakerSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#failures >= this.#settings.failures;
  }

  /**
   * Undefined when the neighbour may be asked, and then `succeeded` or `failed` must follow; otherwise the time at which
   * to come back (milliseconds since 1970).
   */
  admit(now: number): number | undefined {
    if (!this.isOpen) return undefined;
    if (now < this.#openUntil) return this.#openUntil;
    if (this.#probing) return now + this.#settings.probeTime;
    this.#probing = true;
    return undefined;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probing = false;
  }

  failed(now: number): void {
    // Of many questions that were underway when it opened, the last failures say nothing new.
    if (this.isOpen && !this.#probing) return;
    this.#probing = false;
    this.#failures += 1;
    if (this.isOpen) this.#openUntil = now + this.#delay();
  }

  /** Spread over half its length, so that many hubs do not come back as one. */
  #delay(): number {
    const { failures, delay, maxDelay } = this.#settings;
    const longest = Math.min(maxDelay, delay * 2 ** Math.min(this.#failures - failures, 30));
    const [share = 0] = this.#random(1);
    return Math.round(longest * (0.5 + share / 510));
  }
}
