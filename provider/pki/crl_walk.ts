import { MAX_SERIAL_OCTETS, readName } from './certificate.ts';
import type { DerElement } from './der.ts';
import { contextConstructed, DerReader, malformed, octet, Tag } from './der.ts';
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
import { revocationReasons } from './revocation_reason.ts';
import { SerialTable } from './serial_table.ts';
import { readSignatureAlgorithm, type SignatureCheck, startSignatureCheck } from './signature.ts';

/** RFC 5280 §5.2.3: verifiers must cope with CRL numbers of up to twenty octets. */
const MAX_CRL_NUMBER_OCTETS = 20;

/** Octets before the entries, and after them: names, dates, extensions and a signature take a few hundred. */
const MAX_HEAD = 16 * 1024;
const MAX_TAIL = 64 * 1024;
/** Octets of one entry. It holds a serial, a date and a reason; 4 KiB leaves room for extensions that nobody needs. */
const MAX_ENTRY = 4096;
/** Octets in memory at a time: more than the longest stretch that has to be read as a whole. */
const WINDOW_SIZE = 256 * 1024;

export interface RevocationListOptions {
  /** The root whose certificates the list is about, and which must have signed it. */
  readonly anchor: Pick<TrustAnchor, 'certificate'>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Octets; a longer list is refused as soon as that is known. */
  readonly maxSize: number;
  /** Milliseconds for which a list serves after its nextUpdate. 0 unless the operator decides otherwise. */
  readonly grace?: number;
}

/** What a list says beside its entries. */
export interface RevocationListFacts {
  readonly issuer: Uint8Array;
  readonly number: bigint;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** DER of the names of the partition; undefined for a list of everything. */
  readonly distributionPoints: readonly Uint8Array[] | undefined;
  /** DER of the issuingDistributionPoint; empty when there is none. */
  readonly scope: Uint8Array;
}

interface Head {
  readonly issuer: Uint8Array;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly algorithm: Uint8Array;
  readonly signature: SignatureCheck;
  /** Places in the list, in octets from its first. */
  readonly end: number;
  readonly tbsStart: number;
  readonly tbsEnd: number;
  readonly entriesStart: number;
  readonly entriesEnd: number;
}

/**
 * Reads one complete revocation list of a pinned root (RFC 5280 §5, §6.3.3) in pieces of any size, as they come from a
 * file: whatever the list's length, one piece and the compiled entries are in memory.
 *
 * Checked in this order: size, outline, algorithm, issuer, each entry as it passes, signature, and only then what the
 * signed bytes say about time, number and scope. Nothing that was read counts before `finish` has returned. Roll-back is
 * for the caller to refuse: only they remember the numbers seen before.
 *
 * All methods throw `PkiError`, one of the `crl_…` codes; after that the walk is over.
 */
export class RevocationListWalk {
  readonly entries = new SerialTable();
  readonly #options: RevocationListOptions;
  /** Holds what was pushed and not yet read: octets `#at` to `#filled`. The first is octet `#base` of the list. */
  readonly #window = new Uint8Array(WINDOW_SIZE);
  readonly #view = new DataView(this.#window.buffer);
  #base = 0;
  #at = 0;
  #filled = 0;
  #head: Head | undefined;

  constructor(options: RevocationListOptions) {
    this.#options = options;
  }

