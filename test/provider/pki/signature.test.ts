import assert from 'node:assert/strict';
import { constants, createHash, createPublicKey, generateKeyPairSync, privateEncrypt, sign, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { der, subjectPublicKeyBits, subjectPublicKeyInfo } from '../../../adapters/sandbox/pki/index.ts';
import { DerReader } from '../../../provider/pki/der.ts';
import type { SignatureAlgorithm } from '../../../provider/pki/index.ts';
import { checkSignature, isSignatureAlgorithm, verifySignature } from '../../../provider/pki/index.ts';
import { readSignatureAlgorithm } from '../../../provider/pki/signature.ts';
import { ecKey, oddRsaKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { flipped, pkiError } from './fixtures.ts';

const data = Buffer.from('H(origin)‖H(nonce)');
const rsa = await rsaKey('citizen');
const p256 = await ecKey('citizen', 'P-256');
const p384 = await ecKey('citizen', 'P-384');

const pss = (saltLength: number) =>
  sign('sha256', data, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
const raw = (digest: string, key: typeof p256) =>
  sign(digest, data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });

/** A block that node would never make: whatever stands in it is signed as it is. */
const block = (content: string): Buffer =>
  privateEncrypt({ key: rsa.privateKey, padding: constants.RSA_NO_PADDING }, Buffer.from(content, 'hex'));
const digest = createHash('sha256').update(data).digest('hex');
const digestInfo = `3031300d060960864801650304020105000420${digest}`;
const padded = (info: string, trailing = ''): string => {
  const filler = 256 - 3 - info.length / 2 - trailing.length / 2;
  return `0001${'ff'.repeat(filler)}00${info}${trailing}`;
};

describe('verifySignature', () => {
  it('accepts what each algorithm makes', () => {
    assert.ok(verifySignature(rsa.publicKey, 'RS256', data, sign('sha256', data, rsa.privateKey)));
    assert.ok(verifySignature(rsa.publicKey, 'RS256', data, block(padded(digestInfo))));
    assert.ok(verifySignature(rsa.publicKey, 'PS256', data, pss(32)));
    assert.ok(verifySignature(p256.publicKey, 'ES256', data, raw('sha256', p256)));
    assert.ok(verifySignature(p384.publicKey, 'ES384', data, raw('sha384', p384)));
    assert.ok(verifySignature(p256.publicKey, 'ES256', data, sign('sha256', data, p256.privateKey), 'der'));
  });

  it('accepts numbers of every length that r and s can have', () => {
    const lengths = new Set<string>();
    // About one in 128 begins with an octet of zero, and half of the others with one that would be negative.
    for (let n = 0; lengths.size < 6; n += 1) {
      const message = Buffer.from(`message ${n}`);
      const signature = sign('sha256', message, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' });
      assert.ok(verifySignature(p256.publicKey, 'ES256', message, signature), signature.toString('hex'));
      for (const [name, first] of [
        ['r', signature.readUInt8(0)],
        ['s', signature.readUInt8(32)],
      ] as const) {
        lengths.add(`${name} ${first === 0 ? 'short' : first >= 0x80 ? 'high' : 'plain'}`);
      }
    }
  });

  it('refuses PKCS#1 v1.5 with garbage after the digest', () => {
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, block(padded(digestInfo, 'ab'.repeat(100)))));
    const short = `0001${'ff'.repeat(8)}00${digestInfo}`;
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, block(short.padEnd(512, 'ab'))));
  });

  it('refuses PKCS#1 v1.5 with garbage in the parameters, without NULL, or over a bare digest', () => {
    for (const info of [
      `3041300d06096086480165030402010510${'00'.repeat(16)}0420${digest}`,
      `302f300b0609608648016503040201042${`0${digest}`}`,
      digest,
    ]) {
      assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, block(padded(info))), info);
    }
  });

  it('refuses a v1.5 block of the wrong type or with broken filler', () => {
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, block(padded(digestInfo).replace(/^0001/, '0002'))));
    assert.ok(
      !verifySignature(rsa.publicKey, 'RS256', data, block(padded(digestInfo).replace(/^0001ffff/, '0001fffe'))),
    );
  });

  it('refuses a PSS salt of another length than the digest', () => {
    for (const length of [0, 20, 31, 33, 222]) assert.ok(!verifySignature(rsa.publicKey, 'PS256', data, pss(length)));
  });

  it('refuses a PSS mask that was made with another digest', () => {
    // A key that is bound to its parameters signs by them; the same key without them is what a certificate holds.
    const parameters = { modulusLength: 2048, hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha1' } as const;
    const odd = generateKeyPairSync('rsa-pss', parameters);
    const signature = sign('sha256', data, { key: odd.privateKey, saltLength: 32 });
    assert.ok(verify('sha256', data, { key: odd.publicKey, saltLength: 32 }, signature));
    const bits = subjectPublicKeyBits(subjectPublicKeyInfo(odd.publicKey));
    const plain = createPublicKey({ key: bits, format: 'der', type: 'pkcs1' });
    assert.ok(!verifySignature(plain, 'PS256', data, signature));
  });

  it('refuses one padding under the name of the other', () => {
    assert.ok(!verifySignature(rsa.publicKey, 'PS256', data, sign('sha256', data, rsa.privateKey)));
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, pss(32)));
  });

  it('refuses an algorithm that does not fit the key', () => {
    const wrong: [SignatureAlgorithm, typeof rsa, Buffer][] = [
      ['ES256', rsa, sign('sha256', data, rsa.privateKey)],
      ['RS256', p256, raw('sha256', p256)],
      ['ES384', p256, raw('sha384', p256)],
      ['ES256', p384, raw('sha256', p384)],
      ['RS384', rsa, sign('sha256', data, rsa.privateKey)],
    ];
    for (const [algorithm, key, signature] of wrong) {
      assert.ok(!verifySignature(key.publicKey, algorithm, data, signature), algorithm);
    }
  });

  it('refuses ECDSA with r or s zero or at the order of the curve', () => {
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    const zero = '00'.repeat(32);
    const [r, s] = [raw('sha256', p256).subarray(0, 32), raw('sha256', p256).subarray(32)].map((half) =>
      half.toString('hex'),
    );
    for (const pair of [
      [zero, s],
      [r, zero],
      [zero, zero],
      [order, s],
      [r, order],
      [order, order],
    ]) {
      assert.ok(!verifySignature(p256.publicKey, 'ES256', data, Buffer.from(pair.join(''), 'hex')));
    }
  });

  it('refuses DER where r‖s is expected, the reverse, and other lengths', () => {
    const signature = raw('sha256', p256);
    assert.ok(!verifySignature(p256.publicKey, 'ES256', data, sign('sha256', data, p256.privateKey)));
    assert.ok(!verifySignature(p256.publicKey, 'ES256', data, signature, 'der'));
    for (const bad of [signature.subarray(0, 63), Buffer.concat([signature, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      assert.ok(!verifySignature(p256.publicKey, 'ES256', data, bad));
    }
  });

  it('refuses DER of ECDSA that is padded or has bytes after it', () => {
    const signature = sign('sha256', data, p256.privateKey);
    assert.ok(!verifySignature(p256.publicKey, 'ES256', data, Buffer.concat([signature, Buffer.of(0)]), 'der'));
    const longForm = Buffer.concat([Buffer.of(0x30, 0x81), signature.subarray(1)]);
    assert.ok(!verifySignature(p256.publicKey, 'ES256', data, longForm, 'der'));
  });

  it('refuses any other data, signature or key', async () => {
    const signature = sign('sha256', data, rsa.privateKey);
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', flipped(data, 0), signature));
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, flipped(signature, 100)));
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, Buffer.concat([signature, Buffer.of(0)])));
    assert.ok(!verifySignature(rsa.publicKey, 'RS256', data, Buffer.alloc(0)));
    assert.ok(!verifySignature((await rsaKey('other')).publicKey, 'RS256', data, signature));
    assert.ok(!verifySignature((await oddRsaKey(3072)).publicKey, 'RS256', data, signature));
  });

  it('never verifies with a private key', () => {
    assert.ok(!verifySignature(rsa.privateKey, 'RS256', data, sign('sha256', data, rsa.privateKey)));
  });
});

