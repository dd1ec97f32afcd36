import type { KeyObject } from 'node:crypto';
import { logoutRequest, protocolElement } from './messages.ts';
import {
  algorithm,
  DS,
  ENVELOPED,
  EXCLUSIVE,
  MORE,
  RSA_SHA256,
  SHA256,
  type SignOptions,
  signed,
  TRANSFORMS,
} from './sign.ts';
import type { Shape } from './wrapping.ts';

/**
 * Signatures that the sender's own key made, in ways that SAML does not have: of a sender whose software was talked into
 * it, or that signs whatever it is given. And by other keys.
 */

export interface OddKeys {
  /** The sender's, in its metadata. */
  readonly key: KeyObject;
  /** Somebody's RSA key, with its certificate as base64. */
  readonly other: { readonly key: KeyObject; readonly certificate: string };
  /** An elliptic curve key that nobody registered. */
  readonly ec: KeyObject;
  /** The sender's certificate and public key. */
  readonly certificate: string;
  readonly publicKey: KeyObject;
}

const transform = (uri: string, content = '') => algorithm('Transform', uri, content);
const MORE_2007 = 'http://www.w3.org/2007/05/xmldsig-more#';
const INCLUSIVE = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const XPATH = 'http://www.w3.org/TR/1999/REC-xpath-19991116';
const prefixes = (list: string) =>
  `<c:InclusiveNamespaces xmlns:c="${EXCLUSIVE}" PrefixList="${list}"></c:InclusiveNamespaces>`;
