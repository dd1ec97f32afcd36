import { isDate } from '../../attributes/catalogue/formats.ts';
import { malformed } from '../errors.ts';
import type { AskedAttribute, AuthnRequest } from '../messages.ts';
import { NAMESPACES } from '../names.ts';
import { readChildren } from '../xml/child_reader.ts';
import { attributeOf, childElements, isNamed, type XmlElement } from '../xml/xml_element.ts';
import { flagOf, uriOf } from './values.ts';

/** Attributes that one request asks for: as many as go through an address when it came by form (posted_messages.ts). */
const MAX_ATTRIBUTES = 50;
/** Seconds, as many as three hundred years have. */
const SECONDS = /^\d{1,10}$/;

/** Elements that list attributes, by what they and their children are. */
const LISTS = [
  { list: NAMESPACES.reqAttr, attribute: NAMESPACES.metadata },
  { list: NAMESPACES.eidas, attribute: NAMESPACES.eidas },
] as const;

/**
 * RequestedAttributes among somebody's extensions; undefined when there is none. Other extensions are passed over, and so
 * are the values that an attribute is wanted to have: as those of metadata, they are no condition.
 *
 * @throws HubError 400 `saml_malformed`
 */
export function readRequestedAttributes(extensions: XmlElement): AuthnRequest['requestedAttributes'] {
  const found = childElements(extensions).flatMap((element) => {
    const kind = LISTS.find(({ list }) => isNamed(element, list, 'RequestedAttributes'));
    return kind ? [{ element, namespace: kind.attribute }] : [];
  });
  const [only] = found;
  if (!only) return undefined;
  if (found.length > 1) throw malformed('it has two lists of attributes');
  const parts = readChildren(only.element);
  const attributes = parts.several(only.namespace, 'RequestedAttribute', MAX_ATTRIBUTES).map(readRequested);
  parts.finish();
  if (attributes.length === 0) throw malformed('a list of attributes has none');
  if (new Set(attributes.map(({ name }) => name)).size !== attributes.length) {
    throw malformed('it asks for an attribute twice');
  }
  return attributes;
}

/**
 * What a service provider says of an attribute by our own XML attributes, which the schemas of Attribute and RequestedAttribute
 * have room for (SAML Core §2.7.3.1).
 *
 * @throws HubError 400 `saml_malformed`
 */
export function readWish(attribute: XmlElement): Pick<AskedAttribute, 'targetDate' | 'maxAge'> {
  const targetDate = attributeOf(attribute, 'TargetDate', NAMESPACES.wish);
  const maxAge = attributeOf(attribute, 'MaxAge', NAMESPACES.wish);
  if (targetDate !== undefined && !isDate(targetDate)) throw malformed('a day is none');
  if (maxAge !== undefined && !SECONDS.test(maxAge)) throw malformed('an age is no number of seconds');
  return { targetDate, maxAge: maxAge === undefined ? undefined : Number(maxAge) };
}

function readRequested(attribute: XmlElement): NonNullable<AuthnRequest['requestedAttributes']>[number] {
  const name = uriOf(attribute, 'Name');
  if (name === undefined) throw malformed('an attribute has no name');
  return { name, isRequired: flagOf(attribute, 'isRequired'), ...readWish(attribute) };
}
