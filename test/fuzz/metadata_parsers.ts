import assert from 'node:assert/strict';
import { ENTITY_LIMITS, type MetadataRules, readMetadata } from '../../provider/saml/metadata/read_metadata.ts';
import { NOW } from '../support/saml/messages.ts';
import {
  consumer,
  element,
  entitiesText,
  entityAttribute,
  entityText,
  keyDescriptor,
  localized,
  logoutService,
  POST,
  REDIRECT,
  SOAP,
  signedMetadata,
  uiInfo,
} from '../support/saml/metadata.ts';
import { signingIdentity } from '../support/saml/providers.ts';
import { fixedRsaKey } from './fixed_keys.ts';
import { mutateText } from './mutate_text.ts';
import type { Parser } from './parser.ts';
import { BEYOND, describe } from './parser_tools.ts';

/* Metadata of service providers, as operators and federations bring it. */

const federation = await signingIdentity(fixedRsaKey('federation'));
const LIMIT = ENTITY_LIMITS.octets;
const rules: MetadataRules = { now: NOW, allowLoopback: false, pinnedKeys: undefined };
const MARKUP = ['<', '>', '/>', '"', '&', '&#x0;', ']]>', '<![CDATA[', '<!-- -->', '<?x ?>', '<!DOCTYPE x>', '\ufeff'];
const NAMES = ['md:', 'ds:', ' xmlns="urn:x"', ' xmlns:md="urn:x"', ' index="1"', ' isDefault="1"', ' validUntil="0"'];
const VALUES = ['javascript:', 'http://', 'https://', '@', '#', '\\', '65536', '-1', '1e9', 'true', 'é', '\u202e', ' '];
const WORDS = [...MARKUP, ...NAMES, ...VALUES, consumer('https://x.example/'), consumer('javascript:x', '9')];

const entity = entityText({
  entity: { validUntil: '2027-01-01T00:00:00Z', cacheDuration: 'PT1H' },
  role: { AuthnRequestsSigned: 'true' },
  extensions: entityAttribute('urn:oasis:names:tc:SAML:profiles:subject-id:req', 'any'),
  roleExtensions: uiInfo(localized('mdui:DisplayName', 'ja', '医院') + localized('mdui:Description', 'en', 'Clinic')),
  keys: keyDescriptor(federation.certificate),
  logout: [POST, REDIRECT, SOAP].map((binding) => logoutService(binding, 'https://sp.example/slo')).join(''),
  services: element(
    'md:AttributeConsumingService',
    { index: '1' },
    localized('md:ServiceName', 'en', 'Records') + element('md:RequestedAttribute', { Name: 'name' }),
  ),
});
const documents = [entity, entityText(), entitiesText([entity], { validUntil: '2026-12-31T00:00:00Z' })];
const signed = documents.map((document) => signedMetadata(document, federation.key));
const octets = (text: string) => Buffer.from(text);

function read(input: Uint8Array, pinnedKeys: MetadataRules['pinnedKeys']): string {
  const { metadata, cacheDuration } = readMetadata(input, undefined, { ...rules, pinnedKeys });
  const { assertionConsumerServices: consumers, singleLogoutServices: logouts, display } = metadata;
  assert.ok(consumers[0]?.isDefault, 'there is a default address, and it comes first');
  const addresses = [...consumers, ...logouts].map(({ location }) => new URL(location));
  for (const { protocol, username } of addresses) assert.deepEqual([protocol, username], ['https:', '']);
  assert.ok(display.logoUrl === undefined || new URL(display.logoUrl).protocol === 'https:');
  assert.ok(metadata.validUntil === undefined || metadata.validUntil > NOW);
  assert.ok(metadata.entityId.length <= 1024);
  return describe([metadata, cacheDuration ?? null]);
}

const REFUSALS = /^saml_(metadata_(invalid|expired|signature_invalid)|entity_not_found)$/;

const unsigned: Parser = {
  name: 'saml-metadata',
  limit: LIMIT,
  samples: documents.map(octets),
  tamperProof: false,
  refusals: REFUSALS,
  read: (input) => read(input, undefined),
  generate: (random) => octets(mutateText(random.pick(documents), random, WORDS, LIMIT * BEYOND)),
};

const pinned: Parser = {
  name: 'saml-metadata-pinned',
  limit: LIMIT,
  samples: signed.map(octets),
  tamperProof: true,
  refusals: REFUSALS,
  read: (input) => read(input, [federation.publicKey]),
  generate: (random) => octets(mutateText(random.pick(signed), random, WORDS, LIMIT * BEYOND)),
};

export const metadataParsers: readonly Parser[] = [unsigned, pinned];
