import type { DerElement } from './der.ts';
import { contextConstructed, contextPrimitive, DerReader, malformed, Tag } from './der.ts';
import {
  readAscii,
  readBoolean,
  readDefaultFalse,
  readList,
  readNamedBits,
  readObjectIdentifier,
  readSmallInteger,
  readUnsignedOctets,
  readUtf8String,
} from './der_values.ts';
import type { NameConstraints } from './name_constraints.ts';
import { readNameConstraints } from './name_constraints.ts';
import { certificateExtensions, ocspObjects } from './object_identifiers.ts';

/** Named bits of KeyUsage, in the order of RFC 5280 §4.2.1.3. */
export const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof keyUsages)[number];

/** An otherName of a subjectAltName; `value` is the DER of what the type defines, unread. */
export interface OtherName {
  readonly type: string;
  readonly value: Uint8Array;
}

/** What the extensions of a certificate say. An absent extension is `undefined`, an absent list is empty. */
export interface CertificateExtensions {
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  readonly basicConstraints: { readonly cA: boolean; readonly pathLength: number | undefined } | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly certificatePolicies: readonly string[];
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  /** DER of each GeneralName that names a list covering this certificate for every reason, from its own issuer. */
  readonly distributionPoints: readonly Uint8Array[];
  readonly otherNames: readonly OtherName[];
  /** DER of the GeneralNames; `general_name.ts` reads them for the few who ask. */
  readonly subjectAltName: Uint8Array | undefined;
  /** DER of cRLDistributionPoints as it stands; `distribution_point.ts` reads the parts that `distributionPoints` leaves out. */
  readonly cRLDistributionPoints: Uint8Array | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly policyConstraints: PolicyConstraints | undefined;
  readonly policyMappings: readonly PolicyMapping[];
  readonly inhibitAnyPolicy: number | undefined;
  /** Where the authority says that OCSP answers. Not to be used before the certificate is trusted. */
  readonly ocspAddresses: readonly string[];
  readonly ocspNoCheck: boolean;
  /** Object identifiers of all critical extensions. */
  readonly critical: readonly string[];
  /** Critical extensions that nobody here processes: whoever relies on the certificate must refuse it. */
  readonly unprocessedCritical: readonly string[];
}

interface ExtensionBuilder {
  keyUsage: ReadonlySet<KeyUsage> | undefined;
  basicConstraints: { cA: boolean; pathLength: number | undefined } | undefined;
  extendedKeyUsage: readonly string[] | undefined;
  certificatePolicies: readonly string[];
  subjectKeyIdentifier: Uint8Array | undefined;
  authorityKeyIdentifier: Uint8Array | undefined;
  distributionPoints: readonly Uint8Array[];
  otherNames: readonly OtherName[];
  subjectAltName: Uint8Array | undefined;
  cRLDistributionPoints: Uint8Array | undefined;
  nameConstraints: NameConstraints | undefined;
  policyConstraints: PolicyConstraints | undefined;
  policyMappings: readonly PolicyMapping[];
  inhibitAnyPolicy: number | undefined;
  ocspAddresses: readonly string[];
  ocspNoCheck: boolean;
  critical: string[];
  unprocessedCritical: string[];
}

/** RFC 5280 §4.2.1.11: after how many more certificates each begins to hold. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
}

/** RFC 5280 §4.2.1.5: the issuer takes the subject's policy for equal to its own. */
export interface PolicyMapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

/** Policies or mappings of one certificate; bounds the work of following them along a path. */
const MAX_POLICIES = 64;

/** More extensions than any certificate, list or answer carries. */
const MAX_EXTENSIONS = 32;

/**
 * Calls `visit` for each extension of an `Extensions` sequence (RFC 5280 §4.2). A second one of the same type is
 * refused: two readers might choose differently.
 */
export function readExtensions(
  reader: DerReader,
  visit: (type: string, critical: boolean, value: DerElement) => void,
): void {
  const seen = new Set<string>();
  if (reader.atEnd) throw malformed('the list of extensions is empty');
  while (!reader.atEnd) {
    const extension = reader.next(Tag.sequence).open();
    const type = readObjectIdentifier(extension.next());
    const critical = readDefaultFalse(extension);
    const value = extension.next(Tag.octetString);
    extension.finish();
    if (seen.has(type)) throw malformed('an extension appears twice');
    if (seen.size === MAX_EXTENSIONS) throw malformed('there are too many extensions');
    seen.add(type);
    visit(type, critical, value);
  }
}

