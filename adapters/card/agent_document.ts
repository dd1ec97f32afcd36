import type { CardChallenge } from './card.ts';
import { CardError } from './card_errors.ts';
import { isWebOrigin } from './web_eid_token.ts';

/** Octets of UTF-8. An application form has a few hundred; a person reads every line of it before signing. */
export const MAX_SHOWN_DOCUMENT = 16 * 1024;

/**
 * What a page would not show, or show in another place than it was signed in: control, format (bidi among them), private-use
 * and unassigned characters, lone surrogates, separators of lines, and whatever else is invisible by default. A variation
 * selector may follow an ideograph, where it chooses the form of a name's character; anywhere else it shows nothing.
 */
const UNSHOWN = /[[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\n\p{Variation_Selector}]]/v;
const STRAY_SELECTOR = /(?<!\p{Unified_Ideograph})\p{Variation_Selector}/u;

/**
 * Refuses a document that a website must not have signed. What is shown must be what is signed, and the document must be of
 * use nowhere else: of its lines, exactly one is the origin of a website, and it is the one that the browser named; exactly
 * one is this request's nonce. Another site's origin on a line of its own would make it a document for that site, too.
 *
 * @throws CardError `document_too_large`, `document_characters`, `document_unbound`.
 */
export function checkDocument(document: string, { origin, nonce }: CardChallenge): void {
  if (Buffer.byteLength(document) > MAX_SHOWN_DOCUMENT) throw new CardError('document_too_large');
  if (UNSHOWN.test(document) || STRAY_SELECTOR.test(document)) throw new CardError('document_characters');
  const lines = document.split('\n');
  const [named, ...others] = lines.filter(isWebOrigin);
  const bound = named === origin && others.length === 0 && lines.filter((line) => line === nonce).length === 1;
  if (!bound) throw new CardError('document_unbound');
}
