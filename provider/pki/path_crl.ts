import type { KeyObject } from 'node:crypto';
import { readName } from './certificate.ts';
import type { DerElement, DerReader } from './der.ts';
import { contextConstructed, malformed, openSequence, Tag } from './der.ts';
import {
  checkInteger,
  readBigInteger,
  readBitStringOctets,
  readSmallInteger,
  readTime,
  sameOctets,
} from './der_values.ts';
import { ALL_REASONS, readPointNames } from './distribution_point.ts';
import { PkiError, readingAs } from './errors.ts';
import type { IssuingDistributionPoint } from './extensions.ts';
import { readExtensions, readIssuingDistributionPoint } from './extensions.ts';
import { foldName } from './name.ts';
import { crlExtensions } from './object_identifiers.ts';
import type { RevocationReason } from './revocation_reason.ts';
import { revocationReasons } from './revocation_reason.ts';
import type { SignatureAlgorithm } from './signature.ts';
import { readSignatureAlgorithm, verifySignature } from './signature.ts';

/** A list about authorities has tens of entries. A national list of persons is `RevocationList`'s. */
export const MAX_PATH_CRL_SIZE = 1024 * 1024;
const MAX_CRL_NUMBER_OCTETS = 20;

interface PathCrlFields {
  readonly tbs: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly foldedIssuer: readonly string[];
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly isDelta: boolean;
  readonly point: IssuingDistributionPoint | undefined;
  readonly entries: ReadonlyMap<string, RevocationReason>;
}

/**
 * A revocation list of any authority on a path, of any scope, read but not yet believed: whoever uses it asks
 * `isSignedBy` a key that may sign it. Small lists only: every entry is kept in memory.
 */
export class PathCrl {
  readonly foldedIssuer: string;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Holds changes only (RFC 5280 §5.2.4): it can condemn, but its silence means nothing. */
  readonly isDelta: boolean;
  readonly onlyUserCertificates: boolean;
  readonly onlyAuthorityCertificates: boolean;
  /** Speaks for other issuers, or about attribute certificates: of no use here. */
  readonly isForeign: boolean;
  /** Bits of ReasonFlags that the list answers for. */
  readonly reasons: number;
  /** The names of the partition; undefined when the list covers all that its issuer issued. */
  readonly pointNames: ReadonlySet<string> | undefined;
  readonly #fields: PathCrlFields;

  constructor(fields: PathCrlFields) {
    const { point, foldedIssuer } = fields;
    this.#fields = fields;
    this.foldedIssuer = foldedIssuer.join();
    this.thisUpdate = fields.thisUpdate;
    this.nextUpdate = fields.nextUpdate;
    this.isDelta = fields.isDelta;
    this.onlyUserCertificates = point?.onlyUserCertificates ?? false;
    this.onlyAuthorityCertificates = point?.onlyAuthorityCertificates ?? false;
    this.isForeign = point !== undefined && (point.indirect || point.onlyAttributeCertificates);
    this.reasons = (point?.reasons ?? ALL_REASONS) & ALL_REASONS;
    this.pointNames = point?.pointName && new Set(readPointNames(point.pointName, foldedIssuer));
  }

  /** Whether the holder of `key` signed the list. Says nothing about whether they may. */
  isSignedBy(key: KeyObject): boolean {
    const { algorithm, tbs, signature } = this.#fields;
    return verifySignature(key, algorithm, tbs, signature, 'der');
  }

  /** The entry for a serial (content octets). */
  find(serial: Uint8Array): RevocationReason | undefined {
    return this.#fields.entries.get(Buffer.from(serial).toString('hex'));
  }
}

/**
 * Reads a revocation list (RFC 5280 §5), complete, partitioned or delta.
 *
 * @throws PkiError `crl_too_large`, `crl_malformed`, `crl_algorithm`, `crl_number_missing`, and
 *   `crl_critical_extension` for an extension of the list or of any entry that is critical and not understood
 *   (§5.2, §5.3): certificateIssuer is such a one, since indirect lists are not followed.
 */
export function readPathCrl(der: Uint8Array): PathCrl {
  if (der.length > MAX_PATH_CRL_SIZE) throw new PkiError('crl_too_large', 'the list exceeds 1 MiB');
  return readingAs('crl_malformed', () => readList(new Uint8Array(der)));
}

function readList(der: Uint8Array): PathCrl {
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
  const foldedIssuer = foldName(readName(fields.next(Tag.sequence)));
  const thisUpdate = readTime(fields.next());
  const nextUpdate = readTime(fields.next());
  const entries = readEntries(fields.optional(Tag.sequence));
  const wrapper = fields.next(contextConstructed(0)).open();
  const extensions = readListExtensions(wrapper.next(Tag.sequence).open());
  wrapper.finish();
  fields.finish();
  return new PathCrl({
    tbs: tbs.der,
    algorithm,
    signature,
    foldedIssuer,
    thisUpdate,
    nextUpdate,
    entries,
    ...extensions,
  });
}

function readListExtensions(reader: DerReader): Pick<PathCrlFields, 'isDelta' | 'point'> {
  let isDelta = false;
  let numbered = false;
  let point: IssuingDistributionPoint | undefined;
  readExtensions(reader, (type, critical, value) => {
    const inner = value.open();
    if (type === crlExtensions.cRLNumber) {
      // RFC 5280 §5.2.3: non-critical.
      if (critical) throw malformed('the number is critical');
      readBigInteger(inner.next(Tag.integer), MAX_CRL_NUMBER_OCTETS);
      numbered = true;
    } else if (type === crlExtensions.deltaCRLIndicator) {
      readBigInteger(inner.next(Tag.integer), MAX_CRL_NUMBER_OCTETS);
      isDelta = true;
    } else if (type === crlExtensions.issuingDistributionPoint) {
      point = readIssuingDistributionPoint(inner);
    } else {
      if (critical) throw new PkiError('crl_critical_extension', 'a critical extension is not understood');
      return;
    }
    inner.finish();
  });
  if (!numbered) throw new PkiError('crl_number_missing', 'the list has no number');
  return { isDelta, point };
}

function readEntries(element: DerElement | undefined): Map<string, RevocationReason> {
  const entries = new Map<string, RevocationReason>();
  if (element === undefined) return entries;
  const list = element.open();
  while (!list.atEnd) {
    const entry = list.next(Tag.sequence).open();
    // PKITS 4.4.14 revokes negative serials, which no certificate read here has: they compare as octets like any other.
    const serial = entry.next(Tag.integer).content;
    checkInteger(serial);
    readTime(entry.next());
    const extensions = entry.optional(Tag.sequence);
    entry.finish();
    entries.set(Buffer.from(serial).toString('hex'), extensions ? readReason(extensions.open()) : 'unspecified');
  }
  return entries;
}

function readReason(reader: DerReader): RevocationReason {
  let reason: RevocationReason | undefined = 'unspecified';
  readExtensions(reader, (type, critical, value) => {
    if (type === crlExtensions.reasonCode) {
      const inner = value.open();
      reason = revocationReasons[readSmallInteger(inner.next(Tag.enumerated))];
      inner.finish();
    } else if (critical) {
      throw new PkiError('crl_critical_extension', 'a critical extension of an entry is not understood');
    }
  });
  if (reason === undefined) throw malformed('a revocation has an unknown reason');
  return reason;
}
