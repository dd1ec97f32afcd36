import { BINDING_URIS, type Binding, NAMESPACES } from '../names.ts';
import type { Endpoint, IndexedEndpoint } from '../service_provider.ts';
import { attributeOf, childrenNamed, type XmlElement } from '../xml/xml_element.ts';
import { quoted, refuse } from './metadata_error.ts';
import { booleanOf, bounded, indexOf } from './xml_values.ts';

const MOST_ENDPOINTS = 200;
const LONGEST_ADDRESS = 2_048;

export interface AddressRules {
  /** Plain http on this machine, for development. */
  readonly allowLoopback: boolean;
}

/**
 * Where responses may be sent: the AssertionConsumerService elements with the binding HTTP-POST, the default one first
 * (SAML Metadata §2.4.4). Others are left alone: this hub sends by POST only.
 *
 * @throws HubError `saml_metadata_invalid` where there is none, where two have one index, or where one has an address
 *   that a person's browser must not be sent to
 */
export function readConsumerServices(role: XmlElement, rules: AddressRules): readonly IndexedEndpoint[] {
  const elements = bounded(childrenNamed(role, NAMESPACES.metadata, 'AssertionConsumerService'), MOST_ENDPOINTS);
  assertUniqueIndexes(elements);
  const endpoints = elements
    .filter((element) => attributeOf(element, 'Binding') === BINDING_URIS.post)
    .map((element) => ({
      binding: 'post' as const,
      location: addressOf(element, 'Location', rules),
      index: indexOf(element),
      isDefault: booleanOf(element, 'isDefault'),
    }));
  if (endpoints.length === 0) refuse('has no AssertionConsumerService with the binding HTTP-POST');
  return defaultFirst(endpoints);
}

/**
 * Where logout messages go: the SingleLogoutService elements with a binding that this hub speaks, in their order.
 *
 * @throws HubError `saml_metadata_invalid` for an address as above
 */
export function readLogoutServices(role: XmlElement, rules: AddressRules): readonly Endpoint[] {
  const elements = bounded(childrenNamed(role, NAMESPACES.metadata, 'SingleLogoutService'), MOST_ENDPOINTS);
  return elements.flatMap((element) => {
    const binding = bindingOf(element);
    if (binding === undefined) return [];
    const hasResponses = attributeOf(element, 'ResponseLocation') !== undefined;
    return {
      binding,
      location: addressOf(element, 'Location', rules),
      responseLocation: hasResponses ? addressOf(element, 'ResponseLocation', rules) : undefined,
    };
  });
}

/** @throws HubError `saml_metadata_invalid` */
export function assertUniqueIndexes(elements: readonly XmlElement[]): void {
  const indexes = elements.map(indexOf);
  const twice = indexes.find((index, place) => indexes.indexOf(index) !== place);
  if (twice !== undefined) refuse(`has two ${elements[0]?.local} elements with the index ${twice}`);
}

/**
 * Marks the default one and puts it first: the first that says so, else the first that does not deny it, else the first
 * (SAML Metadata §2.2.3).
 */
export function defaultFirst<T extends { readonly isDefault: boolean | undefined }>(
  items: readonly T[],
): readonly (Omit<T, 'isDefault'> & { readonly isDefault: boolean })[] {
  const chosen =
    items.find(({ isDefault }) => isDefault === true) ??
    items.find(({ isDefault }) => isDefault === undefined) ??
    items[0];
  const marked = items.map((item) => ({ ...item, isDefault: item === chosen }));
  return [...marked.filter(({ isDefault }) => isDefault), ...marked.filter(({ isDefault }) => !isDefault)];
}

function bindingOf(element: XmlElement): Binding | undefined {
  const uri = attributeOf(element, 'Binding');
  return (Object.keys(BINDING_URIS) as Binding[]).find((binding) => BINDING_URIS[binding] === uri);
}

/**
 * Exactly as written, since requests must name it exactly. White space and controls are refused before URL reads it: the
 * browser's reading drops them (`java\tscript:`).
 */
function addressOf(element: XmlElement, name: string, { allowLoopback }: AddressRules): string {
  const address = attributeOf(element, name);
  const where = `has a ${element.local} whose ${name}`;
  if (address === undefined) return refuse(`has a ${element.local} without ${name}`);
  if (address.length > LONGEST_ADDRESS) return refuse(`${where} is longer than ${LONGEST_ADDRESS} characters`);
  if (!/^[\x21-\x7e]+$/.test(address) || !URL.canParse(address)) return refuse(`${where} is no address`);
  const { protocol, hostname, username, password, hash } = new URL(address);
  if (username !== '' || password !== '') return refuse(`${where} has user info`);
  if (hash !== '') return refuse(`${where} has a fragment`);
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && allowLoopback && isLoopback)) return address;
  return refuse(`${where}, ${quoted(address)}, must be https${allowLoopback ? ', or http on this machine' : ''}`);
}