const certificateInfo = (certificate: string) =>
  `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;

/** A sound reference to something else of the document. */
const referenceTo = (uri: string) =>
  `<ds:Reference URI="${uri}"><ds:Transforms>${TRANSFORMS}</ds:Transforms>${algorithm('DigestMethod', SHA256)}<ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue></ds:Reference>`;

export function oddSignatures({ key, other, ec, certificate, publicKey }: OddKeys): Shape[] {
  const message = logoutRequest();
  const nothing = { covered: '' };
  const refused: Record<string, Omit<SignOptions, 'key'> & { key?: KeyObject }> = {
    'a second reference, to the same': { moreReferences: referenceTo('#_genuine') },
    'a second reference, to nothing': { moreReferences: referenceTo('#_nobody') },
    'a second reference, to an address': { moreReferences: referenceTo('https://attacker.example/') },
    'a reference with one part more': { endOfReference: '<ds:DigestValue></ds:DigestValue>' },
    'a reference without URI': { uri: null },
    'a reference to the whole document': { uri: '' },
    'a reference to nothing': { uri: '#_nobody' },
    'a reference to an empty ID': { uri: '#' },
    'a reference to an address': { uri: 'https://attacker.example/#_genuine' },
    'a reference to a file': { uri: 'file:///etc/hostname' },
    'an XPointer to the root': { uri: '#xpointer(/)' },
    'an XPointer to the ID': { uri: "#xpointer(id('_genuine'))" },
    'an ID that is percent-encoded': { uri: '#%5Fgenuine' },
    'an ID with white space': { uri: '# _genuine' },
    'no transforms': { transforms: '' },
    'the enveloped signature only': { transforms: transform(ENVELOPED) },
    'canonicalization only': { transforms: transform(EXCLUSIVE) },
    'transforms the other way round': { transforms: transform(EXCLUSIVE) + transform(ENVELOPED) },
    'the enveloped signature twice': { transforms: transform(ENVELOPED) + TRANSFORMS },
    'canonicalization twice': { transforms: TRANSFORMS + transform(EXCLUSIVE) },
    'inclusive canonicalization': { transforms: transform(ENVELOPED) + transform(INCLUSIVE) },
    'inclusive canonicalization 1.1': {
      transforms: transform(ENVELOPED) + transform('http://www.w3.org/2006/12/xml-c14n11'),
    },
    'canonicalization with comments': { transforms: transform(ENVELOPED) + transform(`${EXCLUSIVE}WithComments`) },
    XSLT: {
      ...nothing,
      transforms:
        transform(ENVELOPED) +
        transform('http://www.w3.org/TR/1999/REC-xslt-19991116', '<x:stylesheet xmlns:x="urn:x"></x:stylesheet>'),
    },
    'an XPath that leaves nothing': {
      ...nothing,
      transforms: transform(ENVELOPED) + transform(XPATH, '<ds:XPath>false()</ds:XPath>') + transform(EXCLUSIVE),
    },
    'an XPath filter': {
      ...nothing,
      transforms: transform('http://www.w3.org/2002/06/xmldsig-filter2') + transform(EXCLUSIVE),
    },
    'the base64 transform': { ...nothing, transforms: transform(ENVELOPED) + transform(`${DS}base64`) },
    'a transform of nobody': { ...nothing, transforms: transform(ENVELOPED) + transform('urn:x') },
    'parameters of the enveloped signature': { transforms: transform(ENVELOPED, prefixes('x')) + transform(EXCLUSIVE) },
    'a list of too many prefixes': {
      transforms:
        transform(ENVELOPED) + transform(EXCLUSIVE, prefixes(Array.from({ length: 17 }, (_, i) => `p${i}`).join(' '))),
    },
    'a list of what is no prefix': { transforms: transform(ENVELOPED) + transform(EXCLUSIVE, prefixes('a:b')) },
    'two lists of prefixes': { transforms: transform(ENVELOPED) + transform(EXCLUSIVE, prefixes('x') + prefixes('y')) },
    'parameters of nobody': { transforms: transform(ENVELOPED) + transform(EXCLUSIVE, '<x xmlns="urn:x"></x>') },
    'SignedInfo in inclusive form': { canonicalization: INCLUSIVE },
    'SignedInfo with comments': { canonicalization: `${EXCLUSIVE}WithComments` },
    'SignedInfo in a form of nobody': { canonicalization: 'urn:x' },
    'RSA with SHA-1': { algorithm: `${DS}rsa-sha1` },
    'RSA with MD5': { algorithm: `${MORE}rsa-md5` },
    'RSA with SHA-224': { algorithm: `${MORE}rsa-sha224` },
    'PSS with SHA-1': { algorithm: `${MORE_2007}sha1-rsa-MGF1` },
    'PSS with parameters': { algorithm: `${MORE_2007}rsa-pss` },
    'HMAC with the public key': { algorithm: `${MORE}hmac-sha256`, key: publicKey },
    'HMAC cut to nothing': {
      algorithm: `${MORE}hmac-sha256`,
      key: publicKey,
      signatureMethodContent: '<ds:HMACOutputLength>0</ds:HMACOutputLength>',
    },
    'HMAC with SHA-1': { algorithm: `${DS}hmac-sha1`, key: publicKey },
    'no algorithm': { algorithm: '' },
    'an algorithm with white space': { algorithm: `${RSA_SHA256} ` },
    'an algorithm in capitals': { algorithm: RSA_SHA256.toUpperCase() },
    'a parameter of RSA': { signatureMethodContent: '<ds:HMACOutputLength>8</ds:HMACOutputLength>' },
    'a digest with SHA-1': { digestAlgorithm: `${DS}sha1` },
    'a digest with MD5': { digestAlgorithm: `${MORE}md5` },
    'a digest with SHA-224': { digestAlgorithm: `${MORE}sha224` },
    'an empty digest': { digestValue: '' },
    'a digest cut short': { digestValue: 'AAAA' },
    'a digest of another length than its method': {
      digestAlgorithm: `${MORE}sha384`,
      digestValue: `${'A'.repeat(43)}=`,
    },
    'a digest of something else': { covered: 'something else' },
    'a digest of the message with its signature': { covered: signed(message, { key }) },
    'another key': { key: other.key },
    'another key, with its certificate': { key: other.key, keyInfo: certificateInfo(other.certificate) },
    'another key, with the sender’s certificate': { key: other.key, keyInfo: certificateInfo(certificate) },
    'a curve that nobody registered': { key: ec, algorithm: `${MORE}ecdsa-sha256` },
  };
  const genuine: Record<string, Omit<SignOptions, 'key'>> = {
    'another certificate beside the sender’s own signature': { keyInfo: certificateInfo(other.certificate) },
    'a list of prefixes': { transforms: transform(ENVELOPED) + transform(EXCLUSIVE, prefixes('nobody #default')) },
    'SHA-384': { algorithm: `${MORE}rsa-sha384`, digestAlgorithm: `${MORE}sha384` },
    'SHA-512': { algorithm: `${MORE}rsa-sha512`, digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha512' },
    'PSS with SHA-256': { algorithm: `${MORE_2007}sha256-rsa-MGF1` },
    'PSS with SHA-512': { algorithm: `${MORE_2007}sha512-rsa-MGF1` },
    'an Id of its own': { id: '_signature' },
  };
  const labelled = (name: string, from: string, to: string): Shape => {
    const document = signed(message, { key, algorithm: from });
    return { name, is: 'refused', document: document.replace(from, to) };
  };
  return [
    ...Object.entries(refused).map(([name, options]): Shape => {
      return { name, document: signed(message, { key, ...options }), is: 'refused' };
    }),
    ...Object.entries(genuine).map(([name, options]): Shape => {
      return { name, document: signed(message, { key, ...options }), is: 'genuine' };
    }),
    labelled('PKCS#1 that calls itself PSS', RSA_SHA256, `${MORE_2007}sha256-rsa-MGF1`),
    labelled('PSS that calls itself PKCS#1', `${MORE_2007}sha256-rsa-MGF1`, RSA_SHA256),
    labelled('RSA that calls itself ECDSA', RSA_SHA256, `${MORE}ecdsa-sha256`),
    labelled('SHA-256 that calls itself SHA-512', RSA_SHA256, `${MORE}rsa-sha512`),
    // A signature of the part, where one of the message is asked for.
    {
      name: 'a signature of a part that has an ID',
      is: 'refused',
      document: signed(logoutRequest(), {
        key,
        uri: '#_part',
        covered: protocolElement('SessionIndex', '', ' ID="_part"'),
      }),
    },
  ];
}
