import { constants, createCipheriv, type KeyObject, publicEncrypt } from 'node:crypto';
import type { Random } from '../../world.ts';
import { NAMESPACES } from '../names.ts';

const XENC = NAMESPACES.encryption;
const AES_256_GCM = 'http://www.w3.org/2009/xmlenc11#aes256-gcm';
const RSA_OAEP = `${XENC}rsa-oaep-mgf1p`;
const SHA1 = `${NAMESPACES.signature}sha1`;

/**
 * A signed assertion as EncryptedAssertion (SAML Core §2.3.4), in canonical form. AES-256-GCM (XML Encryption 1.1 §5.2.4),
 * whose tag covers the content: CBC, which older service providers would want, can be decrypted by asking them often
 * enough. The key is wrapped by RSA-OAEP with SHA-1 (§5.5.2), which every one of them has; OAEP asks no more of a digest
 * than SHA-1 still gives.
 *
 * @param assertion declares every namespace that it uses.
 * @param recipient public RSA key of the service provider's metadata.
 */
export function encryptAssertion(assertion: string, recipient: KeyObject, random: Random): string {
  if (recipient.asymmetricKeyType !== 'rsa') throw new TypeError('assertions are encrypted for RSA keys only');
  const key = random(32);
  const iv = random(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const content = Buffer.concat([iv, cipher.update(assertion, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const wrapped = publicEncrypt({ key: recipient, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, key);
  key.fill(0);
  return (
    `<saml:EncryptedAssertion xmlns:saml="${NAMESPACES.assertion}">` +
    `<xenc:EncryptedData xmlns:xenc="${XENC}" Type="${XENC}Element">` +
    `<xenc:EncryptionMethod Algorithm="${AES_256_GCM}"></xenc:EncryptionMethod>` +
    `<ds:KeyInfo xmlns:ds="${NAMESPACES.signature}"><xenc:EncryptedKey>` +
    `<xenc:EncryptionMethod Algorithm="${RSA_OAEP}">` +
    `<ds:DigestMethod Algorithm="${SHA1}"></ds:DigestMethod></xenc:EncryptionMethod>` +
    `${cipherData(wrapped)}</xenc:EncryptedKey></ds:KeyInfo>${cipherData(content)}</xenc:EncryptedData>` +
    '</saml:EncryptedAssertion>'
  );
}

function cipherData(octets: Buffer): string {
  return `<xenc:CipherData><xenc:CipherValue>${octets.toString('base64')}</xenc:CipherValue></xenc:CipherData>`;
}
