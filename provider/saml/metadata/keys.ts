import { type KeyObject, X509Certificate } from 'node:crypto';
import { readBase64 } from '../base64.ts';
import { NAMESPACES } from '../names.ts';
import { isSigningKey } from '../signature/algorithms.ts';
import { attributeOf, childrenNamed, textOf, type XmlElement } from '../xml/xml_element.ts';
import { quoted, refuse } from './metadata_error.ts';
import { bounded } from './xml_values.ts';

const MOST_KEYS = 20;
/** Octets of a certificate. */
const LARGEST_CERTIFICATE = 16_384;

export interface ProviderKeys {
  /** Certificates as base64 of DER. */
  readonly signing: readonly string[];
  /** RSA only: what assertions are encrypted for (RSA-OAEP). */
  readonly encryption: readonly string[];
}

/**
 * The keys of a role (SAML Metadata §2.4.1.1): those in an X509Certificate. Names, dates and signatures of the certificate
 * mean nothing here (SAML Metadata Interoperability Profile §2.6.1); the metadata vouches for the key.
 *
 * @throws HubError `saml_metadata_invalid` for a certificate that cannot be read or whose key is too weak, and where a
 *   KeyInfo leaves open which key is meant
 */
export function readKeys(role: XmlElement): ProviderKeys {
  const signing: string[] = [];
  const encryption: string[] = [];
  for (const descriptor of bounded(childrenNamed(role, NAMESPACES.metadata, 'KeyDescriptor'), MOST_KEYS)) {
    const use = attributeOf(descriptor, 'use');
    if (use !== undefined && use !== 'signing' && use !== 'encryption') {
      refuse(`has a KeyDescriptor with use=${quoted(use)}`);
    }
    const certificate = certificateOf(descriptor);
    if (certificate === undefined) continue;
    const key = readKey(certificate);
    if (use !== 'encryption') signing.push(certificate);
    if (use !== 'signing' && key.asymmetricKeyType === 'rsa') encryption.push(certificate);
  }
  return { signing: [...new Set(signing)], encryption: [...new Set(encryption)] };
}

/** Undefined for a KeyDescriptor that gives its key in another form, as a name or a bare value. */
function certificateOf(descriptor: XmlElement): string | undefined {
  const found = childrenNamed(descriptor, NAMESPACES.signature, 'KeyInfo')
    .flatMap((info) => childrenNamed(info, NAMESPACES.signature, 'X509Data'))
    .flatMap((data) => childrenNamed(data, NAMESPACES.signature, 'X509Certificate'));
  if (found.length > 1) refuse('has a KeyDescriptor with more than one certificate, of which one key is meant');
  const [element] = found;
  if (!element) return undefined;
  const der = readBase64(textOf(element) ?? '', LARGEST_CERTIFICATE, 'may_be_broken');
  if (!der || der.length === 0) return refuse('has a certificate that is too large, or not base64');
  return Buffer.from(der).toString('base64');
}

/** @throws HubError `saml_metadata_invalid` */
function readKey(certificate: string): KeyObject {
  let key: KeyObject;
  try {
    key = new X509Certificate(Buffer.from(certificate, 'base64')).publicKey;
  } catch (cause) {
    return refuse('has a certificate that cannot be read', cause);
  }
  const problem = keyProblem(key);
  return problem === undefined ? key : refuse(`has a certificate whose key is ${problem}`);
}

/** What keeps a key from being used for SAML; undefined for one that a signature can be verified with. */
export function keyProblem(key: KeyObject): string | undefined {
  if (isSigningKey(key)) return undefined;
  const { modulusLength: bits = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return `RSA of ${bits} bits, not of 2048 to 8192 with a usual exponent`;
  return 'neither RSA nor on one of the curves P-256, P-384 and P-521';
}
