import type { DerElement } from './der.ts';
import { DerReader, malformed, openSequence, Tag } from './der.ts';
import { readObjectIdentifier } from './der_values.ts';

const PRINTABLE_STRING = 0x13;
const IA5_STRING = 0x16;
/**
 * Octets of one value of a name: the 128 characters that RFC 5280 (appendix A.1) allows a place, and some. NFKC puts the
 * marks of a letter in order in a time that grows with their number squared: seconds for 64 KiB.
 */
const MAX_NAME_VALUE_OCTETS = 512;
/** Octets of a whole name: as many as the largest certificate has. */
const MAX_NAME_OCTETS = 16 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const folded: ReadonlySet<number> = new Set([Tag.utf8String, PRINTABLE_STRING, IA5_STRING]);

/** One attribute of a name: its type, and its value: folded text after a `"`, or tag and octets after a `#`. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/**
 * The relative names of a Name in a form that can be compared (RFC 5280 §7.1): letter case folded, white space at the
 * ends removed and inside reduced to one space, compatibility forms united (NFKC), PrintableString and UTF8String
 * alike, the attributes of one relative name in a fixed order. Values in other string types compare by their octets.
 *
 * Folding only says where to look for an issuer: the signature decides.
 *
 * @throws PkiError `der_malformed`.
 */
export function foldName(der: Uint8Array): string[] {
  return readNameAttributes(der).map(foldAttributes);
}

/** The same for one relative name, from the content of its SET. */
export function foldRelativeName(content: Uint8Array): string {
  return foldAttributes(readRelativeName(content));
}

function foldAttributes(attributes: readonly NameAttribute[]): string {
  return JSON.stringify(attributes.map(({ type, value }) => `${type}=${value}`).sort());
}

/** The attributes of each relative name, in order. Throws `der_malformed`. */
export function readNameAttributes(der: Uint8Array): NameAttribute[][] {
  if (der.length > MAX_NAME_OCTETS) throw malformed('a name is too long');
  const names = openSequence(der);
  const read: NameAttribute[][] = [];
  while (!names.atEnd) read.push(readRelativeName(names.next(Tag.set).content));
  return read;
}

function readRelativeName(content: Uint8Array): NameAttribute[] {
  const reader = new DerReader(content);
  const attributes: NameAttribute[] = [];
  do {
    const attribute = reader.next(Tag.sequence).open();
    const type = readObjectIdentifier(attribute.next());
    const value = readNameValue(attribute);
    attribute.finish();
    attributes.push({ type, value: foldValue(value.tag, value.content) });
  } while (!reader.atEnd);
  return attributes;
}

/** The value of an attribute, whose type has been read. Throws `der_malformed` for one that is longer than any name. */
export function readNameValue(attribute: DerReader): DerElement {
  const value = attribute.next();
  if (value.length > MAX_NAME_VALUE_OCTETS) throw malformed('a name holds a value that is too long');
  return value;
}

function foldValue(tag: number, content: Uint8Array): string {
  const asOctets = `#${tag}:${Buffer.from(content).toString('hex')}`;
  if (!folded.has(tag)) return asOctets;
  try {
    return `"${utf8.decode(content).normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ')}`;
  } catch {
    // Not UTF-8: two different faults must not come out as the same replacement character.
    return asOctets;
  }
}
