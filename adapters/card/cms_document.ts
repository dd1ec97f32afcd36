import { type DocumentDraft, draftSignedDocument, PkiError } from '../../provider/pki/index.ts';
import type { Card } from './card.ts';
import { CardError } from './card_errors.ts';

/** Octets of what is signed: with certificate and attributes it stays below what a hub takes (256 KiB). */
export const MAX_DOCUMENT_CONTENT = 192 * 1024;

/**
 * Signs `content` with the signing key of a card: CMS SignedData (RFC 5652) with the attributes of CAdES-BES (RFC 5126
 * §4.3.1), as `verifySignedDocument` takes it. The certificate has to be read before it can be named in what is signed,
 * and needs the password as well as the signature does; a wrong password costs one try and goes no further.
 *
 * @param request.now milliseconds since 1970, as the document will say.
 * @throws CardError `document_too_large` (no try spent), `card_exchanged`, `card_key_unsupported`, `card_unreadable`, and
 *   as {@link Card.signDocument}.
 */
export async function writeSignedDocument(
  card: Card,
  request: { content: Uint8Array; password: string; now: number },
): Promise<Uint8Array> {
  const { content, password, now } = request;
  if (content.length > MAX_DOCUMENT_CONTENT) throw new CardError('document_too_large');
  const { signing: certificate } = await card.certificates(password);
  if (certificate === null) throw new CardError('card_signing_missing');
  const draft = draftFor(content, certificate, now);
  const signed = await card.signDocument({ bytes: draft.toBeSigned, pin: password });
  // A reader that another card was put into answers as if nothing had happened.
  if (Buffer.compare(signed.certificate, certificate) !== 0) throw new CardError('card_exchanged');
  if (signed.algorithm !== draft.algorithm) throw new CardError('card_unreadable');
  return draft.complete(signed.signature);
}

function draftFor(content: Uint8Array, certificate: Uint8Array, now: number): DocumentDraft {
  try {
    return draftSignedDocument(content, certificate, now);
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw new CardError(cause.code === 'certificate_key' ? 'card_key_unsupported' : 'card_unreadable', { cause });
  }
}
