import type { Card, CardChallenge, WebEidToken } from './card.ts';
import { CardError } from './card_errors.ts';
import { foldPin, pinRefused } from './card_pin.ts';
import { writeSignedDocument } from './cms_document.ts';

/** What one card signed in one session: with the user key, and with the signing key. */
export interface SignedEnrolment {
  token: WebEidToken;
  /** DER of CMS SignedData. */
  document: Uint8Array;
}

/**
 * Signs a website's challenge with the user key and a document with the signing key, both or neither.
 *
 * What costs no try is asked first. Then the user key signs, and only after it the signing key: a wrong PIN costs the signing
 * password no try, and a wrong password costs the PIN none, since a right PIN has got its tries back by then.
 *
 * @param request.now milliseconds since 1970, as the document will say.
 * @throws CardError as {@link Card.signChallenge} and {@link writeSignedDocument}; `card_exchanged` when the keys were not
 *   those of one card.
 */
export async function signEnrolment(
  card: Card,
  request: { challenge: CardChallenge; document: string; pin: string; password: string; now: number },
): Promise<SignedEnrolment> {
  const { challenge, document: text, pin, password, now } = request;
  const { signing } = await card.status();
  if (signing === null) throw new CardError('card_signing_missing');
  if (signing.triesLeft === 0) throw pinRefused('signing', 0);
  foldPin('signing', password);

  const token = await card.signChallenge({ ...challenge, pin });
  const document = await writeSignedDocument(card, { content: Buffer.from(text), password, now });
  // A reader that another card was put into in between answers as if nothing had happened.
  const { user } = await card.certificates();
  if (Buffer.from(user).toString('base64') !== token.unverifiedCertificate) throw new CardError('card_exchanged');
  return { token, document };
}