type ExtensionReader = (reader: DerReader, into: ExtensionBuilder) => void;

const extensionReaders: ReadonlyMap<string, ExtensionReader> = new Map<string, ExtensionReader>([
  [certificateExtensions.keyUsage, readKeyUsage],
  [certificateExtensions.basicConstraints, readBasicConstraints],
  [certificateExtensions.extendedKeyUsage, readExtendedKeyUsage],
  [certificateExtensions.certificatePolicies, readCertificatePolicies],
  [certificateExtensions.subjectKeyIdentifier, readSubjectKeyIdentifier],
  [certificateExtensions.authorityKeyIdentifier, readAuthorityKeyIdentifier],
  [certificateExtensions.cRLDistributionPoints, readDistributionPoints],
  [certificateExtensions.subjectAltName, readSubjectAltName],
  [certificateExtensions.authorityInfoAccess, readAuthorityInfoAccess],
  [certificateExtensions.ocspNoCheck, readOcspNoCheck],
  [certificateExtensions.nameConstraints, readNameConstraintsExtension],
  [certificateExtensions.policyConstraints, readPolicyConstraints],
  [certificateExtensions.policyMappings, readPolicyMappings],
  [certificateExtensions.inhibitAnyPolicy, readInhibitAnyPolicy],
]);

/** RFC 5280 §4.2.1.10: a reader that may skip the limits makes them none. */
const ALWAYS_CRITICAL: ReadonlySet<string> = new Set([certificateExtensions.nameConstraints]);
/** RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1. */
const NEVER_CRITICAL: ReadonlySet<string> = new Set([
  certificateExtensions.authorityKeyIdentifier,
  certificateExtensions.subjectKeyIdentifier,
  certificateExtensions.authorityInfoAccess,
]);
/** Limits that an authority puts on others: in a certificate that issues nothing they mean nothing. */
const AUTHORITY_ONLY: ReadonlySet<string> = new Set([
  certificateExtensions.policyConstraints,
  certificateExtensions.policyMappings,
  certificateExtensions.inhibitAnyPolicy,
]);

/** Reads the extensions of a certificate; `reader` stands inside their SEQUENCE. Throws `der_malformed`. */
export function readCertificateExtensions(reader: DerReader | undefined): CertificateExtensions {
  const extensions: ExtensionBuilder = {
    keyUsage: undefined,
    basicConstraints: undefined,
    extendedKeyUsage: undefined,
    certificatePolicies: [],
    subjectKeyIdentifier: undefined,
    authorityKeyIdentifier: undefined,
    distributionPoints: [],
    otherNames: [],
    subjectAltName: undefined,
    cRLDistributionPoints: undefined,
    nameConstraints: undefined,
    policyConstraints: undefined,
    policyMappings: [],
    inhibitAnyPolicy: undefined,
    ocspAddresses: [],
    ocspNoCheck: false,
    critical: [],
    unprocessedCritical: [],
  };
  if (reader === undefined) return extensions;
  readExtensions(reader, (type, critical, value) => {
    if (critical) extensions.critical.push(type);
    const read = extensionReaders.get(type);
    if (read === undefined) {
      if (critical) extensions.unprocessedCritical.push(type);
      return;
    }
    if (critical ? NEVER_CRITICAL.has(type) : ALWAYS_CRITICAL.has(type)) {
      throw malformed('an extension is critical that must not be, or the reverse');
    }
    const inner = value.open();
    read(inner, extensions);
    inner.finish();
  });
  if (extensions.basicConstraints?.cA !== true) {
    if (extensions.nameConstraints !== undefined) throw malformed('names are limited by one who issues nothing');
    extensions.unprocessedCritical.push(...extensions.critical.filter((type) => AUTHORITY_ONLY.has(type)));
  }
  return extensions;
}

function readKeyUsage(reader: DerReader, into: ExtensionBuilder): void {
  const bits = readNamedBits(reader.next(Tag.bitString));
  if (bits === 0) throw malformed('keyUsage sets no bit');
  into.keyUsage = new Set(keyUsages.filter((_, bit) => (bits & (1 << bit)) !== 0));
}

