import assert from 'node:assert/strict';
import {
  type CitizenCertificateOptions,
  createRoot,
  type IssuedCertificate,
  issueSigningCertificate,
  issueUserCertificate,
  type Root,
  type RootOptions,
} from '../../../adapters/sandbox/pki/index.ts';
import type { Certificate, PkiErrorCode, TrustAnchor } from '../../../provider/pki/index.ts';
import {
  jpkiSigningTest,
  jpkiUserTest,
  loadTrustAnchor,
  PkiError,
  parseCertificate,
} from '../../../provider/pki/index.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** When all tests of this room take place. */
export const NOW = Date.UTC(2026, 9, 1, 3, 0, 0);

/** A root of which the current generation began a year ago. */
export async function root(name = 'root', options: Partial<RootOptions> = {}): Promise<Root> {
  return createRoot({ kind: 'user', key: await rsaKey(name), notBefore: NOW - 365 * DAY, ...options });
}

export function anchorOf(issuer: Root): TrustAnchor {
  return loadTrustAnchor(issuer.der, { profile: issuer.kind === 'user' ? jpkiUserTest : jpkiSigningTest });
}

export async function userCertificate(
  issuer: Root,
  options: CitizenCertificateOptions = {},
): Promise<IssuedCertificate> {
  return issueUserCertificate(issuer, { key: await rsaKey('citizen'), notBefore: NOW - 30 * DAY, ...options });
}

export async function signingCertificate(
  issuer: Root,
  options: CitizenCertificateOptions = {},
): Promise<IssuedCertificate> {
  return issueSigningCertificate(issuer, {
    key: await rsaKey('citizen'),
    notBefore: NOW - 30 * DAY,
    attributes: { name: '山田　太郎', address: '東京都千代田区一丁目１番地', birthDate: '1985-03-15', gender: '1' },
    ...options,
  });
}

export async function parsedUser(issuer: Root, options: CitizenCertificateOptions = {}): Promise<Certificate> {
  return parseCertificate((await userCertificate(issuer, options)).der);
}

/** What `assert.throws` and `assert.rejects` compare with: the code is the promise, the sentence is not. */
export function pkiError(code: PkiErrorCode): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PkiError, `not a PkiError: ${error}`);
    assert.equal(error.code, code);
    return true;
  };
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, index: number, mask = 0x01): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[index] = (copy[index] ?? 0) ^ mask;
  return copy;
}
