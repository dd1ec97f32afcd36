import type { Certificate } from './certificate.ts';
import { MAX_SERIAL_OCTETS, readName } from './certificate.ts';
import type { DerElement } from './der.ts';
import { contextConstructed, DerReader, malformed, octet, openSequence, Tag } from './der.ts';
import {
  readBigInteger,
  readBitStringOctets,
  readSmallInteger,
  readTime,
  readTimeOctets,
  sameOctets,
} from './der_values.ts';
import { PkiError, readingAs } from './errors.ts';
import type { IssuingDistributionPoint } from './extensions.ts';
import { readExtensions, readIssuingDistributionPoint } from './extensions.ts';
import { crlExtensions } from './object_identifiers.ts';
import type { TrustAnchor } from './path.ts';
import type { Revocation } from './revocation_reason.ts';
import { revocationReasons } from './revocation_reason.ts';
import type { SerialIndex } from './serial_index.ts';
import { SerialIndexBuilder } from './serial_index.ts';
import { readSignatureAlgorithm, verifySignature } from './signature.ts';

/** RFC 5280 §5.2.3: verifiers must cope with CRL numbers of up to twenty octets. */
const MAX_CRL_NUMBER_OCTETS = 20;

export interface RevocationListOptions {
  /** The root whose certificates the list is about, and which must have signed it. */
  readonly anchor: TrustAnchor;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Octets; a longer list is refused unread. */
  readonly maxSize: number;
  /** Milliseconds for which a list serves after its nextUpdate. 0 unless the operator decides otherwise. */
  readonly grace?: number;
}

interface RevocationListFields {
  readonly issuer: Uint8Array;
  readonly number: bigint;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly distributionPoints: readonly Uint8Array[] | undefined;
  readonly scope: Uint8Array;
  readonly index: SerialIndex;
}

/** A revocation list that was authentic, complete for its scope and in date when it was read. */
export class RevocationList {
  readonly issuer: Uint8Array;
  /** cRLNumber: rises with every issue of the same scope. */
  readonly number: bigint;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** DER of the issuingDistributionPoint, empty when there is none: what tells two series of one authority apart. */
  readonly scope: Uint8Array;
  readonly #distributionPoints: readonly Uint8Array[] | undefined;
  readonly #index: SerialIndex;

  constructor(fields: RevocationListFields) {
    this.issuer = fields.issuer;
    this.number = fields.number;
    this.thisUpdate = fields.thisUpdate;
    this.nextUpdate = fields.nextUpdate;
    this.scope = fields.scope;
    this.#distributionPoints = fields.distributionPoints;
    this.#index = fields.index;
  }

  /** Number of revoked certificates. */
  get size(): number {
    return this.#index.size;
  }

  /**
   * The entry for a serial (content octets, a leading zero octet included). Whatever its reason, an entry means that
   * the certificate is revoked. Ask `covers` first: another partition says nothing about this certificate.
   */
  find(serial: Uint8Array): Revocation | undefined {
    return this.#index.find(serial);
  }

  /**
   * Whether silence of this list means that the certificate is good: same issuer, and either a list of everything
   * or the partition that the certificate itself names (RFC 5280 §6.3.3 (b)(2)).
   */
  covers(certificate: Certificate): boolean {
    if (!sameOctets(certificate.issuer, this.issuer)) return false;
    const points = this.#distributionPoints;
    if (points === undefined) return true;
    return certificate.extensions.distributionPoints.some((name) => points.some((point) => sameOctets(point, name)));
  }

  /** Whether the list may still be relied on at `now`. */
  isFresh(now: number, grace = 0): boolean {
    return now >= this.thisUpdate && now <= this.nextUpdate + grace;
  }
}

/**
 * Reads one complete revocation list of a pinned root (RFC 5280 §5, §6.3.3) and compiles its entries.
 *
 * Checked in this order: size, outline, algorithm, issuer, signature, and only then what the signed bytes say.
 * Roll-back is for the caller to refuse: only they remember the numbers seen before.
 *
 * @throws PkiError one of the `crl_…` codes.
 */
