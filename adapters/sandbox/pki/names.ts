import { context, element, objectIdentifier, printableString, sequence, sequenceOf, set, utf8String } from './der.ts';
import { OID } from './object_identifiers.ts';

const ATTRIBUTE_TYPE = {
  C: OID.countryName,
  O: OID.organizationName,
  OU: OID.organizationalUnitName,
  L: OID.localityName,
  CN: OID.commonName,
} as const;

/** One relative distinguished name with one attribute, as the authority writes all of them. */
export type RelativeName = readonly [type: keyof typeof ATTRIBUTE_TYPE, value: string];

/** A Name in the authority's encoding: country PrintableString, everything else UTF8String, in the order given. */
export function encodeName(relativeNames: readonly RelativeName[]): Buffer {
  return sequenceOf(
    relativeNames.map(([type, value]) =>
      set(sequence(objectIdentifier(ATTRIBUTE_TYPE[type]), type === 'C' ? printableString(value) : utf8String(value))),
    ),
  );
}

/** GeneralName `directoryName [4]`, explicit since Name is a CHOICE. */
export const directoryName = (name: Uint8Array): Buffer => context(4, name);
export const dnsName = (name: string): Buffer => element(0x82, [Buffer.from(name, 'latin1')]);
export const uniformResourceIdentifier = (uri: string): Buffer => element(0x86, [Buffer.from(uri, 'latin1')]);
export const ipAddress = (octets: Uint8Array): Buffer => element(0x87, [octets]);
/** GeneralName `otherName [0]` holding one UTF8String. */
export const otherName = (type: string, text: string): Buffer =>
  context(0, objectIdentifier(type), context(0, utf8String(text)));
