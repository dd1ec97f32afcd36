import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { encryptionKeyProblem, ensureSandboxEncryptionKey } from '../../config/encryption_key.ts';
import { ConfigurationError, loadConfiguration } from '../../config/load.ts';
import { markAsSandbox } from '../../config/sandbox_marker.ts';

let folder: string;
const path = (name: string) => join(folder, name);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'musubi-production-'));
  makeRoot('real', '/C=JP/O=JPKI/OU=JPKI for user authentication');
  makeRoot('test', '/C=JP/O=JPKI-TEST/OU=JPKI for user authentication');
  makeRoot('sandbox', '/C=JP/O=Musubi Sandbox/OU=JPKI for user authentication');
  writeKey('encryption.key', `${Buffer.alloc(32, 7).toString('base64')}\n`);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function writeKey(name: string, text: string): void {
  writeFileSync(path(name), text, { mode: 0o600 });
}

function makeRoot(name: string, subject: string): void {
  const args = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout ${path(`${name}.key`)}`;
  execFileSync('openssl', [...args.split(' '), '-out', path(`${name}.crt`), '-subj', subject], { stdio: 'ignore' });
}

function good() {
  return {
    mode: 'production',
    publicUrl: 'https://id.example.jp',
    dataFolder: path('data'),
    encryptionKeyFile: path('encryption.key'),
    database: { kind: 'postgresql', url: 'postgresql://db/musubi' } as Record<string, unknown>,
    trust: { anchors: [{ name: 'user', file: path('real.crt'), kind: 'user' }] },
    revocation: { lists: [{ anchor: 'user', url: 'http://crl.example.jp/user.crl' }] } as Record<string, unknown>,
  };
}

function faultsOf(values: Record<string, unknown>): Record<string, string> {
  try {
    loadConfiguration({ values });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return Object.fromEntries(error.faults.map((fault) => [fault.path, fault.problem]));
  }
  return {};
}

/** Exactly one fault, at `path`, that says `problem`. */
function refuses(values: Record<string, unknown>, at: string, problem: RegExp): void {
  const faults = faultsOf(values);
  assert.deepEqual(Object.keys(faults), [at]);
  assert.match(faults[at] ?? '', problem);
}

describe('production', () => {
  it('starts with a sound configuration', () => {
    const loaded = loadConfiguration({ values: good() });
    assert.equal(loaded.logging.format, 'json');
    assert.equal(loaded.relyingParties.allowLoopback, false);
    assert.deepEqual(loaded.outbound.allowedNetworks, []);
  });

  it('refuses plain http', () => refuses({ ...good(), publicUrl: 'http://id.example.jp' }, 'publicUrl', /plain http/));

  for (const name of ['test', 'sandbox']) {
    it(`refuses a root of the ${name} authority`, () => {
      const trust = { anchors: [{ name: 'user', file: path(`${name}.crt`), kind: 'user' }] };
      refuses({ ...good(), trust }, 'trust.anchors[0].file', /for tests only/);
    });
  }

  it('refuses an intermediate of the sandbox', () => {
    const real = { name: 'user', file: path('real.crt'), kind: 'user' };
    const intermediates = [{ name: 'below', file: path('sandbox.crt') }];
    const lists = ['user', 'below'].map((anchor) => ({ anchor, url: 'http://crl.example.jp/list.crl' }));
    const values = { ...good(), trust: { anchors: [real], profile: 'plain', intermediates }, revocation: { lists } };
    refuses(values, 'trust.intermediates[0].file', /for tests only/);
  });

  it('refuses the profile of the test hierarchy', () => {
    const anchors = [{ name: 'user', file: path('real.crt'), kind: 'user' }];
    refuses({ ...good(), trust: { anchors, profile: 'jpki-test' } }, 'trust.profile', /for tests only/);
    assert.equal(loadConfiguration({ values: good() }).trust.profile, 'jpki');
  });

  describe('for another community', () => {
    const anchors = () => [{ name: 'user', file: path('real.crt'), kind: 'user' }];
    const intermediates = () => [{ name: 'below', file: path('real.crt') }];

    it('takes intermediates and policies with the profile plain, and an address for every authority', () => {
      const trust = {
        anchors: anchors(),
        profile: 'plain',
        intermediates: intermediates(),
        policies: ['1.3.6.1.4.1.9'],
      };
      refuses({ ...good(), trust }, 'revocation', /neither .* "below"/);
      const lists = ['user', 'below'].map((anchor) => ({ anchor, url: 'http://crl.example.jp/list.crl' }));
      assert.deepEqual(faultsOf({ ...good(), trust, revocation: { lists } }), {});
    });

    it('refuses them where the profile is JPKI’s', () => {
      const lists = ['user', 'below'].map((anchor) => ({ anchor, url: 'http://crl.example.jp/list.crl' }));
      const values = { ...good(), revocation: { lists } };
      refuses(
        { ...values, trust: { anchors: anchors(), intermediates: intermediates() } },
        'trust.intermediates',
        /none/,
      );
      refuses({ ...good(), trust: { anchors: anchors(), policies: ['1.3.6.1.4.1.9'] } }, 'trust.policies', /its own/);
    });

    it('takes policies of phones with JPKI’s own profile only', () => {
      const trust = { anchors: anchors(), phonePolicies: ['1.2.392.200149.8.5.1.3.99'] };
      assert.deepEqual(faultsOf({ ...good(), trust }), {});
      refuses({ ...good(), trust: { ...trust, profile: 'plain' } }, 'trust.phonePolicies', /plain takes none/);
      refuses({ ...good(), trust: { ...trust, phonePolicies: ['phone'] } }, 'trust.phonePolicies[0]', /object ident/);
    });

    it('refuses a policy that is no object identifier, and an intermediate that is no certificate', () => {
      const trust = { anchors: anchors(), profile: 'plain' };
      for (const policy of ['', '1', '3.1.1', '1.02.3', '1.2.', 'anyPolicy', '1.2.3.4 ']) {
        refuses({ ...good(), trust: { ...trust, policies: [policy] } }, 'trust.policies[0]', /object identifier/);
      }
      const lists = ['user', 'below'].map((anchor) => ({ anchor, url: 'http://crl.example.jp/list.crl' }));
      const broken = [{ name: 'below', file: path('encryption.key') }];
      refuses(
        { ...good(), trust: { ...trust, intermediates: broken }, revocation: { lists } },
        'trust.intermediates[0].file',
        /no readable certificate/,
      );
    });

    it('refuses a root of kind signing, and two authorities of one name', () => {
      const signing = { name: 'signing', file: path('real.crt'), kind: 'signing' };
      const lists = ['user', 'signing'].map((anchor) => ({ anchor, url: 'http://crl.example.jp/list.crl' }));
      const trust = { anchors: [...anchors(), signing], profile: 'plain' };
      refuses({ ...good(), trust, revocation: { lists } }, 'trust.anchors[1].kind', /does not know/);
      const twice = [{ name: 'user', file: path('real.crt') }];
      refuses(
        { ...good(), trust: { anchors: anchors(), profile: 'plain', intermediates: twice } },
        'trust.anchors',
        /several/,
      );
    });
  });

  it('refuses to go without roots', () => {
    refuses({ ...good(), trust: { anchors: [] }, revocation: {} }, 'trust.anchors', /nobody could sign in/);
  });

  it('refuses signing roots alone', () => {
    const trust = { anchors: [{ name: 'user', file: path('real.crt'), kind: 'signing' }] };
    refuses({ ...good(), trust }, 'trust.anchors', /no root of kind user/);
  });

  it('refuses a root file that holds no certificate', () => {
    const trust = { anchors: [{ name: 'user', file: path('encryption.key'), kind: 'user' }] };
    refuses({ ...good(), trust }, 'trust.anchors[0].file', /no readable certificate/);
  });

  it('refuses a root that cannot be asked about revocation', () => {
    refuses({ ...good(), revocation: {} }, 'revocation', /neither a list nor a responder/);
    const responders = [{ anchor: 'user', url: 'http://ocsp.example.jp' }];
    refuses({ ...good(), revocation: { sources: ['crl'], responders } }, 'revocation', /neither/);
    assert.deepEqual(faultsOf({ ...good(), revocation: { sources: ['ocsp'], responders } }), {});
  });

  it('refuses to ask nobody', () => {
    const revocation = { ...good().revocation, sources: [] };
    refuses({ ...good(), revocation }, 'revocation.sources', /is empty/);
  });

  it('refuses a revocation policy that could never be met', () => {
    const policies = [{ name: 'online', sources: ['ocsp'] }];
    const revocation = { ...good().revocation, policies };
    refuses({ ...good(), revocation }, 'revocation', /neither .* "online"/);
    const responders = [{ anchor: 'user', url: 'http://ocsp.example.jp/' }];
    assert.deepEqual(faultsOf({ ...good(), revocation: { ...revocation, responders } }), {});
    const replaced = [{ name: 'default', sources: ['ocsp'] }];
    assert.deepEqual(faultsOf({ ...good(), revocation: { responders, policies: replaced } }), {});
  });

  it('refuses a missing encryption key', () => {
    refuses({ ...good(), encryptionKeyFile: undefined }, 'encryptionKeyFile', /is missing/);
    refuses({ ...good(), encryptionKeyFile: path('nowhere') }, 'encryptionKeyFile', /ENOENT/);
  });

  it('refuses a key of another length, and never shows it', () => {
    writeKey('short.key', Buffer.alloc(16, 9).toString('base64'));
    refuses({ ...good(), encryptionKeyFile: path('short.key') }, 'encryptionKeyFile', /32 bytes in base64/);
    assert.ok(!JSON.stringify(faultsOf({ ...good(), encryptionKeyFile: path('short.key') })).includes('CQkJ'));
  });

  it('refuses a key that the sandbox made, wherever it was copied to', () => {
    ensureSandboxEncryptionKey(path('made_by_sandbox.key'));
    copyFileSync(path('made_by_sandbox.key'), path('renamed.key'));
    refuses({ ...good(), encryptionKeyFile: path('renamed.key') }, 'encryptionKeyFile', /sandbox made/);
  });

  it('refuses a data folder that the sandbox made', () => {
    markAsSandbox(path('sandbox_data'));
    refuses({ ...good(), dataFolder: path('sandbox_data') }, 'dataFolder', /sandbox made/);
  });

  it('refuses the embedded database unless it is accepted', () => {
    refuses({ ...good(), database: { kind: 'embedded' } }, 'database.kind', /power fails/);
    assert.deepEqual(faultsOf({ ...good(), database: { kind: 'embedded', acceptEmbedded: true } }), {});
  });

  it('refuses a card agent on another machine by plain http', () => {
    for (const url of ['http://agent.example.jp', 'http://127.0.0.1.example.jp:1', 'http://10.0.0.1']) {
      refuses({ ...good(), signIn: { cardAgentUrls: [url] } }, 'signIn.cardAgentUrls[0]', /plain http/);
    }
    const cardAgentUrls = [
      'http://127.0.0.1:35975',
      'http://localhost:1',
      'http://[::1]:1',
      'https://agent.example.jp',
    ];
    assert.deepEqual(faultsOf({ ...good(), signIn: { cardAgentUrls } }), {});
  });

  it('refuses mail in the clear to another machine, half a login, and files that hold nothing', () => {
    const passwordFile = path('mail.password');
    writeFileSync(passwordFile, 'several words\n');
    const mail = { host: 'smtp.example.jp', user: 'musubi', passwordFile, from: 'notices@id.example.jp' };
    loadConfiguration({ values: { ...good(), mail: { ...mail, authorityFile: path('real.crt') } } });
    const wrong = (change: Record<string, unknown>) => ({ ...good(), mail: { ...mail, ...change } });
    refuses(wrong({ security: 'none' }), 'mail.security', /another machine/);
    for (const host of ['localhost', '127.0.0.1', '::1']) {
      assert.deepEqual(faultsOf(wrong({ security: 'none', host })), {});
    }
    for (const host of ['127.0.0.1.example.jp', 'localhost.example.jp', '10.0.0.1']) {
      refuses(wrong({ security: 'none', host }), 'mail.security', /another machine/);
    }
    refuses(wrong({ user: undefined }), 'mail.user', /missing/);
    refuses(wrong({ passwordFile: undefined }), 'mail.passwordFile', /missing/);
    refuses(wrong({ passwordFile: path('missing') }), 'mail.passwordFile', /no password/);
    refuses(wrong({ authorityFile: passwordFile }), 'mail.authorityFile', /no readable certificate/);
    for (const from of [
      'notices',
      'notices@',
      'a@b@example.jp',
      'x@example.jp\r\nBcc: y@example.jp',
      '<a@example.jp>',
    ]) {
      refuses(wrong({ from }), 'mail.from', /must be a mail address/);
    }
  });

  it('refuses a linkage service by plain http, without a secret, or without the keys that its answers are signed with', () => {
    const files = { token: path('linkage.token'), keys: path('linkage.jwks'), junk: path('linkage.junk') };
    writeFileSync(files.token, 'secret\n');
    writeFileSync(files.keys, '{"keys":[{"kty":"EC"}]}');
    writeFileSync(files.junk, '');
    const linkage = { url: 'https://linkage.example.jp', tokenFile: files.token, keysFile: files.keys };
    loadConfiguration({ values: { ...good(), linkage } });
    const wrong = (change: Partial<typeof linkage>) => ({ ...good(), linkage: { ...linkage, ...change } });
    refuses(wrong({ url: 'http://linkage.example.jp' }), 'linkage.url', /plain http/);
    const latest = { ...linkage, latestAttributesUrl: 'http://attributes.example.jp' };
    refuses({ ...good(), linkage: latest }, 'linkage.latestAttributesUrl', /plain http/);
    refuses(wrong({ tokenFile: files.junk }), 'linkage.tokenFile', /no secret/);
    refuses(wrong({ tokenFile: path('missing') }), 'linkage.tokenFile', /no secret/);
    refuses(wrong({ keysFile: files.junk }), 'linkage.keysFile', /no JSON Web Key Set/);
  });

  it('refuses what is for development only', () => {
    refuses({ ...good(), relyingParties: { allowLoopback: true } }, 'relyingParties.allowLoopback', /development/);
    refuses({ ...good(), outbound: { allowPlainHttp: true } }, 'outbound.allowPlainHttp', /development/);
  });

  it('tells all of it at once', () => {
    markAsSandbox(path('sandbox_data'));
    const faults = faultsOf({
      publicUrl: 'http://id.example.jp',
      dataFolder: path('sandbox_data'),
      trust: { anchors: [{ name: 'user', file: path('sandbox.crt'), kind: 'user' }] },
      relyingParties: { allowLoopback: true },
      signIn: { cardAgentUrls: ['http://agent.example.jp'] },
    });
    assert.deepEqual(Object.keys(faults).sort(), [
      'dataFolder',
      'database.kind',
      'encryptionKeyFile',
      'publicUrl',
      'relyingParties.allowLoopback',
      'revocation',
      'signIn.cardAgentUrls[0]',
      'trust.anchors[0].file',
    ]);
  });
});

describe('rules in every mode', () => {
  const sandbox = { mode: 'sandbox', publicUrl: 'http://localhost:3000' };

  it('PostgreSQL needs an address', () => {
    refuses({ ...sandbox, database: { kind: 'postgresql' } }, 'database.url', /is missing/);
  });

  it('lists and responders name a root that is pinned', () => {
    const revocation = { lists: [{ anchor: 'usr', url: 'http://localhost/x' }] };
    refuses({ ...sandbox, revocation }, 'revocation.lists[0].anchor', /names "usr"/);
  });

  it('wants revocation policies whole, of different names, and acr values that lead to one', () => {
    const online = { name: 'online', sources: ['ocsp'] };
    const refusesPolicies = (revocation: object, path: string, problem: RegExp) =>
      refuses({ ...sandbox, revocation }, path, problem);
    refusesPolicies({ policies: [online, online] }, 'revocation.policies[1].name', /another/);
    for (const sources of [[], ['crl', 'crl']]) {
      refusesPolicies({ policies: [{ ...online, sources }] }, 'revocation.policies[0].sources', /empty or names/);
    }
    const policyByAcr = [{ acr: 'urn:x', policy: 'onlin' }];
    refusesPolicies({ policies: [online], policyByAcr }, 'revocation.policyByAcr[0].policy', /no policy/);
    const twice = [
      { acr: 'urn:x', policy: 'online' },
      { acr: 'urn:x', policy: 'default' },
    ];
    refusesPolicies({ policies: [online], policyByAcr: twice }, 'revocation.policyByAcr[1].acr', /twice/);
  });

  it('two roots do not share a name', () => {
    const anchor = { name: 'user', file: path('sandbox.crt'), kind: 'user' };
    refuses({ ...sandbox, trust: { anchors: [anchor, anchor] } }, 'trust.anchors', /several roots named "user"/);
  });

  it('the mutual-TLS listener has an origin of its own and readable files', () => {
    const mutualTls = {
      publicUrl: sandbox.publicUrl,
      certificateFile: path('real.crt'),
      keyFile: path('none.key'),
    };
    const faults = faultsOf({ ...sandbox, mutualTls });
    assert.deepEqual(Object.keys(faults).sort(), ['mutualTls.keyFile', 'mutualTls.publicUrl']);
  });
});

describe('the encryption key file', () => {
  it('is made once by the sandbox, for its owner only, and stays the same', () => {
    ensureSandboxEncryptionKey(path('once.key'));
    const first = readFileSync(path('once.key'), 'utf8');
    ensureSandboxEncryptionKey(path('once.key'));
    assert.equal(readFileSync(path('once.key'), 'utf8'), first);
    assert.equal(statSync(path('once.key')).mode & 0o777, 0o600);
    assert.equal(encryptionKeyProblem(path('once.key')), undefined);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('draft')),
      [],
    );
  });

  const key = Buffer.alloc(32, 7).toString('base64');

  it('may hold the next key on another line', () => {
    writeKey('two.key', `${key}\n# 2027\n${Buffer.alloc(32, 8).toString('base64')}\n`);
    assert.equal(encryptionKeyProblem(path('two.key')), undefined);
  });

  it('is refused when everybody may read it', () => {
    writeKey('open.key', key);
    chmodSync(path('open.key'), 0o644);
    assert.match(encryptionKeyProblem(path('open.key')) ?? '', /everybody/);
  });

  for (const [what, text] of [
    ['is empty', ''],
    ['holds only a comment', '# nothing\n'],
    ['is base64url', Buffer.alloc(32, 255).toString('base64url')],
    ['has characters that decoding would drop', `${key}!`],
    ['has something else on the second line', `${key}\nhello\n`],
    ['is far too large', `${key}\n`.repeat(1000)],
  ] as const) {
    it(`is refused when it ${what}`, () => {
      writeKey('refused.key', text);
      assert.match(encryptionKeyProblem(path('refused.key')) ?? '', /32 bytes|too large/);
    });
  }
});
