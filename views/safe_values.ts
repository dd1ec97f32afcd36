import type { Language } from './words/words.ts';

/* What a page may carry of values that come from elsewhere. */

/** Code points of a relying party's name that a page shows. */
export const NAME_LIMIT = 80;
const URL_LIMIT = 2048;

/** An http(s) address without credentials, in its canonical form; undefined for anything else (`javascript:`, `data:` …). */
export function webUrl(text: string | undefined): string | undefined {
  if (text === undefined || text.length > URL_LIMIT || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  return isWeb && url.username === '' && url.password === '' ? url.href : undefined;
}

/** An address that opens an app: its scheme is a domain name in reverse (RFC 8252 §7.1), which no scheme of browsers is. */
export function appUrl(text: string): string | undefined {
  return text.length <= URL_LIMIT && /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/i.test(text) ? text : undefined;
}

/**
 * A path on this very site, else undefined. Browsers read `//host` and `/\host` as another site, and drop tabs and line
 * feeds before they look: none of these passes.
 */
export function localPath(text: string | undefined): string | undefined {
  if (text === undefined || text.length > URL_LIMIT) return undefined;
  if (!/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(text)) return undefined;
  // `/./` and `/../` are taken out by browsers: what stays must not begin with two slashes either.
  const base = 'http://local.invalid';
  if (!URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  return url.origin === base && !url.pathname.startsWith('//') ? text : undefined;
}

/**
 * A stranger's text made harmless to the page around it: no control characters and no marks that turn the reading
 * direction (they could let a name rewrite the sentence it stands in), spaces joined, cut at `limit` code points.
 */
export function cleanText(text: string, limit: number): string {
  const clean = text
    .slice(0, limit * 8)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\p{Cf}]/gu, '')
    .trim();
  const points = Array.from(clean);
  return points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : clean;
}

/** A day in Japan. */
export function longDate(at: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'Asia/Tokyo' }).format(at);
}

/** @throws Error for an address that is our own mistake. */
export function mustBe(address: string | undefined, field: string): string {
  if (address === undefined) throw new Error(`${field} is not an address that a page may carry`);
  return address;
}

/** A moment in Japan, to the minute. */
export function longMoment(at: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'Asia/Tokyo' }).format(
    at,
  );
}