  /** Takes the next octets of the list, which are only lent. */
  push(piece: Uint8Array): void {
    readingAs('crl_malformed', () => {
      if (this.#received + piece.length > this.#options.maxSize) throw tooLarge();
      for (let taken = 0; taken < piece.length; ) taken += this.#take(piece.subarray(taken));
    });
  }

  /** After the last octet: the facts of a list that was authentic, complete for its scope and in date. */
  finish(): RevocationListFacts {
    return readingAs('crl_malformed', () => {
      const head = this.#head ?? this.#begin();
      if (this.#received !== head.end || this.#base + this.#at < head.entriesEnd) {
        throw malformed('the list ends early, or goes on after its end');
      }
      return readTail(this.#window.subarray(this.#at, this.#filled), head, this.#options);
    });
  }

  get #received(): number {
    return this.#base + this.#filled;
  }

  /** Takes as many octets as there is room for, and reads what is whole. */
  #take(octets: Uint8Array): number {
    this.#window.copyWithin(0, this.#at, this.#filled);
    this.#base += this.#at;
    this.#filled -= this.#at;
    this.#at = 0;
    const taken = octets.subarray(0, WINDOW_SIZE - this.#filled);
    // Everything that may stand together is far shorter than the window.
    if (taken.length === 0) throw malformed('there is too much after the entries');
    this.#window.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#head !== undefined) this.#digest(this.#head, this.#filled - taken.length);
    else if (this.#filled >= MAX_HEAD) this.#begin();
    if (this.#head !== undefined) this.#walk(this.#head);
    return taken.length;
  }

  #begin(): Head {
    const head = readHead(this.#window.subarray(0, this.#filled), this.#options);
    this.#head = head;
    this.#digest(head, 0);
    this.#at = head.entriesStart;
    this.#walk(head);
    return head;
  }

  /** Hands what is signed of the window, from `start` on, to the signature's digest. */
  #digest({ signature, tbsStart, tbsEnd }: Head, start: number): void {
    const from = Math.max(tbsStart - this.#base, start);
    const to = Math.min(tbsEnd - this.#base, this.#filled);
    if (from < to) signature.update(this.#window.subarray(from, to));
  }

  /** Reads every entry that is whole (RFC 5280 §5.1.2.6), without an object for any but unusual ones. */
  #walk({ entriesEnd }: Head): void {
    const window = this.#window;
    const end = Math.min(this.#filled, entriesEnd - this.#base);
    let at = this.#at;
    while (at < end) {
      const next = entryEnd(window, at, end);
      if (next > end) {
        if (this.#base + next > entriesEnd) throw malformed('an entry goes beyond the entries');
        break;
      }
      if (!this.#addUsualEntry(at, next)) this.#addUnusualEntry(at, next);
      at = next;
    }
    this.#at = at;
    const behind = this.#filled - at;
    if (at >= end && behind > MAX_TAIL) throw malformed('there is too much after the entries');
  }

  /**
   * Nearly every entry of a national list is a short header, a serial, a UTCTime and a reason alone. False, and nothing
   * added, for any other.
   */
  #addUsualEntry(start: number, end: number): boolean {
    const window = this.#window;
    const length = octet(window, start + 3);
    const time = start + 4 + length;
    if (window[start + 2] !== Tag.integer || length > MAX_SERIAL_OCTETS || time + UTC_TIME_SIZE > end) return false;
    if (octet(window, start + 1) >= 0x80 || this.#view.getUint16(time) !== UTC_TIME_HEADER) return false;
    const reason = this.#usualReason(time + UTC_TIME_SIZE, end);
    if (reason === undefined) return false;
    checkEntrySerial(window, start + 4, length);
    this.entries.add(window, start + 4, length, reason, utcTimes.seconds(this.#view, time + 2));
    return true;
  }

  /** The reason that stands from `start` to `end`, 0 where nothing stands; undefined when there is anything else. */
  #usualReason(start: number, end: number): number | undefined {
    if (start === end) return 0;
    if (end - start !== REASON_CODE_ONLY.size) return undefined;
    const [first, second, third, last] = REASON_CODE_ONLY.octets;
    const view = this.#view;
    const isIt =
      view.getUint32(start) === first &&
      view.getUint32(start + 4) === second &&
      view.getUint32(start + 8) === third &&
      view.getUint8(start + 12) === last;
    return isIt ? checkReason(view.getUint8(start + 13)) : undefined;
  }

  #addUnusualEntry(start: number, end: number): void {
    const entry = new DerReader(this.#window, start, end, 3).next(Tag.sequence).open();
    const serial = entry.next(Tag.integer);
    checkEntrySerial(serial.bytes, serial.contentStart, serial.length);
    const revokedAt = readTime(entry.next());
    const extensions = entry.optional(Tag.sequence);
    entry.finish();
    const reason = extensions === undefined ? 0 : readEntryReason(extensions.open());
    this.entries.add(serial.bytes, serial.contentStart, serial.length, reason, revokedAt / 1000);
  }
}

/** Octets of a UTCTime with its header, and that header: tag 17, thirteen octets. */
const UTC_TIME_SIZE = 15;
const UTC_TIME_HEADER = 0x170d;

/** UTCTimes of revocations, of which a national list has a few thousand days: each is worked out once. */
class UtcTimes {
  /** Days since 1970, by the six digits of the date; 0 for one that has not occurred yet. */
  readonly #days = new Int32Array(1_000_000);

  /** Seconds since 1970 of the UTCTime whose thirteen octets begin at `start`. */
  seconds(view: DataView, start: number): number {
    const yearAndMonth = fourDigits(view, start);
    const dayAndHour = fourDigits(view, start + 4);
    const rest = fourDigits(view, start + 8);
    const hour = dayAndHour % 100;
    const second = rest % 100;
    const days = this.#days[yearAndMonth * 100 + (dayAndHour - hour) / 100];
    if (!days || hour > 23 || rest < 0 || rest >= 6000 || second > 59 || view.getUint8(start + 12) !== ZULU) {
      return this.#firstOfItsDay(view, start);
    }
    return days * 86_400 + hour * 3600 + ((rest - second) / 100) * 60 + second;
  }

  #firstOfItsDay(view: DataView, start: number): number {
    const octets = new Uint8Array(view.buffer, view.byteOffset + start, UTC_TIME_SIZE - 2);
    const seconds = readTimeOctets(octets, 0, octets.length, Tag.utcTime) / 1000;
    this.#days[fourDigits(view, start) * 100 + Math.floor(fourDigits(view, start + 4) / 100)] = Math.floor(
      seconds / 86_400,
    );
    return seconds;
  }
}

/** One for all lists: days are the same in each, and a table for every small list would be most of its cost. */
const utcTimes = new UtcTimes();

/** Z. */
const ZULU = 0x5a;
/** The upper halves of four octets, and what they are in four ASCII digits. */
const HIGH_HALVES = 0xf0f0f0f0;
const DIGITS = 0x30303030;

/** The number that four ASCII digits write, read in one; negative when one of them is no digit. */
function fourDigits(view: DataView, start: number): number {
  const octets = view.getUint32(start);
  // A digit is 3n, and stays one of those below 3A when six is added.
  const areDigits = (octets & HIGH_HALVES) === DIGITS && ((octets + 0x06060606) & HIGH_HALVES) === DIGITS;
  if (!areDigits) return -1;
  return ((octets >>> 24) & 15) * 1000 + ((octets >>> 16) & 15) * 100 + ((octets >>> 8) & 15) * 10 + (octets & 15);
}

/** `30 0C 30 0A 06 03 55 1D 15 04 03 0A 01 nn`: crlEntryExtensions that are a reasonCode and nothing else. */
const REASON_CODE_ONLY = { size: 14, octets: [0x300c300a, 0x0603551d, 0x1504030a, 0x01] } as const;

/** Where the entry at `at` ends; anything after `end` when not all of it is there, or so little that nobody can tell. */
function entryEnd(window: Uint8Array, at: number, end: number): number {
  if (window[at] !== Tag.sequence) throw malformed('an element has an unexpected tag');
  if (at + 4 > end) return end + 1;
  const length = octet(window, at + 1);
  if (length < 0x80) return at + 2 + length;
  const header = new DerReader(window, at, Number.MAX_SAFE_INTEGER);
  header.step(Tag.sequence);
  if (header.contentEnd - at > MAX_ENTRY) throw malformed('an entry is too long');
  return header.contentEnd;
}

/** All that comes before the entries, of a list whose first octets these are. */
function readHead(window: Uint8Array, { anchor, maxSize }: RevocationListOptions): Head {
  // Without an end: most of the list is still to come. Reading an octet that is not there throws.
  const list = new DerReader(window, 0, Number.MAX_SAFE_INTEGER);
  list.step(Tag.sequence);
  if (list.contentEnd > maxSize) throw tooLarge();
  const outer = new DerReader(window, list.contentStart, list.contentEnd, 1);
  outer.step(Tag.sequence);
  const fields = new DerReader(window, outer.contentStart, outer.contentEnd, 2);
  const next = (tag?: number): DerElement => {
    const element = fields.next(tag);
    if (element.contentEnd > window.length) throw malformed('the list ends early, or its head is too long');
    return element;
  };

  if (readSmallInteger(next(Tag.integer)) !== 1) throw malformed('the version is not 2');
  const identifier = next(Tag.sequence);
  const algorithm = readSignatureAlgorithm(identifier);
  if (algorithm === undefined) throw new PkiError('crl_algorithm', 'the signature algorithm is not verified here');
  const issuer = readName(next(Tag.sequence));
  if (!sameOctets(issuer, anchor.certificate.subject)) {
    throw new PkiError('crl_issuer', 'the list is about certificates of another authority');
  }
  if (!anchor.certificate.extensions.keyUsage?.has('cRLSign')) {
    throw new PkiError('crl_signer', 'the root may not sign revocation lists');
  }
  const signature = startSignatureCheck(anchor.certificate.publicKey, algorithm, 'der');
  if (signature === undefined) throw new PkiError('crl_signature', 'the root has no key for that signature');
  const thisUpdate = readTime(next());
  const nextUpdateElement = next();
  const nextUpdate = readTime(nextUpdateElement);
  let entriesStart = nextUpdateElement.contentEnd;
  let entriesEnd = entriesStart;
  // RFC 5280 §5.1.2.6: when nothing is revoked the field must be absent. Issuers exist that leave it empty; harmless.
  if (fields.nextIs(Tag.sequence)) {
    fields.step(Tag.sequence);
    entriesStart = fields.contentStart;
    entriesEnd = fields.contentEnd;
  }
  return {
    issuer: new Uint8Array(issuer),
    algorithm: new Uint8Array(identifier.der),
    ...{ signature, thisUpdate, nextUpdate, entriesStart, entriesEnd },
    end: list.contentEnd,
    tbsStart: outer.start,
    tbsEnd: outer.contentEnd,
  };
}

/** All that comes behind the entries, from the first octet to the last: extensions, algorithm, signature. */
function readTail(tail: Uint8Array, head: Head, { now, grace = 0 }: RevocationListOptions): RevocationListFacts {
  const { issuer, thisUpdate, nextUpdate } = head;
  const start = head.end - tail.length;
  const outer = new DerReader(tail, head.tbsEnd - start, tail.length, 1);
  const algorithm = outer.next(Tag.sequence);
  if (!sameOctets(head.algorithm, algorithm.der)) throw malformed('inner and outer algorithm differ');
  const signature = readBitStringOctets(outer.next(Tag.bitString));
  outer.finish();
  if (!head.signature.isBy(signature)) throw new PkiError('crl_signature', 'the root did not sign the list');

  if (nextUpdate <= thisUpdate) throw malformed('the list ends before it begins');
  if (now < thisUpdate) throw new PkiError('crl_not_yet_valid', 'the list is from the future');
  if (now > nextUpdate + grace) throw new PkiError('crl_stale', 'the list is out of date');
  const fields = new DerReader(tail, 0, head.tbsEnd - start, 2);
  const wrapper = fields.next(contextConstructed(0)).open();
  const extensions = readListExtensions(wrapper.next(Tag.sequence).open());
  wrapper.finish();
  fields.finish();
  return { issuer, thisUpdate, nextUpdate, ...extensions };
}

function readListExtensions(reader: DerReader): Pick<RevocationListFacts, 'number' | 'scope' | 'distributionPoints'> {
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

function checkEntrySerial(bytes: Uint8Array, start: number, length: number): void {
  if (length === 0 || length > MAX_SERIAL_OCTETS) throw malformed('a serial is empty or longer than 20 octets');
  const first = octet(bytes, start);
  if (first >= 0x80) throw malformed('a serial is negative');
  if (first === 0 && length > 1 && octet(bytes, start + 1) < 0x80)
    throw malformed('a serial is not in its shortest form');
}

function readEntryReason(reader: DerReader): number {
  let reason = 0;
  readExtensions(reader, (type, critical, value) => {
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

function tooLarge(): PkiError {
  return new PkiError('crl_too_large', 'the list exceeds the size that is accepted');
}
