import type { KeyObject } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { DerElement } from './der.ts';
import { contextConstructed, contextPrimitive, malformed, octet, openSequence, Tag } from './der.ts';
import {
  readBitStringOctets,
  readObjectIdentifier,
  readSmallInteger,
  readTime,
  readUnsignedOctets,
  sameOctets,
} from './der_values.ts';
import { PkiError, readingAs } from './errors.ts';
import type { CertificateExtensions } from './extensions.ts';
import { readCertificateExtensions } from './extensions.ts';
import { foldName, readNameValue } from './name.ts';
import type { PublicKeyFacts, SubjectPublicKey } from './public_key.ts';
import { importPublicKey, readSubjectPublicKey } from './public_key.ts';
import type { SignatureAlgorithm } from './signature.ts';
import { readSignatureAlgorithm, verifySignature } from './signature.ts';

/** A card's certificate is under 2 KiB; eight times that leaves room for other communities. */
export const MAX_CERTIFICATE_SIZE = 16 * 1024;
/** RFC 5280 §4.1.2.2: at most twenty octets, a leading zero octet included. */
export const MAX_SERIAL_OCTETS = 20;

interface CertificateFields {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: SubjectPublicKey;
  readonly extensions: CertificateExtensions;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

/**
 * An X.509 version 3 certificate whose structure is sound, and nothing more: no signature, date, usage or trust has
 * been checked. Byte views share memory with the copy that `parseCertificate` made.
 */
export class Certificate {
  readonly der: Uint8Array;
  /** The bytes that the signature covers. */
  readonly tbs: Uint8Array;
  /** Content octets of the serial number, 1 to 20, as they stand. Restricted data: never log, never show. */
  readonly serial: Uint8Array;
  /** DER of the names. They are compared octet by octet where JPKI's own are; see `foldedIssuer` for others. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970; both ends belong to the validity. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly keyFacts: PublicKeyFacts;
  /** Contents of the subjectPublicKey bit string. */
  readonly keyOctets: Uint8Array;
  readonly extensions: CertificateExtensions;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  #publicKey: KeyObject | undefined;
  #fingerprint: string | undefined;
  #foldedIssuer: string | undefined;
  #foldedSubject: string | undefined;

  constructor(fields: CertificateFields) {
    this.der = fields.der;
    this.tbs = fields.tbs;
    this.serial = fields.serial;
    this.issuer = fields.issuer;
    this.subject = fields.subject;
    this.notBefore = fields.notBefore;
    this.notAfter = fields.notAfter;
    this.keyFacts = fields.key.facts;
    this.keyOctets = fields.key.octets;
    this.extensions = fields.extensions;
    this.signatureAlgorithm = fields.signatureAlgorithm;
    this.signature = fields.signature;
  }

  /** The subject's key. Imported when first asked for. Throws `PkiError('certificate_key')` for an impossible point. */
  get publicKey(): KeyObject {
    this.#publicKey ??= importPublicKey({ facts: this.keyFacts, octets: this.keyOctets });
    return this.#publicKey;
  }

  /** SHA-256 over the whole certificate, in lower-case hex. */
  get fingerprint(): string {
    this.#fingerprint ??= createHash('sha256').update(this.der).digest('hex');
    return this.#fingerprint;
  }

  /** The names with letter case, spacing and string types evened out: equal when RFC 5280 §7.1 takes them for equal. */
  get foldedIssuer(): string {
    this.#foldedIssuer ??= foldName(this.issuer).join();
    return this.#foldedIssuer;
  }

  get foldedSubject(): string {
    this.#foldedSubject ??= foldName(this.subject).join();
    return this.#foldedSubject;
  }

  /** Issuer and subject have one name, as when an authority certifies its own next key (RFC 5280 §6.1). */
  get isSelfIssued(): boolean {
    return sameOctets(this.issuer, this.subject) || this.foldedIssuer === this.foldedSubject;
  }

