import { createHash } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { parseCertificate, readName, readSerial } from './certificate.ts';
import type { DerElement, DerReader } from './der.ts';
import { contextConstructed, contextPrimitive, malformed, openSequence, Tag } from './der.ts';
import { readBitStringOctets, readObjectIdentifier, readSmallInteger, readTime, sameOctets } from './der_values.ts';
import {
  encode,
  encodeExplicit,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
} from './der_writer.ts';
import { PkiError, readingAs } from './errors.ts';
import { readExtensions } from './extensions.ts';
import { digestTypes, extendedKeyUsages, ocspObjects } from './object_identifiers.ts';
import type { TrustAnchor } from './path.ts';
import { checkValidity } from './path.ts';
import type { RevocationReason } from './revocation_reason.ts';
import { revocationReasons } from './revocation_reason.ts';
import type { SignatureAlgorithm } from './signature.ts';
import { readSignatureAlgorithm, verifySignature } from './signature.ts';

/** An answer about one certificate with a responder's certificate is about 2 KiB. */
export const MAX_OCSP_RESPONSE_SIZE = 64 * 1024;
/** RFC 9654 §2.1: from 1 to 128 octets, 32 recommended; fewer than 16 could be guessed ahead of time. */
const MIN_NONCE_OCTETS = 16;
const MAX_NONCE_OCTETS = 128;
/** RFC 6960 does not bound the list; a responder needs one certificate, and each may cost a signature check. */
const MAX_RESPONDER_CERTIFICATES = 4;

/** The digest that names the issuer in a CertID. It protects nothing; SHA-1 is what responders know best. */
export type CertIdDigest = 'sha1' | 'sha256';

/** What a question names of a certificate beside its issuer's key; all of it need not be at hand. */
export type AskedCertificate = Pick<Certificate, 'issuer' | 'serial'>;

/**
 * The request for one certificate (RFC 6960 §4.1), unsigned, with a nonce so that an old answer cannot be replayed.
 *
 * @param nonce 16 to 128 unpredictable octets, or undefined for responders that answer with what they made in advance
 *   (RFC 5019 §2.1.2); hand the same to `parseOcspResponse`.
 */
export function buildOcspRequest(
  certificate: AskedCertificate,
  anchor: TrustAnchor,
  options: { digest: CertIdDigest; nonce: Uint8Array | undefined },
): Uint8Array {
  const { digest, nonce } = options;
  if (nonce !== undefined && (nonce.length < MIN_NONCE_OCTETS || nonce.length > MAX_NONCE_OCTETS)) {
    throw new RangeError('an OCSP nonce needs 16 to 128 octets');
  }
  const certId = encodeSequence(
    encodeSequence(encodeObjectIdentifier(digestTypes[digest]), encodeNull()),
    encodeOctetString(hash(digest, certificate.issuer)),
    encodeOctetString(hash(digest, anchor.certificate.keyOctets)),
    encode(Tag.integer, certificate.serial),
  );
  const requestList = encodeSequence(encodeSequence(certId));
  if (nonce === undefined) return encodeSequence(encodeSequence(requestList));
  const nonceExtension = encodeSequence(
    encodeObjectIdentifier(ocspObjects.nonce),
    encodeOctetString(encodeOctetString(nonce)),
  );
  return encodeSequence(encodeSequence(requestList, encodeExplicit(2, encodeSequence(nonceExtension))));
}

export interface OcspResponseOptions {
  readonly certificate: AskedCertificate;
  /** The root that issued the certificate: it answers itself, or through a responder that it certified. */
  readonly anchor: TrustAnchor;
  /** The nonce of the request; undefined when none was sent. */
  readonly nonce: Uint8Array | undefined;
  /** Takes an answer that lacks the nonce that was sent. One with another nonce is refused all the same. */
  readonly nonceOptional?: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds by which the responder's clock may differ from ours. */
  readonly skew: number;
  /**
   * Milliseconds for which an answer without nextUpdate counts as recent, and longest age of one that does not carry
   * our nonce: whoever has recorded such an answer can replay it (RFC 5019 §6.3).
   */
  readonly maxAge: number;
  /**
   * Asked about a responder's certificate that lacks ocsp-nocheck (RFC 6960 §4.2.2.2.1): true when fresh revocation
   * information says that it is good. Without this function such a responder is refused.
   */
  readonly isResponderGood?: (responder: Certificate) => boolean;
}

