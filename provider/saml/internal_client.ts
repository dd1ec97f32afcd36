import { type ServiceProvider, sectorOfProvider, type Texts } from './service_provider.ts';

/** Where the engine sends what it answers for a service provider; nobody outside the hub is sent there with anything. */
export const ANSWER_PATH = '/saml/answer';
/** As long as the engine takes texts of a client. */
const LONGEST_TEXT = 200;

/**
 * The client by which the engine knows a service provider (RFC 7591 §2, with names of ours): session, consent, disclosure
 * and logout are the engine's, whichever protocol asks. It can do nothing by itself: no grant type, no secret, and no
 * redirect address but the hub's own.
 *
 * @param issuer the hub's public URL
 */
export function internalClient({ metadata, settings }: ServiceProvider, issuer: string): Record<string, unknown> {
  const { entityId, display, attributeConsumingServices } = metadata;
  const host = new URL(entityId).hostname || entityId;
  const [service] = attributeConsumingServices;
  return withoutUndefined({
    client_id: entityId,
    ...inLanguages('client_name', cut(display.names)),
    client_name: cut(display.names).other ?? display.names.en ?? display.names.ja ?? host.slice(0, LONGEST_TEXT),
    ...inLanguages('purpose', cut(firstWithText(settings.purpose, service?.descriptions, display.descriptions))),
    logo_uri: display.logoUrl,
    client_uri: inAnyLanguage(display.informationUrls),
    policy_uri: inAnyLanguage(display.privacyStatementUrls),
    response_types: ['none'],
    grant_types: [],
    redirect_uris: [new URL(ANSWER_PATH, issuer).href],
    token_endpoint_auth_method: 'none',
    musubi_revocation_policy: settings.revocationPolicy,
    saml_sector: sectorOfProvider({ metadata, settings }),
  });
}

function inLanguages(name: 'client_name' | 'purpose', { ja, en, other }: Texts): Record<string, string | undefined> {
  return { [`${name}#ja`]: ja, [`${name}#en`]: en, [name]: other };
}

function inAnyLanguage({ ja, en, other }: Texts): string | undefined {
  return ja ?? en ?? other;
}

function firstWithText(...candidates: readonly (Texts | undefined)[]): Texts {
  return candidates.find((texts) => texts && Object.keys(texts).length > 0) ?? {};
}

function cut(texts: Texts): Texts {
  const short = (text: string) => {
    if (text.length <= LONGEST_TEXT) return text;
    // Half of a surrogate pair is no character.
    return `${text
      .slice(0, LONGEST_TEXT - 1)
      .replace(/[\ud800-\udbff]$/, '')
      .trimEnd()}…`;
  };
  return Object.fromEntries(Object.entries(texts).map(([language, text]) => [language, short(text)]));
}

function withoutUndefined(metadata: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
}
