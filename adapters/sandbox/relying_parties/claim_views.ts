import type { Language } from './sites.ts';
import { words } from './words.ts';

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
      return describeCard(value);
    case 'birthdate':
      return asText(typeof value === 'string' ? formatDate(value, language) : value);
    default:
      return asText(value);
  }
}

/** Whether the hub says that nobody vouches for this claim any more: it is told as it was. */
export function isStale(name: string, claims: Readonly<Record<string, unknown>>): boolean {
  const { claims_provenance: provenance } = claims;
  const own = isRecord(provenance) ? provenance[name] : undefined;
  return isRecord(own) && own.current === false;
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

/** The brand, and the card's masked number or a token that stands for it. */
function describeCard(value: unknown): ClaimView | undefined {
  if (!isRecord(value) || typeof value.brand !== 'string') return undefined;
  return asText([value.brand, value.masked_number ?? value.network_token].filter(Boolean).join(' '));
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
