import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  CompactSign,
  createLocalJWKSet,
  type JSONWebKeySet,
  type JWK,
  type JWTHeaderParameters,
  jwtVerify,
  SignJWT,
} from 'jose';
import { findIn, openSigned, UnknownKey } from '../../../provider/attributes/providers/signed_answer.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const SECONDS = NOW / 1000;
const TOLERANCE = 60;
const EXPECTED = { typ: 'attributes-answer+jwt', issuer: 'https://kenpo.example', audience: 'https://hub.example' };
const PAYLOAD = { iss: EXPECTED.issuer, aud: EXPECTED.audience, iat: SECONDS, exp: SECONDS + 300, a: '見本' };

type Pair = ReturnType<typeof generateKeyPairSync>;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
const OTHERS = {
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  smallRsa: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  ed448: generateKeyPairSync('ed448'),
  stranger: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};

const publicJwk = ({ publicKey }: Pair, members: Partial<JWK> = {}) =>
  ({ ...publicKey.export({ format: 'jwk' }), ...members }) as JWK;
const SET = [publicJwk(ec, { kid: 'ec' }), publicJwk(rsa, { kid: 'rsa' }), publicJwk(ed, { kid: 'ed' })];

interface Made {
  readonly alg?: string;
  readonly key?: KeyObject;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly payload?: Readonly<Record<string, unknown>>;
}

function make({ alg = 'ES256', key = ec.privateKey, header, payload }: Made = {}): Promise<string> {
  const protectedHeader = { alg, typ: EXPECTED.typ, ...header } as JWTHeaderParameters;
  return new SignJWT({ ...PAYLOAD, ...payload }).setProtectedHeader(protectedHeader).sign(key);
}

const mine = (token: string, keys: readonly JWK[]) =>
  openSigned(token, findIn({ keys } as JSONWebKeySet), { ...EXPECTED, now: NOW, tolerance: TOLERANCE });

/** The same asked of jose: an implementation that many have looked at. */
const ofJose = (token: string, keys: readonly JWK[]) =>
  jwtVerify(token, createLocalJWKSet({ keys } as JSONWebKeySet), {
    ...{ ...EXPECTED, currentDate: new Date(NOW), clockTolerance: TOLERANCE, requiredClaims: ['exp', 'iat'] },
    algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'],
  });

async function isOpened(token: string, keys: readonly JWK[] = SET): Promise<void> {
  const { header, payload } = await mine(token, keys);
  const expected = await ofJose(token, keys);
  assert.deepEqual({ header, payload }, { header: expected.protectedHeader, payload: expected.payload });
}

async function isRefused(token: string, keys: readonly JWK[] = SET): Promise<void> {
  await assert.rejects(ofJose(token, keys));
  await assert.rejects(mine(token, keys));
}

const parts = (token: string) => token.split('.') as [string, string, string];
const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');

