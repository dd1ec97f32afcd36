import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { encodeExtension } from '../../../../adapters/sandbox/pki/extensions.ts';
import {
  attributeNames,
  CHIYODA,
  certificatePolicies,
  cRLDistributionPoints,
  createRoot,
  der,
  directoryName,
  distributionPointOf,
  encodeDateOfBirth,
  type FourAttributes,
  fifthBirthday,
  issueSigningCertificate,
  issueUserCertificate,
  keyUsage,
  OID,
} from '../../../../adapters/sandbox/pki/index.ts';
import { rsaKey } from './key_pool.ts';
import { openssl } from './openssl.ts';
import { PeculiarCertificate } from './peculiar_x509.ts';

const TARO: FourAttributes = {
  name: '山田　太郎',
  address: '東京都千代田区霞が関１－２－３',
  birthDate: '1985-03-15',
  gender: '1',
};
const NOT_BEFORE = Date.UTC(2026, 0, 15, 1, 2, 3);

const hex = (spaced: string): string => spaced.replaceAll(' ', '').toLowerCase();
const extensionOrder = (certificate: Uint8Array): string[] =>
  Array.from(new PeculiarCertificate(new Uint8Array(certificate)).extensions, ({ type }) => type);

async function issued() {
  const [userRoot, signingRoot] = await Promise.all([
    createRoot({ kind: 'user', key: await rsaKey('user root'), notBefore: NOT_BEFORE }),
    createRoot({ kind: 'signing', key: await rsaKey('signing root'), notBefore: NOT_BEFORE }),
  ]);
  const [user, signing] = await Promise.all([
    issueUserCertificate(userRoot, { key: await rsaKey('user'), notBefore: NOT_BEFORE }),
    issueSigningCertificate(signingRoot, { key: await rsaKey('signing'), notBefore: NOT_BEFORE, attributes: TARO }),
  ]);
  return { userRoot, signingRoot, user, signing };
}

describe('bytes of the profile', () => {
  it('otherNames of the four attributes are as on a card, in its order 1, 4, 3, 5, 2, 6', () => {
    const names = attributeNames(TARO).map((name) => name.toString('hex'));
    assert.equal(names[0], hex('A01F 060A2A83088C9B5508050501 A011 0C0F E5B1B1E794B0E38080E5A4AAE9838E'));
    assert.equal(names[1], hex('A019 060A2A83088C9B5508050504 A00B 0C09 333139383530333135'));
    assert.equal(names[2], hex('A011 060A2A83088C9B5508050503 A003 0C01 31'));
    assert.match(names[3] ?? '', /060a2a83088c9b5508050505/);
    assert.equal(names[4], hex('A015 060A2A83088C9B5508050502 A007 0C05 3030303030'));
    assert.match(names[5] ?? '', /060a2a83088c9b5508050506/);
  });

  it('substitute flags count characters, not UTF-16 units', () => {
    const [, , , , nameFlags] = attributeNames({ ...TARO, name: '𠮷田　太郎' });
    assert.equal(nameFlags?.toString('hex'), hex('A015 060A2A83088C9B5508050502 A007 0C05 3030303030'));
  });

  it('the certificatePolicies value carries policy and CPS', () => {
    const { value, critical } = certificatePolicies([OID.policyUser], 'http://www.jpki.go.jp/cps.html');
    assert.equal(critical, true);
    assert.equal(
      Buffer.from(value).toString('hex'),
      hex(
        '303D 303B 060B2A83088C9B55080501031E 302C 302A 06082B06010505070201 161E 687474703A2F2F7777772E6A706B692E676F2E6A702F6370732E68746D6C',
      ),
    );
    assert.equal(der.objectIdentifier(OID.policySigning).toString('hex'), hex('06 0B 2A83088C9B55 0805 0101 14'));
    assert.equal(der.objectIdentifier(OID.policySigningTest).toString('hex'), hex('06 0B 2A83088C9B55 0805 0100 14'));
  });

  it('key usages are the three known bit strings', () => {
    const bits = (...usages: Parameters<typeof keyUsage>[0]) => Buffer.from(keyUsage(usages).value).toString('hex');
    assert.equal(bits('keyCertSign', 'cRLSign'), '03020106');
    assert.equal(bits('digitalSignature'), '03020780');
    assert.equal(bits('digitalSignature', 'nonRepudiation'), '030206c0');
  });

  it("a municipality's distribution point under O=JPKI-TEST is 168 bytes", () => {
    const name = distributionPointOf({ kind: 'signing', organization: 'JPKI-TEST' }, CHIYODA);
    assert.equal(cRLDistributionPoints(directoryName(name)).value.length, 168);
  });

  it('birth dates carry the era digit before the Gregorian date', () => {
    assert.deepEqual(
      ['1912-07-29', '1926-12-24', '1926-12-25', '1980-02-17', '1989-01-08', '2019-05-01'].map(encodeDateOfBirth),
      ['119120729', '219261224', '319261225', '319800217', '419890108', '520190501'],
    );
  });

  it('a certificate ends on the fifth birthday after issue, 23:59:59 in Japan', () => {
    const end = (issuedAt: string, birthDate: string) =>
      new Date(fifthBirthday(Date.parse(issuedAt), birthDate)).toISOString();
    assert.equal(end('2025-10-27T03:00:00Z', '1980-02-17'), '2030-02-17T14:59:59.000Z');
    assert.equal(end('2025-02-16T14:59:59Z', '1980-02-17'), '2029-02-17T14:59:59.000Z');
    assert.equal(end('2025-02-17T03:00:00Z', '1980-02-17'), '2030-02-17T14:59:59.000Z');
  });

  it('an extension that is not critical leaves the flag out', () => {
    const extension = { oid: '1.2.3', value: Buffer.from('0500', 'hex') };
    assert.equal(encodeExtension({ ...extension, critical: false }).toString('hex'), hex('3008 06022A03 0402 0500'));
    assert.equal(
      encodeExtension({ ...extension, critical: true }).toString('hex'),
      hex('300B 06022A03 0101FF 0402 0500'),
    );
  });

  it('integers and lengths are minimal', () => {
    const bytes = (value: bigint) => der.integer(value).toString('hex');
    assert.deepEqual([0n, 127n, 128n, 255n, 256n, -1n, -128n, 0x06d18006n].map(bytes), [
      '020100',
      '02017f',
      '02020080',
      '020200ff',
      '02020100',
      '0201ff',
      '020180',
      '020406d18006',
    ]);
    assert.equal(der.octetString(Buffer.alloc(200)).subarray(0, 3).toString('hex'), '0481c8');
  });
});

