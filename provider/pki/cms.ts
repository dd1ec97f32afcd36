import { hash } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { parseCertificate, readSerial } from './certificate.ts';
import type { DerElement, DerReader } from './der.ts';
import { contextConstructed, malformed, openSequence, Tag } from './der.ts';
import { readObjectIdentifier, readSetOf, readSmallInteger, readTime, sameOctets } from './der_values.ts';
import { encodeObjectIdentifier } from './der_writer.ts';
import { PkiError, readingAs } from './errors.ts';
import { GeneralNameTag, readGeneralNames } from './general_name.ts';
import { cmsObjects, digestTypes, keyTypes } from './object_identifiers.ts';
import type { SignatureAlgorithm } from './signature.ts';
import { readSignatureAlgorithm, verifySignature } from './signature.ts';

/*
 * Documents that a person signed with the signing key of a card: CMS SignedData (RFC 5652 §5) with the attributes of
 * CAdES-BES (RFC 5126 §4.3.1), in the one shape that card agents give them. What the standard leaves open is closed here:
 * DER throughout, one signer, the content inside, and nothing of consequence that is not signed. A looser reader takes a
 * document in more than one way, and so does not know what was signed.
 */

/** Octets of a signed document. An application form has a few thousand; its certificate 2 KiB. */
export const MAX_SIGNED_DOCUMENT_SIZE = 256 * 1024;
/** Agents send the authority's certificate along, some of two generations. Each costs a digest. */
const MAX_CERTIFICATES = 4;
/** Three are needed and a handful known (RFC 5126 §5). */
const MAX_SIGNED_ATTRIBUTES = 16;

/** What a person signed. Who it was, the caller's `CertificateVerifier` decides. */
export interface SignedDocument {
  /** The octets that were signed. */
  readonly content: Uint8Array;
  /** DER of the certificate whose key signed, and which the signature covers. Nobody has asked yet who issued it. */
  readonly unverifiedCertificate: Uint8Array;
  /** Milliseconds since 1970, as the signer's own clock told it: proves nothing. */
  readonly signingTime: number | undefined;
}

/** What is asked of a document, in this order. */
export const documentSteps = ['document', 'signer', 'signature'] as const;
export type DocumentStep = (typeof documentSteps)[number];

/** Hears the name of each step before it is taken. When one throws, it is the last that was heard of. */
export type DocumentStepListener = (step: DocumentStep) => void;

type Digest = 'sha256' | 'sha384';

/** The digest that each algorithm signs: of everything that can be verified here, what cards have or are announced to. */
const digestOf: Partial<Record<SignatureAlgorithm, Digest>> = { RS256: 'sha256', ES256: 'sha256', ES384: 'sha384' };

/** RFC 5652 §5.1 and §5.3: of content that is data, by a signer who is named by issuer and serial. */
const VERSION = 1;

const SIGNED_DATA = Buffer.from(encodeObjectIdentifier(cmsObjects.signedData));
/** Octets of the longest header before the type of the content. */
const MAX_HEADER = 6;

/** Whether somebody meant these octets to be a signed document, well made or not. */
export function looksLikeSignedDocument(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, MAX_HEADER + SIGNED_DATA.length));
  return start[0] === Tag.sequence && start.includes(SIGNED_DATA);
}

/**
 * Reads a signed document and verifies its signature by the certificate in it.
 *
 * What it does not do: say whose the certificate is, whether anybody issued it, whether it may sign documents. Until that
 * is decided the document is as anybody could have made it.
 *
 * @param listener hears of each of `documentSteps`.
 * @throws PkiError `cms_too_large` (over 256 KiB), `cms_malformed`, `cms_content` (detached, or other than plain data),
 *   `cms_attributes` (one that must be signed is missing or there twice), `cms_algorithm`, `cms_digest` (the content was
 *   changed), `cms_signer` (none, several, or not the one of the certificate), `cms_signature`; for a certificate that
 *   cannot be read what `parseCertificate` throws.
 */
