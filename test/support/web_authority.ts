import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { WebAuthority } from '../../adapters/sandbox/pki/index.ts';
import { keyIdentifier, keyPairOf, subjectPublicKeyInfo } from '../../adapters/sandbox/pki/keys.ts';
import { encodeName } from '../../adapters/sandbox/pki/names.ts';
import type { TlsFiles } from '../../adapters/sandbox/web_tls.ts';

/** The sandbox's web authority out of its files, so that a test can have client certificates from it. */
export function readWebAuthority({ authorityFile, authorityKeyFile }: TlsFiles): WebAuthority {
  const pem = readFileSync(authorityFile, 'utf8');
  const certificate = new X509Certificate(pem);
  const key = keyPairOf(createPrivateKey(readFileSync(authorityKeyFile)));
  const name = encodeName([
    ['O', 'Musubi Sandbox'],
    ['CN', 'Musubi Sandbox Web CA'],
  ]);
  return {
    der: certificate.raw,
    pem,
    key,
    serialNumber: BigInt(`0x${certificate.serialNumber}`),
    issuer: name,
    name,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    subjectKeyIdentifier: keyIdentifier(subjectPublicKeyInfo(key.publicKey)),
  };
}