/** What the authority says about one certificate. `unknown` is not good: it never issued the certificate. */
export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly reason: RevocationReason | undefined;
  /** Milliseconds since 1970, as are all times here. */
  readonly revokedAt: number | undefined;
  readonly producedAt: number;
  readonly thisUpdate: number;
  /** The answer's own end; thisUpdate when it names none, so that it is not kept. */
  readonly nextUpdate: number;
}

/**
 * Reads and verifies the answer to `buildOcspRequest` (RFC 6960 §3.2, §4.2.2): authentic, about this certificate, to
 * this request, and recent.
 *
 * @throws PkiError one of the `ocsp_…` codes.
 */
export function parseOcspResponse(der: Uint8Array, options: OcspResponseOptions): OcspAnswer {
  if (der.length > MAX_OCSP_RESPONSE_SIZE) throw new PkiError('ocsp_too_large', 'the answer exceeds 64 KiB');
  return readingAs('ocsp_malformed', () => readResponse(der, options));
}

function readResponse(der: Uint8Array, options: OcspResponseOptions): OcspAnswer {
  const outer = openSequence(der);
  checkResponseStatus(readSmallInteger(outer.next(Tag.enumerated)));
  const wrapper = outer.next(contextConstructed(0)).open();
  outer.finish();
  const responseBytes = wrapper.next(Tag.sequence).open();
  wrapper.finish();
  if (readObjectIdentifier(responseBytes.next()) !== ocspObjects.basicResponse) {
    throw malformed('the answer is not a basic response');
  }
  const basic = openSequence(responseBytes.next(Tag.octetString).content);
  responseBytes.finish();

  const data = basic.next(Tag.sequence);
  const algorithm = readSignatureAlgorithm(basic.next(Tag.sequence));
  if (algorithm === undefined) throw new PkiError('ocsp_algorithm', 'the signature algorithm is not verified here');
  const signature = readBitStringOctets(basic.next(Tag.bitString));
  const certificates = readCertificates(basic.optional(contextConstructed(0)));
  basic.finish();

  // version is DEFAULT v1, so in DER it is never there, and no other version exists.
  const fields = data.open();
  const responder = readResponderId(fields.next());
  checkResponseSignature({ data, algorithm, signature, responder, certificates }, options);
  return readResponseData(fields, options);
}

/** OCSPResponseStatus (RFC 6960 §4.2.1). These answers are not signed: they can delay a sign-in, never permit one. */
function checkResponseStatus(status: number): void {
  if (status === 0) return;
  if (status === 3) throw new PkiError('ocsp_try_later', 'the responder asks to try later');
  if (status === 6) throw new PkiError('ocsp_unauthorized', 'the responder does not serve this hub');
  throw new PkiError('ocsp_refused', 'the responder could not answer');
}

function readCertificates(element: DerElement | undefined): Uint8Array[] {
  if (element === undefined) return [];
  const wrapper = element.open();
  const list = wrapper.next(Tag.sequence).open();
  wrapper.finish();
  const certificates: Uint8Array[] = [];
  while (!list.atEnd) certificates.push(list.next(Tag.sequence).der);
  if (certificates.length > MAX_RESPONDER_CERTIFICATES) throw malformed('the answer carries too many certificates');
  return certificates;
}

interface ResponderId {
  readonly name: Uint8Array | undefined;
  /** SHA-1 of the key. */
  readonly keyHash: Uint8Array | undefined;
}

function readResponderId(choice: DerElement): ResponderId {
  const reader = choice.open();
  const isName = choice.tag === contextConstructed(1);
  if (!isName && choice.tag !== contextConstructed(2)) throw malformed('the responder has no known kind of name');
  const id = isName
    ? { name: readName(reader.next(Tag.sequence)), keyHash: undefined }
    : { name: undefined, keyHash: reader.next(Tag.octetString).content };
  reader.finish();
  return id;
}

function isResponder(certificate: Certificate, { name, keyHash }: ResponderId): boolean {
  if (name !== undefined) return sameOctets(certificate.subject, name);
  return keyHash !== undefined && sameOctets(hash('sha1', certificate.keyOctets), keyHash);
}

interface SignedResponse {
  readonly data: DerElement;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly responder: ResponderId;
  readonly certificates: readonly Uint8Array[];
}

/**
 * Who may answer (RFC 6960 §4.2.2.2): the issuer of the certificate, or someone whom the same key certified for
 * exactly this. A responder that the operator trusts for other reasons is not provided for.
 */
