import { hash, type KeyObject } from 'node:crypto';
import { readBase64 } from '../base64.ts';
import { NAMESPACES } from '../names.ts';
import { canonicalize } from '../xml/canonical.ts';
import { MESSAGE_LIMITS, readXml, type XmlLimits } from '../xml/read_xml.ts';
import { attributeOf, childElements, isNamed, textOf, type XmlElement } from '../xml/xml_element.ts';
import { MAX_SIGNATURE_OCTETS, verifies } from './algorithms.ts';
import { signatureInvalid } from './errors.ts';
import { parts, readCanonicalization, readSignedInfo, type SignedInfo } from './signed_info.ts';

export interface EnvelopedOptions {
  /** What the document may cost; also the octets of its canonical form. */
  readonly limits?: XmlLimits;
  /** Elements around the root, the outermost first: the SOAP envelope. */
  readonly ancestors?: readonly XmlElement[];
}

/**
 * Verifies the signature of an element over itself (SAML Core §5.4) and returns the element read again from the very
 * octets that were signed, without its signature. Nothing else of the document may be used: whatever an attacker has
 * moved, hidden or added is not in it.
 *
 * There is no search for what is referred to. The one reference must be to `root`, the one signature of the document must
 * be its child, and no other element may have its ID, by any name that readers take for one.
 *
 * @param keys those that the sender's metadata names; KeyInfo is a hint at best and is not looked at
 * @throws HubError 400 `saml_signature_invalid`, `saml_malformed` for a canonical form that is too long
 */
export function verifyEnveloped(
  root: XmlElement,
  keys: readonly KeyObject[],
  { limits = MESSAGE_LIMITS, ancestors = [] }: EnvelopedOptions = {},
): XmlElement {
  const signature = onlySignatureOf(root, ancestors[0] ?? root);
  const { signedInfo, value } = partsOf(signature);
  const info = verifySignedInfo(signedInfo, [...ancestors, root, signature], value, keys, limits);
  const id = attributeOf(root, 'ID');
  if (id === undefined || info.id !== id) throw signatureInvalid('the reference is not to the element around it');
  if (elementsWithId(ancestors[0] ?? root, id) !== 1) throw signatureInvalid('an ID is there more than once');

  const { inclusivePrefixes, digest } = info;
  const octets = canonicalize(root, { ancestors, without: signature, inclusivePrefixes, limit: limits.octets });
  if (!hash(digest.name, octets, 'buffer').equals(digest.value)) throw signatureInvalid('the digest is another');
  return readXml(octets, limits);
}

/** How many signatures are in an element, at whatever depth. */
export function countSignatures(element: XmlElement): number {
  return count(element, (each) => isNamed(each, NAMESPACES.signature, 'Signature'));
}

function onlySignatureOf(root: XmlElement, document: XmlElement): XmlElement {
  const signature = childElements(root).find((child) => isNamed(child, NAMESPACES.signature, 'Signature'));
  if (!signature) throw signatureInvalid('there is no signature');
  if (countSignatures(document) !== 1) throw signatureInvalid('there is more than one signature');
  return signature;
}

/** SignedInfo, SignatureValue and perhaps KeyInfo, and never an Object: it is where wrapped elements are kept. */
function partsOf(signature: XmlElement): { signedInfo: XmlElement; value: Uint8Array } {
  const [signedInfo, signatureValue, keyInfo, ...more] = parts(signature);
  const is = (element: XmlElement | undefined, local: string) =>
    element && isNamed(element, NAMESPACES.signature, local);
  if (!signedInfo || !is(signedInfo, 'SignedInfo') || !signatureValue || !is(signatureValue, 'SignatureValue')) {
    throw signatureInvalid('the parts are not those of a signature');
  }
  if (more.length > 0 || (keyInfo && !is(keyInfo, 'KeyInfo'))) throw signatureInvalid('the signature has other parts');
  const value = readBase64(textOf(signatureValue) ?? '', MAX_SIGNATURE_OCTETS, 'may_be_broken');
  if (!value) throw signatureInvalid('the signature value is not base64');
  return { signedInfo, value };
}

function verifySignedInfo(
  signedInfo: XmlElement,
  ancestors: readonly XmlElement[],
  value: Uint8Array,
  keys: readonly KeyObject[],
  limits: XmlLimits,
): SignedInfo {
  const [method] = parts(signedInfo);
  if (!method) throw signatureInvalid('SignedInfo is empty');
  const inclusivePrefixes = readCanonicalization(method);
  const octets = canonicalize(signedInfo, { ancestors, inclusivePrefixes, limit: MESSAGE_LIMITS.octets });
  // From the octets that are verified, not from what stood in the document.
  const info = readSignedInfo(readXml(octets, limits));
  if (!keys.some((key) => verifies(info.signatureMethod, key, octets, value))) {
    throw signatureInvalid('no key of the sender made this signature');
  }
  return info;
}

function elementsWithId(document: XmlElement, id: string): number {
  return count(document, ({ attributes }) =>
    attributes.some(({ local, value }) => value === id && local.toLowerCase() === 'id'),
  );
}

function count(element: XmlElement, is: (element: XmlElement) => boolean): number {
  return childElements(element).reduce((sum, child) => sum + count(child, is), is(element) ? 1 : 0);
}
