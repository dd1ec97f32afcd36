import { randomUUID } from 'node:crypto';
import type { Stores } from '../storage.ts';
import type { Vault } from '../vault.ts';
import { type MailContent, sealContent } from './mail_content.ts';

/** Writes to people who have given and confirmed an address. */
export interface MailToPerson {
  /**
   * Has the person told when the transaction is committed, and only then. Costs one statement, and stores nothing where
   * there is no address. Nobody waits for the mail.
   *
   * @param stores of the transaction that makes it happen.
   * @param at when it happened (ms since 1970).
   */
  tell(stores: Pick<Stores, 'mail'>, subjectId: string, content: MailContent, at: number): Promise<void>;
}

export function createMailToPerson(vault: Vault): MailToPerson {
  return {
    async tell(stores, subjectId, content, at) {
      await stores.mail.enqueue({ id: randomUUID(), subjectId, sealedContent: sealContent(vault, content), at });
    },
  };
}

/** Where no mail server is configured. */
export const noMail: MailToPerson = { tell: async () => {} };
