import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { hashDisclosure } from '../../../provider/consent/disclosure_chain.ts';
import { HEADS_TYPE } from '../../../provider/consent/disclosure_history.ts';
import { createMerkleTree } from '../../../provider/consent/merkle_tree.ts';
import { RECEIPT_TYPE } from '../../../provider/consent/receipt.ts';
import { createStatementSigner } from '../../../provider/oidc/statement_signer.ts';
import { type } from './terminal.ts';

const ISSUER = 'https://hub.example';

let folder: string;
let sign: ReturnType<typeof createStatementSigner>['sign'];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'musubi-records-'));
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256' };
  const current = async () => ({ jwks: [jwk], samlKeys: [], cookieSecrets: [], version: '1' });
  ({ sign } = createStatementSigner({ keys: { current }, clock: () => 0 }));
  const { d: _, ...published } = jwk;
  write('keys.json', { keys: [published] });
  write('no-keys.json', { keys: [] });
  write('receipt.jws', await sign(RECEIPT_TYPE, { iss: ISSUER, iat: 1, consent_receipt: { record_id: 'r1' } }));
  write('other.jws', await sign(HEADS_TYPE, { iss: ISSUER, iat: 1, consent_receipt: {} }));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
}

const run = (...args: string[]) => type(args, { workingFolder: folder });

describe('musubi receipt verify', () => {
  it('prints what a receipt says that one of the keys signed', async () => {
    const { code, out } = await run('receipt', 'verify', 'receipt.jws', '--keys', 'keys.json', '--json');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), {
      ...{ issuer: ISSUER, kid: 'k1', issuedAt: '1970-01-01T00:00:01.000Z' },
      receipt: { record_id: 'r1' },
    });
  });

  for (const [what, args] of [
    ['that none of the keys signed', ['receipt.jws', '--keys', 'no-keys.json']],
    ['that is another kind of statement', ['other.jws', '--keys', 'keys.json']],
    ['that is none', ['keys.json', '--keys', 'keys.json']],
    ['by keys that are none', ['receipt.jws', '--keys', 'receipt.jws']],
  ] as const) {
    it(`refuses one ${what}, with exit code 1`, async () => {
      assert.equal((await run('receipt', 'verify', ...args)).code, 1);
    });
  }
});

describe('musubi history verify', () => {
  it('follows the chain to what was published, and finds what is missing', async () => {
    const origin = Buffer.alloc(32, 7);
    const release = { at: 1, exit: 'userinfo', clientId: 'rp', consentId: 'c1', claims: ['sub'], sources: [] } as const;
    let previous: Uint8Array = origin;
    const disclosures = [1, 2, 3].map((sequence) => {
      previous = hashDisclosure(previous, { ...release, sequence });
      const told = { at: 1, exit: 'userinfo', client: 'rp', consent: 'c1', claims: [['sub', null]] };
      return { ...told, sequence, hash: Buffer.from(previous).toString('base64url'), delivered_at: null };
    });
    const { root, size, path } = createMerkleTree(Buffer.concat([previous, Buffer.alloc(32, 9)]));
    const statement = await sign(HEADS_TYPE, {
      ...{ iss: ISSUER, iat: 1 },
      disclosure_heads: { number: 1, tree_size: size, root: Buffer.from(root).toString('base64url'), previous: null },
    });
    const published = { statement, leaf: 0, path: path(0).map((each) => Buffer.from(each).toString('base64url')) };
    const history = { issuer: ISSUER, origin: origin.toString('base64url'), disclosures, published };
    write('history.json', history);
    write('cut.json', { ...history, disclosures: disclosures.slice(0, 2) });
    write('heads.json', { heads: [statement] });
    write('other-heads.json', { heads: [] });

    const verify = (file: string, heads: string) =>
      run('history', 'verify', file, '--keys', 'keys.json', '--heads', heads);
    const { code, out } = await verify('history.json', 'heads.json');
    assert.equal(code, 0);
    assert.match(out, /3 disclosures, 3 without confirmed delivery\.\nPublication 1 of .* covers the first 3\./);
    assert.equal((await verify('cut.json', 'heads.json')).code, 1);
    assert.equal((await verify('history.json', 'other-heads.json')).code, 1);
  });
});
