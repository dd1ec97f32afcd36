/* Pieces of XML in the only form that canonicalisation leaves as it is (Canonical XML 1.0 §2.3, Exclusive XML
   Canonicalization 1.0 §3): what is digested is then a slice of what is sent. */

/** What XML 1.0 §2.2 has no way to write, not even as a reference: controls, halves of surrogate pairs, two non-characters. */
const UNWRITABLE = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** Ends of lines in XML 1.1 (§2.11) and not in 1.0: a reader that takes both for one sees other octets than were signed. */
const LINE_ENDS_OF_XML_1_1 = /[\u0085\u2028]/g;

const IN_TEXT = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' } as const;
const IN_ATTRIBUTE = {
  ...{ '&': '&amp;', '<': '&lt;', '"': '&quot;' },
  ...{ '\t': '&#x9;', '\n': '&#xA;', '\r': '&#xD;' },
} as const;

/**
 * The text of an element. A character that XML cannot hold becomes U+FFFD, and one that only some readers take for the end
 * of a line becomes one for all: neither in somebody's registered name is a reason to keep them out, and nothing that
 * identifies a person or a message has one.
 */
export function text(value: string): string {
  return writable(value).replace(/[&<>\r]/g, (character) => IN_TEXT[character as keyof typeof IN_TEXT]);
}

/** An attribute with a space before it; nothing for undefined. Whoever writes a tag keeps the order of §2.2: by name. */
export function attribute(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  const escaped = writable(value).replace(
    /[&<"\t\n\r]/g,
    (character) => IN_ATTRIBUTE[character as keyof typeof IN_ATTRIBUTE],
  );
  return ` ${name}="${escaped}"`;
}

function writable(value: string): string {
  return value.replace(UNWRITABLE, '\uFFFD').replace(LINE_ENDS_OF_XML_1_1, '\n');
}

/** xs:dateTime in UTC without fractions of a second, which not every service provider reads (SAML Core §1.3.3). */
export function dateTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