export function verifySignedDocument(der: Uint8Array, listener: DocumentStepListener = () => {}): SignedDocument {
  listener('document');
  if (der.length > MAX_SIGNED_DOCUMENT_SIZE) throw new PkiError('cms_too_large', 'the document exceeds 256 KiB');
  // A copy, so that nobody can change the octets between the check and the use.
  const document = readingAs('cms_malformed', () => readSignedData(Uint8Array.from(der)));
  checkContent(document);

  listener('signer');
  const certificate = findSigner(document);

  listener('signature');
  checkSignature(document, certificate);
  const { content, attributes } = document;
  return { content, unverifiedCertificate: certificate.der, signingTime: attributes.signingTime };
}

interface SignedData {
  readonly content: Uint8Array;
  readonly certificates: readonly Uint8Array[];
  readonly sid: IssuerAndSerial;
  readonly digest: Digest;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** DER of what the signature covers. */
  readonly signedAttributes: Uint8Array;
  readonly attributes: SignedAttributes;
}

interface IssuerAndSerial {
  /** DER of the name. */
  readonly issuer: Uint8Array;
  readonly serial: Uint8Array;
}

interface SignedAttributes {
  readonly messageDigest: Uint8Array;
  readonly signingCertificate: CertificateReference;
  readonly signingTime: number | undefined;
}

/** ESSCertIDv2 (RFC 5035 §4). */
interface CertificateReference {
  readonly digest: Digest;
  readonly value: Uint8Array;
  readonly issuerAndSerial: IssuerAndSerial | undefined;
}

/** ContentInfo (RFC 5652 §3) with SignedData (§5.1). */
function readSignedData(der: Uint8Array): SignedData {
  const outer = openSequence(der);
  if (readObjectIdentifier(outer.next()) !== cmsObjects.signedData) {
    throw new PkiError('cms_content', 'the message is of another kind than signed data');
  }
  const fields = openExplicit(outer.next(contextConstructed(0)), Tag.sequence).open();
  outer.finish();

  readVersion(fields);
  const digests = readSetOf(fields.next(Tag.set), Tag.sequence, 1).map(readDigestAlgorithm);
  const content = readContent(fields.next(Tag.sequence).open());
  const certificates = fields.optional(contextConstructed(0));
  if (certificates === undefined) throw new PkiError('cms_signer', 'the document carries no certificate');
  // Lists that the signer chose say nothing; ours come from the authority.
  if (fields.nextIs(contextConstructed(1))) throw malformed('there are revocation lists in the document');
  const signer = readOnlySigner(fields.next(Tag.set));
  fields.finish();
  if (signer.digest !== digests[0]) throw new PkiError('cms_algorithm', 'the signer’s digest is not the document’s');
  // Of the CHOICE in §10.2.2 only X.509: attribute certificates and older kinds have tags of their own.
  const ofX509 = readSetOf(certificates, Tag.sequence, MAX_CERTIFICATES).map(({ der }) => der);
  return { content, certificates: ofX509, ...signer };
}

/** EncapsulatedContentInfo (RFC 5652 §5.2). */
function readContent(reader: DerReader): Uint8Array {
  if (readObjectIdentifier(reader.next()) !== cmsObjects.data) {
    throw new PkiError('cms_content', 'what was signed is of another kind than data');
  }
  if (reader.atEnd) throw new PkiError('cms_content', 'what was signed is not inside');
  const { content } = openExplicit(reader.next(contextConstructed(0)), Tag.octetString);
  reader.finish();
  return content;
}

/** Two signers are two statements: whoever looks at one of them believes what the other did not say. */
function readOnlySigner(element: DerElement): Omit<SignedData, 'content' | 'certificates'> {
  const signers = element.open();
  if (signers.atEnd) throw new PkiError('cms_signer', 'nobody signed');
  const signer = readSignerInfo(signers.next(Tag.sequence).open());
  if (!signers.atEnd) throw new PkiError('cms_signer', 'more than one signed');
  return signer;
}