  /** Whether the holder of `issuerKey` signed this certificate. Says nothing about whether they may. */
  isSignedBy(issuerKey: KeyObject): boolean {
    return verifySignature(issuerKey, this.signatureAlgorithm, this.tbs, this.signature, 'der');
  }
}

/**
 * Reads one certificate (RFC 5280 §4.1): strict DER, version 3, the same algorithm inside and outside, a positive
 * serial of 1 to 20 octets, no extension twice, a key and a signature algorithm that can be verified here.
 *
 * @throws PkiError `certificate_too_large` (over 16 KiB), `certificate_malformed`, `certificate_algorithm` or
 *   `certificate_key`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_SIZE) throw new PkiError('certificate_too_large', 'the certificate exceeds 16 KiB');
  // A copy, so that nobody can change the bytes between the check and the use, and no request body is kept alive.
  return readingAs('certificate_malformed', () => readCertificate(copyOf(der)));
}

/** In Buffer's pool where it fits: a certificate with memory of its own takes longer to allocate than to read. */
function copyOf(der: Uint8Array): Uint8Array {
  const copy = Buffer.from(der);
  return new Uint8Array(copy.buffer, copy.byteOffset, copy.length);
}

function readCertificate(der: Uint8Array): Certificate {
  const outer = openSequence(der);
  const tbs = outer.next(Tag.sequence);
  const outerAlgorithm = outer.next(Tag.sequence);
  const signature = readBitStringOctets(outer.next(Tag.bitString));
  outer.finish();

  const fields = tbs.open();
  const version = fields.next(contextConstructed(0)).open();
  if (readSmallInteger(version.next(Tag.integer)) !== 2) throw malformed('the version is not 3');
  version.finish();
  const serial = readSerial(fields.next(Tag.integer));
  const innerAlgorithm = fields.next(Tag.sequence);
  // RFC 5280 §4.1.1.2: the outer copy is not signed, so it may only repeat the signed one.
  if (!sameOctets(innerAlgorithm.der, outerAlgorithm.der)) throw malformed('inner and outer algorithm differ');
  const signatureAlgorithm = readSignatureAlgorithm(innerAlgorithm);
  if (signatureAlgorithm === undefined) {
    throw new PkiError('certificate_algorithm', 'the signature algorithm is not one that is verified here');
  }
  const issuer = readName(fields.next(Tag.sequence));
  if (issuer.length === 2) throw malformed('the issuer has no name');
  const validity = fields.next(Tag.sequence).open();
  const notBefore = readTime(validity.next());
  const notAfter = readTime(validity.next());
  validity.finish();
  const subject = readName(fields.next(Tag.sequence));
  const key = readSubjectPublicKey(fields.next(Tag.sequence));
  // issuerUniqueID and subjectUniqueID: allowed in version 3, used by nobody.
  fields.optional(contextPrimitive(1));
  fields.optional(contextPrimitive(2));
  const wrapper = fields.optional(contextConstructed(3))?.open();
  const extensions = readCertificateExtensions(wrapper?.next(Tag.sequence).open());
  wrapper?.finish();
  fields.finish();
  return new Certificate({
    der,
    tbs: tbs.der,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    key,
    extensions,
    signatureAlgorithm,
    signature,
  });
}

/** A certificate serial number: positive, at most twenty octets (RFC 5280 §4.1.2.2). Throws `der_malformed`. */
export function readSerial(element: DerElement): Uint8Array {
  const serial = readUnsignedOctets(element);
  if (serial.length > MAX_SERIAL_OCTETS) throw malformed('the serial is longer than 20 octets');
  if (serial.length === 1 && octet(serial, 0) === 0) throw malformed('the serial is zero');
  return serial;
}

/** The DER of a Name after a walk through its structure (RFC 5280 §4.1.2.4). Throws `der_malformed`. */
export function readName(element: DerElement): Uint8Array {
  const names = element.open();
  while (!names.atEnd) {
    const attributes = names.next(Tag.set).open();
    do {
      const attribute = attributes.next(Tag.sequence).open();
      readObjectIdentifier(attribute.next());
      readNameValue(attribute);
      attribute.finish();
    } while (!attributes.atEnd);
  }
  return element.der;
}
