import { encrypted, malformed } from '../errors.ts';
import type { NameId } from '../messages.ts';
import { NAMESPACES } from '../names.ts';
import type { ChildReader } from '../xml/child_reader.ts';
import { attributeOf, textOf, type XmlElement } from '../xml/xml_element.ts';

/** Characters of a URI (SAML Core §1.3.2, §8.3.6), a name, a location. */
const MAX_URI = 1024;
/** Characters of a name identifier: persistent ones have 256 at most (ibid. §8.3.7), others belong to somebody else. */
const MAX_NAME_ID = 1024;
/** An xs:ID (ibid. §1.3.4), as every implementation writes it. */
const ID = /^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/;
/** An xs:dateTime in UTC (ibid. §1.3.3). */
const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z$/;

/** @throws HubError 400 `saml_malformed` when it is there and is not an identifier. */
export function idOf(element: XmlElement, attribute: string): string | undefined {
  const id = attributeOf(element, attribute);
  if (id !== undefined && !ID.test(id)) throw malformed('an identifier is not one');
  return id;
}

/** Milliseconds since 1970; undefined when the attribute is not there. @throws HubError 400 `saml_malformed` */
export function instantOf(element: XmlElement, attribute: string): number | undefined {
  const text = attributeOf(element, attribute);
  if (text === undefined) return undefined;
  const [, seconds, fraction = ''] = INSTANT.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${fraction.slice(0, 4)}Z`);
  // A thirtieth of February would become a day of March.
  if (
    seconds === undefined ||
    Number.isNaN(milliseconds) ||
    !new Date(milliseconds).toISOString().startsWith(seconds)
  ) {
    throw malformed('a time is not one in UTC');
  }
  return milliseconds;
}

/** An xs:boolean; false when the attribute is not there. @throws HubError 400 `saml_malformed` */
export function flagOf(element: XmlElement, attribute: string): boolean {
  const text = attributeOf(element, attribute);
  if (text === undefined || text === 'false' || text === '0') return false;
  if (text !== 'true' && text !== '1') throw malformed('a flag is neither true nor false');
  return true;
}

/** An xs:unsignedShort. @throws HubError 400 `saml_malformed` */
export function indexOf(element: XmlElement, attribute: string): number | undefined {
  const text = attributeOf(element, attribute);
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw malformed('an index is not one');
  return Number(text);
}

/** Of bounded length. @throws HubError 400 `saml_malformed` when it is empty or too long */
export function uriOf(element: XmlElement, attribute: string): string | undefined {
  const text = attributeOf(element, attribute);
  return text === undefined ? undefined : bounded(text);
}

/** The text of an element that holds a URI, a name or the like. @throws HubError 400 `saml_malformed` */
export function uriIn(element: XmlElement): string {
  return bounded(textOf(element) ?? '');
}

/**
 * The name identifier that comes next (SAML Core §2.2.3), or undefined.
 *
 * @throws HubError 400 `saml_encrypted`, or `saml_malformed` for BaseID, whose meaning is somebody's extension
 */
export function optionalNameId(parts: ChildReader): NameId | undefined {
  if (parts.optional(NAMESPACES.assertion, 'EncryptedID')) throw encrypted();
  if (parts.optional(NAMESPACES.assertion, 'BaseID')) throw malformed('a person is named by BaseID');
  const element = parts.optional(NAMESPACES.assertion, 'NameID');
  return element && readNameId(element);
}

/** The same where there must be one. */
export function requiredNameId(parts: ChildReader): NameId {
  const nameId = optionalNameId(parts);
  if (!nameId) throw malformed('it names nobody');
  return nameId;
}

function readNameId(element: XmlElement): NameId {
  const { children } = element;
  // All of the text, as it stands: what is in front of a comment or around an element is somebody else's name.
  const value = children.every((child) => typeof child === 'string') ? children.join('') : '';
  if (value === '' || value.length > MAX_NAME_ID) throw malformed('a name identifier is empty, too long or not text');
  return {
    value,
    format: uriOf(element, 'Format'),
    nameQualifier: uriOf(element, 'NameQualifier'),
    spNameQualifier: uriOf(element, 'SPNameQualifier'),
  };
}

function bounded(text: string): string {
  if (text === '' || text.length > MAX_URI) throw malformed('a value is empty or too long');
  return text;
}
