import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { createRoot, type IssuedCertificate, issueUserCertificate } from '../../../../adapters/sandbox/pki/index.ts';
import { encodePkcs12 } from '../../../../adapters/sandbox/pki/pkcs12.ts';
import { rsaKey } from './key_pool.ts';
import { openssl } from './openssl.ts';

describe('a PKCS #12 file', () => {
  let card: IssuedCertificate;
  let file: Buffer;
  before(async () => {
    const root = await createRoot({ kind: 'user', key: await rsaKey('root') });
    card = await issueUserCertificate(root, { key: await rsaKey('leaf') });
    const { privateKey } = card.key;
    file = encodePkcs12({ certificate: card.der, privateKey, name: 'taro 山田', passphrase: 'four words ~' });
  });

  it('gives openssl the certificate and the key, and passes its check of the MAC', async () => {
    const args = ['pkcs12', '-in', 'card.p12', '-nodes', '-passin', 'pass:four words ~', '-info'];
    const { code, output } = await openssl(args, { 'card.p12': file });
    assert.equal(code, 0, output);
    assert.match(output, /MAC: sha256/);
    assert.match(output, /PBES2, PBKDF2, AES-256-CBC/);
    const pem = (kind: string) =>
      new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`).exec(output)?.[0];
    assert.deepEqual(new X509Certificate(pem('CERTIFICATE') ?? '').raw, card.der);
    assert.ok(createPrivateKey(pem('PRIVATE KEY') ?? '').equals(card.key.privateKey));
  });

  it('is nothing without the passphrase, and nothing when it was changed', async () => {
    const read = (bytes: Buffer, passphrase: string) =>
      openssl(['pkcs12', '-in', 'card.p12', '-nodes', '-passin', `pass:${passphrase}`], { 'card.p12': bytes });
    assert.notEqual((await read(file, 'four words')).code, 0);
    const changed = Buffer.from(file);
    changed[400] = (changed[400] ?? 0) ^ 1;
    assert.notEqual((await read(changed, 'four words ~')).code, 0);
  });
});
