import { constants, createHmac, hash, type KeyObject, sign } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';

export const DS = 'http://www.w3.org/2000/09/xmldsig#';
export const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
export const RSA_SHA256 = `${MORE}rsa-sha256`;
export const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
export const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const ENVELOPED = `${DS}enveloped-signature`;

/** Everything that can be odd about a signature; what is left out is as it should be. */
export interface SignOptions {
  readonly key: KeyObject;
  readonly algorithm?: string;
  readonly digestAlgorithm?: string;
  /** Written. */
  readonly transforms?: string;
  readonly canonicalization?: string;
  readonly signatureMethodContent?: string;
  /** Of the reference; `#` and the ID of the message by default. `null` for none. */
  readonly uri?: string | null;
  /** Written; behind the reference. */
  readonly moreReferences?: string;
  /** The text whose digest is signed; the message by default. */
  readonly covered?: string;
  readonly digestValue?: string;
  /** Written, behind DigestValue. */
  readonly endOfReference?: string;
  /** Written, behind SignatureValue. */
  readonly keyInfo?: string;
  readonly id?: string;
}

const element = (name: string, content: string, attributes = '') => `<ds:${name}${attributes}>${content}</ds:${name}>`;
export const algorithm = (name: string, uri: string, content = '') => element(name, content, ` Algorithm="${uri}"`);
export const TRANSFORMS = algorithm('Transform', ENVELOPED) + algorithm('Transform', EXCLUSIVE);

/** A ds:Signature over a message that is in canonical form. */
export function signatureOf(message: string, options: SignOptions): string {
  const { digestAlgorithm = SHA256, covered = message } = options;
  const { uri = `#${/ ID="([^"]*)"/.exec(message)?.[1]}`, transforms = TRANSFORMS } = options;
  const digestName =
    /sha(384|512|224|1$)/.exec(digestAlgorithm)?.[0] ?? (/md5/.test(digestAlgorithm) ? 'md5' : 'sha256');
  const digestValue = options.digestValue ?? hash(digestName, Buffer.from(covered), 'base64');
  const reference = element(
    'Reference',
    element('Transforms', transforms) +
      algorithm('DigestMethod', digestAlgorithm) +
      element('DigestValue', digestValue) +
      (options.endOfReference ?? ''),
    uri === null ? '' : ` URI="${uri}"`,
  );
  const contents =
    algorithm('CanonicalizationMethod', options.canonicalization ?? EXCLUSIVE) +
    algorithm('SignatureMethod', options.algorithm ?? RSA_SHA256, options.signatureMethodContent) +
    reference +
    (options.moreReferences ?? '');
  const signedInfo = `<ds:SignedInfo xmlns:ds="${DS}">${contents}</ds:SignedInfo>`;
  const value = signText(signedInfo, options).toString('base64');
  const id = options.id === undefined ? '' : ` Id="${options.id}"`;
  return `<ds:Signature xmlns:ds="${DS}"${id}>${signedInfo}${element('SignatureValue', value)}${options.keyInfo ?? ''}</ds:Signature>`;
}

/** The message with its signature behind Issuer, where the schema has it. */
export function signed(message: string, options: SignOptions): string {
  return message.replace('</saml:Issuer>', (end) => end + signatureOf(message, options));
}

/** By the name of the algorithm, good ones and bad ones. */
export function signText(text: string, { key, algorithm: uri = RSA_SHA256 }: SignOptions): Buffer {
  const data = Buffer.from(text);
  const digest = `sha${/sha(\d+)/.exec(uri)?.[1] ?? '256'}`;
  if (uri.includes('hmac'))
    return createHmac(digest, key.export({ type: 'spki', format: 'pem' }))
      .update(data)
      .digest();
  if (uri.includes('ecdsa')) return sign(digest, data, { key, dsaEncoding: 'ieee-p1363' });
  if (!uri.includes('MGF1')) return sign(uri.includes('md5') ? 'md5' : digest, data, key);
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return sign(digest, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

export interface RedirectOptions extends Partial<SignOptions> {
  readonly parameter?: 'SAMLRequest' | 'SAMLResponse';
  readonly relayState?: string;
}

/** The query of a message by redirect; signed when there is a key. */
export function redirectQuery(message: string | Uint8Array, options: RedirectOptions = {}): string {
  const { parameter = 'SAMLRequest', relayState, key, algorithm: uri = RSA_SHA256 } = options;
  const parts = [`${parameter}=${encodeURIComponent(deflateRawSync(message).toString('base64'))}`];
  if (relayState !== undefined) parts.push(`RelayState=${encodeURIComponent(relayState)}`);
  if (!key) return parts.join('&');
  parts.push(`SigAlg=${encodeURIComponent(uri)}`);
  const value = signText(parts.join('&'), { ...options, key });
  return `${parts.join('&')}&Signature=${encodeURIComponent(value.toString('base64'))}`;
}

export function postForm(message: string | Uint8Array, options: RedirectOptions = {}): URLSearchParams {
  const { parameter = 'SAMLRequest', relayState } = options;
  const form = new URLSearchParams({ [parameter]: Buffer.from(message).toString('base64') });
  if (relayState !== undefined) form.set('RelayState', relayState);
  return form;
}
