import type { KeyObject } from 'node:crypto';
import { HubError } from '../../errors.ts';
import { NAMESPACES } from '../names.ts';
import { verifyEnveloped } from '../signature/verify_enveloped.ts';
import { readXml, type XmlLimits } from '../xml/read_xml.ts';
import { attributeOf, childElements, isNamed, type XmlElement } from '../xml/xml_element.ts';
import type { AddressRules } from './endpoints.ts';
import { entityCategories, registrationAuthority } from './entity_attributes.ts';
import { metadataError, quoted, refuse } from './metadata_error.ts';
import { narrowed, type ReadEntity, readEntity, serviceProviderRole, type Validity } from './read_entity.ts';

const MEGABYTE = 1_048_576;
/** A document about one service provider. */
export const ENTITY_LIMITS: XmlLimits = { octets: MEGABYTE, depth: 32, elements: 20_000, attributes: 64 };
/** One about many, as federations publish. An entity has some hundred elements, and takes ten kilobytes. */
export const FEED_LIMITS: XmlLimits = { octets: 32 * MEGABYTE, depth: 40, elements: 600_000, attributes: 64 };
/** EntityDescriptors in one document, of which all are walked over. */
const MOST_ENTITIES = 20_000;

export interface MetadataRules extends AddressRules {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** One of which must have signed the whole document. Undefined: whatever signature it has counts for nothing. */
  readonly pinnedKeys: readonly KeyObject[] | undefined;
  /** Default `ENTITY_LIMITS`. */
  readonly limits?: XmlLimits;
}

/**
 * Reads metadata of one service provider from an EntityDescriptor, or from an EntitiesDescriptor that holds it somewhere
 * (SAML Metadata §2.3).
 *
 * @param entityId whose; may be left out where the document is about one entity only
 * @throws HubError `saml_metadata_invalid`, `saml_metadata_expired`, `saml_metadata_signature_invalid`,
 *   `saml_entity_not_found`
 */
export function readMetadata(octets: Uint8Array, entityId: string | undefined, rules: MetadataRules): ReadEntity {
  const entities = openDocument(octets, rules);
  if (entityId === undefined && entities.size > 1) {
    refuse(`is about ${entities.size} entities: say which one is meant`);
  }
  const [only] = entities.keys();
  const found = entities.get(entityId ?? only ?? '');
  if (!found) throw metadataError('saml_entity_not_found', `says nothing of ${quoted(entityId ?? '')}`);
  return readEntity(found.element, found.enclosing, rules);
}

/** Which entities of a feed are wanted: of each list that is given, one must fit. */
export interface FeedFilter {
  readonly entityIds?: readonly string[];
  readonly registrationAuthorities?: readonly string[];
  readonly entityCategories?: readonly string[];
}

export interface ReadFeed {
  /** Service providers that fit and can be used, by entity id. */
  readonly entities: ReadonlyMap<string, ReadEntity>;
  /** Those that fit and cannot, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * Reads the wanted service providers of an aggregate, which needs `FEED_LIMITS`. One that is not as it must be does not keep the others out.
 *
 * @throws HubError as `readMetadata`, for what concerns the whole document
 */
export function readFeed(octets: Uint8Array, filter: FeedFilter, rules: MetadataRules): ReadFeed {
  const entities = new Map<string, ReadEntity>();
  const refused = new Map<string, string>();
  for (const [entityId, { element, enclosing }] of openDocument(octets, rules)) {
    if (!fits(element, entityId, filter)) continue;
    try {
      if (serviceProviderRole(element)) entities.set(entityId, readEntity(element, enclosing, rules));
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      refused.set(entityId, error.message);
    }
  }
  return { entities, refused };
}

function fits(element: XmlElement, entityId: string, filter: FeedFilter): boolean {
  const { entityIds, registrationAuthorities, entityCategories: categories } = filter;
  if (entityIds && !entityIds.includes(entityId)) return false;
  if (registrationAuthorities && !registrationAuthorities.includes(registrationAuthority(element) ?? '')) return false;
  return !categories || entityCategories(element).some((category) => categories.includes(category));
}

interface FoundEntity {
  readonly element: XmlElement;
  readonly enclosing: Validity;
}

/** Every entity of the document by its id: each once, or nobody knows which one is meant. */
function openDocument(octets: Uint8Array, rules: MetadataRules): ReadonlyMap<string, FoundEntity> {
  const found = new Map<string, FoundEntity>();
  collect(openRoot(octets, rules), { validUntil: undefined, cacheDuration: undefined });
  return found;

  function collect(element: XmlElement, enclosing: Validity): void {
    if (isNamed(element, NAMESPACES.metadata, 'EntityDescriptor')) {
      const entityId = attributeOf(element, 'entityID') ?? ''; // judged where the entity is read
      if (found.has(entityId)) refuse(`is about ${quoted(entityId)} twice`);
      if (found.size === MOST_ENTITIES) refuse(`is about more than ${MOST_ENTITIES} entities`);
      found.set(entityId, { element, enclosing });
    } else if (isNamed(element, NAMESPACES.metadata, 'EntitiesDescriptor')) {
      const validity = narrowed(enclosing, element);
      if (validity.validUntil !== undefined && validity.validUntil <= rules.now) {
        throw metadataError('saml_metadata_expired', 'has expired: its validUntil is over');
      }
      for (const child of childElements(element)) collect(child, validity);
    }
  }
}

function openRoot(octets: Uint8Array, rules: MetadataRules): XmlElement {
  const { limits = ENTITY_LIMITS, pinnedKeys } = rules;
  const root = readDocument(octets, limits);
  const isMetadata = ['EntityDescriptor', 'EntitiesDescriptor'].some((name) =>
    isNamed(root, NAMESPACES.metadata, name),
  );
  if (!isMetadata) refuse('is not SAML metadata: its root is neither EntityDescriptor nor EntitiesDescriptor');
  if (pinnedKeys === undefined) return root;
  try {
    return verifyEnveloped(root, pinnedKeys, { limits });
  } catch (cause) {
    if (!(cause instanceof HubError)) throw cause;
    throw metadataError(
      'saml_metadata_signature_invalid',
      'is not signed by a certificate that is pinned for it',
      cause,
    );
  }
}

function readDocument(octets: Uint8Array, limits: XmlLimits): XmlElement {
  try {
    return readXml(octets, limits, { betweenElements: 'comments' });
  } catch (cause) {
    if (!(cause instanceof HubError)) throw cause;
    return refuse(`cannot be read: ${String(cause.details.why)}`, cause);
  }
}
