import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Usage {
  /** CPU of this process since it started, user and system (ms). */
  cpu: number;
  /** Resident memory (bytes). */
  resident: number;
  /** The longest delay of the event loop since the last `forget` message (ms). */
  longestDelay: number;
}

/**
 * For a server under measurement: tells the parent that it listens, and answers each `usage` message with its own
 * CPU time and memory, so that the driver's share of the two cores is never counted.
 */
export function reportUsage(ready: Record<string, unknown>): void {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.send?.({ ready });
  process.on('message', (message) => {
    if (message === 'forget') delay.reset();
    if (message !== 'usage') return;
    const { user, system } = process.cpuUsage();
    const usage: Usage = {
      cpu: (user + system) / 1000,
      resident: process.memoryUsage().rss,
      longestDelay: delay.max / 1e6,
    };
    process.send?.({ usage });
  });
  process.on('disconnect', () => process.exit(0));
}
