/* Names that SAML 2.0 and its profiles give to things, each once. */

export const NAMESPACES = {
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
  encryption: 'http://www.w3.org/2001/04/xmlenc#',
  soap: 'http://schemas.xmlsoap.org/soap/envelope/',
  mdui: 'urn:oasis:names:tc:SAML:metadata:ui',
  mdattr: 'urn:oasis:names:tc:SAML:metadata:attribute',
  alg: 'urn:oasis:names:tc:SAML:metadata:algsupport',
  shibmd: 'urn:mace:shibboleth:metadata:1.0',
  /** SAML V2.0 Protocol Extension for Requesting Attributes per Request 1.0. */
  reqAttr: 'urn:oasis:names:tc:SAML:protocol:ext:req-attr',
  /** eIDAS SAML Message Format 1.2 §2.3, which has an element of the same shape. */
  eidas: 'http://eidas.europa.eu/saml-extensions',
  /** Our own: what a service provider says of an attribute beside that it wants it. */
  wish: 'https://musubi.example/saml/attribute-wish',
} as const;

/** Bindings (SAML Bindings §3) that this hub speaks. */
export type Binding = 'redirect' | 'post' | 'soap';

export const BINDING_URIS: Readonly<Record<Binding, string>> = {
  redirect: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
  post: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
  soap: 'urn:oasis:names:tc:SAML:2.0:bindings:SOAP',
};

/** Name identifier formats (SAML Core §8.3). */
export const NAME_ID_FORMATS = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
  unspecified: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
  emailAddress: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  entity: 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity',
} as const;

/** Attribute name formats (SAML Core §8.2). */
export const ATTRIBUTE_NAME_FORMATS = {
  uri: 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
  basic: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
  unspecified: 'urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified',
} as const;

/** Status codes (SAML Core §3.2.2.2): the three top-level ones, and those below them that this hub uses. */
export const STATUS = {
  success: 'urn:oasis:names:tc:SAML:2.0:status:Success',
  requester: 'urn:oasis:names:tc:SAML:2.0:status:Requester',
  responder: 'urn:oasis:names:tc:SAML:2.0:status:Responder',
  authnFailed: 'urn:oasis:names:tc:SAML:2.0:status:AuthnFailed',
  invalidNameIdPolicy: 'urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy',
  noAuthnContext: 'urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext',
  noPassive: 'urn:oasis:names:tc:SAML:2.0:status:NoPassive',
  partialLogout: 'urn:oasis:names:tc:SAML:2.0:status:PartialLogout',
  requestDenied: 'urn:oasis:names:tc:SAML:2.0:status:RequestDenied',
  requestUnsupported: 'urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported',
  unsupportedBinding: 'urn:oasis:names:tc:SAML:2.0:status:UnsupportedBinding',
  unknownPrincipal: 'urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal',
} as const;

/** `urn:oasis:names:tc:SAML:attribute:pairwise-id` (SAML Subject Identifier Attributes 1.0 §3.4). */
export const PAIRWISE_ID = 'urn:oasis:names:tc:SAML:attribute:pairwise-id';

/** Where a service provider says in its metadata which of the two it wants (ibid. §3.1.1). */
export const SUBJECT_ID_REQUIREMENT = 'urn:oasis:names:tc:SAML:profiles:subject-id:req';
