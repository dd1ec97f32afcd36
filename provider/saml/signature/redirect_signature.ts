import type { KeyObject } from 'node:crypto';
import { isSignatureAlgorithm, verifies } from './algorithms.ts';
import { signatureInvalid } from './errors.ts';

/** The signature of a message in an address (SAML Bindings §3.4.4.1). */
export interface RedirectSignature {
  /** `SAMLRequest=…&RelayState=…&SigAlg=…`, each value in the very octets that arrived. */
  readonly signedText: string;
  readonly algorithm: string;
  readonly value: Uint8Array;
}

/**
 * @param keys those that the sender's metadata names
 * @throws HubError 400 `saml_signature_invalid`
 */
export function verifyRedirect({ signedText, algorithm, value }: RedirectSignature, keys: readonly KeyObject[]): void {
  if (!isSignatureAlgorithm(algorithm)) throw signatureInvalid('the signature algorithm is not allowed');
  const signed = Buffer.from(signedText, 'latin1');
  if (!keys.some((key) => verifies(algorithm, key, signed, value, 'raw_or_der'))) {
    throw signatureInvalid('no key of the sender made this signature');
  }
}