function readBasicConstraints(reader: DerReader, into: ExtensionBuilder): void {
  const inner = reader.next(Tag.sequence).open();
  const cA = readDefaultFalse(inner);
  const limit = inner.optional(Tag.integer);
  inner.finish();
  if (limit !== undefined && !cA) throw malformed('a path length is given for a certificate that issues nothing');
  into.basicConstraints = { cA, pathLength: limit === undefined ? undefined : readSmallInteger(limit) };
}

function readExtendedKeyUsage(reader: DerReader, into: ExtensionBuilder): void {
  into.extendedKeyUsage = readList(reader.next(Tag.sequence), (inner) => readObjectIdentifier(inner.next()));
}

/** Qualifiers are for people to read; only the identifiers decide (RFC 5280 §4.2.1.4). */
function readCertificatePolicies(reader: DerReader, into: ExtensionBuilder): void {
  const policies = readList(reader.next(Tag.sequence), (inner) => {
    const information = inner.next(Tag.sequence).open();
    const policy = readObjectIdentifier(information.next());
    information.optional(Tag.sequence);
    information.finish();
    return policy;
  });
  if (policies.length > MAX_POLICIES) throw malformed('there are too many policies');
  if (new Set(policies).size !== policies.length) throw malformed('a certificate policy appears twice');
  into.certificatePolicies = policies;
}

function readSubjectKeyIdentifier(reader: DerReader, into: ExtensionBuilder): void {
  into.subjectKeyIdentifier = reader.next(Tag.octetString).content;
}

function readAuthorityKeyIdentifier(reader: DerReader, into: ExtensionBuilder): void {
  const inner = reader.next(Tag.sequence).open();
  into.authorityKeyIdentifier = inner.optional(contextPrimitive(0))?.content;
  inner.optional(contextConstructed(1));
  const serial = inner.optional(contextPrimitive(2));
  if (serial !== undefined) readUnsignedOctets(serial);
  inner.finish();
}

/**
 * cRLDistributionPoints (RFC 5280 §4.2.1.13). A point that is limited to some reasons, or whose list another
 * authority signs, cannot vouch for a certificate by itself, so it is not counted.
 */
function readDistributionPoints(reader: DerReader, into: ExtensionBuilder): void {
  const list = reader.next(Tag.sequence);
  into.cRLDistributionPoints = list.der;
  into.distributionPoints = readList(list, (inner) => {
    const point = inner.next(Tag.sequence).open();
    const name = point.optional(contextConstructed(0));
    const reasons = point.optional(contextPrimitive(1));
    const crlIssuer = point.optional(contextConstructed(2));
    point.finish();
    const names = name === undefined ? undefined : readDistributionPointName(name);
    return reasons === undefined && crlIssuer === undefined && names !== undefined ? names : [];
  }).flat();
}

/** DER of each name of a `fullName`; undefined for `nameRelativeToCRLIssuer`, which nothing here uses. */
export function readDistributionPointName(element: DerElement): Uint8Array[] | undefined {
  const reader = element.open();
  const choice = reader.next();
  reader.finish();
  if (choice.tag === contextConstructed(1)) return undefined;
  if (choice.tag !== contextConstructed(0)) throw malformed('a distribution point has no known kind of name');
  return readList(choice, (inner) => inner.next().der);
}

function readSubjectAltName(reader: DerReader, into: ExtensionBuilder): void {
  const list = reader.next(Tag.sequence);
  into.subjectAltName = list.der;
  const names = readList(list, (inner) => {
    const name = inner.next();
    if (name.tag !== contextConstructed(0)) return undefined;
    const otherName = name.open();
    const type = readObjectIdentifier(otherName.next());
    const explicit = otherName.next(contextConstructed(0)).open();
    otherName.finish();
    const value = explicit.next().der;
    explicit.finish();
    return { type, value };
  });
  into.otherNames = names.filter((name) => name !== undefined);
}

/** The text of an otherName whose type says that it is one. Throws `der_malformed`. */
export function readOtherNameText({ value }: OtherName): string {
  const reader = new DerReader(value);
  const text = readUtf8String(reader.next());
  reader.finish();
  return text;
}

function readAuthorityInfoAccess(reader: DerReader, into: ExtensionBuilder): void {
  const addresses = readList(reader.next(Tag.sequence), (inner) => {
    const description = inner.next(Tag.sequence).open();
    const method = readObjectIdentifier(description.next());
    const location = description.next();
    description.finish();
    const isAddress = method === ocspObjects.accessMethod && location.tag === contextPrimitive(6);
    return isAddress ? readAscii(location) : undefined;
  });
  into.ocspAddresses = addresses.filter((address) => address !== undefined);
}

