import { spawnSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NAMESPACES } from '../../provider/saml/names.ts';

const ID_OF = {
  Response: NAMESPACES.protocol,
  LogoutRequest: NAMESPACES.protocol,
  LogoutResponse: NAMESPACES.protocol,
  Assertion: NAMESPACES.assertion,
  EntityDescriptor: NAMESPACES.metadata,
} as const;

/**
 * Whether xmlsec1 (libxml2, libxmlsec: what Shibboleth's neighbours, lasso and pysaml2 rest on) verifies the signature that
 * is a child of the one element of this name. The key is the one given; certificates in the document do not count.
 */
export function verifiesWithXmlsec1(xml: string, element: keyof typeof ID_OF, publicKey: KeyObject): boolean {
  const names = Object.entries(ID_OF).flatMap(([name, namespace]) => ['--id-attr:ID', `${namespace}:${name}`]);
  const signature = `//*[local-name()='${element}']/*[local-name()='Signature']`;
  const { status, output } = run(xml, publicKey.export({ type: 'spki', format: 'pem' }), (file, key) => [
    ...['--verify', '--enabled-key-data', 'rsa', '--pubkey-pem', key, ...names, '--node-xpath', signature, file],
  ]);
  return status === 0 && /^OK\nSignedInfo References \(ok\/all\): 1\/1$/m.test(output);
}

/** The document with its EncryptedData replaced by what is in it. */
export function decryptWithXmlsec1(xml: string, privateKey: KeyObject): string {
  const { status, output, errors } = run(xml, privateKey.export({ type: 'pkcs8', format: 'pem' }), (file, key) => [
    ...['--decrypt', '--privkey-pem', key, file],
  ]);
  if (status !== 0) throw new Error(`xmlsec1 does not decrypt: ${errors}`);
  return output;
}

function run(xml: string, key: string | Buffer, argumentsFor: (file: string, key: string) => string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-xmlsec1-'));
  try {
    const [file, keyFile] = [join(folder, 'message.xml'), join(folder, 'key.pem')];
    writeFileSync(file, xml);
    writeFileSync(keyFile, key);
    const { status, stdout, stderr, error } = spawnSync('xmlsec1', argumentsFor(file, keyFile), { encoding: 'utf8' });
    if (error) throw error;
    // The verdict is on one channel and decrypted content on the other, which channel is which differs by version.
    return { status, output: stdout === '' ? stderr : stdout, errors: stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
