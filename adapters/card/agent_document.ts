import { isShown } from '../../provider/shown_text.ts';
import type { CardChallenge } from './card.ts';
import { CardError } from './card_errors.ts';
import { isWebOrigin } from './web_eid_token.ts';

/** Octets of UTF-8. An application form has a few hundred; a person reads every line of it before signing. */
export const MAX_SHOWN_DOCUMENT = 16 * 1024;

/**
 * Refuses a document that a website must not have signed. What is shown must be what is signed, and the document must be of
 * use nowhere else: of its lines, exactly one is the origin of a website, and it is the one that the browser named; exactly
 * one is this request's nonce. Another site's origin on a line of its own would make it a document for that site, too.
 *
 * @throws CardError `document_too_large`, `document_characters`, `document_unbound`.
 */
export function checkDocument(document: string, { origin, nonce }: CardChallenge): void {
  if (Buffer.byteLength(document) > MAX_SHOWN_DOCUMENT) throw new CardError('document_too_large');
  const lines = document.split('\n');
  if (!lines.every(isShown)) throw new CardError('document_characters');
  const [named, ...others] = lines.filter(isWebOrigin);
  const bound = named === origin && others.length === 0 && lines.filter((line) => line === nonce).length === 1;
  if (!bound) throw new CardError('document_unbound');
}
