import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { type JWK, jwtVerify } from 'jose';
import { createStatementSigner } from '../../../provider/oidc/statement_signer.ts';

const MINUTE = 60_000;

function newKey(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk: JWK = { ...privateKey.export({ format: 'jwk' }), kid, alg: 'ES256' };
  return { jwk, publicKey };
}

describe('a signed statement', () => {
  it('is an ES256 JWS of its type and content, with numbers of every length in its signature', async () => {
    const { jwk, publicKey } = newKey('1');
    const current = async () => ({ jwks: [jwk], samlKeys: [], cookieSecrets: [], version: '' });
    const signer = createStatementSigner({ keys: { current }, clock: Date.now });
    const starts = new Set<string>();
    for (let n = 0; starts.size < 6; n += 1) {
      const token = await signer.sign('statement+jwt', { n, text: '見本' });
      const { payload, protectedHeader } = await jwtVerify(token, publicKey, { typ: 'statement+jwt' });
      assert.deepEqual(payload, { n, text: '見本' });
      assert.deepEqual(protectedHeader, { alg: 'ES256', typ: 'statement+jwt', kid: '1' });
      const signature = Buffer.from(token.split('.')[2] ?? '', 'base64url');
      assert.equal(signature.length, 64);
      for (const [name, first] of [
        ['r', signature.readUInt8(0)],
        ['s', signature.readUInt8(32)],
      ] as const) {
        starts.add(`${name} ${first === 0 ? 'short' : first >= 0x80 ? 'high' : 'plain'}`);
      }
    }
  });

  it('is of the key of now: of another one within a minute of its change', async () => {
    const [first, second] = [newKey('1'), newKey('2')];
    let jwks = [first.jwk];
    let now = 0;
    const current = async () => ({ jwks, samlKeys: [], cookieSecrets: [], version: '' });
    const signer = createStatementSigner({ keys: { current }, clock: () => now });
    await jwtVerify(await signer.sign('statement+jwt', {}), first.publicKey);
    jwks = [second.jwk];
    now += MINUTE;
    await jwtVerify(await signer.sign('statement+jwt', {}), second.publicKey);
  });
});