function checkResponseSignature(response: SignedResponse, options: OcspResponseOptions): void {
  const { anchor, now } = options;
  const isSignedBy = (signer: Certificate) =>
    verifySignature(signer.publicKey, response.algorithm, response.data.der, response.signature, 'der');
  if (isResponder(anchor.certificate, response.responder) && isSignedBy(anchor.certificate)) return;

  for (const der of response.certificates) {
    const delegate = readingResponder('the certificate of the responder cannot be read', () => parseCertificate(der));
    if (!isResponder(delegate, response.responder)) continue;
    if (
      !sameOctets(delegate.issuer, anchor.certificate.subject) ||
      !delegate.isSignedBy(anchor.certificate.publicKey)
    ) {
      throw new PkiError('ocsp_responder', 'another authority certified the responder');
    }
    checkDelegation(delegate, options.isResponderGood);
    readingResponder('the certificate of the responder is out of date', () => checkValidity(delegate, now));
    if (readingResponder('the key of the responder is not usable', () => isSignedBy(delegate))) return;
    throw new PkiError('ocsp_signature', 'the responder did not sign the answer');
  }
  throw isResponder(anchor.certificate, response.responder)
    ? new PkiError('ocsp_signature', 'the root did not sign the answer')
    : new PkiError('ocsp_responder', 'the answer does not carry the certificate of its responder');
}

/** Says that it was the responder's certificate: what is wrong with the person's own has the same codes. */
function readingResponder<T>(message: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw new PkiError('ocsp_responder', message, { cause });
  }
}

/** A person's own certificate comes from the same authority; only the extended usage tells a responder from it. */
function checkDelegation(delegate: Certificate, isResponderGood: OcspResponseOptions['isResponderGood']): void {
  const { extendedKeyUsage, keyUsage, unprocessedCritical, basicConstraints, ocspNoCheck } = delegate.extensions;
  if (!extendedKeyUsage?.includes(extendedKeyUsages.ocspSigning)) {
    throw new PkiError('ocsp_responder', 'the certificate of the responder is not for signing answers');
  }
  if (keyUsage !== undefined && !keyUsage.has('digitalSignature')) {
    throw new PkiError('ocsp_responder', 'the key of the responder may not sign');
  }
  if (unprocessedCritical.length > 0 || basicConstraints?.cA === true) {
    throw new PkiError('ocsp_responder', 'the certificate of the responder is not that of an end entity');
  }
  if (!ocspNoCheck && isResponderGood?.(delegate) !== true) {
    throw new PkiError('ocsp_responder', 'nothing tells that the certificate of the responder is not revoked');
  }
}

/** The rest of ResponseData after the responder (RFC 6960 §4.2.1). */
function readResponseData(fields: DerReader, options: OcspResponseOptions): OcspAnswer {
  const { now, skew, maxAge } = options;
  const producedAt = readGeneralizedTime(fields.next());
  const responses = fields.next(Tag.sequence).open();
  const replayable = readNonce(fields.optional(contextConstructed(1)), options) === 'absent';
  fields.finish();

  const answers: OcspAnswer[] = [];
  while (!responses.atEnd) {
    const answer = readSingleResponse(responses.next(Tag.sequence).open(), producedAt, options);
    if (answer !== undefined) answers.push(answer);
  }
  const [answer, second] = answers;
  if (answer === undefined) throw new PkiError('ocsp_certificate', 'the answer is about another certificate');
  if (second !== undefined) throw malformed('the answer speaks twice about one certificate');

  const { thisUpdate, nextUpdate } = answer;
  if (nextUpdate < thisUpdate || producedAt + skew < thisUpdate)
    throw malformed('the times of the answer are in disorder');
  if (thisUpdate > now + skew || producedAt > now + skew) {
    throw new PkiError('ocsp_not_yet_valid', 'the answer is from the future');
  }
  const end = nextUpdate > thisUpdate ? nextUpdate : thisUpdate + maxAge;
  if (end + skew < now) throw new PkiError('ocsp_stale', 'the answer is out of date');
  if (replayable && thisUpdate + maxAge + skew < now) {
    throw new PkiError('ocsp_stale', 'the answer is too old for one that is not to this request');
  }
  return answer;
}

/**
 * RFC 9654 §2.1. An answer without the nonce may be from yesterday, when the card had not been lost yet.
 * Throws `ocsp_nonce` for another's nonce, and for none unless none was sent or it may be left out.
 */