describe('checkSignature', () => {
  it('throws where verifySignature answers false', () => {
    const signature = sign('sha256', data, rsa.privateKey);
    checkSignature(rsa.publicKey, 'RS256', data, signature);
    assert.throws(
      () => checkSignature(rsa.publicKey, 'RS256', data, flipped(signature, 9)),
      pkiError('signature_invalid'),
    );
  });
});

describe('isSignatureAlgorithm', () => {
  it('knows the eight names and nothing that an object inherits', () => {
    assert.ok(isSignatureAlgorithm('ES384'));
    for (const name of ['none', 'HS256', 'RS1', 'es256', 'toString', '__proto__', ''])
      assert.ok(!isSignatureAlgorithm(name));
  });
});

describe('readSignatureAlgorithm', () => {
  const read = (type: string, ...parameters: Buffer[]) =>
    readSignatureAlgorithm(new DerReader(der.sequence(der.objectIdentifier(type), ...parameters)).next());
  const rsaWithSha256 = '1.2.840.113549.1.1.11';
  const ecdsaWithSha256 = '1.2.840.10045.4.3.2';

  it('reads NULL for RSA and nothing for ECDSA', () => {
    assert.equal(read(rsaWithSha256, der.nullValue()), 'RS256');
    assert.equal(read(ecdsaWithSha256), 'ES256');
  });

  it('refuses any other parameters', () => {
    const wrong: [string, Buffer[]][] = [
      [rsaWithSha256, []],
      [rsaWithSha256, [der.element(0x05, [Buffer.of(0)])]],
      [rsaWithSha256, [der.nullValue(), der.nullValue()]],
      [rsaWithSha256, [der.sequence()]],
      [ecdsaWithSha256, [der.nullValue()]],
    ];
    for (const [type, parameters] of wrong) assert.throws(() => read(type, ...parameters), pkiError('der_malformed'));
  });
});