/** SignerInfo (RFC 5652 §5.3). */
function readSignerInfo(reader: DerReader): Omit<SignedData, 'content' | 'certificates'> {
  readVersion(reader);
  if (!reader.nextIs(Tag.sequence)) throw new PkiError('cms_signer', 'the signer is not named by issuer and serial');
  const sid = readIssuerAndSerial(reader.next(Tag.sequence).open());
  const digest = readDigestAlgorithm(reader.next(Tag.sequence));
  // Without them the signature would cover the content alone, and any certificate of the same key would do.
  const signedAttributes = reader.optional(contextConstructed(0));
  if (signedAttributes === undefined) throw new PkiError('cms_attributes', 'there are no signed attributes');
  const algorithm = readSignerAlgorithm(reader.next(Tag.sequence), digest);
  const signature = reader.next(Tag.octetString).content;
  // Nobody's signature covers these: whoever carries the document could have put them in.
  if (reader.nextIs(contextConstructed(1))) throw malformed('there are attributes that nobody signed');
  reader.finish();
  const attributes = readSignedAttributes(signedAttributes);
  return { sid, digest, algorithm, signature, attributes, signedAttributes: asSetOf(signedAttributes) };
}

/** RFC 5652 §5.4: what is signed is the DER of a SET OF, and not of the [0] that stands in its place. */
function asSetOf(element: DerElement): Uint8Array {
  const octets = Uint8Array.from(element.der);
  octets[0] = Tag.set;
  return octets;
}

function readVersion(reader: DerReader): void {
  if (readSmallInteger(reader.next(Tag.integer)) !== VERSION) throw malformed('the version is not 1');
}

function readIssuerAndSerial(reader: DerReader): IssuerAndSerial {
  const issuer = reader.next(Tag.sequence).der;
  const serial = readSerial(reader.next(Tag.integer));
  reader.finish();
  return { issuer, serial };
}

/** RFC 5754 §2: parameters are absent; NULL must be taken, too. */
function readDigestAlgorithm(element: DerElement): Digest {
  const reader = element.open();
  const type = readObjectIdentifier(reader.next());
  const parameters = reader.optional(Tag.null);
  if (parameters !== undefined && parameters.length !== 0) throw malformed('NULL parameters are not empty');
  reader.finish();
  if (type === digestTypes.sha256) return 'sha256';
  if (type === digestTypes.sha384) return 'sha384';
  throw new PkiError('cms_algorithm', 'the digest is neither SHA-256 nor SHA-384');
}

/** The signature's own digest must be the signer's: nothing tells which of two was meant. */
function readSignerAlgorithm(element: DerElement, digest: Digest): SignatureAlgorithm {
  const algorithm = isRsaEncryption(element) ? 'RS256' : readSignatureAlgorithm(element);
  if (algorithm === undefined || digestOf[algorithm] !== digest) {
    throw new PkiError('cms_algorithm', 'the signature is by an algorithm that is not verified here');
  }
  return algorithm;
}

/** RFC 3370 §3.2: many name the key's algorithm only, and leave the digest to the field before. */
function isRsaEncryption(element: DerElement): boolean {
  const reader = element.open();
  if (readObjectIdentifier(reader.next()) !== keyTypes.rsaEncryption) return false;
  if (reader.next(Tag.null).length !== 0) throw malformed('NULL parameters are not empty');
  reader.finish();
  return true;
}

/** What RFC 5652 §11 and RFC 5126 §5.7 ask for is read; what else was signed changes nothing about who signed what. */
function readSignedAttributes(element: DerElement): SignedAttributes {
  const values = new Map<string, DerElement>();
  for (const attribute of readSetOf(element, Tag.sequence, MAX_SIGNED_ATTRIBUTES)) {
    const reader = attribute.open();
    const type = readObjectIdentifier(reader.next());
    const set = reader.next(Tag.set);
    reader.finish();
    if (values.has(type)) throw new PkiError('cms_attributes', 'a signed attribute appears twice');
    values.set(type, set);
  }
  if (readObjectIdentifier(onlyValue(values, cmsObjects.contentType)) !== cmsObjects.data) {
    throw new PkiError('cms_attributes', 'the content is of another kind than was signed');
  }
  const messageDigest = onlyValue(values, cmsObjects.messageDigest);
  if (messageDigest.tag !== Tag.octetString) throw malformed('the digest is not a string of octets');
  return {
    messageDigest: messageDigest.content,
    signingCertificate: readSigningCertificate(onlyValue(values, cmsObjects.signingCertificateV2)),
    signingTime: values.has(cmsObjects.signingTime) ? readTime(onlyValue(values, cmsObjects.signingTime)) : undefined,
  };
}

