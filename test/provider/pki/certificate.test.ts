import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  addExtensions,
  basicConstraints,
  type CertificateOverrides,
  CHIYODA,
  certificatePolicies,
  der,
  directoryName,
  distributionPointOf,
  encodeName,
  keyUsage,
  OID,
  replaceExtension,
  rsaPublicKeyInfo,
  subjectAltName,
  subjectPublicKeyInfo,
  unknownExtension,
  withIndefiniteLength,
  withNonMinimalLength,
  withTrailingBytes,
} from '../../../adapters/sandbox/pki/index.ts';
import type { PkiErrorCode } from '../../../provider/pki/index.ts';
import { jpkiAttributes, jpkiPolicies, parseCertificate } from '../../../provider/pki/index.ts';
import { ecKey, oddRsaKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { PeculiarCertificate } from '../../adapters/sandbox/pki/peculiar_x509.ts';
import { DAY, flipped, NOW, parsedUser, pkiError, root, signingCertificate, userCertificate } from './fixtures.ts';

const issuer = await root();

describe('parseCertificate', () => {
  it('reads what a user certificate says', async () => {
    const issued = await userCertificate(issuer, { serialNumber: 0x06d18007n, ocspUrl: 'http://ocsp.example/' });
    const certificate = parseCertificate(issued.der);
    assert.equal(Buffer.from(certificate.serial).toString('hex'), '06d18007');
    assert.deepEqual(Buffer.from(certificate.issuer), issuer.name);
    assert.equal(certificate.notBefore, NOW - 30 * DAY);
    assert.equal(certificate.notAfter, issued.notAfter);
    assert.equal(certificate.signatureAlgorithm, 'RS256');
    assert.equal(certificate.fingerprint, createHash('sha256').update(issued.der).digest('hex'));
    assert.ok(certificate.publicKey.equals(issued.key.publicKey));
    const { extensions } = certificate;
    assert.deepEqual([...(extensions.keyUsage ?? [])], ['digitalSignature']);
    assert.deepEqual(extensions.extendedKeyUsage, [OID.clientAuth]);
    assert.deepEqual(extensions.certificatePolicies, [jpkiPolicies.userTest]);
    assert.equal(extensions.basicConstraints, undefined);
    assert.deepEqual(extensions.otherNames, []);
    assert.deepEqual(extensions.ocspAddresses, ['http://ocsp.example/']);
    assert.deepEqual(extensions.unprocessedCritical, []);
    const point = directoryName(distributionPointOf(issuer, CHIYODA));
    assert.deepEqual(
      extensions.distributionPoints.map((name) => Buffer.from(name)),
      [point],
    );
    assert.deepEqual(Buffer.from(extensions.authorityKeyIdentifier ?? []), issuer.subjectKeyIdentifier);
  });

  it('hands out the four attributes of a signing certificate unread', async () => {
    const certificate = parseCertificate((await signingCertificate(issuer)).der);
    const types = certificate.extensions.otherNames.map(({ type }) => type);
    assert.deepEqual(new Set(types), new Set(Object.values(jpkiAttributes)));
    const name = certificate.extensions.otherNames.find(({ type }) => type === jpkiAttributes.commonName);
    assert.deepEqual(Buffer.from(name?.value ?? []), der.utf8String('山田　太郎'));
  });

  it('agrees with @peculiar/x509 and with OpenSSL on every field that they read', async () => {
    for (const issued of [
      await userCertificate(issuer),
      await userCertificate(issuer, { key: await ecKey('citizen', 'P-384') }),
      await userCertificate(issuer, { serialNumber: 2n ** 159n - 1n, notAfter: Date.UTC(2051, 0, 1) }),
      await signingCertificate(issuer, { serialNumber: 0x80n }),
      issuer,
    ]) {
      const ours = parseCertificate(issued.der);
      const peculiar = new PeculiarCertificate(issued.der);
      const openssl = new X509Certificate(issued.der);
      const hex = (bytes: Uint8Array | ArrayBuffer) => Buffer.from(bytes as Uint8Array).toString('hex'); // Buffer.from takes both
      assert.equal(BigInt(`0x${hex(ours.serial)}`), BigInt(`0x${peculiar.serialNumber}`));
      assert.equal(ours.notBefore, peculiar.notBefore.getTime());
      assert.equal(ours.notAfter, peculiar.notAfter.getTime());
      assert.equal(hex(ours.issuer), hex(peculiar.issuerName.toArrayBuffer()));
      assert.equal(hex(ours.subject), hex(peculiar.subjectName.toArrayBuffer()));
      assert.equal(hex(ours.signature), hex(peculiar.signature));
      assert.equal(ours.fingerprint, hex(await peculiar.getThumbprint('SHA-256')));
      assert.ok(ours.publicKey.equals(openssl.publicKey));
      assert.deepEqual(ours.extensions.extendedKeyUsage, openssl.keyUsage);
      assert.equal(ours.extensions.basicConstraints?.cA ?? false, openssl.ca);
    }
  });

  it('keeps a copy, so that the caller cannot change it afterwards', async () => {
    const { der: bytes } = await userCertificate(issuer);
    const certificate = parseCertificate(bytes);
    bytes.fill(0);
    assert.ok(certificate.isSignedBy(issuer.key.publicKey));
  });

  it('keeps a leading zero octet of the serial', async () => {
    const certificate = await parsedUser(issuer, { serialNumber: 0xff00n });
    assert.deepEqual(Buffer.from(certificate.serial), Buffer.from('00ff00', 'hex'));
  });

  const outer = (change: (bytes: Buffer) => Buffer): CertificateOverrides => ({ certificate: change });
  const refusals: [rule: string, overrides: CertificateOverrides, code?: PkiErrorCode][] = [
    ['version 1', { version: 'v1' }],
    ['version 2', { version: 'v2' }],
    ['version 4', { version: 3 }],
    ['the serial zero', { serialNumber: 0n }],
    ['a negative serial', { serialNumber: Uint8Array.of(0x80) }],
    ['an empty serial', { serialNumber: new Uint8Array() }],
    ['a padded serial', { serialNumber: Uint8Array.of(0, 1) }],
    ['a serial of 21 octets', { serialNumber: 2n ** 160n }],
    ['an outer algorithm that differs from the signed one', { outerAlgorithm: 'sha384WithRSAEncryption' }],
    ['SHA-1', { algorithm: 'sha1WithRSAEncryption' }, 'certificate_algorithm'],
    ['MD5', { algorithm: 'md5WithRSAEncryption' }, 'certificate_algorithm'],
    ['an extension that appears twice', { extensions: addExtensions(keyUsage(['digitalSignature'])) }],
    [
      'an unknown extension that appears twice',
      { extensions: addExtensions(unknownExtension(false), unknownExtension(false)) },
    ],
    [
      'an empty list of extensions',
      { extensions: () => [], toBeSigned: (tbs) => der.sequence(withoutHeader(tbs), der.context(3, der.sequence())) },
    ],
    ['a keyUsage without a bit', { extensions: replaceExtension(keyUsage([])) }],
    [
      'an extension with bytes after its value',
      { extensions: addExtensions({ ...basicConstraints(false), value: Buffer.from('30000500', 'hex') }) },
    ],
    ['a path length in a leaf', { extensions: addExtensions(basicConstraints(false, 0)) }],
    [
      'a default that is written out',
      { extensions: addExtensions({ ...basicConstraints(false), value: Buffer.from('3003010100', 'hex') }) },
    ],
    [
      'a policy that appears twice',
      { extensions: replaceExtension(certificatePolicies([jpkiPolicies.userTest, jpkiPolicies.userTest], null)) },
    ],
    ['an empty subjectAltName', { extensions: addExtensions(subjectAltName([])) }],
    ['an issuer without a name', { issuer: der.sequence() }],
    ['a name with a value of 513 octets', { subject: encodeName([['CN', 'x'.repeat(513)]]) }],
    ['a name that is not one', { subject: der.sequence(der.sequence()) }],
    ['a time without seconds', { time: () => der.element(0x17, [Buffer.from('2601010000Z')]) }],
    ['a non-minimal length in the signed part', { toBeSigned: withNonMinimalLength }],
    ['an indefinite length in the signed part', { toBeSigned: withIndefiniteLength }],
    ['a non-minimal length outside', outer(withNonMinimalLength)],
    ['an indefinite length outside', outer(withIndefiniteLength)],
    ['trailing bytes', outer(withTrailingBytes)],
    ['PEM in place of DER', outer((bytes) => Buffer.from(`-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}`))],
    ['a signature with unused bits', outer((bytes) => Buffer.from(flipped(bytes, bytes.length - 257)))],
    ['nothing', outer(() => Buffer.alloc(0))],
    ['half a certificate', outer((bytes) => bytes.subarray(0, 600))],
    ['17 KiB', outer((bytes) => Buffer.concat([bytes, Buffer.alloc(16 * 1024)])), 'certificate_too_large'],
  ];
  for (const [rule, overrides, code = 'certificate_malformed'] of refusals) {
    it(`refuses ${rule} as ${code}`, async () => {
      const { der: bytes } = await userCertificate(issuer, { overrides });
      assert.throws(() => parseCertificate(bytes), pkiError(code));
    });
  }

  it('takes a certificate of one megabyte no further than its size', () => {
    assert.throws(() => parseCertificate(new Uint8Array(1 << 20)), pkiError('certificate_too_large'));
  });

  it('refuses more extensions than any certificate carries', async () => {
    const many = Array.from({ length: 40 }, (_, place) => ({ ...unknownExtension(false), oid: `1.2.3.${place}` }));
    const overrides = { extensions: addExtensions(...many) };
    await assert.rejects(parsedUser(issuer, { overrides }), pkiError('certificate_malformed'));
  });

  it('refuses a distribution point that is named in no known way', async () => {
    const value = der.sequence(der.sequence(der.context(0, der.context(2, der.context(4, issuer.name)))));
    const extensions = replaceExtension({ oid: '2.5.29.31', critical: false, value });
    await assert.rejects(parsedUser(issuer, { overrides: { extensions } }), pkiError('certificate_malformed'));
  });

  it('refuses an address that holds a line break', async () => {
    const options = { ocspUrl: 'http://ocsp.example/\r\nX-Injected: 1' };
    await assert.rejects(parsedUser(issuer, options), pkiError('certificate_malformed'));
  });

  it('notes a critical extension that nobody processes, and ignores one that is not critical', async () => {
    const critical = await parsedUser(issuer, { overrides: { extensions: addExtensions(unknownExtension()) } });
    assert.equal(critical.extensions.unprocessedCritical.length, 1);
    const harmless = await parsedUser(issuer, { overrides: { extensions: addExtensions(unknownExtension(false)) } });
    assert.deepEqual(harmless.extensions.unprocessedCritical, []);
  });
});

/** The content of a short- or long-form element. */
function withoutHeader(element: Buffer): Buffer {
  const first = element[1] ?? 0;
  return element.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

describe('the key of a certificate', () => {
  const modulus = async () =>
    BigInt(
      `0x${Buffer.from((await rsaKey('citizen')).publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
    );

  it('may be RSA of 2048 bits and more, P-256 or P-384', async () => {
    for (const key of [
      await rsaKey('citizen'),
      await oddRsaKey(3072),
      await ecKey('a', 'P-256'),
      await ecKey('a', 'P-384'),
    ]) {
      assert.ok((await parsedUser(issuer, { key })).publicKey.equals(key.publicKey));
    }
  });

  const exponents: [rule: string, exponent: bigint][] = [
    ['1', 1n],
    ['3', 3n],
    ['2 to the 16th', 65_536n],
    ['an even number', 65_538n],
    ['a number beyond 32 bits', 2n ** 32n + 1n],
  ];
  for (const [rule, exponent] of exponents) {
    it(`must not have the RSA exponent ${rule}`, async () => {
      const overrides = { publicKeyInfo: rsaPublicKeyInfo(await modulus(), exponent) };
      await assert.rejects(parsedUser(issuer, { overrides }), pkiError('certificate_key'));
    });
  }

  it('must not have an RSA modulus that is short, huge or even', async () => {
    for (const bad of [((await modulus()) >> 1n) | 1n, 2n ** 8200n + 1n, (await modulus()) - 1n]) {
      const overrides = { publicKeyInfo: rsaPublicKeyInfo(bad, 65_537n) };
      await assert.rejects(parsedUser(issuer, { overrides }), pkiError('certificate_key'));
    }
    await assert.rejects(parsedUser(issuer, { key: await oddRsaKey(1024) }), pkiError('certificate_key'));
  });

  it('must not lie beside its curve', async () => {
    const info = subjectPublicKeyInfo((await ecKey('a', 'P-256')).publicKey);
    const certificate = await parsedUser(issuer, { overrides: { publicKeyInfo: flipped(info, info.length - 1) } });
    assert.throws(() => certificate.publicKey, pkiError('certificate_key'));
  });

  it('must not be a compressed point, another curve or another kind of key', async () => {
    const point = Buffer.concat([Buffer.of(2), Buffer.alloc(32, 7)]);
    const curve = (name: string) => der.sequence(der.objectIdentifier('1.2.840.10045.2.1'), der.objectIdentifier(name));
    for (const publicKeyInfo of [
      der.sequence(curve('1.2.840.10045.3.1.7'), der.bitString(point)),
      der.sequence(curve('1.3.132.0.35'), der.bitString(point)),
      der.sequence(der.sequence(der.objectIdentifier('1.3.101.112')), der.bitString(Buffer.alloc(32))),
    ]) {
      await assert.rejects(parsedUser(issuer, { overrides: { publicKeyInfo } }), pkiError('certificate_key'));
    }
  });
});
