import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addExtensions,
  type CitizenCertificateOptions,
  keyUsage,
  OID,
  replaceExtension,
  unknownExtension,
  withoutExtension,
} from '../../../adapters/sandbox/pki/index.ts';
import type { CertificateProfile, PkiErrorCode } from '../../../provider/pki/index.ts';
import {
  checkKeyUsage,
  checkPolicy,
  checkProfile,
  jpkiPolicies,
  jpkiSigning,
  jpkiSigningTest,
  jpkiUser,
  jpkiUserTest,
  parseCertificate,
} from '../../../provider/pki/index.ts';
import { ecKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { parsedUser, pkiError, root, signingCertificate } from './fixtures.ts';

const issuer = await root();
const signing = async (options: CitizenCertificateOptions = {}) =>
  parseCertificate((await signingCertificate(issuer, options)).der);

describe('a certificate of the right kind', () => {
  it('passes all checks of its profile', async () => {
    for (const [certificate, profile] of [
      [await parsedUser(issuer), jpkiUserTest],
      [await parsedUser(issuer, { extendedKeyUsage: null }), jpkiUserTest],
      [await parsedUser(issuer, { authority: false }), jpkiUserTest],
      [await parsedUser(issuer, { key: await ecKey('citizen', 'P-384') }), jpkiUserTest],
      [await parsedUser(issuer, { policies: [jpkiPolicies.user] }), jpkiUser],
      [await signing(), jpkiSigningTest],
      [await signing({ policies: [jpkiPolicies.signingOnPhone] }), jpkiSigning],
    ] as const) {
      checkProfile(certificate, profile);
      checkKeyUsage(certificate, profile);
      checkPolicy(certificate, profile);
    }
  });
});

describe('checkProfile', () => {
  const refuses = async (profile: CertificateProfile, options: CitizenCertificateOptions, code: PkiErrorCode) => {
    const certificate = await parsedUser(issuer, options);
    assert.throws(() => checkProfile(certificate, profile), pkiError(code));
  };

  it('tells a person who offers the signing certificate for signing in', async () => {
    for (const policy of [jpkiPolicies.signing, jpkiPolicies.signingOnPhone, jpkiPolicies.signingTest]) {
      const certificate = await signing({ policies: [policy] });
      assert.throws(() => checkProfile(certificate, jpkiUser), pkiError('certificate_is_signing'));
      assert.throws(() => checkProfile(certificate, jpkiUserTest), pkiError('certificate_is_signing'));
    }
  });

  it('is not fooled by a signing certificate that asserts the user policy as well', async () => {
    const certificate = await signing({ policies: [jpkiPolicies.userTest, jpkiPolicies.signingTest] });
    assert.throws(() => checkProfile(certificate, jpkiUserTest), pkiError('certificate_is_signing'));
  });

  it('tells a person who signs a document with the user certificate', () =>
    refuses(jpkiSigningTest, {}, 'certificate_is_user'));

  it('refuses an authority', () => refuses(jpkiUserTest, { authority: true }, 'certificate_is_authority'));

  it('refuses a critical extension that is not understood', () =>
    refuses(
      jpkiUserTest,
      { overrides: { extensions: addExtensions(unknownExtension()) } },
      'certificate_critical_extension',
    ));

  it('refuses signature algorithms that the authority does not use', () =>
    refuses(jpkiUserTest, { overrides: { algorithm: 'sha512WithRSAEncryption' } }, 'certificate_algorithm'));

  it('refuses kinds of key that cards do not carry', async () =>
    refuses(jpkiUserTest, { key: await ecKey('citizen', 'P-256') }, 'certificate_key'));
});

describe('checkKeyUsage', () => {
  const refusals: [rule: string, options: CitizenCertificateOptions][] = [
    ['no keyUsage', { overrides: { extensions: withoutExtension(OID.keyUsage) } }],
    ['keyUsage without digitalSignature', { keyUsage: ['keyAgreement'] }],
    ['nonRepudiation', { keyUsage: ['digitalSignature', 'nonRepudiation'] }],
    ['keyEncipherment', { keyUsage: ['digitalSignature', 'keyEncipherment'] }],
    ['keyCertSign', { keyUsage: ['digitalSignature', 'keyCertSign'] }],
    ['cRLSign', { keyUsage: ['digitalSignature', 'cRLSign'] }],
    ['serverAuth', { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }],
    ['serverAuth beside clientAuth', { extendedKeyUsage: [OID.clientAuth, '1.3.6.1.5.5.7.3.1'] }],
    ['any extended usage', { extendedKeyUsage: ['2.5.29.37.0'] }],
    ['OCSP signing', { extendedKeyUsage: [OID.ocspSigning] }],
  ];
  for (const [rule, options] of refusals) {
    it(`refuses a user certificate with ${rule}`, async () => {
      const certificate = await parsedUser(issuer, options);
      assert.throws(() => checkKeyUsage(certificate, jpkiUserTest), pkiError('certificate_key_usage'));
    });
  }

  it('refuses a signing certificate that may not sign documents or may issue certificates', async () => {
    for (const usages of [['digitalSignature'], ['nonRepudiation', 'keyCertSign']] as const) {
      const certificate = await signing({ overrides: { extensions: replaceExtension(keyUsage(usages)) } });
      assert.throws(() => checkKeyUsage(certificate, jpkiSigningTest), pkiError('certificate_key_usage'));
    }
  });
});

describe('checkPolicy', () => {
  it('refuses the test arc under the production profile, and the reverse', async () => {
    const test = await parsedUser(issuer);
    const production = await parsedUser(issuer, { policies: [jpkiPolicies.user] });
    assert.throws(() => checkPolicy(test, jpkiUser), pkiError('certificate_policy'));
    assert.throws(() => checkPolicy(production, jpkiUserTest), pkiError('certificate_policy'));
  });

  it('refuses a certificate without a policy, with another one, or with anyPolicy', async () => {
    for (const options of [
      { overrides: { extensions: withoutExtension(OID.certificatePolicies) } },
      { policies: ['1.2.3.4'] },
      { policies: ['2.5.29.32.0'] },
    ]) {
      const certificate = await parsedUser(issuer, options);
      assert.throws(() => checkPolicy(certificate, jpkiUserTest), pkiError('certificate_policy'));
    }
  });
});
