import type { KeyObject } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { escapeXml } from './messages.ts';
import { ENVELOPED, EXCLUSIVE, RSA_SHA256, SHA256 } from './sign.ts';

/* Metadata of service providers as text: as it should be, unless a test says otherwise. */

const NAMESPACES = {
  md: 'urn:oasis:names:tc:SAML:2.0:metadata',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  saml: 'urn:oasis:names:tc:SAML:2.0:assertion',
  mdui: 'urn:oasis:names:tc:SAML:metadata:ui',
  mdattr: 'urn:oasis:names:tc:SAML:metadata:attribute',
  mdrpi: 'urn:oasis:names:tc:SAML:metadata:rpi',
};
const declarations = Object.entries(NAMESPACES)
  .map(([prefix, uri]) => ` xmlns:${prefix}="${uri}"`)
  .join('');
export const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
export const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
export const SOAP = 'urn:oasis:names:tc:SAML:2.0:bindings:SOAP';
export const ARTIFACT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact';
const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';

type Attributes = Readonly<Record<string, string | undefined>>;

export interface EntityOptions {
  readonly entityId?: string;
  /** Attributes of EntityDescriptor, and of SPSSODescriptor; undefined leaves one out. */
  readonly entity?: Attributes;
  readonly role?: Attributes;
  /** Written: what stands in Extensions of the entity, and of the role. */
  readonly extensions?: string;
  readonly roleExtensions?: string;
  /** Written: KeyDescriptor elements. */
  readonly keys?: string;
  /** Written: between the keys and the AssertionConsumerService elements. */
  readonly logout?: string;
  /** Written. */
  readonly consumers?: string;
  readonly services?: string;
  /** Written: behind the role. */
  readonly rest?: string;
}

export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([attribute, value]) => ` ${attribute}="${escapeXml(value ?? '')}"`);
  return `<${name}${written.join('')}>${content}</${name}>`;
}

/** A KeyDescriptor with an X.509 certificate (base64 of DER). */
export function keyDescriptor(certificate: string, use?: string): string {
  const data = `<ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data>`;
  return element('md:KeyDescriptor', { use }, `<ds:KeyInfo>${data}</ds:KeyInfo>`);
}

export function consumer(location: string, index: string | undefined = '0', more: Attributes = {}): string {
  return element('md:AssertionConsumerService', { Binding: POST, Location: location, index, ...more });
}

export function logoutService(binding: string, location: string, more: Attributes = {}): string {
  return element('md:SingleLogoutService', { Binding: binding, Location: location, ...more });
}

export function localized(name: string, language: string, text: string): string {
  return element(name, { 'xml:lang': language }, escapeXml(text));
}

export function uiInfo(content: string): string {
  return `<mdui:UIInfo>${content}</mdui:UIInfo>`;
}

export function entityAttribute(name: string, value: string): string {
  const attribute = element('saml:Attribute', { Name: name }, `<saml:AttributeValue>${value}</saml:AttributeValue>`);
  return `<mdattr:EntityAttributes>${attribute}</mdattr:EntityAttributes>`;
}

export function registeredBy(authority: string): string {
  return element('mdrpi:RegistrationInfo', { registrationAuthority: authority });
}

/** An EntityDescriptor of a service provider; the declarations stand on it, so that it is a document of its own. */
export function entityText(options: EntityOptions = {}): string {
  const entityId = options.entityId ?? 'https://sp.example/metadata';
  const { consumers = consumer(`https://${new URL(entityId).hostname}/acs`) } = options;
  const extensions = (content: string | undefined) => (content ? `<md:Extensions>${content}</md:Extensions>` : '');
  const role = element(
    'md:SPSSODescriptor',
    { protocolSupportEnumeration: PROTOCOL, ...options.role },
    extensions(options.roleExtensions) +
      (options.keys ?? '') +
      (options.logout ?? '') +
      consumers +
      (options.services ?? ''),
  );
  const attributes = { ID: '_document', entityID: entityId, ...options.entity };
  return element(
    'md:EntityDescriptor',
    attributes,
    extensions(options.extensions) + role + (options.rest ?? ''),
  ).replace('<md:EntityDescriptor', `<md:EntityDescriptor${declarations}`);
}

/** An EntitiesDescriptor around documents. */
export function entitiesText(documents: readonly string[], attributes: Attributes = {}): string {
  const content = documents.map((document) => document.replace(' ID="_document"', '')).join('\n');
  return element('md:EntitiesDescriptor', { ID: '_document', ...attributes }, content).replace(
    '<md:EntitiesDescriptor',
    `<md:EntitiesDescriptor xmlns:md="${NAMESPACES.md}"`,
  );
}

/** The document signed as a federation signs it, by somebody else's code. */
export function signedMetadata(document: string, key: KeyObject): string {
  const signer = new SignedXml({
    privateKey: key,
    signatureAlgorithm: RSA_SHA256,
    canonicalizationAlgorithm: EXCLUSIVE,
  });
  signer.addReference({ xpath: '/*', digestAlgorithm: SHA256, transforms: [ENVELOPED, EXCLUSIVE] });
  signer.computeSignature(document, { location: { reference: '/*', action: 'prepend' }, prefix: 'ds' });
  return signer.getSignedXml();
}
