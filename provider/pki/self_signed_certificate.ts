import { createPublicKey, hash, type KeyObject, sign } from 'node:crypto';
import { contextConstructed, Tag } from './der.ts';
import {
  encode,
  encodeBitString,
  encodeExplicit,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeSetOf,
  encodeTime,
  encodeUnsignedInteger,
  encodeUtf8String,
} from './der_writer.ts';
import { certificateExtensions, nameAttributes, signatureTypes } from './object_identifiers.ts';

/** ub-common-name (RFC 5280 appendix A.1): characters. */
const MAX_COMMON_NAME = 64;
const VERSION_3 = encodeExplicit(0, encode(Tag.integer, Uint8Array.of(2)));
const TRUE = encode(Tag.boolean, Uint8Array.of(0xff));

/**
 * The envelope in which SAML metadata and signatures carry a public key: an X.509 certificate that its own key signed. It
 * says nothing that a verifier could rely on but the key, and no usages, since verifiers take offence at them in different ways.
 *
 * @param privateKey RSA; it signs with SHA-256 (RFC 4055 §5).
 * @param serial octets of a number that is not negative; at most 20 (RFC 5280 §4.1.2.2).
 * @param notBefore milliseconds since 1970, like `notAfter`.
 * @returns DER (RFC 5280 §4.1).
 */
export function writeSelfSignedCertificate(options: {
  privateKey: KeyObject;
  commonName: string;
  serial: Uint8Array;
  notBefore: number;
  notAfter: number;
}): Uint8Array {
  const { privateKey, serial, notBefore, notAfter } = options;
  const publicKey = createPublicKey(privateKey);
  const commonName = encodeUtf8String(options.commonName.slice(0, MAX_COMMON_NAME));
  const name = encodeSequence(
    encodeSetOf(encodeSequence(encodeObjectIdentifier(nameAttributes.commonName), commonName)),
  );
  const algorithm = encodeSequence(encodeObjectIdentifier(signatureTypes.sha256WithRSAEncryption), encodeNull());
  const tbs = encodeSequence(
    VERSION_3,
    encodeUnsignedInteger(serial),
    algorithm,
    name,
    encodeSequence(encodeTime(notBefore), encodeTime(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    encode(contextConstructed(3), encodeSequence(...extensionsFor(publicKey))),
  );
  return encodeSequence(tbs, algorithm, encodeBitString(sign('sha256', tbs, privateKey)));
}

function extensionsFor(publicKey: KeyObject): Uint8Array[] {
  // RFC 5280 §4.2.1.2 (1): the digest of the key's own BIT STRING, which for RSA is PKCS #1's structure.
  const keyIdentifier = hash('sha1', publicKey.export({ type: 'pkcs1', format: 'der' }), 'buffer');
  return [
    extension(certificateExtensions.subjectKeyIdentifier, encodeOctetString(keyIdentifier)),
    // An empty BasicConstraints: no authority (§4.2.1.9).
    extension(certificateExtensions.basicConstraints, encodeSequence(), TRUE),
  ];
}

function extension(type: string, value: Uint8Array, ...critical: readonly Uint8Array[]): Uint8Array {
  return encodeSequence(encodeObjectIdentifier(type), ...critical, encodeOctetString(value));
}
