import { randomUUID } from 'node:crypto';
import { HubError } from '../errors.ts';
import type { Logger } from '../operations/logger.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import { newReference } from './reference.ts';

export const misuseKinds = ['sign_in', 'disclosure', 'card', 'other'] as const;
/** What somebody reports: a sign-in or a disclosure that was not theirs, a card that is not with them, anything else. */
export type MisuseKind = (typeof misuseKinds)[number];

export interface MisuseReport {
  readonly kind: MisuseKind;
  /** The relying party that it is about, where it is about one. */
  readonly clientId: string | undefined;
  readonly text: string;
}

export interface KeptReport {
  readonly id: string;
  readonly reference: string;
  readonly subjectId: string;
  readonly kind: MisuseKind;
  readonly clientId: string | undefined;
  readonly sealedText: Uint8Array;
  readonly reportedAt: number;
}

export interface MisuseReportStore {
  /** False, and nothing is kept, when the subject has sent `most` since `since`. */
  add(report: KeptReport, since: number, most: number): Promise<boolean>;
  /** Newest first. */
  list(limit: number): Promise<readonly KeptReport[]>;
  /** Those of one person, newest first. */
  listOf(subjectId: string, limit: number): Promise<readonly KeptReport[]>;
}

/** A report as the operator reads it, without who sent it. */
export interface ShownReport {
  readonly reference: string;
  /** ISO 8601. */
  readonly reported: string;
  readonly kind: MisuseKind;
  readonly client: string | undefined;
  readonly text: string;
}

export interface MisuseReports {
  /**
   * Keeps a report, with its audit event, and has the operator hear of it.
   *
   * @returns the reference that the person may name when they call.
   * @throws HubError `too_many_reports` (429).
   */
  report(subjectId: string, report: MisuseReport): Promise<string>;
  /** The newest hundred. */
  list(): Promise<readonly ShownReport[]>;
  /** Those of one person. */
  listOf(subjectId: string): Promise<readonly ShownReport[]>;
}

/** Characters. */
export const LONGEST_REPORT = 1000;
const PURPOSE = 'misuse.report';
const DAY = 86_400_000;
const MOST_A_DAY = 10;
const SHOWN = 100;

export function createMisuseReports(world: {
  storage: Storage;
  vault: Vault;
  log: Pick<Logger, 'warn'>;
  clock: Clock;
  random: Random;
  /** Counts reports. */
  observe(kind: MisuseKind): void;
}): MisuseReports {
  const { storage, vault, clock } = world;
  const shown = ({ reference, reportedAt, kind, clientId, sealedText }: KeptReport): ShownReport => ({
    ...{ reference, kind, client: clientId, reported: new Date(reportedAt).toISOString() },
    text: Buffer.from(vault.open(PURPOSE, sealedText)).toString(),
  });
  return {
    async report(subjectId, { kind, clientId, text }) {
      const now = clock();
      const reference = newReference('R', world.random);
      const report: KeptReport = {
        ...{ id: randomUUID(), reference, subjectId, kind, clientId, reportedAt: now },
        sealedText: vault.seal(PURPOSE, Buffer.from(text)),
      };
      await storage.transaction(async (stores) => {
        if (!(await stores.misuseReports.add(report, now - DAY, MOST_A_DAY))) {
          throw new HubError('too_many_reports', 429, 'There are many reports of today already.');
        }
        await stores.audit.append(
          {
            kind: 'misuse.reported',
            actor: `subject:${subjectId}`,
            subjectId,
            ...(clientId !== undefined && { clientId }),
            data: { reference, kind },
          },
          now,
        );
      });
      world.observe(kind);
      world.log.warn({ reference, kind, clientId }, 'somebody reports misuse: musubi person reports');
      return reference;
    },

    list: async () => (await storage.misuseReports.list(SHOWN)).map(shown),
    listOf: async (subjectId) => (await storage.misuseReports.listOf(subjectId, SHOWN)).map(shown),
  };
}
