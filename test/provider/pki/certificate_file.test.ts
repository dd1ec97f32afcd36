import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_CERTIFICATE_FILE_SIZE, readCertificateFile } from '../../../provider/pki/index.ts';
import { pkiError, root, userCertificate } from './fixtures.ts';

const issuer = await root();
const { der, pem } = await userCertificate(issuer);

describe('a file of certificates', () => {
  it('holds one in DER, or any number in PEM with text around them', () => {
    assert.deepEqual(readCertificateFile(der), [der]);
    const windows = pem.replaceAll('\n', '\r\n');
    const read = readCertificateFile(Buffer.from(`subject=taro\n${pem}\nissuer\n${issuer.pem}${windows}`));
    assert.deepEqual(read.map(Buffer.from as (bytes: Uint8Array) => Buffer), [der, issuer.der, der]);
  });

  const refusals: [rule: string, file: string][] = [
    ['nothing', ''],
    ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['no end', pem.replace('-----END', '----END')],
    ['no content', '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n'],
    ['something other than base64', pem.replace('\n', '\n*')],
    ['a second beginning before the end', pem.replace('\n', '\n-----BEGIN CERTIFICATE-----\n')],
    ['65 certificates', pem.repeat(65)],
  ];
  for (const [rule, file] of refusals) {
    it(`is refused with ${rule}`, () => {
      assert.throws(() => readCertificateFile(Buffer.from(file)), pkiError('certificate_malformed'));
    });
  }

  it('is refused unread when it is larger than such files are', () => {
    const file = Buffer.from(pem.padEnd(MAX_CERTIFICATE_FILE_SIZE));
    assert.equal(readCertificateFile(file).length, 1);
    assert.throws(() => readCertificateFile(Buffer.concat([file, Buffer.of(0x20)])), pkiError('certificate_too_large'));
  });
});
