import { malformed } from '../errors.ts';
import type { AuthnRequest } from '../messages.ts';
import { NAMESPACES } from '../names.ts';
import { type ChildReader, readChildren } from '../xml/child_reader.ts';
import { attributeOf, type XmlElement } from '../xml/xml_element.ts';
import { readRequestedAttributes } from './read_asked_attributes.ts';
import { flagOf, indexOf, optionalNameId, uriIn, uriOf } from './values.ts';

const { protocol, assertion } = NAMESPACES;
/** Classes that one request names: there are some thirty. */
const MAX_CLASSES = 50;
const COMPARISONS = ['exact', 'minimum', 'maximum', 'better'] as const;

type Contents = Omit<AuthnRequest, 'kind' | 'id' | 'issuer' | 'issueInstant' | 'isSigned'>;

/**
 * SAML Core §3.4.1. Conditions and Scoping are passed over: they ask for what this hub decides itself, or for other
 * identity providers behind it.
 *
 * @throws HubError 400 `saml_malformed`, `saml_encrypted`
 */
export function readAuthnRequest(root: XmlElement, extensions: XmlElement | undefined, rest: ChildReader): Contents {
  const subject = rest.optional(assertion, 'Subject');
  const policy = rest.optional(protocol, 'NameIDPolicy');
  rest.optional(assertion, 'Conditions');
  const context = rest.optional(protocol, 'RequestedAuthnContext');
  rest.optional(protocol, 'Scoping');
  rest.finish();
  const contents: Contents = {
    forceAuthn: flagOf(root, 'ForceAuthn'),
    isPassive: flagOf(root, 'IsPassive'),
    assertionConsumerServiceUrl: uriOf(root, 'AssertionConsumerServiceURL'),
    assertionConsumerServiceIndex: indexOf(root, 'AssertionConsumerServiceIndex'),
    protocolBinding: uriOf(root, 'ProtocolBinding'),
    attributeConsumingServiceIndex: indexOf(root, 'AttributeConsumingServiceIndex'),
    requestedAttributes: extensions && readRequestedAttributes(extensions),
    nameIdPolicy: policy && readNameIdPolicy(policy),
    requestedAuthnContext: context && readRequestedContext(context),
    subject: subject && readSubject(subject),
  };
  // Two addresses in one request; which of them counts would be a guess.
  if (contents.assertionConsumerServiceUrl !== undefined && contents.assertionConsumerServiceIndex !== undefined) {
    throw malformed('it names an assertion consumer service twice');
  }
  return contents;
}

function readNameIdPolicy(policy: XmlElement): AuthnRequest['nameIdPolicy'] {
  readChildren(policy).finish();
  return {
    format: uriOf(policy, 'Format'),
    spNameQualifier: uriOf(policy, 'SPNameQualifier'),
    allowCreate: flagOf(policy, 'AllowCreate'),
  };
}

/** SAML Core §3.3.2.2.1: classes or declarations, not both. */
function readRequestedContext(context: XmlElement): AuthnRequest['requestedAuthnContext'] {
  const stated = attributeOf(context, 'Comparison') ?? 'exact';
  const comparison = COMPARISONS.find((each) => each === stated);
  if (!comparison) throw malformed('the comparison is none of the four');
  const parts = readChildren(context);
  const classes = parts.several(assertion, 'AuthnContextClassRef', MAX_CLASSES).map(uriIn);
  const declarations = classes.length > 0 ? [] : parts.several(assertion, 'AuthnContextDeclRef', MAX_CLASSES);
  parts.finish();
  if (classes.length + declarations.length === 0) throw malformed('the requested context names nothing');
  return { comparison, classes };
}

/** How the subject is to be confirmed is passed over: bearer is the only way that the profile has. */
function readSubject(subject: XmlElement): AuthnRequest['subject'] {
  const parts = readChildren(subject);
  const nameId = optionalNameId(parts);
  parts.several(assertion, 'SubjectConfirmation', 10);
  parts.finish();
  return nameId;
}
