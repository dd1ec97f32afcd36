import { NAMESPACES } from '../names.ts';
import { attributeOf, childrenNamed, type XmlElement } from '../xml/xml_element.ts';
import { textsOf } from './xml_values.ts';

/** Registration information of federations (SAML V2.0 Metadata Extensions for Registration and Publication Information). */
const RPI = 'urn:oasis:names:tc:SAML:metadata:rpi';
/** The Entity Category SAML Attribute Types (RFC 8409 §3). */
const ENTITY_CATEGORY = 'http://macedir.org/entity-category';

/** Values of an attribute about the entity itself (SAML Metadata Extension for Entity Attributes §2.2). */
export function entityAttribute(entity: XmlElement, name: string): readonly string[] {
  return extensionsOf(entity)
    .flatMap((extensions) => childrenNamed(extensions, NAMESPACES.mdattr, 'EntityAttributes'))
    .flatMap((attributes) => childrenNamed(attributes, NAMESPACES.assertion, 'Attribute'))
    .filter((attribute) => attributeOf(attribute, 'Name') === name)
    .flatMap((attribute) => textsOf(childrenNamed(attribute, NAMESPACES.assertion, 'AttributeValue')));
}

export function entityCategories(entity: XmlElement): readonly string[] {
  return entityAttribute(entity, ENTITY_CATEGORY);
}

export function registrationAuthority(entity: XmlElement): string | undefined {
  return extensionsOf(entity)
    .flatMap((extensions) => childrenNamed(extensions, RPI, 'RegistrationInfo'))
    .map((information) => attributeOf(information, 'registrationAuthority'))
    .find((authority) => authority !== undefined);
}

function extensionsOf(entity: XmlElement): readonly XmlElement[] {
  return childrenNamed(entity, NAMESPACES.metadata, 'Extensions');
}
