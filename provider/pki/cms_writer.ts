import { hash } from 'node:crypto';
import { parseCertificate } from './certificate.ts';
import { contextConstructed, Tag } from './der.ts';
import {
  encode,
  encodeExplicit,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeSetOf,
  encodeTime,
  encodeUnsignedInteger,
} from './der_writer.ts';
import { GeneralNameTag } from './general_name.ts';
import { cmsObjects, digestTypes, signatureTypes } from './object_identifiers.ts';

/** What a card agent hands to the card, and what becomes of the card's answer. */
export interface DocumentDraft {
  /** DER of the attributes: what the signing key signs (RFC 5652 §5.4). */
  readonly toBeSigned: Uint8Array;
  /** How the key of the certificate signs it. */
  readonly algorithm: DraftAlgorithm;
  /** The whole document. @param signature PKCS#1 v1.5 of an RSA key; r‖s of an elliptic curve’s. */
  complete(signature: Uint8Array): Uint8Array;
}

export type DraftAlgorithm = 'RS256' | 'ES256' | 'ES384';

const algorithmOfKey = { RSA: 'RS256', 'P-256': 'ES256', 'P-384': 'ES384' } as const;

const facts = {
  RS256: { digest: 'sha256', signature: signatureTypes.sha256WithRSAEncryption, parameters: [encodeNull()] },
  ES256: { digest: 'sha256', signature: signatureTypes.ecdsaWithSHA256, parameters: [] },
  ES384: { digest: 'sha384', signature: signatureTypes.ecdsaWithSHA384, parameters: [] },
} as const;

const VERSION = encode(Tag.integer, Uint8Array.of(1));

/**
 * Prepares a document in the shape that `verifySignedDocument` asks for: the content inside, CAdES-BES's attributes,
 * issuer and serial of one signer, no certificate but theirs.
 *
 * @param certificate DER of the certificate whose key will sign.
 * @param signingTime milliseconds since 1970, before 2050.
 * @throws PkiError what `parseCertificate` throws.
 */
export function draftSignedDocument(content: Uint8Array, certificate: Uint8Array, signingTime: number): DocumentDraft {
  const { issuer, serial, keyFacts, der } = parseCertificate(certificate);
  const algorithm = algorithmOfKey[keyFacts.type];
  const { digest, signature: signatureType, parameters } = facts[algorithm];
  const serialNumber = encode(Tag.integer, serial);
  const digestAlgorithm = encodeSequence(encodeObjectIdentifier(digestTypes[digest]));
  const reference = encodeSequence(
    // The default, which is SHA-256, must not be written out (RFC 5035 §4, X.690 §11.5).
    ...(digest === 'sha256' ? [] : [digestAlgorithm]),
    encodeOctetString(hash(digest, der, 'buffer')),
    encodeSequence(encodeSequence(encode(GeneralNameTag.directoryName, issuer)), serialNumber),
  );
  const attributes = encodeSetOf(
    attribute(cmsObjects.contentType, encodeObjectIdentifier(cmsObjects.data)),
    attribute(cmsObjects.signingTime, encodeTime(signingTime)),
    attribute(cmsObjects.messageDigest, encodeOctetString(hash(digest, content, 'buffer'))),
    attribute(cmsObjects.signingCertificateV2, encodeSequence(encodeSequence(reference))),
  );
  const complete = (signature: Uint8Array) => {
    const signerInfo = encodeSequence(
      VERSION,
      encodeSequence(issuer, serialNumber),
      digestAlgorithm,
      retagged(attributes),
      encodeSequence(encodeObjectIdentifier(signatureType), ...parameters),
      encodeOctetString(algorithm === 'RS256' ? signature : encodeEcdsaSignature(signature)),
    );
    const signedData = encodeSequence(
      VERSION,
      encodeSetOf(digestAlgorithm),
      encodeSequence(encodeObjectIdentifier(cmsObjects.data), encodeExplicit(0, encodeOctetString(content))),
      encode(contextConstructed(0), der),
      encodeSetOf(signerInfo),
    );
    return encodeSequence(encodeObjectIdentifier(cmsObjects.signedData), encodeExplicit(0, signedData));
  };
  return { toBeSigned: attributes, algorithm, complete };
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return encodeSequence(encodeObjectIdentifier(type), encodeSetOf(value));
}

/** [0] IMPLICIT in place of SET, as the attributes stand in the document (RFC 5652 §5.3). */
function retagged(set: Uint8Array): Uint8Array {
  const octets = Uint8Array.from(set);
  octets[0] = contextConstructed(0);
  return octets;
}

/** Ecdsa-Sig-Value (RFC 5753 §2.1.1) from two numbers of one length. */
function encodeEcdsaSignature(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return encodeSequence(
    encodeUnsignedInteger(signature.subarray(0, half)),
    encodeUnsignedInteger(signature.subarray(half)),
  );
}
