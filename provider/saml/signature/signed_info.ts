import { readBase64 } from '../base64.ts';
import { NAMESPACES } from '../names.ts';
import { attributeOf, childElements, isNamed, textOf, type XmlElement } from '../xml/xml_element.ts';
import { digestMethod, isSignatureAlgorithm } from './algorithms.ts';
import { signatureInvalid } from './errors.ts';

/** What somebody signed: which element, in what form, and its digest. */
export interface SignedInfo {
  readonly signatureMethod: string;
  /** The attribute `ID` of the element. */
  readonly id: string;
  readonly inclusivePrefixes: readonly string[];
  readonly digest: { readonly name: string; readonly value: Uint8Array };
}

export const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED_SIGNATURE = `${NAMESPACES.signature}enveloped-signature`;

/** Prefixes of one list: a schema that types many values needs three. */
const MAX_INCLUSIVE_PREFIXES = 16;
const PREFIX = /^[\p{L}_][\p{L}\p{N}_.-]{0,63}$/u;

/**
 * Reads SignedInfo as SAML has it (SAML Core §5.4): one reference, to the `ID` of an element, by exactly the two
 * transforms enveloped-signature and exclusive canonicalization. Everything else that XML Signature allows is how an
 * element that nobody signed is passed off as the one that was.
 *
 * @throws HubError 400 `saml_signature_invalid`
 */
export function readSignedInfo(signedInfo: XmlElement): SignedInfo {
  const [canonicalization, signature, reference, ...more] = parts(signedInfo);
  if (!canonicalization || !signature || !reference || more.length > 0) {
    throw signatureInvalid('SignedInfo has not exactly one reference');
  }
  readCanonicalization(named(canonicalization, 'CanonicalizationMethod'));
  // HMACOutputLength, RSAPSSParams …: no algorithm of ours has parameters.
  const signatureMethod = algorithmOf(childless(named(signature, 'SignatureMethod')));
  if (!isSignatureAlgorithm(signatureMethod)) throw signatureInvalid('the signature algorithm is not allowed');

  const uri = attributeOf(named(reference, 'Reference'), 'URI');
  // `URI=""`, the whole document, is no reference to an ID (SAML Core §5.4.2), and neither are XPointer or an address.
  if (uri === undefined || !/^#./.test(uri)) throw signatureInvalid('the reference is not to an ID');
  const [transforms, method, value, ...others] = parts(reference);
  if (!transforms || !method || !value || others.length > 0) throw signatureInvalid('the reference has other parts');
  const inclusivePrefixes = readTransforms(named(transforms, 'Transforms'));
  return { signatureMethod, id: uri.slice(1), inclusivePrefixes, digest: readDigest(method, value) };
}

/** Which prefixes a CanonicalizationMethod of exclusive canonicalization lists. Throws for any other algorithm. */
export function readCanonicalization(method: XmlElement): readonly string[] {
  // With comments is another algorithm, though a document without comments has one form by both.
  if (algorithmOf(method) !== EXCLUSIVE_C14N) throw signatureInvalid('the canonicalization is not exclusive');
  const [list, ...more] = parts(method);
  if (!list) return [];
  if (more.length > 0 || !isNamed(list, EXCLUSIVE_C14N, 'InclusiveNamespaces')) {
    throw signatureInvalid('the canonicalization has parameters that it cannot have');
  }
  const tokens = (attributeOf(childless(list), 'PrefixList') ?? '').split(/[ \t\r\n]+/).filter((token) => token !== '');
  if (tokens.length > MAX_INCLUSIVE_PREFIXES) throw signatureInvalid('the canonicalization lists too many prefixes');
  return tokens.map((token) => {
    if (token === '#default') return '';
    if (!PREFIX.test(token)) throw signatureInvalid('the canonicalization lists what is no prefix');
    return token;
  });
}

function readTransforms(transforms: XmlElement): readonly string[] {
  const [enveloped, exclusive, ...more] = parts(transforms).map((each) => named(each, 'Transform'));
  if (!enveloped || !exclusive || more.length > 0 || algorithmOf(childless(enveloped)) !== ENVELOPED_SIGNATURE) {
    throw signatureInvalid('the transforms are not enveloped-signature and exclusive canonicalization');
  }
  return readCanonicalization(exclusive);
}

function readDigest(method: XmlElement, value: XmlElement): SignedInfo['digest'] {
  const digest = digestMethod(algorithmOf(childless(named(method, 'DigestMethod'))));
  if (!digest) throw signatureInvalid('the digest algorithm is not allowed');
  const octets = readBase64(textOf(named(value, 'DigestValue')) ?? '', digest.octets, 'may_be_broken');
  if (octets?.length !== digest.octets) throw signatureInvalid('the digest is not of its length');
  return { name: digest.name, value: octets };
}

function algorithmOf(element: XmlElement): string {
  return attributeOf(element, 'Algorithm') ?? '';
}

/** The elements of an element that has no text beside them. */
export function parts(element: XmlElement): readonly XmlElement[] {
  if (element.children.some((child) => typeof child === 'string' && /[^ \t\r\n]/.test(child))) {
    throw signatureInvalid('there is text where XML Signature has none');
  }
  return childElements(element);
}

function named(element: XmlElement, local: string): XmlElement {
  if (!isNamed(element, NAMESPACES.signature, local)) throw signatureInvalid('the parts are not those of a signature');
  return element;
}

function childless(element: XmlElement): XmlElement {
  if (parts(element).length > 0) throw signatureInvalid('an algorithm has parameters');
  return element;
}
