import type { NoticeKind } from '../identity/notices.ts';
import type { Vault } from '../vault.ts';

/**
 * What a mail tells of; its words are made from it when it is sent (mail_text.ts). Names of claims and of who asks, never a
 * value.
 * - a kind of notice (identity/notices.ts);
 * - `consent`: the person has agreed that these claims are given to this relying party;
 * - `account_locked`: the account was locked;
 * - `address_removed`, `address_replaced`: to the address that is written to no more, since whoever is at somebody's card must
 *   not be able to silence the hub unnoticed;
 * - `confirmation`: the code that proves that whoever entered the address reads what comes there.
 */
export type MailContent =
  | { readonly kind: NoticeKind | 'account_locked' | 'address_removed' | 'address_replaced' }
  | { readonly kind: 'consent'; readonly clientId: string; readonly claims: readonly string[] }
  | { readonly kind: 'confirmation'; readonly code: string };

const PURPOSE_CONTENT = 'mail.content';
const PURPOSE_ADDRESS = 'mail.address';
/** Octets: most contents come to one of these, and every address does. */
const CONTENT_BLOCK = 512;
const ADDRESS_BLOCK = 256;

export const sealContent = (vault: Vault, content: MailContent): Uint8Array =>
  vault.seal(PURPOSE_CONTENT, padded(JSON.stringify(content), CONTENT_BLOCK));

export const openContent = (vault: Vault, sealed: Uint8Array): MailContent =>
  JSON.parse(Buffer.from(vault.open(PURPOSE_CONTENT, sealed)).toString('utf8'));

export const sealAddress = (vault: Vault, address: string): Uint8Array =>
  vault.seal(PURPOSE_ADDRESS, padded(address, ADDRESS_BLOCK));

export const openAddress = (vault: Vault, sealed: Uint8Array): string =>
  Buffer.from(vault.open(PURPOSE_ADDRESS, sealed)).toString('utf8').trimEnd();

function padded(text: string, block: number): Uint8Array {
  const octets = Buffer.from(text);
  const result = Buffer.alloc(Math.ceil(octets.length / block) * block, ' ');
  octets.copy(result);
  return result;
}
