import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A private key and a certificate around it, as files in PEM. */
export interface KeyFiles {
  readonly key: string;
  readonly certificate: string;
}

/** Makes an RSA key with a self-signed certificate, as operators of service providers do. @param path without ending */
export function makeKeyFiles(path: string): KeyFiles {
  const files = { key: `${path}.key`, certificate: `${path}.crt` };
  const subject = ['-subj', '/CN=portal.example.jp', '-days', '2'];
  const output = ['-keyout', files.key, '-out', files.certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...output], { stdio: 'pipe' });
  return files;
}

/** Base64 of DER, as metadata has it. */
export function certificateText({ certificate }: KeyFiles): string {
  return readFileSync(certificate, 'utf8').replaceAll(/-----[^-]+-----|\s/g, '');
}

/** @param certificate base64 of DER. */
export function pemOf(certificate: string): string {
  const lines = certificate.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Metadata with one more key, which the service provider is going to use next. */
export function withFurtherKey(metadata: string, files: KeyFiles): string {
  const descriptors = (['signing', 'encryption'] as const).map(
    (use) =>
      `<md:KeyDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" use="${use}">` +
      '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>' +
      `<ds:X509Certificate>${certificateText(files)}</ds:X509Certificate>` +
      '</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>',
  );
  // Behind those that are there: the preferred one is the first.
  const end = metadata.lastIndexOf('KeyDescriptor>') + 'KeyDescriptor>'.length;
  return metadata.slice(0, end) + descriptors.join('') + metadata.slice(end);
}
