import { z } from 'zod';
import type { Catalogue } from '../attributes/catalogue/catalogue.ts';
import { HubError } from '../errors.ts';
import { isShown } from '../shown_text.ts';
import type { ServiceProviderMetadata, ServiceProviderSettings } from './service_provider.ts';

/** What holds where the operator decides nothing. */
export const DEFAULT_SETTINGS: ServiceProviderSettings = {
  requireSignedRequests: false,
  idpInitiated: false,
  encryptAssertions: 'when_possible',
  sector: undefined,
  attributeProfile: 'uri',
  claims: [],
  revocationPolicy: undefined,
  purpose: {},
};

/** As long as the engine takes texts of a client. */
const LONGEST_PURPOSE = 200;

/** Seconds: a hundred years. */
const MOST_SECONDS = 3_155_760_000;

const purposeText = z.string().max(LONGEST_PURPOSE).refine(isShown, 'must be one line that can be read');

/** Some of the settings: what is left out stays as it is, what is null, or empty among the texts, goes. */
export const settingsChangeSchema = z.strictObject({
  requireSignedRequests: z.boolean().optional(),
  idpInitiated: z.boolean().optional(),
  encryptAssertions: z.enum(['when_possible', 'always', 'never']).optional(),
  sector: z
    .string()
    .max(253)
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a host name in lower case')
    .nullable()
    .optional(),
  attributeProfile: z.enum(['uri', 'basic', 'eidas']).optional(),
  claims: z.array(z.string().max(64)).max(100).optional(),
  freshness: z
    .record(z.string().max(64), z.int().min(0).max(MOST_SECONDS))
    .refine((ages) => Object.keys(ages).length <= 100, 'too many')
    .nullable()
    .optional(),
  revocationPolicy: z.string().max(100).nullable().optional(),
  purpose: z
    .strictObject({ ja: purposeText.optional(), en: purposeText.optional(), other: purposeText.optional() })
    .optional(),
});
export type SettingsChange = z.infer<typeof settingsChangeSchema>;

export function changedSettings(settings: ServiceProviderSettings, change: SettingsChange): ServiceProviderSettings {
  const { sector, freshness, revocationPolicy, purpose, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...settings,
    ...given,
    sector: sector === undefined ? settings.sector : (sector ?? undefined),
    freshness: freshness === undefined ? settings.freshness : (freshness ?? undefined),
    revocationPolicy: revocationPolicy === undefined ? settings.revocationPolicy : (revocationPolicy ?? undefined),
    purpose: Object.fromEntries(Object.entries({ ...settings.purpose, ...purpose }).filter(([, text]) => text)),
  };
}

/**
 * Settings that the metadata, or the hub's catalogue, cannot live up to are a sign-in that fails each time: they are refused where they are made.
 *
 * @throws HubError `saml_settings_impossible`
 */
export function assertPossible(
  { signingCertificates, encryptionCertificates }: ServiceProviderMetadata,
  settings: ServiceProviderSettings,
  catalogue: Catalogue,
): void {
  const unknown = settings.claims.find((name) => catalogue.find(name) === undefined);
  if (unknown !== undefined) throw impossible(`The hub does not have the claim ${unknown}.`);
  const ageless = Object.keys(settings.freshness ?? {}).find((name) => catalogue.find(name)?.source !== 'provider');
  if (ageless !== undefined) throw impossible(`No attribute provider has a claim ${ageless}, which could be fresh.`);
  if (settings.requireSignedRequests && signingCertificates.length === 0) {
    throw impossible('Requests cannot have to be signed: the metadata has no certificate for signing.');
  }
  if (settings.encryptAssertions === 'always' && encryptionCertificates.length === 0) {
    throw impossible('Assertions cannot always be encrypted: the metadata has no RSA certificate for encryption.');
  }
}

function impossible(message: string): HubError {
  return new HubError('saml_settings_impossible', 400, message);
}
