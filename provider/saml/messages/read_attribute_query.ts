import { malformed } from '../errors.ts';
import type { AttributeQuery } from '../messages.ts';
import { NAMESPACES } from '../names.ts';
import { type ChildReader, readChildren } from '../xml/child_reader.ts';
import type { XmlElement } from '../xml/xml_element.ts';
import { readWish } from './read_asked_attributes.ts';
import { requiredNameId, uriOf } from './values.ts';

const { assertion } = NAMESPACES;
/** Attributes that one query asks for. */
const MAX_ATTRIBUTES = 100;
/** Values that one attribute has: none, or an empty one as pysaml2 writes it for any. */
const MAX_VALUES = 10;

/**
 * SAML Core §3.3.2.3. A query for certain values only is refused: answering it would tell what somebody's value is not.
 *
 * @throws HubError 400 `saml_malformed`, `saml_encrypted`
 */
export function readAttributeQuery(rest: ChildReader): Pick<AttributeQuery, 'nameId' | 'attributes'> {
  const subject = readChildren(rest.required(assertion, 'Subject'));
  const attributes = rest.several(assertion, 'Attribute', MAX_ATTRIBUTES).map(readAttribute);
  rest.finish();
  const nameId = requiredNameId(subject);
  subject.several(assertion, 'SubjectConfirmation', 10);
  subject.finish();
  if (
    new Set(attributes.map(({ name, nameFormat }) => JSON.stringify([name, nameFormat]))).size !== attributes.length
  ) {
    throw malformed('it asks for an attribute twice');
  }
  return { nameId, attributes };
}

function readAttribute(attribute: XmlElement): AttributeQuery['attributes'][number] {
  const name = uriOf(attribute, 'Name');
  if (name === undefined) throw malformed('an attribute has no name');
  const parts = readChildren(attribute);
  const values = parts.several(assertion, 'AttributeValue', MAX_VALUES);
  parts.finish();
  if (!values.every(({ children }) => children.length === 0)) throw malformed('it asks for a certain value');
  return { name, nameFormat: uriOf(attribute, 'NameFormat'), ...readWish(attribute) };
}
