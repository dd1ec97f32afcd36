import type { Clock } from '../../world.ts';

export interface KeptFreshSettings {
  /** Milliseconds after which it is fetched anew. */
  readonly freshFor: number;
  /** Milliseconds between two attempts while there is one that can be used. */
  readonly retryAfter: number;
  /** Milliseconds for which the last one is used when no other can be had. */
  readonly usableFor: number;
}

/** Something that a neighbour publishes and changes now and then. */
export interface KeptFresh<T> {
  /** @throws what `load` does, when there is none that may still be used. */
  get(): Promise<T>;
  /**
   * For whoever has found the one that is there to be out of date: a newer one, unless one was tried for too short a time ago.
   *
   * @throws as `get` does.
   */
  renew(): Promise<T>;
}

/** @param load one attempt at a time. */
export function keepFresh<T>(load: () => Promise<T>, settings: KeptFreshSettings, clock: Clock): KeptFresh<T> {
  let held: { readonly value: T; readonly loadedAt: number } | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let underway: Promise<T> | undefined;

  const usable = () => (held && clock() - held.loadedAt < settings.usableFor ? held : undefined);

  function attempt(): Promise<T> {
    underway ??= (async () => {
      triedAt = clock();
      try {
        const value = await load();
        held = { value, loadedAt: clock() };
        return value;
      } finally {
        underway = undefined;
      }
    })();
    return underway;
  }

  async function renew(): Promise<T> {
    const old = usable();
    if (old && clock() - triedAt < settings.retryAfter) return underway?.catch(() => old.value) ?? old.value;
    return old ? attempt().catch(() => old.value) : attempt();
  }

  return {
    renew,
    get: async () => (held && clock() - held.loadedAt < settings.freshFor ? held.value : renew()),
  };
}
