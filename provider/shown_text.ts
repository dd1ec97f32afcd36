/**
 * What a page would not show, or show in another place than it was written in: control, format (bidi among them), private-use
 * and unassigned characters, lone surrogates, separators of lines, and whatever else is invisible by default. A variation
 * selector may follow an ideograph, where it chooses the form of a name's character; anywhere else it shows nothing.
 */
const UNSHOWN = /[[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--\p{Variation_Selector}]/v;
const STRAY_SELECTOR = /(?<!\p{Unified_Ideograph})\p{Variation_Selector}/u;

/** Whether all of one line can be read: nobody may sign what they cannot see. */
export function isShown(line: string): boolean {
  return !UNSHOWN.test(line) && !STRAY_SELECTOR.test(line);
}
