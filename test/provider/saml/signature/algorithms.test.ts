import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import type { KeyPair } from '../../../../adapters/sandbox/pki/index.ts';
import { isSigningKey, verifies } from '../../../../provider/saml/signature/algorithms.ts';
import { signingKeyOf, signingKeysOf } from '../../../../provider/saml/signature/signing_keys.ts';
import { fixedEcKey, fixedRsaKey } from '../../../fuzz/fixed_keys.ts';
import { signingIdentity } from '../../../support/saml/providers.ts';
import { MORE } from '../../../support/saml/sign.ts';

const data = Buffer.from('SAMLRequest=x');
const rsa = fixedRsaKey('sender');
const PSS = 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1';

function curveKey(namedCurve: string): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

function pss(saltLength: number): Buffer {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign('sha256', data, { key: rsa.privateKey, padding, saltLength });
}

describe('a signature', () => {
  for (const [namedCurve, octets] of [
    ['P-256', 64],
    ['P-384', 96],
    ['P-521', 132],
  ] as const) {
    it(`by a key on ${namedCurve} is ${octets} octets, with each digest`, () => {
      const { privateKey, publicKey } = curveKey(namedCurve);
      for (const digest of ['sha256', 'sha384', 'sha512']) {
        const raw = sign(digest, data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
        const der = sign(digest, data, privateKey);
        const uri = `${MORE}ecdsa-${digest}`;
        assert.equal(raw.length, octets);
        assert.ok(verifies(uri, publicKey, data, raw));
        assert.ok(verifies(uri, publicKey, data, der, 'raw_or_der'));
        assert.ok(!verifies(uri, publicKey, data, der));
        assert.ok(!verifies(uri, publicKey, data, raw.subarray(1)));
        assert.ok(!verifies(uri, publicKey, data, Buffer.alloc(octets)));
        assert.ok(!verifies(uri, publicKey, data, Buffer.alloc(0), 'raw_or_der'));
        assert.ok(!verifies(`${MORE}rsa-${digest}`, publicKey, data, raw));
      }
    });
  }

  it('with PSS has a salt as long as the digest', () => {
    assert.ok(verifies(PSS, rsa.publicKey, data, pss(32)));
    for (const salt of [0, 20, 31, 33, 64]) assert.ok(!verifies(PSS, rsa.publicKey, data, pss(salt)), String(salt));
  });

  it('is by the algorithm that it names', () => {
    const signature = sign('sha256', data, rsa.privateKey);
    assert.ok(verifies(`${MORE}rsa-sha256`, rsa.publicKey, data, signature));
    for (const uri of [
      `${MORE}rsa-sha384`,
      `${MORE}ecdsa-sha256`,
      PSS,
      `${MORE}rsa-sha1`,
      `${MORE}hmac-sha256`,
      '',
      'rsa-sha256',
    ]) {
      assert.ok(!verifies(uri, rsa.publicKey, data, signature), uri);
    }
  });
});

describe('a key in metadata', () => {
  const odd = (bits: number, publicExponent = 65_537) =>
    generateKeyPairSync('rsa', { modulusLength: bits, publicExponent }).publicKey;

  it('is RSA of 2048 bits or more, or on one of three curves', () => {
    for (const key of [rsa.publicKey, fixedEcKey('x').publicKey, curveKey('P-521').publicKey])
      assert.ok(isSigningKey(key));
    const weak: KeyObject[] = [
      odd(1024),
      odd(2047),
      odd(2048, 3),
      curveKey('secp256k1').publicKey,
      curveKey('P-224').publicKey,
      generateKeyPairSync('ed25519').publicKey,
      rsa.privateKey,
    ];
    for (const key of weak) assert.ok(!isSigningKey(key), String(key.asymmetricKeyType));
  });

  it('that is weak verifies nothing, though its signature is right', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    assert.ok(!verifies(`${MORE}rsa-sha256`, publicKey, data, sign('sha256', data, privateKey)));
  });

  it('is read out of its certificate once', async () => {
    const { certificate, publicKey } = await signingIdentity(rsa);
    const key = signingKeyOf(certificate);
    assert.ok(key?.equals(publicKey));
    assert.equal(signingKeyOf(certificate), key);
    assert.ok(signingKeyOf(certificate.replaceAll(/.{64}/g, '$&\n'))?.equals(publicKey));
  });

  it('is none when it is weak', async () => {
    const { certificate } = await signingIdentity(generateKeyPairSync('rsa', { modulusLength: 1024 }));
    assert.equal(signingKeyOf(certificate), undefined);
  });

  it('is kept as long as it is used, among a thousand', async () => {
    const used = await signingIdentity(rsa);
    const idle = await signingIdentity(fixedEcKey('idle'));
    const [usedKey, idleKey] = [signingKeyOf(used.certificate), signingKeyOf(idle.certificate)];
    for (let index = 0; index < 1000; index += 1) {
      signingKeyOf(`no certificate ${index}`);
      assert.equal(signingKeyOf(used.certificate), usedKey);
    }
    assert.notEqual(signingKeyOf(idle.certificate), idleKey);
  });

  it('that cannot be read is none, and the others count', async () => {
    const { certificate } = await signingIdentity(rsa);
    const unreadable = ['', '!', 'bm8=', certificate.slice(4), certificate.slice(0, -8), 'A'.repeat(40_000)];
    assert.equal(signingKeysOf([...unreadable, certificate, ...unreadable]).length, 1);
  });
});
