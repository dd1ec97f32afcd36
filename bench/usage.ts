export interface Usage {
  /** CPU of this process since it started, user and system (ms). */
  cpu: number;
  /** Resident memory (bytes). */
  resident: number;
}

/**
 * For a server under measurement: tells the parent that it listens, and answers each `usage` message with its own
 * CPU time and memory, so that the driver's share of the two cores is never counted.
 */
export function reportUsage(ready: Record<string, unknown>): void {
  process.send?.({ ready });
  process.on('message', (message) => {
    if (message !== 'usage') return;
    const { user, system } = process.cpuUsage();
    process.send?.({ usage: { cpu: (user + system) / 1000, resident: process.memoryUsage().rss } satisfies Usage });
  });
  process.on('disconnect', () => process.exit(0));
}
