/**
 * Whoever is not the signer wrote this text, and it goes into a line of what is signed: no character that would break the
 * line, cannot be seen, or turns what is around it (the card agent signs none of them), cut at `limit` code points.
 */
export function signableLine(text: string, limit: number): string {
  const line = text
    .slice(0, limit * 8)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}]/gu, '')
    .trim();
  const points = Array.from(line);
  return points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : line;
}