describe('certificates of the profile', () => {
  it('a root has the five extensions in their order', async () => {
    const { userRoot } = await issued();
    assert.deepEqual(extensionOrder(userRoot.der), [
      OID.keyUsage,
      OID.subjectAltName,
      OID.basicConstraints,
      OID.cRLDistributionPoints,
      OID.subjectKeyIdentifier,
    ]);
    const rsaPublicKey = userRoot.key.publicKey.export({ type: 'pkcs1', format: 'der' });
    assert.deepEqual(userRoot.subjectKeyIdentifier, createHash('sha1').update(rsaPublicKey).digest());
  });

  it('a user certificate has no attribute of a person, a signing certificate all six otherNames', async () => {
    const { user, signing } = await issued();
    const afterUsage = [OID.certificatePolicies, OID.issuerAltName, OID.cRLDistributionPoints];
    const tail = [OID.authorityInfoAccess, OID.authorityKeyIdentifier, OID.subjectKeyIdentifier];
    assert.deepEqual(extensionOrder(user.der), [OID.keyUsage, OID.extendedKeyUsage, ...afterUsage, ...tail]);
    assert.deepEqual(extensionOrder(signing.der), [OID.keyUsage, OID.subjectAltName, ...afterUsage, ...tail]);
    for (const name of attributeNames(TARO)) assert.ok(signing.der.includes(name));
  });

  it('openssl reads names, encodings and validity as the profile says', async () => {
    const { userRoot, signing } = await issued();
    const text = await openssl(
      ['x509', '-in', 'c.pem', '-noout', '-issuer', '-subject', '-dates', '-nameopt', 'RFC2253,show_type'],
      { 'c.pem': userRoot.pem },
    );
    assert.equal(text.code, 0, text.output);
    const name =
      'OU=UTF8STRING:Japan Agency for Local Authority Information Systems,OU=UTF8STRING:JPKI for user authentication,O=UTF8STRING:Musubi Sandbox,C=PRINTABLESTRING:JP';
    assert.ok(text.output.includes(`issuer=${name}`), text.output);
    assert.ok(text.output.includes(`subject=${name}`));
    assert.ok(text.output.includes('notAfter=Jan 15 14:59:59 2036 GMT'));

    const leaf = await openssl(['x509', '-in', 'c.pem', '-noout', '-text'], { 'c.pem': signing.pem });
    assert.match(leaf.output, /Version: 3/);
    assert.match(leaf.output, /Signature Algorithm: sha256WithRSAEncryption/);
    assert.match(leaf.output, /Policy: 1\.2\.392\.200149\.8\.5\.1\.0\.20/);
    assert.match(leaf.output, /OU = Tokyo-to, CN = Chiyoda-ku CRLDP/);
    assert.match(leaf.output, /Subject: C = JP, L = Tokyo-to, L = Chiyoda-ku, CN = \w{14}13101001A/);
  });

  it('openssl verifies both leaves under their own root in strict mode, and under no other', async () => {
    const { userRoot, signingRoot, user, signing } = await issued();
    const files = {
      'user.pem': user.pem,
      'signing.pem': signing.pem,
      'user-root.pem': userRoot.pem,
      'signing-root.pem': signingRoot.pem,
    };
    const verify = (root: string, leaf: string) =>
      openssl(
        ['verify', '-x509_strict', '-attime', `${NOT_BEFORE / 1000 + 60}`, '-CAfile', `${root}.pem`, `${leaf}.pem`],
        files,
      );
    for (const kind of ['user', 'signing']) {
      const result = await verify(`${kind}-root`, kind);
      assert.equal(result.code, 0, result.output);
    }
    assert.notEqual((await verify('signing-root', 'user')).code, 0);
    assert.notEqual((await verify('user-root', 'signing')).code, 0);
  });
});
