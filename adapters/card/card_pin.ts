import type { CardKeyKind } from './card.ts';
import { CardError, type CardErrorCode } from './card_errors.ts';

interface PinRule {
  /** What can be a PIN at all. Anything else is refused before it is sent to the card, where it would cost a try. */
  shape: RegExp;
  malformed: CardErrorCode;
  wrong: CardErrorCode;
  blocked: CardErrorCode;
}

const RULES: Record<CardKeyKind, PinRule> = {
  user: {
    shape: /^[0-9]{4}$/,
    malformed: 'card_pin_malformed',
    wrong: 'card_pin_wrong',
    blocked: 'card_pin_blocked',
  },
  signing: {
    shape: /^[A-Za-z0-9]{6,16}$/,
    malformed: 'card_signing_pin_malformed',
    wrong: 'card_signing_pin_wrong',
    blocked: 'card_signing_pin_blocked',
  },
};

/**
 * A PIN as the card compares it: letters are upper case.
 *
 * @throws CardError `card_pin_malformed` or `card_signing_pin_malformed`.
 */
export function foldPin(kind: CardKeyKind, pin: string): string {
  const { shape, malformed } = RULES[kind];
  // The shape is tested before folding: outside ASCII, upper case can make a letter out of what was none (ı becomes I).
  if (!shape.test(pin)) throw new CardError(malformed);
  return pin.toUpperCase();
}

/** What a card says of a PIN that it refused: wrong, or blocked when no try is left. */
export function pinRefused(kind: CardKeyKind, triesLeft: number): CardError {
  const { wrong, blocked } = RULES[kind];
  return new CardError(triesLeft === 0 ? blocked : wrong, { triesLeft });
}
