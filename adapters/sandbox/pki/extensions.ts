import {
  boolean,
  context,
  contextPrimitive,
  ia5String,
  integer,
  namedBits,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  sequenceOf,
} from './der.ts';
import { uniformResourceIdentifier } from './names.ts';
import { OID } from './object_identifiers.ts';

export interface Extension {
  oid: string;
  critical: boolean;
  /** What goes inside extnValue's OCTET STRING. */
  value: Uint8Array;
}

/** RFC 5280 §4.2.1.3, by bit number. */
export const KEY_USAGE = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
} as const;
export type KeyUsage = keyof typeof KEY_USAGE;

/** `critical` is DEFAULT FALSE and so left out when false. */
export const encodeExtension = ({ oid, critical, value }: Extension): Buffer =>
  sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));

export const encodeExtensions = (extensions: readonly Extension[]): Buffer =>
  sequenceOf(extensions.map(encodeExtension));

export const keyUsage = (usages: readonly KeyUsage[]): Extension => ({
  oid: OID.keyUsage,
  critical: true,
  value: namedBits(usages.map((usage) => KEY_USAGE[usage])),
});

export const extendedKeyUsage = (purposes: readonly string[], critical = false): Extension => ({
  oid: OID.extendedKeyUsage,
  critical,
  value: sequenceOf(purposes.map(objectIdentifier)),
});

/** `basicConstraints(true)` is the roots' `30 03 01 01 FF`: a CA without a path length. */
export const basicConstraints = (isAuthority: boolean, pathLength?: number): Extension => ({
  oid: OID.basicConstraints,
  critical: true,
  value: sequence(...(isAuthority ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])),
});

export const subjectAltName = (generalNames: readonly Uint8Array[], critical = false): Extension => ({
  oid: OID.subjectAltName,
  critical,
  value: sequenceOf(generalNames),
});

export const issuerAltName = (generalNames: readonly Uint8Array[]): Extension => ({
  oid: OID.issuerAltName,
  critical: false,
  value: sequenceOf(generalNames),
});

/** One policy with one CPS qualifier, critical, as the authority writes it. */
export const certificatePolicies = (policies: readonly string[], cps: string | null): Extension => ({
  oid: OID.certificatePolicies,
  critical: true,
  value: sequenceOf(
    policies.map((policy) =>
      sequence(
        objectIdentifier(policy),
        ...(cps === null ? [] : [sequence(sequence(objectIdentifier(OID.qualifierCps), ia5String(cps)))]),
      ),
    ),
  ),
});

/** DistributionPointName `fullName [0]`, wrapped in its own `distributionPoint [0]`. */
export const distributionPointName = (generalName: Uint8Array): Buffer => context(0, context(0, generalName));

export const cRLDistributionPoints = (generalName: Uint8Array): Extension => ({
  oid: OID.cRLDistributionPoints,
  critical: false,
  value: sequence(sequence(distributionPointName(generalName))),
});

export const authorityInfoAccess = (ocspUrl: string): Extension => ({
  oid: OID.authorityInfoAccess,
  critical: false,
  value: sequence(sequence(objectIdentifier(OID.accessOcsp), uniformResourceIdentifier(ocspUrl))),
});

export const authorityKeyIdentifier = (keyIdentifier: Uint8Array): Extension => ({
  oid: OID.authorityKeyIdentifier,
  critical: false,
  value: sequence(contextPrimitive(0, keyIdentifier)),
});

export const subjectKeyIdentifier = (keyIdentifier: Uint8Array): Extension => ({
  oid: OID.subjectKeyIdentifier,
  critical: false,
  value: octetString(keyIdentifier),
});

export const ocspNoCheck = (): Extension => ({ oid: OID.ocspNoCheck, critical: false, value: nullValue() });

/** For fixtures: an extension that no verifier can know (RFC 5280 §4.2 demands a refusal when it is critical). */
export const unknownExtension = (critical = true): Extension => ({
  oid: '1.3.6.1.4.1.99999.1',
  critical,
  value: nullValue(),
});

/** For `overrides.extensions`: the same list with the extension of `replacement`'s kind exchanged in its place. */
export const replaceExtension =
  (replacement: Extension) =>
  (extensions: Extension[]): Extension[] =>
    extensions.map((extension) => (extension.oid === replacement.oid ? replacement : extension));

/** For `overrides.extensions`: the same list without one kind. */
export const withoutExtension =
  (oid: string) =>
  (extensions: Extension[]): Extension[] =>
    extensions.filter((extension) => extension.oid !== oid);

/** For `overrides.extensions`: the same list and more at its end; a kind that is there already becomes a duplicate. */
export const addExtensions =
  (...added: Extension[]) =>
  (extensions: Extension[]): Extension[] => [...extensions, ...added];