export function parseRevocationList(der: Uint8Array, options: RevocationListOptions): RevocationList {
  if (der.length > options.maxSize) throw new PkiError('crl_too_large', 'the list exceeds the size that is accepted');
  return readingAs('crl_malformed', () => readRevocationList(der, options));
}

function readRevocationList(der: Uint8Array, options: RevocationListOptions): RevocationList {
  const { anchor, now, grace = 0 } = options;
  const outer = openSequence(der);
  const tbs = outer.next(Tag.sequence);
  const outerAlgorithm = outer.next(Tag.sequence);
  const signature = readBitStringOctets(outer.next(Tag.bitString));
  outer.finish();

  const fields = tbs.open();
  if (readSmallInteger(fields.next(Tag.integer)) !== 1) throw malformed('the version is not 2');
  const innerAlgorithm = fields.next(Tag.sequence);
  if (!sameOctets(innerAlgorithm.der, outerAlgorithm.der)) throw malformed('inner and outer algorithm differ');
  const algorithm = readSignatureAlgorithm(innerAlgorithm);
  if (algorithm === undefined) throw new PkiError('crl_algorithm', 'the signature algorithm is not verified here');
  const issuer = readName(fields.next(Tag.sequence));
  if (!sameOctets(issuer, anchor.certificate.subject)) {
    throw new PkiError('crl_issuer', 'the list is about certificates of another authority');
  }
  if (!anchor.certificate.extensions.keyUsage?.has('cRLSign')) {
    throw new PkiError('crl_signer', 'the root may not sign revocation lists');
  }
  if (!verifySignature(anchor.certificate.publicKey, algorithm, tbs.der, signature, 'der')) {
    throw new PkiError('crl_signature', 'the root did not sign the list');
  }

  const thisUpdate = readTime(fields.next());
  const nextUpdate = readTime(fields.next());
  if (nextUpdate <= thisUpdate) throw malformed('the list ends before it begins');
  if (now < thisUpdate) throw new PkiError('crl_not_yet_valid', 'the list is from the future');
  if (now > nextUpdate + grace) throw new PkiError('crl_stale', 'the list is out of date');
  const entries = fields.optional(Tag.sequence);
  const wrapper = fields.next(contextConstructed(0)).open();
  const extensions = readListExtensions(wrapper.next(Tag.sequence).open());
  wrapper.finish();
  fields.finish();
  return new RevocationList({
    issuer: new Uint8Array(issuer),
    thisUpdate,
    nextUpdate,
    ...extensions,
    index: compileEntries(entries),
  });
}

function readListExtensions(reader: DerReader) {
  let number: bigint | undefined;
  let point: IssuingDistributionPoint | undefined;
  let scope = new Uint8Array();
  readExtensions(reader, (type, critical, value) => {
    const inner = value.open();
    if (type === crlExtensions.cRLNumber) {
      number = readBigInteger(inner.next(Tag.integer), MAX_CRL_NUMBER_OCTETS);
      inner.finish();
    } else if (type === crlExtensions.issuingDistributionPoint) {
      point = readIssuingDistributionPoint(inner);
      inner.finish();
      scope = new Uint8Array(value.content);
    } else if (type === crlExtensions.deltaCRLIndicator) {
      throw new PkiError('crl_delta', 'the list holds changes only');
    } else if (critical) {
      // RFC 5280 §5.2: a list with a critical extension that is not understood must not be used.
      throw new PkiError('crl_critical_extension', 'a critical extension is not understood');
    }
  });
  // RFC 5280 §5.2.3 makes it mandatory; without it nobody could tell that a list moves backwards.
  if (number === undefined) throw new PkiError('crl_number_missing', 'the list has no number');
  return { number, scope, distributionPoints: checkScope(point) };
}

