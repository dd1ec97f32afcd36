import { z } from 'zod';
import type { Vault } from '../vault.ts';
import { foldAddress, foldName } from './fold_attributes.ts';
import type { FourAttributes, RegisteredDate, RegisteredText } from './four_attributes.ts';

/** How the four attributes are kept: encrypted, and found again by a keyed hash of their folded form (invariant 7). */

const PURPOSE_ATTRIBUTES = 'attributes.four';
const PURPOSE_MATCH = 'attributes.match';

const textSchema = z.object({ text: z.string(), substitutes: z.array(z.number().int()) });
const part = z.number().int().optional();
const keptSchema = z.object({
  name: textSchema.optional(),
  address: textSchema.optional(),
  birthdate: z.object({ year: part, month: part, day: part }).optional(),
  gender: z.enum(['female', 'male', 'unknown']).optional(),
});
type Kept = z.infer<typeof keptSchema>;

/** Encrypts what `readFourAttributes` read. */
export function sealAttributes(vault: Vault, { name, address, birthdate, gender }: FourAttributes): Uint8Array {
  const kept: Kept = { name: keptText(name), address: keptText(address), birthdate, gender };
  return vault.seal(PURPOSE_ATTRIBUTES, Buffer.from(JSON.stringify(kept)));
}

/** Throws when the row was changed or belongs to another purpose (Vault.open). */
export function openAttributes(vault: Vault, sealed: Uint8Array): FourAttributes {
  const kept = keptSchema.parse(JSON.parse(Buffer.from(vault.open(PURPOSE_ATTRIBUTES, sealed)).toString()));
  const { birthdate, gender } = kept;
  return {
    name: openedText(kept.name),
    address: openedText(kept.address),
    birthdate: birthdate && { year: birthdate.year, month: birthdate.month, day: birthdate.day },
    gender,
  };
}

/**
 * Finds who registered the same four attributes, however either was written. Undefined when one is missing or only partly
 * known: two people must not be taken for one by what is not known of either.
 */
export function matchOf(vault: Vault, attributes: FourAttributes): Uint8Array | undefined {
  const { name, address, birthdate, gender } = attributes;
  const date = birthdate && isoDate(birthdate);
  if (!isWhole(name) || !isWhole(address) || date?.length !== 10 || date.startsWith('0000')) return undefined;
  if (gender === undefined || gender === 'unknown') return undefined;
  const folded = JSON.stringify([foldName(name.text), foldAddress(address.text), date, gender]);
  return vault.index(PURPOSE_MATCH, Buffer.from(folded));
}

/**
 * OpenID Connect Core §5.1 `birthdate`: `YYYY-MM-DD`, `0000-MM-DD` when only the year is unknown, `YYYY` when only that is
 * known; undefined when neither form can say what is known.
 */
export function isoDate({ year, month, day }: RegisteredDate): string | undefined {
  const padded = (value: number, length: number) => String(value).padStart(length, '0');
  if (month !== undefined && day !== undefined)
    return [padded(year ?? 0, 4), padded(month, 2), padded(day, 2)].join('-');
  return year === undefined ? undefined : padded(year, 4);
}

function isWhole(text: RegisteredText | undefined): text is RegisteredText {
  return text !== undefined && !text.substitutes.includes(true);
}

function keptText(registered: FourAttributes['name']): Kept['name'] {
  if (registered === undefined) return undefined;
  const { text, substitutes } = registered;
  return { text, substitutes: substitutes.flatMap((isSubstitute, index) => (isSubstitute ? [index] : [])) };
}

function openedText(kept: Kept['name']): FourAttributes['name'] {
  if (kept === undefined) return undefined;
  const substituted = new Set(kept.substitutes);
  return { text: kept.text, substitutes: Array.from(kept.text, (_character, index) => substituted.has(index)) };
}
