import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ConfigurationError, type ConfigurationSources, loadConfiguration } from '../../config/load.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'musubi-config-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const sandbox = { mode: 'sandbox', publicUrl: 'http://localhost:3000' };

function write(name: string, content: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** Path → whole message of each fault. */
function faultsOf(sources: ConfigurationSources): Record<string, string> {
  try {
    loadConfiguration(sources);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return Object.fromEntries(error.faults.map(({ path, problem, remedy }) => [path, `${path} ${problem}; ${remedy}`]));
  }
  return {};
}

describe('loading the configuration', () => {
  it('fills in defaults, those that follow from other settings included', () => {
    const loaded = loadConfiguration({ values: sandbox, workingFolder: folder });
    assert.equal(loaded.listen.port, 3000);
    assert.equal(loaded.dataFolder, join(folder, 'data'));
    assert.equal(loaded.database.folder, join(folder, 'data/database'));
    assert.equal(loaded.encryptionKeyFile, join(folder, 'data/encryption.key'));
    assert.equal(loaded.relyingParties.allowLoopback, true);
    assert.deepEqual(loaded.outbound.allowedNetworks, ['127.0.0.0/8', '::1']);
    assert.equal(loaded.mutualTls, undefined);
  });

  it('lets the command line win over the environment, the environment over the file, the file over the default', () => {
    const file = write('layers.json', {
      ...sandbox,
      listen: { host: '0.0.0.0', port: 1 },
      database: { poolSize: 3 },
      shutdownSeconds: 7,
    });
    const loaded = loadConfiguration({
      file,
      environment: { MUSUBI_LISTEN_PORT: '2', MUSUBI_DATABASE_POOL_SIZE: '4' },
      values: { listen: { port: 5, host: undefined } },
    });
    assert.equal(loaded.listen.port, 5);
    assert.equal(loaded.database.poolSize, 4);
    assert.equal(loaded.listen.host, '0.0.0.0');
    assert.equal(loaded.shutdownSeconds, 7);
    assert.equal(loaded.signIn.challengeSeconds, 300);
  });

  it('reads lists from variables as JSON and with commas', () => {
    const loaded = loadConfiguration({
      values: sandbox,
      environment: {
        MUSUBI_TRUSTED_PROXIES: '10.0.0.1, fd00::/8',
        MUSUBI_SIGN_IN_CARD_AGENT_URLS: '["http://127.0.0.1:1"]',
        MUSUBI_DATABASE_ACCEPT_EMBEDDED: 'true',
      },
    });
    assert.deepEqual(loaded.trustedProxies, ['10.0.0.1', 'fd00::/8']);
    assert.deepEqual(loaded.signIn.cardAgentUrls, ['http://127.0.0.1:1']);
    assert.equal(loaded.database.acceptEmbedded, true);
  });

  it('resolves paths of the file against its folder', () => {
    mkdirSync(join(folder, 'etc'), { recursive: true });
    const file = write('etc/musubi.json', { ...sandbox, dataFolder: '../var' });
    assert.equal(loadConfiguration({ file, workingFolder: '/' }).dataFolder, join(folder, 'var'));
  });

  it('ignores $comment wherever it stands', () => {
    const file = write('comments.json', {
      $comment: 'top',
      ...sandbox,
      listen: { $comment: 'group', port: 4 },
      resources: [{ $comment: 'item', identifier: 'https://api.example.jp', scopes: [] }],
    });
    assert.equal(loadConfiguration({ file }).listen.port, 4);
  });

  it('is deeply frozen', () => {
    const loaded = loadConfiguration({ values: sandbox });
    assert.throws(() => Object.assign(loaded.listen, { port: 1 }), TypeError);
    assert.throws(() => (loaded.trustedProxies as string[]).push('0.0.0.0/0'), TypeError);
    assert.throws(() => Object.assign(loaded, { mode: 'production' }), TypeError);
  });

  it('reports every mistake at once, with what to write instead and the variable', () => {
    const file = write('wrong.json', {
      mode: 'sandbox',
      listen: { port: 'abc', hots: 'x' },
      database: { poolSize: 0 },
      trust: { anchors: [{ name: 'A b', kind: 'root' }] },
    });
    const faults = faultsOf({ file, environment: { MUSUBI_DATABSE_URL: 'x', MUSUBI_METRICS_PORT: '70000' } });
    assert.deepEqual(Object.keys(faults).sort(), [
      'MUSUBI_DATABSE_URL',
      'database.poolSize',
      'listen.hots',
      'listen.port',
      'metrics.port',
      'publicUrl',
      'trust.anchors[0].file',
      'trust.anchors[0].kind',
      'trust.anchors[0].name',
    ]);
    assert.match(faults['listen.port'] ?? '', /must be a port number.*it is "abc".*3000.*MUSUBI_LISTEN_PORT/);
    assert.match(faults.publicUrl ?? '', /is missing; write for example "https:\/\/id\.example\.jp"/);
    assert.match(faults['listen.hots'] ?? '', /did you mean listen\.host\?/);
    assert.match(faults.MUSUBI_DATABSE_URL ?? '', /did you mean MUSUBI_DATABASE_URL\?/);
  });

  it('does not let a mistake in one place hide a broken rule in another', () => {
    const faults = faultsOf({
      values: { mode: 'production', publicUrl: 'http://id.example.jp', listen: { port: -1 } },
    });
    assert.ok('listen.port' in faults);
    assert.match(faults.publicUrl ?? '', /plain http/);
  });

  it('never shows a secret, not even a wrong one', () => {
    const faults = faultsOf({
      values: { ...sandbox, database: { kind: 'postgresql', url: 'mysql://u:hunter2@db/x' } },
    });
    assert.ok('database.url' in faults);
    assert.ok(!JSON.stringify(faults).includes('hunter2'));
  });

  it('asks for the whole of an optional group once a part of it is used', () => {
    const faults = faultsOf({ values: sandbox, environment: { MUSUBI_MUTUAL_TLS_PORT: '3443' } });
    assert.deepEqual(Object.keys(faults), ['mutualTls.publicUrl', 'mutualTls.certificateFile', 'mutualTls.keyFile']);
  });

  for (const [name, content, expected] of [
    ['a file that is no JSON', '{ "mode": ', /cannot be read/],
    ['a file that is a list', '[]', /the configuration must be an object/],
    ['a group that is no group', { ...sandbox, listen: 3000 }, /listen must be an object; with host, port inside/],
    ['keys that reach for prototypes', '{"__proto__": {"polluted": true}}', /__proto__ is not a setting/],
    ['a file larger than 1 MB', `"${'x'.repeat(1_048_576)}"`, /larger than 1 MB/],
  ] as const) {
    it(`refuses ${name}`, () => {
      const messages = Object.values(faultsOf({ file: write('refused.json', content) })).join('\n');
      assert.match(messages, expected);
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
    });
  }

  it('refuses a file that is not there', () => {
    assert.match(Object.values(faultsOf({ file: join(folder, 'missing.json') })).join(), /ENOENT/);
  });

  for (const [wrong, why] of [
    ['https://id.example.jp/', 'trailing slash'],
    ['https://id.example.jp/hub', 'path'],
    ['https://ID.example.jp', 'upper case'],
    ['https://user@id.example.jp', 'user'],
    ['https://id.example.jp:443', 'default port'],
    ['ftp://id.example.jp', 'another scheme'],
    ['id.example.jp', 'no scheme'],
  ]) {
    it(`refuses a public URL with ${why}`, () => {
      assert.match(faultsOf({ values: { ...sandbox, publicUrl: wrong } }).publicUrl ?? '', /must be an origin/);
    });
  }

  for (const wrong of ['10.0.0.0/33', 'fd00::/129', 'proxy.internal', '10.0.0.1/8/8', '10.0.0.1/', '']) {
    it(`refuses "${wrong}" as a trusted proxy`, () => {
      assert.ok('trustedProxies[0]' in faultsOf({ values: { ...sandbox, trustedProxies: [wrong] } }));
    });
  }

  it('reads no variable of other programs, and lets its own other variables pass', () => {
    const environment = {
      HOME: '/root',
      PORT: '1',
      MUSUBI_CONFIG: 'x',
      MUSUBI_CARD_PIN: '1',
      MUSUBI_TEST_DATABASE: 'y',
    };
    assert.deepEqual(faultsOf({ values: sandbox, environment }), {});
  });
});
