import { hash, sign } from 'node:crypto';
import type { SamlSigningKey } from '../key_set.ts';
import { NAMESPACES } from '../names.ts';
import { EXCLUSIVE_C14N } from '../signature/signed_info.ts';

/** An element in canonical form without its signature, which comes between the two pieces. */
export interface Unsigned {
  /** Value of the root's ID attribute. */
  readonly id: string;
  /** From the start tag to the Issuer, after which SAML wants the Signature (SAML Core §2.3.3, §3.2.1, §3.2.2). */
  readonly head: string;
  readonly tail: string;
}

export const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
export const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const DS = ` xmlns:ds="${NAMESPACES.signature}"`;

const BEFORE_ID =
  `<ds:CanonicalizationMethod Algorithm="${EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>` +
  `<ds:SignatureMethod Algorithm="${RSA_SHA256}"></ds:SignatureMethod><ds:Reference URI="#`;
const BEFORE_DIGEST =
  `"><ds:Transforms><ds:Transform Algorithm="${ENVELOPED}"></ds:Transform>` +
  `<ds:Transform Algorithm="${EXCLUSIVE_C14N}"></ds:Transform></ds:Transforms>` +
  `<ds:DigestMethod Algorithm="${SHA256}"></ds:DigestMethod><ds:DigestValue>`;
const AFTER_DIGEST = '</ds:DigestValue></ds:Reference></ds:SignedInfo>';

/**
 * The element with its enveloped signature (XML Signature §6.6.4), as SAML Core §5.4 profiles it.
 *
 * Both canonicalisations are already done: the enveloped-signature transform leaves head and tail, which are in canonical
 * form; SignedInfo as the root of its own subset differs from what stands in the document by one namespace declaration.
 */
export async function signEnveloped({ id, head, tail }: Unsigned, key: SamlSigningKey): Promise<string> {
  const digest = hash('sha256', head + tail, 'base64');
  const content = `${BEFORE_ID}${id}${BEFORE_DIGEST}${digest}${AFTER_DIGEST}`;
  const signature = await signText(`<ds:SignedInfo${DS}>${content}`, key);
  return (
    `${head}<ds:Signature${DS}><ds:SignedInfo>${content}<ds:SignatureValue>${signature}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${key.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` +
    `</ds:Signature>${tail}`
  );
}

/** RSA-SHA256 in base64. In the pool of threads: a private key's arithmetic would hold everybody else up for a millisecond. */
export function signText(text: string, { privateKey }: SamlSigningKey): Promise<string> {
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(text), privateKey, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString('base64'));
    });
  });
}
