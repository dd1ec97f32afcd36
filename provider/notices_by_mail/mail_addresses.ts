import { randomUUID } from 'node:crypto';
import { HubError } from '../errors.ts';
import type { Storage } from '../storage.ts';
import type { Vault } from '../vault.ts';
import type { Clock, Random } from '../world.ts';
import { parseMailAddress } from './mail_address.ts';
import { type MailContent, openAddress, sealAddress, sealContent } from './mail_content.ts';

/** A person's own mail address, as they see it. Times are milliseconds since 1970. */
export interface OwnMailAddress {
  /** Where notices go. */
  readonly address: string | undefined;
  readonly confirmedAt: number | undefined;
  /** Since when the mail server does not take it: nothing arrives there. */
  readonly refusedAt: number | undefined;
  /** Entered, and waiting for the code that was sent there; or refused, when it could not be. */
  readonly pending: { readonly address: string; readonly until: number; readonly isRefused: boolean } | undefined;
}

/**
 * The one mail address of a person. It is what they enter themselves, while they are signed in, and confirm by the code that
 * the hub sends there; it is never taken from elsewhere, given to anybody, or used for anything but notices.
 */
export interface MailAddresses {
  /**
   * Sends a code to the address. What was confirmed before stays in use until the new one is.
   *
   * @throws HubError `mail_address_invalid`, `mail_confirmations_too_many`
   */
  request(subjectId: string, address: string): Promise<void>;
  /**
   * Takes the address into use; the one that it replaces is told. A code works once, for whom it was made for.
   *
   * @param code as it was typed: letter case, spaces and hyphens do not matter.
   * @throws HubError `mail_code_wrong`, and `mail_code_expired` when no code is waited for (any more)
   */
  confirm(subjectId: string, code: string): Promise<void>;
  /** Nothing is written to it any more but that. False when there was none. */
  remove(subjectId: string): Promise<boolean>;
  of(subjectId: string): Promise<OwnMailAddress>;
  /** Forgets what nobody confirmed in time. */
  sweep(): Promise<void>;
}

const DAY = 86_400_000;
/** Milliseconds that a code works. */
const CODE_LIFETIME = DAY;
/** Codes that one person may have sent in a day: the hub is not to pester strangers in somebody's name. */
const MOST_CODES = 5;
const CODES_WINDOW = DAY;
/** Wrong codes after which the right one works no more. Guessing ten of 2^50 is no way in. */
const MOST_TRIES = 10;
/** Crockford's base 32: no two characters that look the same. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_LENGTH = 10;
const PURPOSE_CODE = 'mail.code';

export function createMailAddresses(world: {
  storage: Storage;
  vault: Vault;
  clock: Clock;
  random: Random;
}): MailAddresses {
  const { storage, vault, clock, random } = world;

  /** Of a person, so that a code is worth nothing in another's hands. */
  const codeIndex = (subjectId: string, code: string) =>
    vault.index(PURPOSE_CODE, Buffer.from(`${subjectId} ${code}`, 'utf8'));

  const mail = (subjectId: string, content: MailContent, at: number) => ({
    ...{ id: randomUUID(), subjectId, at },
    sealedContent: sealContent(vault, content),
  });

  return {
    async request(subjectId, entered) {
      const address = parseMailAddress(entered);
      const code = Array.from(random(CODE_LENGTH), (octet) => ALPHABET[octet % ALPHABET.length]).join('');
      const now = clock();
      const sealedAddress = sealAddress(vault, address);
      const asked = { subjectId, sealedAddress, code: codeIndex(subjectId, code), until: now + CODE_LIFETIME, now };
      await storage.transaction(async (stores) => {
        if (!(await stores.mail.ask(asked, MOST_CODES, CODES_WINDOW))) {
          throw new HubError('mail_confirmations_too_many', 429, 'Too many codes have been sent today.');
        }
        await stores.mail.dropConfirmations(subjectId);
        await stores.mail.enqueueTo(sealedAddress, mail(subjectId, { kind: 'confirmation', code }, now), true);
        await stores.audit.append({ kind: 'mail_address.entered', actor: `subject:${subjectId}`, subjectId }, now);
      });
    },

    async confirm(subjectId, typed) {
      const now = clock();
      const index = codeIndex(subjectId, codeIn(typed));
      const outcome = await storage.transaction(async (stores) => {
        const confirmed = await stores.mail.confirm(subjectId, index, now, MOST_TRIES);
        if (confirmed.outcome !== 'confirmed') return confirmed.outcome;
        const address = (await stores.mail.findAddress(subjectId))?.sealedAddress;
        const { replaced } = confirmed;
        if (replaced && address && openAddress(vault, replaced) !== openAddress(vault, address)) {
          await stores.mail.enqueueTo(replaced, mail(subjectId, { kind: 'address_replaced' }, now), false);
        }
        await stores.audit.append({ kind: 'mail_address.confirmed', actor: `subject:${subjectId}`, subjectId }, now);
        return confirmed.outcome;
      });
      if (outcome === 'wrong') throw new HubError('mail_code_wrong', 400, 'This is not the code that was sent.');
      if (outcome === 'none') throw new HubError('mail_code_expired', 400, 'No code is waited for any more.');
    },

    remove(subjectId) {
      const now = clock();
      return storage.transaction(async (stores) => {
        await stores.mail.dropConfirmations(subjectId);
        const { removed, sealedAddress } = await stores.mail.removeAddress(subjectId);
        if (!removed) return false;
        if (sealedAddress) {
          await stores.mail.enqueueTo(sealedAddress, mail(subjectId, { kind: 'address_removed' }, now), false);
        }
        await stores.audit.append({ kind: 'mail_address.removed', actor: `subject:${subjectId}`, subjectId }, now);
        return true;
      });
    },

    async of(subjectId) {
      const kept = await storage.mail.findAddress(subjectId);
      const isWaiting = kept?.pendingUntil !== undefined && kept.pendingUntil > clock();
      return {
        address: kept?.sealedAddress && openAddress(vault, kept.sealedAddress),
        confirmedAt: kept?.confirmedAt,
        refusedAt: kept?.refusedAt,
        pending:
          isWaiting && kept.sealedPending
            ? {
                ...{ address: openAddress(vault, kept.sealedPending), until: kept.pendingUntil },
                isRefused: kept.isPendingRefused,
              }
            : undefined,
      };
    },

    async sweep() {
      await storage.mail.sweepAddresses(clock(), CODES_WINDOW);
    },
  };
}

/** What somebody meant who typed this; letters that the alphabet leaves out are read as the digits they look like. */
function codeIn(typed: string): string {
  return typed
    .slice(0, 100)
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[\s-]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
}
