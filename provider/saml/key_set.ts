import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { SigningKey } from '../oidc/oidc_stores.ts';

/** The hub's keys for SAML as one engine runs with them. Made once for each set: a KeyObject costs as much as a signature. */
export interface SamlKeySet {
  readonly signing: SamlSigningKey;
  /** Base64 of DER of every certificate that metadata publishes: the one that signs, those to come, those just replaced. */
  readonly publishedCertificates: readonly string[];
}

export interface SamlSigningKey {
  readonly privateKey: KeyObject;
  /** Base64 of DER. */
  readonly certificate: string;
}

/** @param keys as `SigningKeys.current` gives them (`samlKeys`): the one that signs first. */
export function createSamlKeySet(keys: readonly SigningKey[]): SamlKeySet {
  const [first] = keys;
  if (first === undefined) throw new Error('there is no key to sign SAML messages with');
  return {
    signing: {
      privateKey: createPrivateKey({ key: { ...first.jwk }, format: 'jwk' }),
      certificate: certificateOf(first),
    },
    publishedCertificates: keys.map(certificateOf),
  };
}

function certificateOf({ kid, certificate }: SigningKey): string {
  if (certificate === undefined) throw new Error(`the SAML key ${kid} has no certificate`);
  return Buffer.from(certificate).toString('base64');
}
