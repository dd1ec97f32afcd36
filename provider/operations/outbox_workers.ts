export interface OutboxWorkers {
  /** Looks for work by itself from now on. */
  start(): void;
  /** One worker more, unless there are enough. For a worker that has found something: there may be more. */
  look(): void;
  /** Resolves when all that is due has been done. */
  deliver(): Promise<void>;
  isStopped(): boolean;
  /** No more is begun. Resolves when nothing is under way. */
  stop(): Promise<void>;
}

/**
 * What empties an outbox: several workers beside each other, each at it until nothing is due, and a look now and then, since
 * what another process has put in is heard of by nobody.
 *
 * @param world.every milliseconds between two looks.
 * @param world.work must not reject.
 */
export function createOutboxWorkers(world: { every: number; atOnce: number; work(): Promise<void> }): OutboxWorkers {
  const workers = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function look(): void {
    if (workers.size >= world.atOnce || stopped) return;
    const worker = world.work().finally(() => workers.delete(worker));
    workers.add(worker);
  }

  async function ended(): Promise<void> {
    while (workers.size > 0) await Promise.all(workers);
  }

  async function deliver(): Promise<void> {
    look();
    await ended();
  }

  return {
    start() {
      timer = setInterval(() => void deliver(), world.every);
      timer.unref();
    },
    look,
    deliver,
    isStopped: () => stopped,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await ended();
    },
  };
}
