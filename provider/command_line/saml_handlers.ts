import { z } from 'zod';
import type { MetadataOrigin } from '../saml/add_service_provider.ts';
import type { FeedAdministration } from '../saml/feed_administration.ts';
import { settingsChangeSchema } from '../saml/provider_settings.ts';
import type { RefreshReport, ServiceProviderAdministration } from '../saml/service_provider_administration.ts';
import type { ShownFeed, ShownServiceProvider, ShownServiceProviderDetails } from '../saml/shown_service_provider.ts';
import { checked } from './checked.ts';

const entityId = z.string().max(1024);
const url = z.string().max(2048);
/** A file in base64, since questions are JSON. */
const file = z.base64();
const entitySchema = z.object({ entityId });
const addSchema = z.object({
  origin: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('file'), document: file, entityId: entityId.optional() }),
    z.strictObject({ kind: z.literal('url'), url, entityId: entityId.optional() }),
    z.strictObject({ kind: z.literal('mdq'), url, entityId, transform: z.enum(['plain', 'sha1']) }),
  ]),
  settings: settingsChangeSchema.optional(),
  pins: file.optional(),
});
export type SamlAddArguments = z.infer<typeof addSchema>;
const setSchema = z.object({ entityId, settings: settingsChangeSchema });
const refreshSchema = z.union([
  z.strictObject({ entityId }),
  z.strictObject({ feed: z.string() }),
  z.strictObject({ all: z.literal(true) }),
]);
export type SamlRefreshArguments = z.infer<typeof refreshSchema>;
const words = z.array(z.string().min(1).max(1024)).max(1000).optional();
const feedNameSchema = z.object({ name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be of a-z, 0-9 and -') });
const feedSchema = feedNameSchema.extend({
  url,
  filter: z.strictObject({ entityIds: words, registrationAuthorities: words, entityCategories: words }),
  settings: settingsChangeSchema.optional(),
  pins: file.optional(),
});
export type SamlFeedArguments = z.infer<typeof feedSchema>;

/** Results of the handlers below. */
export interface SamlResults {
  'saml.add': ShownServiceProviderDetails;
  'saml.list': readonly ShownServiceProvider[];
  'saml.show': ShownServiceProviderDetails;
  'saml.set': ShownServiceProviderDetails;
  'saml.refresh': readonly RefreshReport[];
  'saml.remove': undefined;
  'saml.feed.add': ShownFeed;
  'saml.feed.list': readonly ShownFeed[];
  'saml.feed.remove': undefined;
}

/** What commands can ask of the register of SAML service providers, by name. */
export function samlHandlers(
  providers: ServiceProviderAdministration,
): Readonly<Record<keyof SamlResults, (args: unknown) => Promise<unknown>>> {
  return {
    'saml.add': async (args) => {
      const { origin, settings, pins } = checked(addSchema, args);
      return providers.add(originOf(origin), { ...(settings && { settings }), ...(pins && { pins: octets(pins) }) });
    },
    'saml.list': () => providers.list(),
    'saml.show': async (args) => providers.show(checked(entitySchema, args).entityId),
    'saml.set': async (args) => {
      const { entityId, settings } = checked(setSchema, args);
      return providers.set(entityId, settings);
    },
    'saml.refresh': async (args) => {
      const wanted = checked(refreshSchema, args);
      if ('all' in wanted) return providers.refreshAll();
      return [await refreshOne(providers, wanted)];
    },
    'saml.remove': async (args) => providers.remove(checked(entitySchema, args).entityId),
    'saml.feed.add': async (args) => providers.feeds.add(feedOf(checked(feedSchema, args))),
    'saml.feed.list': () => providers.feeds.list(),
    'saml.feed.remove': async (args) => providers.feeds.remove(checked(feedNameSchema, args).name),
  };
}

async function refreshOne(
  providers: ServiceProviderAdministration,
  wanted: { entityId: string } | { feed: string },
): Promise<RefreshReport> {
  if ('feed' in wanted) return { source: wanted.feed, outcome: await providers.feeds.refresh(wanted.feed) };
  return { source: wanted.entityId, outcome: await providers.refresh(wanted.entityId) };
}

function originOf(origin: SamlAddArguments['origin']): MetadataOrigin {
  if (origin.kind === 'mdq') return origin;
  const named = origin.entityId === undefined ? {} : { entityId: origin.entityId };
  if (origin.kind === 'url') return { kind: 'url', url: origin.url, ...named };
  return { kind: 'file', document: octets(origin.document), ...named };
}

function feedOf({ pins, settings, ...draft }: SamlFeedArguments): Parameters<FeedAdministration['add']>[0] {
  return { ...draft, ...(settings && { settings }), ...(pins && { pins: octets(pins) }) };
}

function octets(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64');
}
