import type { Language } from './sites.ts';
import { words } from './words.ts';

/** Whose word a claim is, as a person reads it. */
export interface OriginView {
  source: string;
  /** Of when it is, by whoever says it. */
  asOf: string;
  /** Until when they stand by it, where they say so. */
  validUntil: string | undefined;
  /** Nobody vouches for it any more: it is told as it was. */
  isStale: boolean;
}

/** How a claim is shown: a text, or the card check in its parts. */
export type ClaimView = { text: string } | { checkedAt: string; source: string; asOf: string };

/** Characters. A hub of one's own may send anything. */
const TEXT_LIMIT = 500;

/** A claim as a person reads it, or undefined when it did not come, or not in a form that this site knows. */
export function describeClaim(name: string, value: unknown, language: Language): ClaimView | undefined {
  switch (name) {
    case 'card_status':
      return describeCardStatus(value, language);
    case 'address':
      return asText(isRecord(value) ? value.formatted : value);
    case 'gender':
      return asText(typeof value === 'string' ? (words[language].genders[value] ?? value) : value);
    case 'health_insurance_valid':
      return typeof value === 'boolean' ? { text: words[language].insuranceValid[value ? 'yes' : 'no'] } : undefined;
    case 'payment_token':
      return describeCard(value, language);
    case 'birthdate':
      return asText(typeof value === 'string' ? formatDate(value, language) : value);
    default:
      return asText(value);
  }
}

/** What `claims_provenance` says of a claim; undefined for one that the hub says itself. */
export function describeOrigin(
  name: string,
  claims: Readonly<Record<string, unknown>>,
  language: Language,
): OriginView | undefined {
  const own = memberOf(claims.claims_provenance, name);
  if (typeof own?.source !== 'string') return undefined;
  return {
    source: sourceName(own.source, language),
    asOf: formatTime(own.as_of ?? own.obtained_at, language) ?? words[language].unknown,
    validUntil: formatTime(own.valid_until, language),
    isStale: own.current === false,
  };
}

/** Why a claim that was agreed to did not come (`claims_unavailable`), in a sentence; undefined when the hub says nothing of it. */
export function describeAbsence(
  name: string,
  claims: Readonly<Record<string, unknown>>,
  language: Language,
): string | undefined {
  const own = memberOf(claims.claims_unavailable, name);
  if (typeof own?.source !== 'string') return undefined;
  const { absences } = words[language];
  const reason = String(own.reason);
  const say = (Object.hasOwn(absences, reason) ? absences[reason] : undefined) ?? absences.not_available;
  return say?.(sourceName(own.source, language));
}

/** A provider that this site has no name for is shown by its id. */
function sourceName(source: string, language: Language): string {
  const { sources } = words[language];
  return (Object.hasOwn(sources, source) ? sources[source] : undefined) ?? source.slice(0, TEXT_LIMIT);
}

function memberOf(all: unknown, name: string): Readonly<Record<string, unknown>> | undefined {
  const own = isRecord(all) && Object.hasOwn(all, name) ? all[name] : undefined;
  return isRecord(own) ? own : undefined;
}

/** Japanese time: that is what the person's clock shows, wherever this process runs. */
export function formatTime(seconds: unknown, language: Language): string | undefined {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  const text = new Intl.DateTimeFormat(language === 'ja' ? 'ja-JP' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'medium',
    timeZone: 'Asia/Tokyo',
  }).format(date);
  return language === 'ja' ? `${text}（日本時間）` : `${text} JST`;
}

function describeCardStatus(value: unknown, language: Language): ClaimView | undefined {
  if (!isRecord(value) || value.status !== 'good') return undefined;
  const { cardSources, unknown } = words[language];
  return {
    checkedAt: formatTime(value.checked_at, language) ?? unknown,
    source: cardSources[String(value.source)] ?? unknown,
    asOf: formatTime(value.as_of, language) ?? unknown,
  };
}

/** The brand and the card's last four digits, or only the brand where a token stands for the card. */
function describeCard(value: unknown, language: Language): ClaimView | undefined {
  if (!isRecord(value) || typeof value.brand !== 'string') return undefined;
  const lastDigits = typeof value.masked_number === 'string' ? value.masked_number.match(/\d{4}$/)?.[0] : undefined;
  return asText(lastDigits === undefined ? value.brand : words[language].cardEnding(value.brand, lastDigits));
}

/** `YYYY-MM-DD` (OIDC Core §5.1) in words; a birthday whose month or day is not known (`0000`, `1980-00-00`) as it came. */
function formatDate(text: string, language: Language): string {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  if (!date || Number.isNaN(date.getTime())) return text;
  const locale = language === 'ja' ? 'ja-JP' : 'en-GB';
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(date);
}

function asText(value: unknown): ClaimView | undefined {
  return typeof value === 'string' && value !== '' ? { text: value.slice(0, TEXT_LIMIT) } : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
