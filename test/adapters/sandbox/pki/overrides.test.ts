import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  addExtensions,
  type CertificateOverrides,
  createRoot,
  createSelfSignedClientCertificate,
  createWebAuthority,
  issueTlsClientCertificate,
  issueTlsServerCertificate,
  issueUserCertificate,
  keyUsage,
  OID,
  replaceExtension,
  rsaPublicKeyInfo,
  subjectPublicKeyInfo,
  unknownExtension,
  withNonMinimalLength,
  withoutExtension,
  withTrailingBytes,
} from '../../../../adapters/sandbox/pki/index.ts';
import { oddRsaKey, rsaKey } from './key_pool.ts';
import { openssl } from './openssl.ts';

const NOT_BEFORE = Date.now() - 60_000;

async function verifyWith(overrides: CertificateOverrides): Promise<string> {
  const root = await createRoot({ kind: 'user', key: await rsaKey('root'), notBefore: NOT_BEFORE });
  const leaf = await issueUserCertificate(root, { key: await rsaKey('leaf'), notBefore: NOT_BEFORE, overrides });
  const { output } = await openssl(['verify', '-x509_strict', '-CAfile', 'root.pem', 'leaf.pem'], {
    'root.pem': root.pem,
    'leaf.pem': leaf.pem,
  });
  return output;
}

describe('overrides make what a verifier must refuse', () => {
  const wrong: [
    title: string,
    overrides: CertificateOverrides | (() => Promise<CertificateOverrides>),
    complaint: RegExp,
  ][] = [
    [
      'an unknown critical extension',
      { extensions: addExtensions(unknownExtension()) },
      /unhandled critical extension/,
    ],
    ['v1 with extensions', { version: 0 }, /requires at least X509v3/],
    ['a date in the past', { notAfter: NOT_BEFORE + 1000 }, /expired/],
    ['a date in the future', { notBefore: Date.now() + 86_400_000 }, /not yet valid/],
    [
      'another signer under the same name',
      async () => ({ signingKey: (await rsaKey('other')).privateKey }),
      /signature failure/,
    ],
    ['inner and outer algorithm that differ', { outerAlgorithm: 'sha384WithRSAEncryption' }, /mismatch|signature/i],
    [
      'a missing key identifier',
      { extensions: withoutExtension(OID.authorityKeyIdentifier) },
      /authority key identifier/i,
    ],
    [
      'a duplicate extension',
      { extensions: addExtensions(keyUsage(['digitalSignature'])) },
      /invalid|unable|duplicate/i,
    ],
  ];
  for (const [title, overrides, complaint] of wrong) {
    it(title, async () => {
      assert.match(await verifyWith(typeof overrides === 'function' ? await overrides() : overrides), complaint);
    });
  }

  it('v1 drops every extension', async () => {
    const root = await createRoot({ kind: 'user', key: await rsaKey('root') });
    const { pem } = await issueUserCertificate(root, { key: await rsaKey('leaf'), overrides: { version: 'v1' } });
    const { output } = await openssl(['x509', '-in', 'c.pem', '-noout', '-text'], { 'c.pem': pem });
    assert.match(output, /Version: 1/);
    assert.doesNotMatch(output, /X509v3/);
  });

  it('SHA-1, small keys and odd exponents come out as asked', async () => {
    const root = await createRoot({ kind: 'user', key: await rsaKey('root') });
    const sha1 = await issueUserCertificate(root, {
      key: await oddRsaKey(1024),
      overrides: { algorithm: 'sha1WithRSAEncryption' },
    });
    const { output } = await openssl(['x509', '-in', 'c.pem', '-noout', '-text'], { 'c.pem': sha1.pem });
    assert.match(output, /sha1WithRSAEncryption/);
    assert.match(output, /1024 bit/);
    const { n = '' } = (await rsaKey('leaf')).publicKey.export({ format: 'jwk' });
    const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
    const one = await issueUserCertificate(root, {
      key: await rsaKey('leaf'),
      overrides: { publicKeyInfo: rsaPublicKeyInfo(modulus, 1n) },
    });
    const text = await openssl(['x509', '-in', 'c.pem', '-noout', '-text'], { 'c.pem': one.pem });
    assert.match(text.output, /Exponent: 1 /);
    assert.deepEqual(rsaPublicKeyInfo(modulus, 65537n), subjectPublicKeyInfo((await rsaKey('leaf')).publicKey));
  });

  it('a signature is right over non-minimal lengths, and trailing bytes follow the certificate', async () => {
    const root = await createRoot({ kind: 'user', key: await rsaKey('root') });
    const key = await rsaKey('leaf');
    const options = { key, serialNumber: 1n, commonName: 'X', notBefore: NOT_BEFORE };
    const plain = await issueUserCertificate(root, options);
    const padded = await issueUserCertificate(root, { ...options, overrides: { toBeSigned: withNonMinimalLength } });
    assert.equal(padded.der.length, plain.der.length + 1);
    assert.equal(padded.der.subarray(4, 9).toString('hex').slice(0, 6), '308300');
    const trailing = await issueUserCertificate(root, { ...options, overrides: { certificate: withTrailingBytes } });
    assert.deepEqual(trailing.der, Buffer.concat([plain.der, Buffer.from('0500', 'hex')]));
  });

  it('a CA among leaves, another policy and an impostor root', async () => {
    const root = await createRoot({ kind: 'user', key: await rsaKey('root') });
    const leaf = await issueUserCertificate(root, {
      key: await rsaKey('leaf'),
      authority: true,
      policies: ['1.2.3.4'],
      overrides: { extensions: replaceExtension(keyUsage(['keyCertSign'])) },
    });
    const { output } = await openssl(['x509', '-in', 'c.pem', '-noout', '-text'], { 'c.pem': leaf.pem });
    assert.match(output, /CA:TRUE/);
    assert.match(output, /Policy: 1\.2\.3\.4/);
    assert.match(output, /Certificate Sign/);
    const impostor = await createRoot({
      kind: 'user',
      key: await rsaKey('impostor'),
      subjectKeyIdentifier: root.subjectKeyIdentifier,
    });
    assert.deepEqual(impostor.name, root.name);
    assert.ok(impostor.der.includes(root.subjectKeyIdentifier));
    assert.notDeepEqual(impostor.key, root.key);
  });
});

describe('web certificates', () => {
  it('server and client certificates verify for their purpose only', async () => {
    const authority = await createWebAuthority();
    const server = await issueTlsServerCertificate(authority, ['localhost', '127.0.0.1', '::1']);
    const client = await issueTlsClientCertificate(authority, {
      subject: [
        ['O', 'Clinic'],
        ['CN', 'rp.example'],
      ],
      names: ['rp.example'],
    });
    const files = { 'ca.pem': authority.pem, 'server.pem': server.pem, 'client.pem': client.pem };
    const verify = async (purpose: string, name: string) =>
      (await openssl(['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'ca.pem', `${name}.pem`], files)).code;
    assert.equal(await verify('sslserver', 'server'), 0);
    assert.equal(await verify('sslclient', 'client'), 0);
    assert.notEqual(await verify('sslclient', 'server'), 0);
    assert.notEqual(await verify('sslserver', 'client'), 0);
    const certificate = new X509Certificate(server.der);
    assert.equal(certificate.checkHost('localhost'), 'localhost');
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(certificate.checkIP('::1'), '::1');
  });

  it('a self-signed client certificate verifies with its own key', async () => {
    const { der } = await createSelfSignedClientCertificate({ commonName: 'rp.example' });
    const certificate = new X509Certificate(der);
    assert.ok(certificate.verify(certificate.publicKey));
  });
});
