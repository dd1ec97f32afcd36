import { type SaxesOptions, SaxesParser, type SaxesTagNS } from 'saxes';
import { HubError } from '../../errors.ts';
import type { XmlAttribute, XmlElement } from './xml_element.ts';

/** What one document may cost, judged while it is read. */
export interface XmlLimits {
  /** Octets, before anything is decoded. */
  readonly octets: number;
  readonly depth: number;
  readonly elements: number;
  /** Attributes and namespace declarations of one element together. */
  readonly attributes: number;
}

/** A SAML message: what a service provider sends is some kilobytes, with a signature and a certificate in it. */
export const MESSAGE_LIMITS: XmlLimits = { octets: 100 * 1024, depth: 24, elements: 1_000, attributes: 32 };

export interface XmlReading {
  /**
   * Comments may stand between elements, and processing instructions outside the root, as in metadata that people write by
   * hand or look at in a browser. They are dropped where canonicalisation drops them too (Exclusive XML Canonicalization
   * without comments; the signature is over the root), so that a signature covers exactly what is read. A comment beside
   * text stays refused: it is where readers disagree about the value.
   */
  readonly betweenElements: 'nothing' | 'comments';
}

type OpenElement = Omit<XmlElement, 'children'> & { children: (XmlElement | string)[] };

const XMLNS = 'http://www.w3.org/2000/xmlns/';

/**
 * Reads a well-formed, namespace-well-formed XML 1.0 document in UTF-8 and returns its root. A document type is refused, and
 * so are comments and processing instructions unless `reading` says otherwise: SAML messages have no use for them, and
 * readers that differ about them are how signed values get replaced (SAML Core §5.4; threats of XML signatures).
 *
 * @throws HubError 400 `saml_malformed`
 */
export function readXml(
  octets: Uint8Array,
  limits: XmlLimits = MESSAGE_LIMITS,
  { betweenElements }: XmlReading = { betweenElements: 'nothing' },
): XmlElement {
  if (octets.length > limits.octets) throw malformed(`it has more than ${limits.octets} octets`);
  const parser = new SaxesParser<SaxesOptions & { xmlns: true }>({
    xmlns: true,
    position: false,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  const open: OpenElement[] = [];
  /** Of the open elements, those that a comment stands in. */
  const commented = new Set<OpenElement>();
  let root: OpenElement | undefined;
  let elements = 0;
  let attributesOfTag = 0;

  const refuse = (what: string) => () => {
    throw malformed(`it has ${what}`);
  };
  const takeText = (text: string) => {
    const parent = open.at(-1);
    if (!parent) return; // white space around the root: the parser allows nothing else there
    const last = parent.children.at(-1);
    if (typeof last === 'string') parent.children[parent.children.length - 1] = last + text;
    else parent.children.push(text);
  };

  parser.on('error', (error) => {
    throw malformed(error.message);
  });
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') throw malformed('it is not XML 1.0');
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') throw malformed('it is not in UTF-8');
  });
  parser.on('doctype', refuse('a document type'));
  parser.on('comment', () => {
    const parent = open.at(-1);
    if (betweenElements === 'nothing') refuse('a comment')();
    if (parent) commented.add(parent);
  });
  parser.on('processinginstruction', () => {
    if (betweenElements === 'nothing' || open.length > 0) refuse('a processing instruction')();
  });
  parser.on('attribute', () => {
    // While the tag is read: a giant one is cut before it is whole.
    attributesOfTag += 1;
    if (attributesOfTag > limits.attributes)
      throw malformed(`an element has more than ${limits.attributes} attributes`);
  });
  parser.on('opentagstart', () => {
    attributesOfTag = 0;
    elements += 1;
    if (elements > limits.elements) throw malformed(`it has more than ${limits.elements} elements`);
    if (open.length >= limits.depth) throw malformed(`it is nested deeper than ${limits.depth}`);
  });
  parser.on('opentag', (tag) => {
    const element = elementOf(tag);
    const parent = open.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
    open.push(element);
  });
  parser.on('closetag', () => {
    const closed = open.pop();
    if (closed && commented.delete(closed) && closed.children.some(isWritten)) refuse('a comment beside text')();
  });
  parser.on('text', takeText);
  parser.on('cdata', takeText);

  parser.write(decode(octets)).close();
  if (!root) throw malformed('it has no element');
  return root;
}

function isWritten(child: XmlElement | string): boolean {
  return typeof child === 'string' && /[^ \t\r\n]/.test(child);
}

function elementOf(tag: SaxesTagNS): OpenElement {
  const attributes: XmlAttribute[] = [];
  const declarations = new Map<string, string>();
  for (const { prefix, local, uri, value } of Object.values(tag.attributes)) {
    if (uri === XMLNS) {
      // The parser takes white space off before it compares; every other reader takes the name as it stands.
      if (value !== value.trim()) throw malformed('a namespace has white space around it');
      declarations.set(prefix === '' ? '' : local, value);
    } else attributes.push({ prefix, local, namespace: uri, value });
  }
  return { prefix: tag.prefix, local: tag.local, namespace: tag.uri, attributes, declarations, children: [] };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch (cause) {
    throw malformed('it is not in UTF-8', cause);
  }
}

function malformed(why: string, cause?: unknown): HubError {
  return new HubError('saml_malformed', 400, 'The message is not XML as this hub reads it.', {
    // Behind a colon the parser's sentences quote the message.
    details: { why: why.split(':', 1)[0] },
    ...(cause !== undefined && { cause }),
  });
}
