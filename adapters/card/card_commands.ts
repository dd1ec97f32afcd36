import type { CardStatus, WebEidToken } from './card.ts';
import { writeSignedDocument } from './cms_document.ts';
import { softCardDoor } from './soft_card.ts';

/**
 * Signs a website's challenge with a soft card: the token that the card agent's page would have handed to `origin`
 * (`musubi card sign`).
 *
 * @throws CardError as {@link Card.signChallenge}, and `card_not_found`.
 */
export async function signWithCard(request: {
  cardsFolder: string;
  name: string;
  pin: string;
  origin: string;
  nonce: string;
}): Promise<WebEidToken> {
  const { cardsFolder, name, ...challenge } = request;
  const card = await softCardDoor(cardsFolder).open(name);
  return card.signChallenge(challenge);
}

/**
 * Signs a document with the signing key of a soft card (`musubi card sign-document`).
 *
 * @throws CardError as {@link writeSignedDocument}, and `card_not_found`.
 */
export async function signDocumentWithCard(request: {
  cardsFolder: string;
  name: string;
  password: string;
  content: Uint8Array;
  now: number;
}): Promise<Uint8Array> {
  const { cardsFolder, name, ...document } = request;
  return writeSignedDocument(await softCardDoor(cardsFolder).open(name), document);
}

export interface ListedCard {
  name: string;
  label: { ja: string; en: string };
  status: CardStatus;
}

/** The soft cards of a folder with the tries that their PINs have left (`musubi card list`), by name. */
export async function listCards(cardsFolder: string): Promise<ListedCard[]> {
  const cards = await softCardDoor(cardsFolder).list();
  return Promise.all(cards.map(async (card) => ({ name: card.name, label: card.label, status: await card.status() })));
}
