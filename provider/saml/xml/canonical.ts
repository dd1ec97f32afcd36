import { HubError } from '../../errors.ts';
import { MESSAGE_LIMITS } from './read_xml.ts';
import type { XmlAttribute, XmlElement } from './xml_element.ts';

export interface CanonicalOptions {
  /** Elements around it, the outermost first: their namespace declarations are in force in it. */
  readonly ancestors?: readonly XmlElement[];
  /** This element is left out, wherever it stands: the Signature, for the enveloped-signature transform. */
  readonly without?: XmlElement;
  /** Prefixes that are written as inclusive canonicalisation would: `InclusiveNamespaces PrefixList`; '' is `#default`. */
  readonly inclusivePrefixes?: readonly string[];
  /**
   * The most octets that may come of it. It writes a declaration anew at every element that uses it and whose parent does
   * not, so that a document of a hundred kilobytes can become a hundred megabytes.
   */
  readonly limit?: number;
}

/**
 * Exclusive XML Canonicalization 1.0 without comments of an element and all that is in it (W3C xml-exc-c14n §3). A tree
 * that `readXml` made has no comments, processing instructions or entities: what it cannot hold is not looked for.
 *
 * @throws HubError 400 `saml_malformed` for a form of more than `limit` octets
 */
export function canonicalize(element: XmlElement, options: CanonicalOptions = {}): Buffer {
  const { ancestors = [], without, inclusivePrefixes = [], limit = MESSAGE_LIMITS.octets } = options;
  let inForce: ReadonlyMap<string, string> = new Map();
  for (const ancestor of ancestors) inForce = joined(inForce, ancestor.declarations);
  const writer = { text: '', without, inclusivePrefixes, limit };
  write(writer, element, inForce, new Map());
  const octets = Buffer.from(writer.text, 'utf8');
  if (octets.length > limit) throw tooLong();
  return octets;
}

interface Writer {
  text: string;
  readonly without: XmlElement | undefined;
  readonly inclusivePrefixes: readonly string[];
  readonly limit: number;
}

type Namespaces = ReadonlyMap<string, string>;

/** `written`: what the elements around it have in the output, each prefix as the nearest one that wrote it. */
function write(writer: Writer, element: XmlElement, inForceAround: Namespaces, written: Namespaces): void {
  const inForce = joined(inForceAround, element.declarations);
  const namespaces = namespacesOf(element, inForce, written, writer.inclusivePrefixes);
  const name = qualified(element);
  writer.text += `<${name}`;
  for (const [prefix, uri] of namespaces) {
    writer.text += ` ${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}="${escapeAttribute(uri)}"`;
  }
  for (const attribute of sorted(element.attributes)) {
    writer.text += ` ${qualified(attribute)}="${escapeAttribute(attribute.value)}"`;
  }
  writer.text += '>';
  // A character is an octet at least.
  if (writer.text.length > writer.limit) throw tooLong();
  const writtenNow = namespaces.length > 0 ? joined(written, new Map(namespaces)) : written;
  for (const child of element.children) {
    if (typeof child === 'string') writer.text += escapeText(child);
    else if (child !== writer.without) write(writer, child, inForce, writtenNow);
  }
  writer.text += `</${name}>`;
}

/** The declarations that this element needs in the output, in their order (ibid. §3, c14n §2.2). */
function namespacesOf(
  { prefix, attributes }: XmlElement,
  inForce: Namespaces,
  written: Namespaces,
  inclusivePrefixes: readonly string[],
): [prefix: string, uri: string][] {
  const prefixes = new Set([prefix, ...inclusivePrefixes]);
  for (const attribute of attributes) if (attribute.prefix !== '') prefixes.add(attribute.prefix);
  // It is bound everywhere and declared nowhere.
  prefixes.delete('xml');
  const needed: [string, string][] = [];
  for (const each of prefixes) {
    // No declaration of the default namespace means the empty one; a listed prefix that nothing declares means nothing.
    const uri = inForce.get(each) ?? '';
    if ((written.get(each) ?? '') !== uri) needed.push([each, uri]);
  }
  return needed.sort(([one], [other]) => compare(one, other));
}

/** By namespace, then by name; those without namespace come first (c14n §2.2). */
function sorted(attributes: readonly XmlAttribute[]): readonly XmlAttribute[] {
  if (attributes.length < 2) return attributes;
  return attributes.toSorted(
    (one, other) => compare(one.namespace, other.namespace) || compare(one.local, other.local),
  );
}

/** In the order of code points, which is that of UTF-8; JavaScript's own has the higher planes before U+E000. */
function compare(one: string, other: string): number {
  if (one === other) return 0;
  return Buffer.compare(Buffer.from(one, 'utf8'), Buffer.from(other, 'utf8'));
}

function joined(outer: Namespaces, inner: Namespaces): Namespaces {
  if (inner.size === 0) return outer;
  return outer.size === 0 ? inner : new Map([...outer, ...inner]);
}

function qualified({ prefix, local }: { readonly prefix: string; readonly local: string }): string {
  return prefix === '' ? local : `${prefix}:${local}`;
}

const TEXT_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };
const ATTRIBUTE_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (character) => TEXT_ESCAPES[character] ?? '');
}

function escapeAttribute(value: string): string {
  return value.replace(/[&<"\t\n\r]/g, (character) => ATTRIBUTE_ESCAPES[character] ?? '');
}

function tooLong(): HubError {
  return new HubError('saml_malformed', 400, 'The message is not XML as this hub reads it.', {
    details: { why: 'its canonical form is too long' },
  });
}