describe('a signed answer of a provider', () => {
  const signers = { ES256: ec, RS256: rsa, PS256: rsa, EdDSA: ed };
  for (const [alg, { privateKey }] of Object.entries(signers)) {
    it(`is opened when it is signed by ${alg}, with a key that it names or the only one of its kind`, async () => {
      const kid = alg === 'EdDSA' ? 'ed' : alg === 'ES256' ? 'ec' : 'rsa';
      await isOpened(await make({ alg, key: privateKey, header: { kid } }));
      await isOpened(await make({ alg, key: privateKey }));
    });

    it(`is refused when one octet of it is different (${alg})`, async () => {
      const [head, body, signature] = parts(await make({ alg, key: privateKey }));
      const octets = Buffer.from(signature, 'base64url');
      octets.writeUInt8(octets.readUInt8(9) ^ 1, 9);
      await isRefused(`${head}.${body}.${encode(octets)}`);
      await isRefused(`${head}.${encode(JSON.stringify({ ...PAYLOAD, a: 'other' }))}.${signature}`);
    });
  }

  it('is opened up to the last second of the tolerance, for one audience of several, and with any spelling of its type', async () => {
    await isOpened(await make({ payload: { exp: SECONDS - TOLERANCE + 1 } }));
    await isOpened(await make({ payload: { nbf: SECONDS + TOLERANCE } }));
    await isOpened(await make({ payload: { aud: ['https://other.example', EXPECTED.audience] } }));
    await isOpened(await make({ header: { typ: `application/${EXPECTED.typ.toUpperCase()}` } }));
  });

  const untrue: Readonly<Record<string, Made>> = {
    'is signed by a stranger': { key: OTHERS.stranger.privateKey },
    'names a key that is not there': { header: { kid: 'ec2' } },
    'names a key of another kind': { header: { kid: 'rsa' } },
    'is signed by an algorithm that is not allowed': { alg: 'PS512', key: rsa.privateKey },
    'has no type': { header: { typ: undefined } },
    'is of another type': { header: { typ: 'JWT' } },
    'is from somebody else': { payload: { iss: 'https://kenpo.example/' } },
    'is from nobody': { payload: { iss: undefined } },
    'is for somebody else': { payload: { aud: ['https://other.example'] } },
    'is for nobody': { payload: { aud: undefined } },
    'does not say when it was made': { payload: { iat: undefined } },
    'says with a text when it was made': { payload: { iat: String(SECONDS) } },
    'has expired': { payload: { exp: SECONDS - TOLERANCE } },
    'never expires': { payload: { exp: undefined } },
    'says with a text when it expires': { payload: { exp: String(SECONDS + 300) } },
    'is not valid yet': { payload: { nbf: SECONDS + TOLERANCE + 1 } },
    'says with a text when it begins to be valid': { payload: { nbf: '0' } },
  };
  for (const [what, made] of Object.entries(untrue)) {
    it(`is refused when it ${what}`, async () => isRefused(await make(made)));
  }

  it('is refused when it asks for an extension, even for one that changes nothing', async () => {
    await assert.rejects(mine(await make({ header: { crit: ['b64'], b64: true } }), SET));
  });

  it('is refused when it is not signed, or signed with what everybody knows', async () => {
    const [, body] = parts(await make());
    await isRefused(`${encode(JSON.stringify({ alg: 'none', typ: EXPECTED.typ }))}.${body}.`);
    const known = Buffer.from(ec.publicKey.export({ format: 'pem', type: 'spki' }));
    const signed = new CompactSign(Buffer.from(JSON.stringify(PAYLOAD)));
    await isRefused(await signed.setProtectedHeader({ alg: 'HS256', typ: EXPECTED.typ }).sign(known));
  });

  it('is refused when its signature is a DER sequence, which JWS has no place for', async () => {
    const [head, body] = parts(await make());
    const der = sign('sha256', Buffer.from(`${head}.${body}`), ec.privateKey);
    await isRefused(`${head}.${body}.${encode(der)}`);
  });

  it('is refused when it is not three parts of base64url that hold JSON objects in UTF-8', async () => {
    const token = await make();
    const [head, body, signature] = parts(token);
    for (const cut of ['', '..', `${head}.${body}`, `${token}.`, `${token}.e30`, ` ${token}`, `${head}.${body}.`]) {
      await isRefused(cut);
    }
    for (const odd of [encode('null'), encode('[]'), encode('"a"'), encode('{'), encode(Buffer.of(0x7b, 0xff, 0x7d))]) {
      await isRefused(`${odd}.${body}.${signature}`);
    }
    for (const odd of ['null', '[]', '"a"', '{', Buffer.from([...Buffer.from('{"a":"'), 0xff, 0x22, 0x7d])]) {
      const signed = new CompactSign(Buffer.from(odd)).setProtectedHeader({ alg: 'ES256', typ: EXPECTED.typ });
      const wrong = await signed.sign(ec.privateKey);
      await assert.rejects(mine(wrong, SET));
    }
  });

  it('is refused where several keys could be meant, and where a key is for something else', async () => {
    const token = await make();
    await isRefused(token, [publicJwk(ec), publicJwk(OTHERS.stranger)]);
    await isRefused(token, [publicJwk(ec, { use: 'enc' })]);
    await isRefused(token, [publicJwk(ec, { key_ops: ['deriveBits'] })]);
    await isRefused(token, [publicJwk(ec, { alg: 'ES384' })]);
    await isRefused(await make({ alg: 'PS256', key: rsa.privateKey }), [publicJwk(rsa, { alg: 'RS256' })]);
    await isOpened(token, [publicJwk(ec, { key_ops: ['verify'], use: 'sig' }), publicJwk(OTHERS.p384)]);
  });

  it('is refused when its key is too weak, or on another curve', async () => {
    const [head] = parts(await make({ alg: 'RS256', key: rsa.privateKey }));
    const body = encode(JSON.stringify(PAYLOAD));
    const weak = sign('sha256', Buffer.from(`${head}.${body}`), OTHERS.smallRsa.privateKey);
    await isRefused(`${head}.${body}.${encode(weak)}`, [publicJwk(OTHERS.smallRsa)]);
    await isRefused(await make(), [publicJwk(OTHERS.p384), publicJwk(OTHERS.ed448)]);
  });

  it('has a key of its own error when none is known, since a newer set may have it', async () => {
    await assert.rejects(mine(await make({ header: { kid: 'next' } }), SET), UnknownKey);
  });

  it('is for anybody where no audience is expected', async () => {
    const find = findIn({ keys: SET } as JSONWebKeySet);
    const { audience: _none, ...expected } = EXPECTED;
    const token = await make({ payload: { aud: undefined } });
    assert.equal((await openSigned(token, find, { ...expected, now: NOW, tolerance: TOLERANCE })).payload.a, '見本');
  });
});
