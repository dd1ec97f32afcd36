import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCertificateChecks, jpkiUserTest } from '../../../provider/pki/index.ts';
import { ecKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { anchorOf, DAY, NOW, pkiError, root, SECOND, signingCertificate, userCertificate } from './fixtures.ts';

const current = await root('current', { notAfter: NOW + 10 * DAY });
const anchors = [anchorOf(current)];
const checksOf = (capacity: number) => createCertificateChecks({ profile: jpkiUserTest, anchors, capacity });

describe('a certificate seen before', () => {
  it('is recognised, and not verified again', async () => {
    const checks = checksOf(10);
    const { der } = await userCertificate(current);
    const first = checks.check(der, NOW);
    assert.equal(checks.check(Buffer.from(der), NOW + SECOND), first);
    assert.notEqual(checksOf(10).check(der, NOW), first);
  });

  it('is refused as soon as it runs out, and before it begins', async () => {
    const checks = checksOf(10);
    const { der } = await userCertificate(current, { notBefore: NOW, notAfter: NOW + DAY });
    checks.check(der, NOW);
    assert.throws(() => checks.check(der, NOW + DAY + SECOND), pkiError('certificate_expired'));
    checks.check(der, NOW + DAY);
    assert.throws(() => checks.check(der, NOW - SECOND), pkiError('certificate_not_yet_valid'));
  });

  it('is refused as soon as its root runs out', async () => {
    const checks = checksOf(10);
    const { der } = await userCertificate(current, { notAfter: NOW + 100 * DAY });
    checks.check(der, NOW);
    assert.throws(() => checks.check(der, NOW + 11 * DAY), pkiError('certificate_anchor_expired'));
  });

  it('is another one when an octet differs', async () => {
    const checks = checksOf(10);
    const { der } = await userCertificate(current);
    checks.check(der, NOW);
    const altered = Buffer.from(der);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    assert.throws(() => checks.check(altered, NOW), pkiError('certificate_untrusted'));
    assert.equal(checks.size, 1);
  });
});

describe('the memory', () => {
  it('holds so many and no more, the least recently used going first', async () => {
    const checks = checksOf(2);
    const [a, b, c] = await Promise.all([1, 2, 3].map(async () => (await userCertificate(current)).der));
    assert.ok(a && b && c);
    const [firstA, firstB] = [checks.check(a, NOW), checks.check(b, NOW)];
    assert.equal(checks.check(a, NOW), firstA);
    checks.check(c, NOW);
    assert.equal(checks.size, 2);
    assert.equal(checks.check(a, NOW), firstA);
    assert.notEqual(checks.check(b, NOW), firstB);
  });

  it('takes in nothing that was refused, so that a stranger can push nobody out', async () => {
    const checks = checksOf(2);
    const stranger = await root('stranger');
    for (const { der } of [await userCertificate(stranger), await signingCertificate(current)]) {
      assert.throws(() => checks.check(der, NOW));
    }
    assert.throws(() => checks.check(new Uint8Array(1_000_000), NOW), pkiError('certificate_too_large'));
    assert.equal(checks.size, 0);
  });

  it('can be left out', async () => {
    const checks = checksOf(0);
    const { der } = await userCertificate(current);
    assert.notEqual(checks.check(der, NOW), checks.check(der, NOW));
    assert.equal(checks.size, 0);
  });
});

describe('the next card', () => {
  it('may have P-384 keys and signatures of SHA-384', async () => {
    const overrides = { algorithm: 'ecdsaWithSHA384' } as const;
    const elliptic = await root('elliptic', { key: await ecKey('root', 'P-384'), overrides });
    const checks = createCertificateChecks({ profile: jpkiUserTest, anchors: [anchorOf(elliptic)], capacity: 1 });
    const { der } = await userCertificate(elliptic, { key: await ecKey('citizen', 'P-384'), overrides });
    const { certificate } = checks.check(der, NOW);
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1');
  });
});
