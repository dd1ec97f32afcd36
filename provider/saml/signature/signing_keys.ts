import { type KeyObject, X509Certificate } from 'node:crypto';
import { readBase64 } from '../base64.ts';
import { isSigningKey } from './algorithms.ts';

/** Octets of a certificate: some carry much that nobody reads. */
const MAX_CERTIFICATE_OCTETS = 16 * 1024;
/** Certificates whose keys are kept ready: some hundred service providers with two each. */
const CAPACITY = 1000;

/** By certificate; the ones used last are at the end. Undefined for one whose key is of no use. */
const known = new Map<string, KeyObject | undefined>();

/**
 * The key of a certificate out of metadata, to verify signatures with; undefined when the certificate cannot be read or
 * its key is too weak or of a kind that is not verified here. Dates, issuer and purposes mean nothing: metadata says
 * whose key it is (SAML Metadata Interoperability Profile §2.6.1).
 *
 * @param certificate base64 of DER
 */
export function signingKeyOf(certificate: string): KeyObject | undefined {
  const key = known.has(certificate) ? known.get(certificate) : readKey(certificate);
  known.delete(certificate);
  known.set(certificate, key);
  if (known.size > CAPACITY) known.delete(known.keys().next().value ?? '');
  return key;
}

/** The keys of several, those of no use left out. */
export function signingKeysOf(certificates: readonly string[]): KeyObject[] {
  return certificates.map(signingKeyOf).filter((key) => key !== undefined);
}

function readKey(certificate: string): KeyObject | undefined {
  const der = readBase64(certificate, MAX_CERTIFICATE_OCTETS, 'may_be_broken');
  if (!der) return undefined;
  try {
    const { publicKey } = new X509Certificate(der);
    return isSigningKey(publicKey) ? publicKey : undefined;
  } catch {
    return undefined;
  }
}
