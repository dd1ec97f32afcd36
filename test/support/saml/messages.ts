/* Messages of service providers as text that is in exclusive canonical form already, so that it can be signed as it stands. */

export const HUB = 'https://hub.example';
export const SSO = `${HUB}/saml/sso`;
export const SP = 'https://sp.example/metadata';
export const NOW = Date.UTC(2026, 10, 30, 9, 0, 0);

const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';

export interface MessageOptions {
  /** Attributes of the root beside or instead of the usual ones; undefined leaves one out. */
  readonly attributes?: Readonly<Record<string, string | undefined>>;
  readonly issuer?: string;
  /** Everything after Issuer, written. */
  readonly rest?: string;
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** An element of the assertion namespace with text or elements in it, declaring the prefix itself. */
export function assertionElement(name: string, content: string, attributes = ''): string {
  return `<saml:${name} xmlns:saml="${ASSERTION}"${attributes}>${content}</saml:${name}>`;
}

/** An element of the protocol namespace inside of a message. */
export function protocolElement(name: string, content = '', attributes = ''): string {
  return `<samlp:${name}${attributes}>${content}</samlp:${name}>`;
}

export function nameId(value: string, attributes = ''): string {
  return assertionElement('NameID', escapeXml(value), attributes);
}

export function messageText(kind: string, options: MessageOptions = {}): string {
  const { attributes = {}, issuer = SP, rest = '' } = options;
  const all = {
    ID: '_genuine',
    Version: '2.0',
    IssueInstant: new Date(NOW).toISOString(),
    Destination: SSO,
    ...attributes,
  };
  const written = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => ` ${name}="${escapeXml(value ?? '')}"`);
  const head = `<samlp:${kind} xmlns:samlp="${PROTOCOL}"${written.join('')}>`;
  return `${head}${assertionElement('Issuer', escapeXml(issuer))}${rest}</samlp:${kind}>`;
}

export const authnRequest = (options: MessageOptions = {}): string => messageText('AuthnRequest', options);

/** Of one person, for one session. */
export const logoutRequest = (options: MessageOptions = {}): string =>
  messageText('LogoutRequest', {
    rest: nameId('genuine-person') + protocolElement('SessionIndex', 'session-1'),
    ...options,
  });

export const logoutResponse = (options: MessageOptions = {}): string =>
  messageText('LogoutResponse', {
    rest: protocolElement(
      'Status',
      protocolElement('StatusCode', '', ' Value="urn:oasis:names:tc:SAML:2.0:status:Success"'),
    ),
    ...options,
    attributes: { InResponseTo: '_asked', ...options.attributes },
  });

export const attributeQuery = (options: MessageOptions = {}): string =>
  messageText('AttributeQuery', {
    rest:
      assertionElement('Subject', `<saml:NameID>genuine-person</saml:NameID>`) +
      assertionElement('Attribute', '', ' Name="urn:oid:2.5.4.42"'),
    ...options,
  });

/** In a SOAP envelope. */
export function envelope(message: string, header = ''): string {
  const soap = 'http://schemas.xmlsoap.org/soap/envelope/';
  return `<S:Envelope xmlns:S="${soap}">${header}<S:Body>${message}</S:Body></S:Envelope>`;
}