/** The partition's names, as copies; undefined for a list of everything. Silence of any other kind proves nothing. */
function checkScope(point: IssuingDistributionPoint | undefined): readonly Uint8Array[] | undefined {
  if (point === undefined) return undefined;
  if (point.indirect) throw new PkiError('crl_scope', 'the list speaks for other authorities');
  if (point.onlySomeReasons) throw new PkiError('crl_scope', 'the list knows some reasons only');
  if (point.onlyAuthorityCertificates || point.onlyAttributeCertificates) {
    throw new PkiError('crl_scope', 'the list is not about certificates of persons');
  }
  if (point.names === 'relative') throw new PkiError('crl_scope', 'the name of the partition is relative');
  return point.names?.map((name) => new Uint8Array(name));
}

/**
 * One walk over revokedCertificates (RFC 5280 §5.1.2.6) without an object per entry: a list of a million entries
 * would otherwise cost hundreds of megabytes.
 */
function compileEntries(entries: DerElement | undefined): SerialIndex {
  const builder = new SerialIndexBuilder();
  if (entries === undefined) return builder.build();
  const list = entries.open();
  // RFC 5280 §5.1.2.6: when nothing is revoked the field must be absent. Issuers exist that leave it empty; harmless.
  const entry = new DerReader(list.bytes, 0, 0, list.depth + 1);
  while (!list.atEnd) {
    list.step(Tag.sequence);
    entry.reset(list.contentStart, list.contentEnd);
    entry.step(Tag.integer);
    const serialStart = entry.contentStart;
    const serialLength = entry.contentEnd - serialStart;
    checkEntrySerial(list.bytes, serialStart, serialLength);
    entry.step();
    const revokedAt = readEntryTime(entry);
    const reason = entry.atEnd ? 0 : readEntryReason(entry);
    builder.add(list.bytes, serialStart, serialLength, reason, revokedAt / 1000);
  }
  return builder.build();
}

function checkEntrySerial(bytes: Uint8Array, start: number, length: number): void {
  if (length === 0 || length > MAX_SERIAL_OCTETS) throw malformed('a serial is empty or longer than 20 octets');
  const first = octet(bytes, start);
  if (first >= 0x80) throw malformed('a serial is negative');
  if (first === 0 && length > 1 && octet(bytes, start + 1) < 0x80)
    throw malformed('a serial is not in its shortest form');
}

function readEntryTime(entry: DerReader): number {
  if (entry.tag !== Tag.utcTime && entry.tag !== Tag.generalizedTime) throw malformed('a revocation has no date');
  return readTimeOctets(entry.bytes, entry.contentStart, entry.contentEnd, entry.tag);
}

/** `30 0A 06 03 55 1D 15 04 03 0A 01 nn`: crlEntryExtensions holding a reasonCode and nothing else. */
const reasonCodeOnly = [0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01] as const;

/** The reason of the entry whose extensions come next; nearly all entries have the same twelve octets but one. */
function readEntryReason(entry: DerReader): number {
  entry.step(Tag.sequence);
  const { bytes, contentStart, contentEnd } = entry;
  if (!entry.atEnd) throw malformed('there are bytes after the last element');
  if (contentEnd - contentStart === 12 && reasonCodeOnly.every((value, at) => bytes[contentStart + at] === value)) {
    return checkReason(octet(bytes, contentEnd - 1));
  }
  let reason = 0;
  readExtensions(new DerReader(bytes, contentStart, contentEnd, entry.depth + 1), (type, critical, value) => {
    if (type === crlExtensions.reasonCode) {
      const inner = value.open();
      reason = checkReason(readSmallInteger(inner.next(Tag.enumerated)));
      inner.finish();
    } else if (type === crlExtensions.certificateIssuer) {
      throw new PkiError('crl_scope', 'an entry is about a certificate of another authority');
    } else if (critical) {
      throw new PkiError('crl_critical_extension', 'a critical extension of an entry is not understood');
    }
  });
  return reason;
}

function checkReason(reason: number): number {
  if (revocationReasons[reason] === undefined) throw malformed('a revocation has an unknown reason');
  return reason;
}
