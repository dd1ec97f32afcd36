import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ConfigurationError, loadConfiguration } from '../../config/load.ts';

let folder: string;
let certificateFile: string;
let keyFile: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'musubi-sign-in-tls-'));
  certificateFile = join(folder, 'root.crt');
  keyFile = join(folder, 'root.key');
  const args = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=root'.split(' ');
  execFileSync('openssl', [...args, '-keyout', keyFile, '-out', certificateFile], { stdio: 'ignore' });
});
after(() => rmSync(folder, { recursive: true, force: true }));

const OWN = 'https://card.id.example.jp';

/** Where the faults are, for a sandbox whose group `signIn.tls` is this. */
function faultsOf(tls: Record<string, unknown>, more: Record<string, unknown> = {}): string[] {
  const anchors = [{ name: 'user', file: certificateFile, kind: 'user' }];
  const values = { mode: 'sandbox', publicUrl: 'https://id.example.jp', dataFolder: folder, trust: { anchors } };
  try {
    loadConfiguration({ values: { ...values, signIn: { tls }, ...more } });
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.faults.map(({ path }) => path);
  }
}

describe('the group signIn.tls', () => {
  it('takes a certificate and its key, or proxies', () => {
    assert.deepEqual(faultsOf({ publicUrl: OWN, certificateFile, keyFile }), []);
    assert.deepEqual(faultsOf({ publicUrl: OWN, proxies: ['10.0.0.5', 'fd00::/64'] }), []);
  });

  it('is modern unless it says otherwise', () => {
    const values = { mode: 'sandbox', publicUrl: 'https://id.example.jp', dataFolder: folder };
    const anchors = [{ name: 'user', file: certificateFile, kind: 'user' }];
    const tls = { publicUrl: OWN, certificateFile, keyFile };
    assert.equal(
      loadConfiguration({ values: { ...values, trust: { anchors }, signIn: { tls } } }).signIn.tls?.compatibility,
      'modern',
    );
    assert.deepEqual(faultsOf({ ...tls, compatibility: 'old' }), ['signIn.tls.compatibility']);
  });

  it('must say where TLS ends, and one place only', () => {
    assert.deepEqual(faultsOf({ publicUrl: OWN }), ['signIn.tls']);
    assert.deepEqual(faultsOf({ publicUrl: OWN, certificateFile }), ['signIn.tls']);
    assert.deepEqual(faultsOf({ publicUrl: OWN, certificateFile, keyFile, proxies: ['10.0.0.5'] }), ['signIn.tls']);
  });

  it('refuses to start without the roots that it would name in the handshake', () => {
    const tls = { publicUrl: OWN, certificateFile, keyFile };
    assert.deepEqual(faultsOf(tls, { trust: { anchors: [] } }), ['trust.anchors']);
    const signing = [{ name: 'signing', file: certificateFile, kind: 'signing' }];
    assert.deepEqual(faultsOf(tls, { trust: { anchors: signing } }), ['trust.anchors']);
    const missing = [{ name: 'user', file: join(folder, 'nowhere.crt'), kind: 'user' }];
    assert.deepEqual(faultsOf(tls, { trust: { anchors: missing } }), ['trust.anchors[0].file']);
  });

  it('has an origin of its own, in https', () => {
    const tls = { certificateFile, keyFile };
    for (const publicUrl of ['http://card.id.example.jp', 'https://id.example.jp'])
      assert.deepEqual(faultsOf({ ...tls, publicUrl }), ['signIn.tls.publicUrl'], publicUrl);
    const mutualTls = { publicUrl: OWN, certificateFile, keyFile };
    assert.deepEqual(faultsOf({ ...tls, publicUrl: OWN }, { mutualTls }), ['signIn.tls.publicUrl']);
    assert.deepEqual(faultsOf({ ...tls, publicUrl: 'https://id.example.jp:3444' }), []);
  });

  it('names files that can be read', () => {
    const nowhere = join(folder, 'nowhere');
    assert.deepEqual(faultsOf({ publicUrl: OWN, certificateFile: nowhere, keyFile: nowhere }), [
      'signIn.tls.certificateFile',
      'signIn.tls.keyFile',
    ]);
  });

  it('believes proxies that are listed, not everybody', () => {
    for (const everybody of ['0.0.0.0/0', '::/0'])
      assert.deepEqual(faultsOf({ publicUrl: OWN, proxies: ['10.0.0.5', everybody] }), ['signIn.tls.proxies[1]']);
    assert.deepEqual(faultsOf({ publicUrl: OWN, proxies: ['proxy.example'] }), ['signIn.tls.proxies[0]']);
  });
});
