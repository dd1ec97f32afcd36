import { z } from 'zod';
import { CardError } from './card_errors.ts';

/** One certificate with its key and the PIN that guards it, as a soft card keeps them. */
export interface SoftCardKey {
  /** DER, base64. */
  certificate: string;
  /** PKCS#8, PEM. */
  privateKey: string;
  pin: string;
  /** 0 means blocked. */
  triesLeft: number;
  maxTries: number;
}

/**
 * A sandbox citizen's card in a file, `<data>/cards/<name>.card.json` (mode 0600). The sandbox authority writes it when
 * it issues or renews; the card agent counts wrong PINs in it. Nothing in it is worth anything outside one sandbox.
 */
export interface SoftCardFile {
  format: 'musubi-soft-card:1';
  /** File-safe name, `[a-z0-9-]{1,42}`; what `musubi card sign --card` takes. */
  name: string;
  /** What the card agent shows, for people: the citizen's name and what is special about this card. */
  label: { ja: string; en: string };
  user: SoftCardKey;
  /** Under-15s have no signing certificate. */
  signing: SoftCardKey | null;
  /** The issuing authority certificates as on a real card (EF 000B and 0002), DER, base64. */
  authority: { user: string; signing: string | null };
}

const CARD_NAME = /^[a-z0-9-]{1,42}$/;
const FILE_SUFFIX = '.card.json';

/** Characters. Two keys, two certificates and their authorities take about 12,000; anything far beyond is no card. */
const MAX_FILE_CHARACTERS = 128 * 1024;

const keySchema = z
  .looseObject({
    certificate: z.base64().min(1),
    privateKey: z.string().startsWith('-----BEGIN PRIVATE KEY-----'),
    pin: z.string().min(4).max(16),
    triesLeft: z.int().min(0),
    maxTries: z.int().min(1).max(15),
  })
  .refine((key) => key.triesLeft <= key.maxTries);

const cardSchema = z.looseObject({
  format: z.literal('musubi-soft-card:1'),
  name: z.string().regex(CARD_NAME),
  label: z.object({ ja: z.string().min(1).max(200), en: z.string().min(1).max(200) }),
  user: keySchema,
  signing: keySchema.nullable(),
  authority: z.object({ user: z.base64(), signing: z.base64().nullable() }),
});

/**
 * File name of the card called `name`.
 *
 * @throws CardError `card_not_found` for a name that no card can have: `../x` must never become a path.
 */
export function softCardFileName(name: string): string {
  if (!CARD_NAME.test(name)) throw new CardError('card_not_found');
  return `${name}${FILE_SUFFIX}`;
}

/** The card's name when `fileName` is that of a soft card, otherwise null. */
export function softCardNameOf(fileName: string): string | null {
  const name = fileName.endsWith(FILE_SUFFIX) ? fileName.slice(0, -FILE_SUFFIX.length) : '';
  return CARD_NAME.test(name) ? name : null;
}

/**
 * Reads a soft card's text. Fields that this version does not know are kept, so that a rewritten counter loses nothing.
 *
 * @throws CardError `card_unreadable` if it is not the card called `name` in a known format.
 */
export function parseSoftCardFile(text: string, name: string): SoftCardFile {
  if (text.length > MAX_FILE_CHARACTERS) throw new CardError('card_unreadable', { details: { reason: 'too large' } });
  const card = cardSchema.safeParse(parseJson(text));
  // The parser's own words quote the text, which holds a PIN: only the paths that are wrong go to the log.
  if (!card.success) {
    const wrong = card.error.issues.map((issue) => issue.path.join('.'));
    throw new CardError('card_unreadable', { details: { wrong } });
  }
  if (card.data.name !== name) throw new CardError('card_unreadable', { details: { reason: 'name and file differ' } });
  return card.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
