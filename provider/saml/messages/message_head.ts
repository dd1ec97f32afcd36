import { malformed } from '../errors.ts';
import type { MessageKind } from '../messages.ts';
import { NAME_ID_FORMATS, NAMESPACES } from '../names.ts';
import { type ChildReader, readChildren } from '../xml/child_reader.ts';
import { attributeOf, type XmlElement } from '../xml/xml_element.ts';
import { idOf, instantOf, uriIn } from './values.ts';

/** What every message begins with (SAML Core §3.2.1, §3.2.2). */
export interface MessageHead {
  readonly kind: MessageKind;
  readonly id: string;
  /** Claimed, until a signature by a key of this entity is verified. */
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly issueInstant: number;
  /** Undefined when it does not say, and '' when it says nothing. */
  readonly destination: string | undefined;
  /** Milliseconds since 1970; when its sender has it end before its time (SAML Core §3.7.1). */
  readonly notOnOrAfter: number | undefined;
  /** Somebody's extensions of the protocol, as they stand. */
  readonly extensions: XmlElement | undefined;
  /** The children after the head, of which none has been read. */
  readonly rest: ChildReader;
}

const KINDS: readonly string[] = [
  'AuthnRequest',
  'LogoutRequest',
  'LogoutResponse',
  'AttributeQuery',
] satisfies MessageKind[];

/** @throws HubError 400 `saml_malformed` */
export function readHead(root: XmlElement): MessageHead {
  const kind = root.local;
  if (root.namespace !== NAMESPACES.protocol || !isKind(kind)) throw malformed('it is no message that is known here');
  if (attributeOf(root, 'Version') !== '2.0') throw malformed('the version is not 2.0');
  const id = idOf(root, 'ID');
  const issueInstant = instantOf(root, 'IssueInstant');
  if (id === undefined || issueInstant === undefined) throw malformed('it has no ID or no IssueInstant');
  const rest = readChildren(root);
  const issuer = readIssuer(rest.required(NAMESPACES.assertion, 'Issuer'));
  // Judged before, and in what was read from signed octets not there any more.
  rest.optional(NAMESPACES.signature, 'Signature');
  const extensions = rest.optional(NAMESPACES.protocol, 'Extensions');
  const destination = attributeOf(root, 'Destination');
  const notOnOrAfter = instantOf(root, 'NotOnOrAfter');
  return { kind, id, issuer, issueInstant, destination, notOnOrAfter, extensions, rest };
}

/** SAML Profiles §4.1.4.1: an entity, by its id. */
function readIssuer(issuer: XmlElement): string {
  const format = attributeOf(issuer, 'Format');
  if (format !== undefined && format !== NAME_ID_FORMATS.entity) throw malformed('the issuer is not an entity');
  return uriIn(issuer);
}

function isKind(name: string): name is MessageKind {
  return KINDS.includes(name);
}
