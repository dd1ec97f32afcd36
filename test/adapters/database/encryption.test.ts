import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { createVault, UnopenableError } from '../../../adapters/database/encryption.ts';
import { loadMasterKeys } from '../../../adapters/database/load_master_key.ts';
import { ensureSandboxEncryptionKey } from '../../../config/encryption_key.ts';

const bytes = fc.uint8Array({ maxLength: 3000 });
const purposes = fc.string({ maxLength: 40 });

describe('the vault', () => {
  const [oldest, newest] = [randomBytes(32), randomBytes(32)];
  const vault = createVault([oldest, newest]);

  it('opens what it sealed, and nothing of it is readable', () => {
    fc.assert(
      fc.property(purposes, fc.uint8Array({ minLength: 8, maxLength: 3000 }), (purpose, value) => {
        const sealed = Buffer.from(vault.seal(purpose, value));
        assert.deepEqual(Buffer.from(vault.open(purpose, sealed)), Buffer.from(value));
        assert.ok(!sealed.includes(Buffer.from(value)));
      }),
    );
  });

  it('never seals the same value to the same bytes', () => {
    const seen = new Set(Array.from({ length: 1000 }, () => Buffer.from(vault.seal('p', oldest)).toString('hex')));
    assert.equal(seen.size, 1000);
  });

  it('refuses a value of which any bit was changed', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), (value, position) => {
        const sealed = Buffer.from(vault.seal('p', value));
        const bit = position % (sealed.length * 8);
        sealed.writeUInt8(sealed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        assert.throws(() => vault.open('p', sealed), UnopenableError);
      }),
    );
  });

  it('refuses a value that was cut, lengthened or never sealed', () => {
    const sealed = Buffer.from(vault.seal('p', randomBytes(50)));
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => vault.open('p', sealed.subarray(0, length)), UnopenableError);
    }
    assert.throws(() => vault.open('p', Buffer.concat([sealed, Buffer.alloc(1)])), UnopenableError);
    fc.assert(fc.property(bytes, (noise) => assert.throws(() => vault.open('p', noise), UnopenableError)));
  });

  it('opens nothing for another purpose', () => {
    fc.assert(
      fc.property(purposes, purposes, bytes, (one, other, value) => {
        fc.pre(one !== other);
        assert.throws(() => vault.open(other, vault.seal(one, value)), UnopenableError);
      }),
    );
  });

  it('opens what any of its keys sealed, seals with the newest, and finds rows under every rotation', () => {
    const before = createVault([oldest]);
    const sealedBefore = before.seal('p', Buffer.from('old row'));
    assert.equal(Buffer.from(vault.open('p', sealedBefore)).toString(), 'old row');
    assert.throws(() => before.open('p', vault.seal('p', Buffer.from('new row'))), UnopenableError);
    assert.equal(
      Buffer.from(createVault([newest]).open('p', vault.seal('p', Buffer.from('new row')))).toString(),
      'new row',
    );
    assert.deepEqual(vault.index('p', oldest), before.index('p', oldest));
  });

  it('opens in one process what another sealed', () => {
    const sealed = createVault([oldest, newest]).seal('p', Buffer.from('elsewhere'));
    assert.equal(Buffer.from(vault.open('p', sealed)).toString(), 'elsewhere');
  });

  it('indexes equal values equally, and unrelatedly under another purpose or key', () => {
    fc.assert(
      fc.property(purposes, purposes, bytes, (one, other, value) => {
        assert.deepEqual(vault.index(one, value), vault.index(one, value));
        assert.equal(vault.index(one, value).length, 32);
        if (one !== other) assert.notDeepEqual(vault.index(one, value), vault.index(other, value));
        assert.notDeepEqual(vault.index(one, value), createVault([newest]).index(one, value));
      }),
    );
  });

  it('takes no key that is not 32 bytes, and is nothing without a key', () => {
    assert.throws(() => createVault([]));
    assert.throws(() => createVault([randomBytes(16)]));
    assert.throws(() => createVault([randomBytes(32), randomBytes(31)]));
  });
});

describe('the master key file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'musubi-test-keys-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content?: string, mode = 0o600) => {
    const path = join(folder, name);
    if (content !== undefined) {
      writeFileSync(path, content);
      chmodSync(path, mode);
    }
    return path;
  };
  const line = () => randomBytes(32).toString('base64');

  it('is made when asked, for its owner only, and read the same again', () => {
    const path = file('made');
    ensureSandboxEncryptionKey(path);
    const keys = loadMasterKeys(path);
    assert.equal(keys.length, 1);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    ensureSandboxEncryptionKey(path);
    assert.deepEqual(loadMasterKeys(path), keys);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('made.')),
      [],
    );
  });

  it('is not made unasked', () => {
    assert.throws(() => loadMasterKeys(file('absent')), { code: 'master_key_missing' });
    assert.throws(() => readFileSync(file('absent')));
  });

  it('may hold several keys, oldest first, with comments', () => {
    const lines = [line(), line()];
    const keys = loadMasterKeys(file('several', `# 2026\n${lines.join('\n\n')}\n`));
    assert.deepEqual(
      keys.map((key) => Buffer.from(key).toString('base64')),
      lines,
    );
  });

  it('is refused when everybody can read it', () => {
    assert.throws(() => loadMasterKeys(file('exposed', line(), 0o644)), { code: 'master_key_exposed' });
  });

  it('is refused when it holds anything but keys', () => {
    const same = line();
    const wrong = ['', '\n#\n', 'secret', randomBytes(16).toString('base64'), `${line()}x`, `${same}\n${same}`];
    for (const [i, content] of [...wrong, 'x'.repeat(20_000)].entries()) {
      assert.throws(() => loadMasterKeys(file(`wrong-${i}`, content)), { code: 'master_key_invalid' });
    }
  });
});
