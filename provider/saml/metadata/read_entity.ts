import { NAMESPACES, SUBJECT_ID_REQUIREMENT } from '../names.ts';
import type { ServiceProviderMetadata } from '../service_provider.ts';
import { attributeOf, childrenNamed, type XmlElement } from '../xml/xml_element.ts';
import { readDisplay } from './display.ts';
import { type AddressRules, readConsumerServices, readLogoutServices } from './endpoints.ts';
import { entityAttribute } from './entity_attributes.ts';
import { readKeys } from './keys.ts';
import { metadataError, refuse } from './metadata_error.ts';
import { readAttributeServices } from './requested_attributes.ts';
import { booleanOf, durationOf, instantOf, textsOf, wordsOf } from './xml_values.ts';

const LONGEST_ENTITY_ID = 1_024;
const MOST_FORMATS = 20;
const SUBJECT_IDS = ['pairwise-id', 'subject-id', 'any', 'none'];

/** How long what a document says holds, and how long it may be kept without asking again. In milliseconds. */
export interface Validity {
  /** Since 1970; undefined for ever. */
  readonly validUntil: number | undefined;
  readonly cacheDuration: number | undefined;
}

export interface ReadEntity {
  readonly metadata: ServiceProviderMetadata;
  readonly cacheDuration: number | undefined;
}

/**
 * What an EntityDescriptor says of a service provider (SAML Metadata §2.3.2, §2.4.4). Whoever calls has judged the
 * document's signature, if any is asked for.
 *
 * @param enclosing validity of the EntitiesDescriptors around it: what ends first holds (§2.2.1)
 * @throws HubError `saml_metadata_invalid`, `saml_metadata_expired`
 */
export function readEntity(
  entity: XmlElement,
  enclosing: Validity,
  { now, ...rules }: AddressRules & { now: number },
): ReadEntity {
  const entityId = entityIdOf(entity);
  const role = serviceProviderRole(entity);
  if (role === undefined) return refuse('is not of a SAML 2.0 service provider: it has no such SPSSODescriptor');
  const { validUntil, cacheDuration } = [entity, role].reduce(narrowed, enclosing);
  if (validUntil !== undefined && validUntil <= now) {
    throw metadataError('saml_metadata_expired', 'has expired: its validUntil is over');
  }
  const keys = readKeys(role);
  const authnRequestsSigned = booleanOf(role, 'AuthnRequestsSigned') ?? false;
  if (authnRequestsSigned && keys.signing.length === 0) {
    refuse('says that requests are signed, and has no certificate for signing');
  }
  const [subjectId] = entityAttribute(entity, SUBJECT_ID_REQUIREMENT);
  return {
    metadata: {
      entityId,
      signingCertificates: keys.signing,
      encryptionCertificates: keys.encryption,
      authnRequestsSigned,
      wantAssertionsSigned: booleanOf(role, 'WantAssertionsSigned') ?? false,
      assertionConsumerServices: readConsumerServices(role, rules),
      singleLogoutServices: readLogoutServices(role, rules),
      nameIdFormats: textsOf(childrenNamed(role, NAMESPACES.metadata, 'NameIDFormat')).slice(0, MOST_FORMATS),
      attributeConsumingServices: readAttributeServices(role),
      subjectIdRequirement: SUBJECT_IDS.find((requirement) => requirement === subjectId),
      display: readDisplay(entity, role),
      validUntil,
    },
    cacheDuration,
  };
}

/** An ASCII URI of at most 1024 characters (SAML Metadata §2.2.1). @throws HubError `saml_metadata_invalid` */
function entityIdOf(entity: XmlElement): string {
  const entityId = attributeOf(entity, 'entityID');
  if (!entityId) return refuse('has an EntityDescriptor without entityID');
  return isEntityId(entityId)
    ? entityId
    : refuse(`has an entityID that is no URI of at most ${LONGEST_ENTITY_ID} ASCII characters`);
}

export function isEntityId(text: string): boolean {
  return text.length <= LONGEST_ENTITY_ID && /^[\x21-\x7e]+$/.test(text) && URL.canParse(text);
}

/** Its one SPSSODescriptor for SAML 2.0; undefined where it is none. @throws HubError `saml_metadata_invalid` */
export function serviceProviderRole(entity: XmlElement): XmlElement | undefined {
  const roles = childrenNamed(entity, NAMESPACES.metadata, 'SPSSODescriptor').filter((role) =>
    wordsOf(role, 'protocolSupportEnumeration').includes(NAMESPACES.protocol),
  );
  if (roles.length > 1) refuse('has more than one SPSSODescriptor for SAML 2.0');
  return roles[0];
}

/** @throws HubError `saml_metadata_invalid` for a validUntil that is no time */
export function narrowed(outer: Validity, element: XmlElement): Validity {
  return {
    validUntil: earlier(outer.validUntil, instantOf(element, 'validUntil')),
    cacheDuration: earlier(outer.cacheDuration, durationOf(element, 'cacheDuration')),
  };
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
