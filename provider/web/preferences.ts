import type { Context, Middleware } from 'koa';
import { localPath } from '../../views/models.ts';
import type { Language } from '../../views/words/words.ts';
import { languages } from '../../views/words/words.ts';
import { readShortForm } from './read_short_form.ts';
import { requestSource } from './request_source.ts';

export const textSizes = ['standard', 'large', 'extra_large'] as const;
export type TextSize = (typeof textSizes)[number];
/** `auto` follows the system's light or dark. */
export const colors = ['auto', 'light', 'dark'] as const;
export type Color = (typeof colors)[number];

/** How a person wants to see pages. */
export interface Preferences {
  language: Language;
  textSize: TextSize;
  color: Color;
}

/** What the cookie keeps: the language only once it was chosen. */
interface Choice {
  language: Language | undefined;
  textSize: TextSize;
  color: Color;
}

/** Seconds that a choice is remembered. */
const ONE_YEAR = 31_536_000;
/** Bytes: the form has a return path and one choice. */
const FORM_LIMIT = 4096;
const ACCEPT_LANGUAGE_LIMIT = 200;
const noChoice: Choice = { language: undefined, textSize: 'standard', color: 'auto' };

/**
 * A person's preferences. Language: the relying party's wish (`ui_locales`, OIDC Core §3.1.2.1) unless the person has
 * chosen one on our pages, then Accept-Language (RFC 9110 §12.5.4), then Japanese.
 *
 * The person's own choice wins over `ui_locales`, or the switch would not work within a sign-in.
 *
 * @param cookie value of the preferences cookie; anything but what we write counts as no choice
 */
export function readPreferences({
  cookie,
  uiLocales,
  acceptLanguage,
}: {
  cookie?: string | undefined;
  uiLocales?: string | undefined;
  acceptLanguage?: string | undefined;
}): Preferences {
  const choice = readChoice(cookie);
  return {
    ...choice,
    language: choice.language ?? firstKnown(uiLocales?.split(' ')) ?? firstKnown(byWeight(acceptLanguage)) ?? 'ja',
  };
}

/** The cookie's name: bound to the origin (RFC 6265bis §4.1.3.2) wherever there is https. */
export function preferencesCookieName(secure: boolean): string {
  return secure ? '__Host-musubi_preferences' : 'musubi_preferences';
}

/**
 * Puts `ctx.state.preferences` on every request and answers `POST /preferences`, the switches' form: one choice a time and
 * `return`, the local path to go back to (303). Works without script and in the middle of a sign-in.
 *
 * @param publicUrl where browsers reach the hub, from the configuration: the Host header decides nothing
 */
export function preferences({ publicUrl }: { publicUrl: string }): Middleware {
  const { origin, protocol } = new URL(publicUrl);
  const secure = protocol === 'https:';
  const cookieName = preferencesCookieName(secure);

  return async (ctx, next) => {
    const cookie = ctx.cookies.get(cookieName);
    ctx.state.preferences = readPreferences({ cookie, acceptLanguage: ctx.get('Accept-Language') });
    ctx.state.preferencesCookie = cookie;
    if (ctx.path !== '/preferences') return next();
    if (ctx.method !== 'POST') return next();

    const form = await readShortForm(ctx, FORM_LIMIT);
    // A foreign page could at most change a colour; even that is none of its business.
    if (requestSource(ctx, origin) !== 'foreign')
      writeChoice(ctx, change(readChoice(cookie), form), cookieName, secure);
    ctx.status = 303;
    ctx.set('Location', localPath(form.get('return') ?? undefined) ?? '/');
    ctx.body = '';
  };
}

/** The request's preferences, with the relying party's `ui_locales` taken into account once the interaction is known. */
export function preferencesOf(ctx: Context, uiLocales?: string): Preferences {
  return readPreferences({
    cookie: ctx.state.preferencesCookie,
    uiLocales,
    acceptLanguage: ctx.get('Accept-Language'),
  });
}

function readChoice(cookie: string | undefined): Choice {
  const [language, textSize, color, ...more] = (cookie ?? '').slice(0, 64).split('.');
  const known = {
    language: oneOf(languages, language),
    textSize: oneOf(textSizes, textSize),
    color: oneOf(colors, color),
  };
  if (more.length > 0 || known.textSize === undefined || known.color === undefined) return noChoice;
  if (known.language === undefined && language !== '-') return noChoice;
  return { language: known.language, textSize: known.textSize, color: known.color };
}

function change(choice: Choice, form: URLSearchParams): Choice {
  return {
    language: oneOf(languages, form.get('language')) ?? choice.language,
    textSize: oneOf(textSizes, form.get('text_size')) ?? choice.textSize,
    color: oneOf(colors, form.get('color')) ?? choice.color,
  };
}

function writeChoice(ctx: Context, choice: Choice, name: string, secure: boolean): void {
  const value = `${choice.language ?? '-'}.${choice.textSize}.${choice.color}`;
  const attributes = `Path=/; Max-Age=${ONE_YEAR}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  // Not by ctx.cookies: behind a TLS proxy it refuses `Secure` unless forwarded headers are trusted, and we trust none here.
  ctx.append('Set-Cookie', `${name}=${value}; ${attributes}`);
}

function oneOf<T extends string>(known: readonly T[], value: string | null | undefined): T | undefined {
  return known.find((item) => item === value);
}

/** First of the given language tags that we have pages for; `en-GB` counts as `en` (RFC 4647 §3.4). */
function firstKnown(tags: readonly string[] | undefined): Language | undefined {
  for (const tag of tags ?? []) {
    const language = oneOf(languages, tag.trim().toLowerCase().split('-')[0]);
    if (language) return language;
  }
  return undefined;
}

function byWeight(acceptLanguage: string | undefined): string[] {
  return (acceptLanguage ?? '')
    .slice(0, ACCEPT_LANGUAGE_LIMIT)
    .split(',')
    .map((item) => {
      const [tag = '', ...parameters] = item.split(';').map((part) => part.trim());
      const weight = parameters.find((part) => /^q=/i.test(part))?.slice(2);
      return { tag, weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}