function readNonce(
  element: DerElement | undefined,
  { nonce: expected, nonceOptional = false }: OcspResponseOptions,
): 'ours' | 'absent' {
  let nonce: Uint8Array | undefined;
  const wrapper = element?.open();
  if (wrapper !== undefined) {
    readExtensions(wrapper.next(Tag.sequence).open(), (type, critical, value) => {
      if (type === ocspObjects.nonce) {
        const inner = value.open();
        nonce = inner.next(Tag.octetString).content;
        inner.finish();
      } else if (critical) {
        throw new PkiError('ocsp_critical_extension', 'a critical extension is not understood');
      }
    });
    wrapper.finish();
  }
  // An answer that was made for somebody else's nonce says nothing about now.
  if (expected === undefined) return 'absent';
  if (nonce === undefined && nonceOptional) return 'absent';
  if (nonce === undefined || !sameOctets(nonce, expected)) {
    throw new PkiError('ocsp_nonce', 'the answer is not to this request');
  }
  return 'ours';
}

/** One SingleResponse; undefined when it is about another certificate. */
function readSingleResponse(
  reader: DerReader,
  producedAt: number,
  { certificate, anchor }: OcspResponseOptions,
): OcspAnswer | undefined {
  const isOurs = namesCertificate(reader.next(Tag.sequence), certificate, anchor);
  const status = readCertStatus(reader.next());
  const thisUpdate = readGeneralizedTime(reader.next());
  const nextWrapper = reader.optional(contextConstructed(0))?.open();
  const nextUpdate = nextWrapper === undefined ? thisUpdate : readGeneralizedTime(nextWrapper.next());
  nextWrapper?.finish();
  const extensionsWrapper = reader.optional(contextConstructed(1))?.open();
  if (extensionsWrapper !== undefined) {
    readExtensions(extensionsWrapper.next(Tag.sequence).open(), (_, critical) => {
      if (critical) throw new PkiError('ocsp_critical_extension', 'a critical extension is not understood');
    });
    extensionsWrapper.finish();
  }
  reader.finish();
  return isOurs ? { ...status, producedAt, thisUpdate, nextUpdate } : undefined;
}

/** CertID names the issuer by digests of its name and its key, so that a namesake's answer does not fit. */
function namesCertificate(element: DerElement, certificate: AskedCertificate, anchor: TrustAnchor): boolean {
  const reader = element.open();
  const algorithm = reader.next(Tag.sequence).open();
  const type = readObjectIdentifier(algorithm.next());
  algorithm.optional(Tag.null);
  algorithm.finish();
  const nameHash = reader.next(Tag.octetString).content;
  const keyHash = reader.next(Tag.octetString).content;
  const serial = readSerial(reader.next(Tag.integer));
  reader.finish();
  const digest = type === digestTypes.sha1 ? 'sha1' : type === digestTypes.sha256 ? 'sha256' : undefined;
  return (
    digest !== undefined &&
    sameOctets(serial, certificate.serial) &&
    sameOctets(nameHash, hash(digest, certificate.issuer)) &&
    sameOctets(keyHash, hash(digest, anchor.certificate.keyOctets))
  );
}

function readCertStatus(element: DerElement): Pick<OcspAnswer, 'status' | 'reason' | 'revokedAt'> {
  if (element.tag === contextConstructed(1)) {
    const reader = element.open();
    const revokedAt = readGeneralizedTime(reader.next());
    const wrapper = reader.optional(contextConstructed(0))?.open();
    const number = wrapper === undefined ? 0 : readSmallInteger(wrapper.next(Tag.enumerated));
    wrapper?.finish();
    reader.finish();
    const reason = revocationReasons[number];
    if (reason === undefined) throw malformed('a revocation has an unknown reason');
    return { status: 'revoked', reason, revokedAt };
  }
  const isGood = element.tag === contextPrimitive(0);
  if ((!isGood && element.tag !== contextPrimitive(2)) || element.content.length !== 0) {
    throw malformed('the status is of no known kind');
  }
  return { status: isGood ? 'good' : 'unknown', reason: undefined, revokedAt: undefined };
}

function readGeneralizedTime(element: DerElement): number {
  if (element.tag !== Tag.generalizedTime) throw malformed('a time is not a GeneralizedTime');
  return readTime(element);
}

function hash(digest: CertIdDigest, octets: Uint8Array): Uint8Array {
  return createHash(digest).update(octets).digest();
}
