import type { Logger } from '../operations/logger.ts';
import { createOutboxWorkers } from '../operations/outbox_workers.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import { openAddress, openContent } from './mail_content.ts';
import type { WaitingMail } from './mail_store.ts';
import type { MailText } from './mail_text.ts';

export interface OutgoingMail extends MailText {
  /** The same at every attempt. */
  readonly id: string;
  /** As `parseMailAddress` made it. */
  readonly to: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A way to send mail; implemented by adapters/mail. */
export interface MailTransport {
  /**
   * `sent`: somebody else has taken it on. `refused`: this address will never be taken.
   *
   * @throws MailNotSent when another attempt may do better
   */
  send(mail: OutgoingMail): Promise<'sent' | 'refused'>;
  close(): void;
}

/** Why a mail was not sent, by codes and without a cause: servers put addresses into their words. */
export class MailNotSent extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = 'MailNotSent';
    this.reason = reason;
  }
}

export type MailOutcome = 'sent' | 'refused' | 'failed' | 'given_up';

/** Brings mails from the outbox to the mail server. */
export interface MailDelivery {
  /** Looks for work by itself from now on. */
  start(): void;
  /** Sends all that is due, unless the server is being left alone. Never rejects: what fails is tried again. */
  deliver(): Promise<void>;
  /** Gives up what has waited too long. */
  tidy(): Promise<void>;
  /** Resolves when nothing is under way. What is left another process or the next start sends. */
  stop(): Promise<void>;
}

export interface MailDeliveryWorld {
  readonly storage: Pick<Storage, 'mail'>;
  readonly vault: Vault;
  readonly transport: MailTransport;
  readonly text: (content: ReturnType<typeof openContent>, at: number) => Promise<MailText>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'warn'>;
  observe(outcome: MailOutcome, count: number): void;
}

/** How often a process looks for mails (ms): a mail is a row, of which no other process hears. */
const LOOK_EVERY = 5_000;
/**
 * A mail is left to the process that sends it for this long (ms). Longer than the longest attempt that can be configured, or it
 * would be sent twice.
 */
const CLAIM_LIFETIME = 300_000;
/** Mails that one process sends at the same time. */
const AT_ONCE = 2;
/** Milliseconds until the second attempt at a mail, and between two at most: who is greylisted waits for some minutes. */
const FIRST_DELAY = 30_000;
const LONGEST_DELAY = 3_600_000;
/** Milliseconds for which a server that failed is left alone by this process, first and at most. */
const FIRST_REST = 5_000;
const LONGEST_REST = 300_000;
/** Milliseconds after which a mail is given up: what it tells of is no news by then. */
export const KEPT = 3 * 86_400_000;

export function createMailDelivery(world: MailDeliveryWorld): MailDelivery {
  const { storage, vault, transport, clock, log } = world;
  const owner = Buffer.from(world.random(8)).toString('hex');
  const workers = createOutboxWorkers({ every: LOOK_EVERY, atOnce: AT_ONCE, work });
  let failures = 0;
  let restsUntil = 0;

  /** Mails one after the other until there is none: several of these run beside each other. */
  async function work(): Promise<void> {
    try {
      while (!workers.isStopped() && clock() >= restsUntil) {
        const now = clock();
        const mail = await storage.mail.claim(owner, now, now + CLAIM_LIFETIME);
        if (!mail) return;
        // Where there is one there may be more: somebody looks for them meanwhile.
        workers.look();
        await send(mail);
      }
    } catch (err) {
      if (!workers.isStopped()) log.warn({ err }, 'mails could not be sent; they wait');
    }
  }

  async function send({ id, sealedAddress, sealedContent, at, attempts }: WaitingMail): Promise<void> {
    const { subject, text } = await world.text(openContent(vault, sealedContent), at);
    try {
      const outcome = await transport.send({ id, to: openAddress(vault, sealedAddress), subject, text, at });
      failures = 0;
      restsUntil = 0;
      if (outcome === 'sent') await storage.mail.finish(id, owner);
      else await storage.mail.refuse(id, owner, clock());
      world.observe(outcome, 1);
      if (outcome === 'refused') log.warn({ mail: id }, 'the mail server does not take an address');
    } catch (error) {
      if (!(error instanceof MailNotSent)) throw error;
      world.observe('failed', 1);
      const { reason } = error;
      log.warn({ mail: id, attempts: attempts + 1, reason }, 'a mail was not sent; it is tried again');
      await storage.mail.postpone(id, owner, clock() + doubled(FIRST_DELAY, attempts, LONGEST_DELAY));
      restsUntil = clock() + doubled(FIRST_REST, failures, LONGEST_REST);
      failures += 1;
    }
  }

  return {
    start: workers.start,
    deliver: workers.deliver,
    async tidy() {
      const now = clock();
      const count = await storage.mail.dropOlder(now - KEPT, now);
      if (count === 0) return;
      world.observe('given_up', count);
      log.warn({ count }, 'mails were given up that could not be sent for three days');
    },
    async stop() {
      await workers.stop();
      transport.close();
    },
  };
}

function doubled(first: number, times: number, most: number): number {
  return Math.min(first * 2 ** Math.min(times, 20), most);
}