function readNameConstraintsExtension(reader: DerReader, into: ExtensionBuilder): void {
  into.nameConstraints = readNameConstraints(reader.next(Tag.sequence));
}

function readPolicyConstraints(reader: DerReader, into: ExtensionBuilder): void {
  const inner = reader.next(Tag.sequence).open();
  const requireExplicitPolicy = inner.optional(contextPrimitive(0));
  const inhibitPolicyMapping = inner.optional(contextPrimitive(1));
  inner.finish();
  if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) {
    throw malformed('policyConstraints is empty');
  }
  into.policyConstraints = {
    requireExplicitPolicy: requireExplicitPolicy && readSmallInteger(requireExplicitPolicy),
    inhibitPolicyMapping: inhibitPolicyMapping && readSmallInteger(inhibitPolicyMapping),
  };
}

function readPolicyMappings(reader: DerReader, into: ExtensionBuilder): void {
  into.policyMappings = readList(reader.next(Tag.sequence), (inner) => {
    const mapping = inner.next(Tag.sequence).open();
    const issuerDomainPolicy = readObjectIdentifier(mapping.next());
    const subjectDomainPolicy = readObjectIdentifier(mapping.next());
    mapping.finish();
    return { issuerDomainPolicy, subjectDomainPolicy };
  });
  if (into.policyMappings.length > MAX_POLICIES) throw malformed('there are too many policy mappings');
}

function readInhibitAnyPolicy(reader: DerReader, into: ExtensionBuilder): void {
  into.inhibitAnyPolicy = readSmallInteger(reader.next(Tag.integer));
}

function readOcspNoCheck(reader: DerReader, into: ExtensionBuilder): void {
  if (reader.next(Tag.null).content.length !== 0) throw malformed('ocsp-nocheck is not empty');
  into.ocspNoCheck = true;
}

/** Reads the issuingDistributionPoint of a list (RFC 5280 §5.2.5); `reader` stands inside the extension's value. */
export function readIssuingDistributionPoint(reader: DerReader): IssuingDistributionPoint {
  const inner = reader.next(Tag.sequence).open();
  const name = inner.optional(contextConstructed(0));
  const flag = (number: number) => {
    const element = inner.optional(contextPrimitive(number));
    if (element !== undefined && !readBoolean(element)) throw malformed('a default value is written out');
    return element !== undefined;
  };
  const onlyUserCertificates = flag(1);
  const onlyAuthorityCertificates = flag(2);
  const someReasons = inner.optional(contextPrimitive(3));
  const indirect = flag(4);
  const onlyAttributeCertificates = flag(5);
  inner.finish();
  return {
    names: name === undefined ? undefined : (readDistributionPointName(name) ?? 'relative'),
    pointName: name?.der,
    reasons: someReasons && readNamedBits(someReasons),
    onlyUserCertificates,
    onlyAuthorityCertificates,
    onlySomeReasons: someReasons !== undefined,
    indirect,
    onlyAttributeCertificates,
  };
}

export interface IssuingDistributionPoint {
  /** DER of the names under which the list is published; undefined when the list covers the whole authority. */
  readonly names: readonly Uint8Array[] | 'relative' | undefined;
  /** DER of the `distributionPoint [0]`, for those who follow relative names too. */
  readonly pointName: Uint8Array | undefined;
  /** Named bits of ReasonFlags (RFC 5280 §4.2.1.13); undefined when the list knows every reason. */
  readonly reasons: number | undefined;
  readonly onlyUserCertificates: boolean;
  readonly onlyAuthorityCertificates: boolean;
  readonly onlySomeReasons: boolean;
  readonly indirect: boolean;
  readonly onlyAttributeCertificates: boolean;
}

/**
 * Whether a list says that it is about certificates of persons only (onlyContainsUserCerts), so that its silence says
 * nothing about an authority.
 *
 * @param scope DER of the issuingDistributionPoint; empty where there is none.
 * @throws PkiError `der_malformed`.
 */
export function isAboutPersonsOnly(scope: Uint8Array): boolean {
  return scope.length > 0 && readIssuingDistributionPoint(new DerReader(scope)).onlyUserCertificates;
}
