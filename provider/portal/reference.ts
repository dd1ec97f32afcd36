import type { Random } from '../world.ts';

/** Without letters and digits that look or sound alike. */
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A number that somebody reads to somebody else on the telephone: `L-7K2M-9QXT`, 39 bits. It opens nothing by itself.
 *
 * @param kind the letter that it begins with.
 */
export function newReference(kind: 'L' | 'R', random: Random): string {
  let value = Buffer.from(random(8)).readBigUInt64BE();
  let text = '';
  for (let place = 0; place < 8; place += 1) {
    text += ALPHABET[Number(value % BigInt(ALPHABET.length))];
    value /= BigInt(ALPHABET.length);
  }
  return `${kind}-${text.slice(0, 4)}-${text.slice(4)}`;
}
