import type { KeyObject } from 'node:crypto';
import type { ServiceProvider } from './service_provider.ts';
import { signingKeysOf } from './signature/signing_keys.ts';

/** The key that assertions for this service provider are encrypted for; undefined: they are sent in the clear. */
export function encryptionKeyOf({ metadata, settings }: ServiceProvider): KeyObject | undefined {
  if (settings.encryptAssertions === 'never') return undefined;
  // A key that may be used for nothing but encryption is judged as one that signs: by its kind and strength.
  return signingKeysOf(metadata.encryptionCertificates).find((key) => key.asymmetricKeyType === 'rsa');
}
