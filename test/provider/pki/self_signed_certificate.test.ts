import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseCertificate, writeSelfSignedCertificate } from '../../../provider/pki/index.ts';
import { rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'musubi-certificate-'));
after(() => rmSync(folder, { recursive: true }));

const { privateKey } = await rsaKey('self-signed');
const notBefore = Date.UTC(2026, 0, 2, 3, 4, 5);
const facts = { privateKey, commonName: 'hub.example.jp', serial: Buffer.alloc(16, 0xab), notBefore };

describe('a certificate that its own key signs', () => {
  for (const [notAfter, shown] of [
    [Date.UTC(2036, 0, 2, 3, 4, 5), 'Jan  2 03:04:05 2036 GMT'],
    [Date.UTC(2050, 11, 31, 23, 59, 59), 'Dec 31 23:59:59 2050 GMT'],
  ] as const) {
    it(`is read and verified by Node, OpenSSL and the hub’s own reader; valid until ${shown}`, () => {
      const der = writeSelfSignedCertificate({ ...facts, notAfter });
      const x509 = new X509Certificate(der);
      assert.ok(x509.verify(x509.publicKey) && x509.checkPrivateKey(privateKey) && !x509.ca);
      assert.deepEqual([x509.subject, x509.issuer], ['CN=hub.example.jp', 'CN=hub.example.jp']);
      assert.deepEqual([x509.validFrom, x509.validTo], ['Jan  2 03:04:05 2026 GMT', shown]);
      assert.equal(x509.serialNumber, 'AB'.repeat(16), 'positive, whatever its first bit');
      const file = join(folder, 'certificate.pem');
      writeFileSync(file, x509.toString());
      const moment = ['-attime', String(notBefore / 1000 + 1)];
      const verdict = execFileSync('openssl', ['verify', ...moment, '-x509_strict', '-CAfile', file, file], {
        encoding: 'utf8',
      });
      assert.match(verdict, /: OK/);
      assert.equal(parseCertificate(der).notAfter, notAfter);
    });
  }

  it('has a name that X.509 allows, however long the host is', () => {
    const commonName = `${'a'.repeat(60)}.example.jp`;
    const der = writeSelfSignedCertificate({ ...facts, commonName, notAfter: notBefore + 1000 });
    assert.equal(new X509Certificate(der).subject, `CN=${commonName.slice(0, 64)}`);
  });
});
