import { NAMESPACES } from '../names.ts';
import type { AttributeConsumingService, RequestedAttribute } from '../service_provider.ts';
import { attributeOf, childrenNamed, type XmlElement } from '../xml/xml_element.ts';
import { readLocalized } from './display.ts';
import { assertUniqueIndexes, defaultFirst } from './endpoints.ts';
import { refuse } from './metadata_error.ts';
import { booleanOf, bounded, indexOf } from './xml_values.ts';

const MOST_SERVICES = 50;
const MOST_ATTRIBUTES = 200;
const LONGEST_NAME = 512;

/**
 * What a service provider asks for (SAML Metadata §2.4.4.1), the default service first.
 *
 * @throws HubError `saml_metadata_invalid`
 */
export function readAttributeServices(role: XmlElement): readonly AttributeConsumingService[] {
  const elements = bounded(childrenNamed(role, NAMESPACES.metadata, 'AttributeConsumingService'), MOST_SERVICES);
  assertUniqueIndexes(elements);
  return defaultFirst(
    elements.map((element) => ({
      index: indexOf(element),
      isDefault: booleanOf(element, 'isDefault'),
      names: readLocalized(childrenNamed(element, NAMESPACES.metadata, 'ServiceName'), true),
      descriptions: readLocalized(childrenNamed(element, NAMESPACES.metadata, 'ServiceDescription'), false),
      requested: bounded(childrenNamed(element, NAMESPACES.metadata, 'RequestedAttribute'), MOST_ATTRIBUTES).map(
        readRequested,
      ),
    })),
  );
}

function readRequested(element: XmlElement): RequestedAttribute {
  const name = attributeOf(element, 'Name');
  if (!name) return refuse('has a RequestedAttribute without Name');
  if (name.length > LONGEST_NAME) return refuse('has a RequestedAttribute with a name that is too long');
  return {
    name,
    nameFormat: attributeOf(element, 'NameFormat'),
    isRequired: booleanOf(element, 'isRequired') ?? false,
  };
}
