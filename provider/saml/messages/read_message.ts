import type { SamlMessage } from '../messages.ts';
import type { XmlElement } from '../xml/xml_element.ts';
import type { MessageHead } from './message_head.ts';
import { readAttributeQuery } from './read_attribute_query.ts';
import { readAuthnRequest } from './read_authn_request.ts';
import { readLogoutRequest, readLogoutResponse } from './read_logout.ts';

/**
 * The whole of a message whose head was read: every child in the order of the schema, none twice, none that is not of it.
 *
 * @throws HubError 400 `saml_malformed`, `saml_encrypted`
 */
export function readMessage(root: XmlElement, head: MessageHead, isSigned: boolean): SamlMessage {
  const { kind, id, issuer, issueInstant, extensions, rest } = head;
  const common = { id, issuer, issueInstant, isSigned };
  switch (kind) {
    case 'AuthnRequest':
      return { kind, ...common, ...readAuthnRequest(root, extensions, rest) };
    case 'LogoutRequest':
      return { kind, ...common, ...readLogoutRequest(rest) };
    case 'LogoutResponse':
      return { kind, ...common, ...readLogoutResponse(root, rest) };
    case 'AttributeQuery':
      return { kind, ...common, ...readAttributeQuery(rest) };
  }
}
