import type { KeyObject } from 'node:crypto';
import { systemClock } from '../../../provider/world.ts';
import { signStructure } from './certificates.ts';
import {
  context,
  contextPrimitive,
  enumerated,
  generalizedTime,
  integer,
  namedBits,
  rawInteger,
  sequence,
  sequenceOf,
  time,
} from './der.ts';
import { authorityKeyIdentifier, distributionPointName, type Extension, encodeExtensions } from './extensions.ts';
import { directoryName } from './names.ts';
import { OID } from './object_identifiers.ts';
import type { Root } from './roots.ts';
import { algorithmIdentifier, defaultAlgorithm, type SignatureAlgorithm } from './signatures.ts';

/** RFC 5280 §5.3.1. The authority uses all but removeFromCRL; what each means to it is in design.md and the docs. */
export const REVOCATION_REASON = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type RevocationReason = keyof typeof REVOCATION_REASON;

export interface CrlEntry {
  /** A number, or the INTEGER's content octets as they shall stand. */
  serialNumber: bigint | Uint8Array;
  /** Milliseconds since 1970. */
  revokedAt: number;
  /** Null leaves the reason code out. */
  reason: RevocationReason | null;
  /** Further entry extensions, such as certificateIssuer in an indirect CRL. */
  extensions?: Extension[];
}

/** What the issuing distribution point restricts the list to (RFC 5280 §5.2.5). */
export interface CrlScope {
  /** Name (DER) of the partition; see distributionPointOf. */
  distributionPoint?: Uint8Array;
  onlyContainsUserCerts?: boolean;
  onlyContainsCACerts?: boolean;
  /** Bit numbers of ReasonFlags. */
  onlySomeReasons?: readonly number[];
  indirectCRL?: boolean;
  onlyContainsAttributeCerts?: boolean;
}

/** Every way to make a list other than the profile says. */
export interface CrlOverrides {
  version?: 'v1' | 'v2' | number;
  issuer?: Uint8Array;
  extensions?: (extensions: Extension[]) => Extension[];
  algorithm?: SignatureAlgorithm;
  outerAlgorithm?: SignatureAlgorithm;
  signingKey?: KeyObject;
  time?: (value: number) => Uint8Array;
  toBeSigned?: (der: Buffer) => Buffer;
  crl?: (der: Buffer) => Buffer;
}

export interface CrlOptions {
  entries?: readonly CrlEntry[];
  /** cRLNumber; null leaves it out. Default 1. */
  number?: bigint | number | null;
  /** Milliseconds since 1970; default now. */
  thisUpdate?: number;
  /** Milliseconds since 1970; null leaves it out. Default 24 hours after thisUpdate. */
  nextUpdate?: number | null;
  /** Absent: a full list without a partition. Otherwise a critical issuingDistributionPoint. */
  scope?: CrlScope;
  /** Makes a delta list over the base list of that number. */
  deltaBase?: bigint | number;
  overrides?: CrlOverrides;
}

const DAY = 86_400_000;

const flag = (number: number, value: boolean | undefined): Buffer[] =>
  value ? [contextPrimitive(number, Buffer.from([0xff]))] : [];

export const issuingDistributionPoint = (scope: CrlScope): Extension => ({
  oid: OID.issuingDistributionPoint,
  critical: true,
  value: sequence(
    ...(scope.distributionPoint ? [distributionPointName(directoryName(scope.distributionPoint))] : []),
    ...flag(1, scope.onlyContainsUserCerts),
    ...flag(2, scope.onlyContainsCACerts),
    ...(scope.onlySomeReasons ? [contextPrimitive(3, namedBits(scope.onlySomeReasons).subarray(2))] : []),
    ...flag(4, scope.indirectCRL),
    ...flag(5, scope.onlyContainsAttributeCerts),
  ),
});

export const cRLNumber = (number: bigint | number): Extension => ({
  oid: OID.cRLNumber,
  critical: false,
  value: integer(number),
});

export const deltaCRLIndicator = (base: bigint | number): Extension => ({
  oid: OID.deltaCRLIndicator,
  critical: true,
  value: integer(base),
});

export const invalidityDate = (value: number): Extension => ({
  oid: OID.invalidityDate,
  critical: false,
  value: generalizedTime(value),
});

export const certificateIssuer = (name: Uint8Array): Extension => ({
  oid: OID.certificateIssuer,
  critical: true,
  value: sequence(directoryName(name)),
});

function encodeEntry(entry: CrlEntry, encodeTime: (value: number) => Uint8Array): Buffer {
  const extensions: Extension[] = [
    ...(entry.reason === null
      ? []
      : [{ oid: OID.reasonCode, critical: false, value: enumerated(REVOCATION_REASON[entry.reason]) }]),
    ...(entry.extensions ?? []),
  ];
  return sequence(
    typeof entry.serialNumber === 'bigint' ? integer(entry.serialNumber) : rawInteger(entry.serialNumber),
    encodeTime(entry.revokedAt),
    ...(extensions.length === 0 ? [] : [encodeExtensions(extensions)]),
  );
}

/** A version 2 revocation list signed by `root` (RFC 5280 §5). Entries stand in the order given. */
export async function createCrl(root: Root, options: CrlOptions = {}): Promise<Buffer> {
  const { entries = [], number = 1, thisUpdate = systemClock(), overrides = {} } = options;
  const nextUpdate = options.nextUpdate === undefined ? thisUpdate + DAY : options.nextUpdate;
  const signingKey = overrides.signingKey ?? root.key.privateKey;
  const algorithm = overrides.algorithm ?? defaultAlgorithm(signingKey);
  const encodeTime = overrides.time ?? time;
  const profile: Extension[] = [
    authorityKeyIdentifier(root.subjectKeyIdentifier),
    ...(number === null ? [] : [cRLNumber(number)]),
    ...(options.scope ? [issuingDistributionPoint(options.scope)] : []),
    ...(options.deltaBase === undefined ? [] : [deltaCRLIndicator(options.deltaBase)]),
  ];
  const extensions = overrides.extensions ? overrides.extensions(profile) : profile;
  const version = overrides.version ?? 'v2';
  const versionNumber = version === 'v1' ? null : version === 'v2' ? 1 : version;

  const toBeSigned = sequence(
    ...(versionNumber === null ? [] : [integer(versionNumber)]),
    algorithmIdentifier(algorithm),
    overrides.issuer ?? root.name,
    encodeTime(thisUpdate),
    ...(nextUpdate === null ? [] : [encodeTime(nextUpdate)]),
    // RFC 5280 §5.1.2.6: absent, not empty, when nothing is revoked.
    ...(entries.length === 0 ? [] : [sequenceOf(entries.map((entry) => encodeEntry(entry, encodeTime)))]),
    ...(versionNumber === null || extensions.length === 0 ? [] : [context(0, encodeExtensions(extensions))]),
  );
  const signed = await signStructure(
    overrides.toBeSigned ? overrides.toBeSigned(toBeSigned) : toBeSigned,
    algorithm,
    signingKey,
    overrides.outerAlgorithm,
  );
  return overrides.crl ? overrides.crl(signed) : signed;
}
