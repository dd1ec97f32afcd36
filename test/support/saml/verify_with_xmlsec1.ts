import type { KeyObject } from 'node:crypto';
import { NAMESPACES } from '../../../provider/saml/names.ts';
import { xmlsec1 } from './xmlsec1.ts';

/** Elements that are signed, with the namespace in which their ID attribute is one. */
const SIGNED = {
  Response: NAMESPACES.protocol,
  LogoutRequest: NAMESPACES.protocol,
  LogoutResponse: NAMESPACES.protocol,
  Assertion: NAMESPACES.assertion,
  EntityDescriptor: NAMESPACES.metadata,
} as const;
const ID_ATTRIBUTES = Object.entries(SIGNED).flatMap(([name, namespace]) => ['--id-attr:ID', `${namespace}:${name}`]);

/**
 * Whether xmlsec1 (libxml2 and libxmlsec, which lasso and pysaml2 rest on) verifies the signature that is a child of the one
 * element of this name. The key is the one given; certificates in the document do not count.
 */
export async function verifiesWithXmlsec1(
  xml: string,
  element: keyof typeof SIGNED,
  publicKey: KeyObject,
): Promise<boolean> {
  const signature = `//*[local-name()='${element}']/*[local-name()='Signature']`;
  const key = ['--enabled-key-data', 'rsa', '--pubkey-pem', 'key.pem'];
  const { code, stdout, stderr } = await xmlsec1(
    ['--verify', ...key, ...ID_ATTRIBUTES, '--node-xpath', signature, 'message.xml'],
    { 'message.xml': xml, 'key.pem': publicKey.export({ type: 'spki', format: 'pem' }) },
  );
  return code === 0 && /^SignedInfo References \(ok\/all\): 1\/1$/m.test(`${stdout}\n${stderr}`);
}

/** The document with its EncryptedData replaced by what is in it. */
export async function decryptWithXmlsec1(xml: string, privateKey: KeyObject): Promise<string> {
  const { code, stdout, stderr } = await xmlsec1(['--decrypt', '--privkey-pem', 'key.pem', 'message.xml'], {
    'message.xml': xml,
    'key.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  if (code !== 0) throw new Error(`xmlsec1 does not decrypt: ${stderr}`);
  return stdout;
}