/** RFC 5652 §11: each of these has exactly one value. */
function onlyValue(values: ReadonlyMap<string, DerElement>, type: string): DerElement {
  const reader = values.get(type)?.open();
  if (reader === undefined) throw new PkiError('cms_attributes', `the signed attribute ${type} is missing`);
  if (reader.atEnd) throw new PkiError('cms_attributes', `the signed attribute ${type} has no value`);
  const value = reader.next();
  if (!reader.atEnd) throw new PkiError('cms_attributes', `the signed attribute ${type} has more than one value`);
  return value;
}

/**
 * SigningCertificateV2 (RFC 5035 §3) with one certificate and no policies: further ones would limit which authorities and
 * policies the signer meant, and are not understood here.
 */
function readSigningCertificate(element: DerElement): CertificateReference {
  const reader = element.open();
  const references = reader.next(Tag.sequence).open();
  const reference = readCertificateReference(references.next(Tag.sequence).open());
  if (!references.atEnd || !reader.atEnd) {
    throw new PkiError('cms_attributes', 'the signer names more than the own certificate');
  }
  return reference;
}

function readCertificateReference(reader: DerReader): CertificateReference {
  const algorithm = reader.optional(Tag.sequence);
  const digest = algorithm === undefined ? 'sha256' : readDigestAlgorithm(algorithm);
  // A default must not be written out (X.690 §11.5).
  if (algorithm !== undefined && digest === 'sha256') throw malformed('a default value is written out');
  const value = reader.next(Tag.octetString).content;
  const issuerAndSerial = reader.optional(Tag.sequence);
  reader.finish();
  return { digest, value, issuerAndSerial: issuerAndSerial && readIssuerSerial(issuerAndSerial.open()) };
}

/** IssuerSerial (RFC 5035 §5), whose issuer is one directoryName. */
function readIssuerSerial(reader: DerReader): IssuerAndSerial {
  const [name, second] = readGeneralNames(reader.next(Tag.sequence).der);
  if (name?.tag !== GeneralNameTag.directoryName || second !== undefined) {
    throw malformed('the issuer of the signing certificate is not one directory name');
  }
  const serial = readSerial(reader.next(Tag.integer));
  reader.finish();
  return { issuer: name.value, serial };
}

/** The one element under an explicit tag. */
function openExplicit(element: DerElement, tag: number): DerElement {
  const reader = element.open();
  const inner = reader.next(tag);
  reader.finish();
  return inner;
}

function checkContent({ content, digest, attributes }: SignedData): void {
  if (!sameOctets(digestBy(digest, content), attributes.messageDigest)) {
    throw new PkiError('cms_digest', 'the content is not what was signed');
  }
}

/**
 * The certificate that the signature covers, by its digest (RFC 5035 §1.1): without that the certificate could be
 * exchanged for another one of the same key, with another name in it.
 */
function findSigner({ certificates, sid, attributes }: SignedData): Certificate {
  const { digest, value, issuerAndSerial } = attributes.signingCertificate;
  const [der, second] = certificates.filter((candidate) => sameOctets(digestBy(digest, candidate), value));
  if (der === undefined) throw new PkiError('cms_signer', 'the certificate that was signed with is not there');
  if (second !== undefined) throw new PkiError('cms_signer', 'the certificate that was signed with is there twice');
  const certificate = parseCertificate(der);
  if (!isNamedBy(sid, certificate) || (issuerAndSerial !== undefined && !isNamedBy(issuerAndSerial, certificate))) {
    throw new PkiError('cms_signer', 'the signer is named as somebody else than the certificate');
  }
  return certificate;
}

function isNamedBy({ issuer, serial }: IssuerAndSerial, certificate: Certificate): boolean {
  return sameOctets(issuer, certificate.issuer) && sameOctets(serial, certificate.serial);
}

function checkSignature({ algorithm, signedAttributes, signature }: SignedData, certificate: Certificate): void {
  if (!verifySignature(certificate.publicKey, algorithm, signedAttributes, signature, 'der')) {
    throw new PkiError('cms_signature', 'the key of the certificate did not sign this');
  }
}

function digestBy(digest: Digest, octets: Uint8Array): Uint8Array {
  return hash(digest, octets, 'buffer');
}
