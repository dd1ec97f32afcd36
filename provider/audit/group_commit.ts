import type { AuditEvent, AuditLog, DatedAuditEvent } from './audit_log.ts';

/** Events that many requests append at the same time. */
export interface AuditQueue {
  /** Resolves when the event is in the chain, in the order of the calls. Rejects when it could not be stored. */
  append(event: AuditEvent, now: number): Promise<void>;
  /** Resolves when nothing is waiting any more. */
  flush(): Promise<void>;
}

/** An append of this many takes some milliseconds, for which other hubs wait. */
const MAX_TOGETHER = 100;

/**
 * Group commit: while one append is under way, whatever arrives waits and goes with the next, all in one statement. The
 * chain's tail is one row, and whoever appends holds it until the commit is on disk: one statement each would let no
 * more people sign in than the disk commits one after the other. Nothing waits for company: where there is little to
 * do, an event goes at once.
 */
export function createAuditQueue(audit: Pick<AuditLog, 'appendAll'>): AuditQueue {
  let waiting: { dated: DatedAuditEvent; done(): void; failed(error: unknown): void }[] = [];
  let underway: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_TOGETHER);
      waiting = waiting.slice(MAX_TOGETHER);
      try {
        await audit.appendAll(batch.map(({ dated }) => dated));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    underway = undefined;
  }

  return {
    append(event, now) {
      return new Promise((done, failed) => {
        waiting.push({ dated: { event, at: now }, done, failed });
        underway ??= run();
      });
    },
    async flush() {
      await underway;
    },
  };
}
