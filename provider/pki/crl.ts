import type { Certificate } from './certificate.ts';
import { type RevocationListFacts, type RevocationListOptions, RevocationListWalk } from './crl_walk.ts';
import { sameOctets } from './der_values.ts';
import { PkiError } from './errors.ts';
import {
  type OctetSink,
  octetsInMemory,
  openRevocationIndex,
  type RandomAccess,
  type SerialIndex,
  writeRevocationIndex,
} from './revocation_index.ts';
import type { Revocation } from './revocation_reason.ts';
import type { SerialTable } from './serial_table.ts';

/** `RevocationListFacts` as the index holds them: octets in base64, the number in decimal. */
interface StoredFacts {
  readonly issuer: string;
  readonly number: string;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly distributionPoints: readonly string[] | undefined;
  readonly scope: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A revocation list that was authentic, complete for its scope and in date when it was compiled. */
export class RevocationList {
  readonly issuer: Uint8Array;
  /** cRLNumber: rises with every issue of the same scope. */
  readonly number: bigint;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** DER of the issuingDistributionPoint, empty when there is none: what tells two series of one authority apart. */
  readonly scope: Uint8Array;
  /** What whoever compiled it wrote down with it. */
  readonly labels: Readonly<Record<string, string>>;
  readonly entries: SerialIndex;
  /** DER of the names of the partition; undefined for a list of everything that its issuer has issued to persons. */
  readonly distributionPoints: readonly Uint8Array[] | undefined;

  /**
   * Opens a list that `writeRevocationList` has written.
   *
   * @throws PkiError `index_damaged`.
   */
  constructor(access: RandomAccess) {
    const { facts, entries } = openRevocationIndex<StoredFacts>(access);
    this.issuer = fromBase64(facts.issuer);
    this.number = BigInt(facts.number);
    this.thisUpdate = facts.thisUpdate;
    this.nextUpdate = facts.nextUpdate;
    this.scope = fromBase64(facts.scope);
    this.labels = facts.labels;
    this.entries = entries;
    this.distributionPoints = facts.distributionPoints?.map(fromBase64);
  }

  /** Number of revoked certificates. */
  get size(): number {
    return this.entries.size;
  }

  /**
   * The entry for a serial (content octets, a leading zero octet included). Whatever its reason, an entry means that
   * the certificate is revoked. Ask `covers` first: another partition says nothing about this certificate.
   */
  find(serial: Uint8Array): Revocation | undefined {
    return this.entries.find(serial);
  }

  /**
   * Whether silence of this list means that the certificate is good: same issuer, and either a list of everything
   * or the partition that the certificate itself names (RFC 5280 §6.3.3 (b)(2)).
   */
  covers(certificate: Certificate): boolean {
    if (!sameOctets(certificate.issuer, this.issuer)) return false;
    const points = this.distributionPoints;
    if (points === undefined) return true;
    return certificate.extensions.distributionPoints.some((name) => points.some((point) => sameOctets(point, name)));
  }

  /** Whether the list may still be relied on at `now`. */
  isFresh(now: number, grace = 0): boolean {
    return now >= this.thisUpdate && now <= this.nextUpdate + grace;
  }
}

/** Writes a list that `RevocationListWalk` has read, for `RevocationList` to open. */
export function writeRevocationList(
  facts: RevocationListFacts,
  entries: SerialTable,
  labels: Readonly<Record<string, string>>,
  sink: OctetSink,
): void {
  const { issuer, number, thisUpdate, nextUpdate, distributionPoints, scope } = facts;
  const stored: StoredFacts = {
    issuer: toBase64(issuer),
    number: number.toString(),
    thisUpdate,
    nextUpdate,
    distributionPoints: distributionPoints?.map(toBase64),
    scope: toBase64(scope),
    labels,
  };
  writeRevocationIndex(entries, stored, sink);
}

/**
 * Reads and compiles a list that is in memory, as `RevocationListWalk` does one that is not.
 *
 * @throws PkiError one of the `crl_…` codes.
 */
export function parseRevocationList(der: Uint8Array, options: RevocationListOptions): RevocationList {
  if (der.length > options.maxSize) throw new PkiError('crl_too_large', 'the list exceeds the size that is accepted');
  const walk = new RevocationListWalk(options);
  walk.push(der);
  const facts = walk.finish();
  const pieces: Uint8Array[] = [];
  writeRevocationList(facts, walk.entries, {}, (octets) => pieces.push(octets.slice()));
  return new RevocationList(octetsInMemory(Buffer.concat(pieces)));
}

function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64');
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
