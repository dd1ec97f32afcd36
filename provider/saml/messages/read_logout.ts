import { malformed } from '../errors.ts';
import type { LogoutRequest, LogoutResponse } from '../messages.ts';
import { NAMESPACES } from '../names.ts';
import { type ChildReader, readChildren } from '../xml/child_reader.ts';
import type { XmlElement } from '../xml/xml_element.ts';
import { idOf, requiredNameId, uriIn, uriOf } from './values.ts';

const { protocol } = NAMESPACES;
/** Sessions of one person at one service provider. */
const MAX_SESSION_INDEXES = 100;

/** SAML Core §3.7.1. @throws HubError 400 `saml_malformed`, `saml_encrypted` */
export function readLogoutRequest(rest: ChildReader): Pick<LogoutRequest, 'nameId' | 'sessionIndexes'> {
  const nameId = requiredNameId(rest);
  const sessionIndexes = rest.several(protocol, 'SessionIndex', MAX_SESSION_INDEXES).map(uriIn);
  rest.finish();
  return { nameId, sessionIndexes };
}

/** SAML Core §3.7.2. @throws HubError 400 `saml_malformed` */
export function readLogoutResponse(
  root: XmlElement,
  rest: ChildReader,
): Pick<LogoutResponse, 'inResponseTo' | 'statusCodes'> {
  const status = readChildren(rest.required(protocol, 'Status'));
  rest.finish();
  const code = status.required(protocol, 'StatusCode');
  status.optional(protocol, 'StatusMessage');
  status.optional(protocol, 'StatusDetail');
  status.finish();
  return { inResponseTo: idOf(root, 'InResponseTo'), statusCodes: readStatusCodes(code) };
}

function readStatusCodes(code: XmlElement): string[] {
  const value = uriOf(code, 'Value');
  if (value === undefined) throw malformed('a status has no value');
  const parts = readChildren(code);
  const below = parts.optional(protocol, 'StatusCode');
  parts.finish();
  return [value, ...(below ? readStatusCodes(below) : [])];
}
