import type { XmlElement } from '../xml/xml_element.ts';
import { attributeOf, textOf } from '../xml/xml_element.ts';
import { quoted, refuse } from './metadata_error.ts';

/* Values of XML Schema Part 2 as SAML metadata has them in attributes. Undefined where the attribute is absent. */

/** xs:boolean (§3.2.2). @throws HubError `saml_metadata_invalid` */
export function booleanOf(element: XmlElement, name: string): boolean | undefined {
  const value = attributeOf(element, name)?.trim();
  if (value === undefined) return undefined;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  return refuse(`has ${name}=${quoted(value)}, which is neither true nor false`);
}

/** xs:unsignedShort (§3.3.23), which an index is and must be there. @throws HubError `saml_metadata_invalid` */
export function indexOf(element: XmlElement): number {
  const value = attributeOf(element, 'index')?.trim();
  if (value === undefined) return refuse(`has a ${element.local} without index`);
  if (!/^[0-9]{1,5}$/.test(value) || Number(value) > 65_535) {
    return refuse(`has the index ${quoted(value)} on a ${element.local}, which is not a number up to 65535`);
  }
  return Number(value);
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/;

/**
 * xs:dateTime (§3.2.7) in milliseconds since 1970. SAML Core §1.3.3 wants UTC, which many write without the Z.
 *
 * @throws HubError `saml_metadata_invalid`
 */
export function instantOf(element: XmlElement, name: string): number | undefined {
  const value = attributeOf(element, name)?.trim();
  if (value === undefined) return undefined;
  const [, zone] = INSTANT.exec(value) ?? [];
  const at = INSTANT.test(value) ? Date.parse(zone === undefined ? `${value}Z` : value) : Number.NaN;
  return Number.isNaN(at) ? refuse(`has ${name}=${quoted(value)}, which is not a time`) : at;
}

const DURATION =
  /^P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,10})(?:\.\d+)?S)?)?$/;
/** Milliseconds of a year, month, day, hour, minute and second; how long to keep something need not know leap years. */
const UNITS = [31_536_000_000, 2_592_000_000, 86_400_000, 3_600_000, 60_000, 1000];

/** xs:duration (§3.2.6) in milliseconds; undefined too where it cannot be read, since it is advice (cacheDuration). */
export function durationOf(element: XmlElement, name: string): number | undefined {
  const parts = DURATION.exec(attributeOf(element, name)?.trim() ?? '')?.slice(1);
  if (!parts?.some((part) => part !== undefined)) return undefined;
  return parts.reduce((sum, part, place) => sum + Number(part ?? 0) * (UNITS[place] ?? 0), 0);
}

/** The words of an attribute that is a list (xs:NMTOKENS, xs:anyURI list). */
export function wordsOf(element: XmlElement, name: string): readonly string[] {
  return attributeOf(element, name)?.trim().split(/\s+/) ?? [];
}

/** The text of each element that has any. */
export function textsOf(elements: readonly XmlElement[]): readonly string[] {
  return elements.map(textOf).filter((text) => text !== undefined && text !== '') as string[];
}

/** At most `most` of them. @throws HubError `saml_metadata_invalid` */
export function bounded(elements: readonly XmlElement[], most: number): readonly XmlElement[] {
  const [first] = elements;
  if (first && elements.length > most) return refuse(`has more than ${most} ${first.local} elements in one place`);
  return elements;
}
