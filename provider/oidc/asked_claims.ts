import { createHash } from 'node:crypto';
import type { Client } from 'oidc-provider';
import type { Language } from '../../views/words/words.ts';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import type { AskedClaims } from '../consent/consent_rules.ts';
import { claimPurposes, essentialClaims, requestedClaims } from './requested_claims.ts';

/** What a request asks for: the claims, which of them it cannot do without, and what for. */
export function askedClaims(
  catalogue: Catalogue,
  params: { scope?: unknown; claims?: unknown; saml?: unknown },
  client: Client,
  language?: Language,
): AskedClaims {
  const essential = essentialClaims(params);
  const stated = claimPurposes(params);
  const general = [client.purpose, client['purpose#ja'], client['purpose#en']];
  return Object.fromEntries(
    requestedClaims(catalogue, params).map((name) => {
      const registered = registeredPurpose(client, name);
      const shown = language && (stated[name] ?? inEitherLanguage(registered, language));
      const terms = {
        required: name === 'sub' || essential.has(name),
        purpose: keyOf(stated[name] === undefined ? [registered ?? general] : [stated[name]]),
        ...(shown !== undefined && { shown }),
      };
      return [name, terms];
    }),
  );
}

export interface PurposeTexts {
  readonly ja?: string;
  readonly en?: string;
}

/** Client metadata of ours: what single claims are for, `{ "birthdate": { "ja": …, "en": … } }`. */
function registeredPurpose(client: Client, name: string): PurposeTexts | undefined {
  const purposes = client.claim_purposes as Readonly<Record<string, PurposeTexts>> | undefined;
  return purposes && Object.hasOwn(purposes, name) ? purposes[name] : undefined;
}

function inEitherLanguage(texts: PurposeTexts | undefined, language: Language): string | undefined {
  return language === 'ja' ? (texts?.ja ?? texts?.en) : (texts?.en ?? texts?.ja);
}

/** The same purpose in two languages is one purpose: what stands for it is made of all its texts. */
function keyOf(texts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64url').slice(0, 16);
}

const TEXT_LIMIT = 200;

/** Whether client metadata `claim_purposes` is as it has to be; a text for whoever registers it where it is not. */
export function faultOfClaimPurposes(catalogue: Catalogue, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'claim_purposes must be an object';
  for (const [name, texts] of Object.entries(value)) {
    if (!catalogue.find(name))
      return `claim_purposes names ${JSON.stringify(name.slice(0, 50))}, which is no claim of this hub`;
    const entries = Object.entries(Object(texts));
    const areTexts = entries.every(
      ([language, text]) =>
        (language === 'ja' || language === 'en') &&
        typeof text === 'string' &&
        text.length > 0 &&
        text.length <= TEXT_LIMIT,
    );
    if (entries.length === 0 || Array.isArray(texts) || !areTexts) {
      return `claim_purposes.${name} must hold texts of 1 to ${TEXT_LIMIT} characters under "ja" or "en"`;
    }
  }
  return undefined;
}
