import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import type { ShownLink } from '../../provider/identity/link_administration.ts';
import { type ErrorCode, jaErrors } from '../../views/words/ja_errors.ts';
import { newDataFolder, type SandboxProcess, startSandboxProcess, until } from '../support/sandbox_process.ts';
import { projectFolder } from '../support/suites.ts';
import {
  authorize,
  newSignIn,
  REDIRECT_URI,
  type RelyingParty,
  redeem,
  registerParty,
  subjectOf,
} from './plain_sign_in.ts';

const SCRIPT = 'docs/examples/sign_in.sh';

let sandbox: SandboxProcess;
let party: RelyingParty;
let remove: () => Promise<void>;

before(async () => {
  const folder = await newDataFolder();
  remove = folder.remove;
  sandbox = await startSandboxProcess({
    dataFolder: folder.dataFolder,
    environment: { MUSUBI_RATE_LIMITS_SIGN_IN_ATTEMPTS: '100000', MUSUBI_RATE_LIMITS_UNAUTHENTICATED_WRITES: '100000' },
  });
  await until('the revocation lists are there', async () => (await fetch(`${sandbox.issuer}/readyz`)).ok);
  party = await registerParty(sandbox);
});
after(async () => {
  await sandbox?.end('SIGTERM');
  await remove?.();
});

/** `musubi …` on this sandbox; its standard output, as JSON where `--json` is among the words. */
async function musubi(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await sandbox.command(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await musubi(...args, '--json')) as T;
}

const attempt = (card: string) => authorize(sandbox, newSignIn(party, card));

async function assertSignsIn(card: string): Promise<void> {
  const signIn = newSignIn(party, card);
  assert.ok('code' in (await authorize(sandbox, signIn)), `${card} signs in`);
  await redeem(sandbox.issuer, signIn);
}

/** The sandbox's hub looks at the lists every ten seconds. */
async function untilRefused(card: string, code: ErrorCode): Promise<void> {
  await until(
    `${card} is refused`,
    async () => {
      const outcome = await attempt(card);
      return 'refused' in outcome && outcome.refused === jaErrors[code].title;
    },
    40_000,
  );
}

describe('musubi client, while the hub runs', () => {
  it('adds a relying party that the hub knows at once, shows it without its secret, and removes it', async () => {
    const { clientId, clientSecret } = await registerParty(sandbox, { client_name: 'Minna Library' });
    assert.match(clientSecret, /^[\w-]{32,}$/);
    const query = new URLSearchParams({
      ...{ client_id: clientId, redirect_uri: REDIRECT_URI, response_type: 'code', scope: 'openid' },
      ...{ code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' },
    });
    const request = () => fetch(`${sandbox.issuer}/authorize?${query}`);
    assert.match(await (await request()).text(), /Minna Library/);

    const listed = await json<{ client_id: string }[]>('client', 'list');
    assert.ok(listed.some(({ client_id }) => client_id === clientId));
    assert.match(await musubi('client', 'list'), /Minna Library/);
    const shown = await json<Record<string, unknown>>('client', 'show', clientId);
    assert.equal(shown.client_name, 'Minna Library');
    for (const text of [JSON.stringify(shown), JSON.stringify(listed)]) assert.ok(!text.includes(clientSecret));

    assert.match(await musubi('client', 'remove', clientId), new RegExp(clientId));
    const gone = await request();
    assert.equal(gone.status, 400);
    assert.ok((await gone.text()).includes(jaErrors.unregistered_relying_party.title));
  });

  const invalid: Record<string, [string, RegExp]> = {
    'no redirect address': ['{"client_name":"x"}', /redirect_uris/],
    'a redirect address of a scheme that is not allowed': [
      '{"redirect_uris":["javascript:alert(1)"]}',
      /javascript:alert\(1\)/,
    ],
    'an algorithm that does not exist': [
      '{"redirect_uris":["https://rp.example/"],"id_token_signed_response_alg":"ROT13"}',
      /id_token_signed_response_alg/,
    ],
    'a field that is not known': ['{"redirect_uris":["https://rp.example/"],"redirct_uri":"x"}', /redirct_uri/],
    'no JSON': ['{"redirect_uris":', /JSON/],
    'a list': ['[]', /./],
  };
  for (const [what, [metadata, message]] of Object.entries(invalid)) {
    it(`refuses metadata with ${what}, clearly, and adds nothing`, async () => {
      const before = await musubi('client', 'list');
      const file = join(sandbox.dataFolder, 'invalid.json');
      writeFileSync(file, metadata);
      const { code, stdout, stderr } = await sandbox.command('client', 'add', file);
      assert.equal(code, 1, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^musubi: /);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /should not have happened|at file:|at async/);
      assert.equal(await musubi('client', 'list'), before);
    });
  }

  for (const action of ['show', 'remove']) {
    it(`says of a relying party that is not there that it cannot ${action} it`, async () => {
      const { code, stderr } = await sandbox.command('client', action, 'nobody');
      assert.equal(code, 1);
      assert.match(stderr, /^musubi: .*nobody/);
    });
  }
});

describe('musubi keys, while the hub runs', () => {
  const published = async () => {
    const { keys } = (await (await fetch(`${sandbox.issuer}/jwks`)).json()) as { keys: { kid: string; d?: string }[] };
    return keys;
  };

  it('lists what is published, and a rotation is published at once beside the old keys', async () => {
    const listed = await json<{ kid: string; purpose: string }[]>('keys', 'list');
    const ofTokens = listed.filter(({ purpose }) => purpose === 'oidc');
    const before = await published();
    assert.deepEqual(ofTokens.map(({ kid }) => kid).sort(), before.map(({ kid }) => kid).sort());
    const made = await json<{ kid: string; alg: string }[]>('keys', 'rotate', '--algorithm', 'ES256');
    assert.deepEqual(
      made.map(({ alg }) => alg),
      ['ES256'],
    );
    const now = await published();
    assert.deepEqual(now.map(({ kid }) => kid).sort(), [...before, ...made].map(({ kid }) => kid).sort());
    assert.ok(now.every((key) => key.d === undefined));
    await assertSignsIn('taro');
  });

  it('rotate the key of SAML messages only when told to, a week ahead, and never into the keys of tokens', async () => {
    const before = await published();
    const [made] = await json<{ purpose: string; created: string; signsFrom: string }[]>(
      ...['keys', 'rotate', '--purpose', 'saml'],
    );
    assert.equal(made?.purpose, 'saml');
    assert.ok(Date.parse(made.signsFrom) - Date.parse(made.created) > 6.9 * 86_400_000);
    assert.deepEqual(await published(), before);
    for (const wrong of [
      ['--purpose', 'wsfed'],
      ['--purpose', 'saml', '--algorithm', 'ES256'],
    ]) {
      assert.notEqual((await sandbox.command('keys', 'rotate', ...wrong)).code, 0);
    }
  });

  it('refuse an algorithm that the hub does not sign with', async () => {
    const { code, stderr } = await sandbox.command('keys', 'rotate', '--algorithm', 'HS256');
    assert.equal(code, 1);
    assert.match(stderr, /algorithm/);
  });
});

describe('musubi sandbox citizen, while the hub runs', () => {
  it('revoke: the card signs in no more as soon as the hub has looked at the list again', async () => {
    await assertSignsIn('ichiro');
    await musubi('sandbox', 'citizen', 'revoke', 'ichiro', '--reason', 'keyCompromise');
    await untilRefused('ichiro', 'certificate_revoked');
    assert.match(await musubi('sandbox', 'citizen', 'list'), /ichiro +revoked/);
  });

  it('renew: the new card signs in, and the old one is told that it was renewed', async () => {
    const card = (name: string) => join(sandbox.dataFolder, 'cards', `${name}.card.json`);
    await assertSignsIn('tanaka-sub');
    // The new card takes the old one's place in the folder; the person still has the old one in a drawer.
    const old = readFileSync(card('tanaka-sub'), 'utf8');
    writeFileSync(card('tanaka-sub-old'), old.replace('"tanaka-sub"', '"tanaka-sub-old"'));
    await musubi('sandbox', 'citizen', 'renew', 'tanaka-sub');
    await assertSignsIn('tanaka-sub');
    await untilRefused('tanaka-sub-old', 'certificate_superseded');
  });

  it('renew: the person of the old card stays the same, as musubi linkage tells, until an operator undoes it', async () => {
    const subOf = async () => {
      const signIn = newSignIn(party, 'hanako');
      assert.ok('code' in (await authorize(sandbox, signIn)));
      await redeem(sandbox.issuer, signIn);
      return subjectOf(signIn);
    };
    const before = await subOf();
    await musubi('sandbox', 'citizen', 'renew', 'hanako');
    assert.equal(await subOf(), before);
    const [link] = await json<ShownLink[]>('linkage', 'list');
    assert.ok(link);
    assert.match(
      await musubi('linkage', 'list'),
      new RegExp(`^CERTIFICATE.*\\n${link.certificate} +linkage +${link.by} `, 'i'),
    );
    assert.match(await musubi('linkage', 'undo', link.certificate), /is undone/);
    assert.ok('refused' in (await attempt('hanako')));
    const again = await sandbox.command('linkage', 'undo', link.certificate);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^musubi: There is no newest link/);
  });

  it('issue: the new citizen signs in', async () => {
    await musubi('sandbox', 'citizen', 'issue', 'natsuko');
    await assertSignsIn('natsuko');
  });

  it('refuses a reason that does not exist, and a citizen who does not', async () => {
    const reason = await sandbox.command('sandbox', 'citizen', 'revoke', 'taro', '--reason', 'boredom');
    assert.equal(reason.code, 1);
    assert.match(reason.stderr, /reason/);
    const citizen = await sandbox.command('sandbox', 'citizen', 'revoke', 'nobody', '--reason', 'superseded');
    assert.equal(citizen.code, 1);
    assert.match(citizen.stderr, /^musubi: There is no citizen of that name/);
    await assertSignsIn('taro');
  });
});

describe('a command beside a hub that has stopped', () => {
  it('opens the database itself, and finds what the hub had written', async () => {
    const { dataFolder, remove: removeFolder } = await newDataFolder();
    const stopped = await startSandboxProcess({ dataFolder });
    try {
      const { clientId } = await registerParty(stopped, { client_name: 'Before the end' });
      const keys = await stopped.command('keys', 'list', '--json');
      assert.equal(await stopped.end('SIGTERM'), 0);
      const shown = await stopped.command('client', 'show', clientId);
      assert.equal(shown.code, 0, shown.stderr);
      assert.match(shown.stdout, /Before the end/);
      assert.deepEqual(await stopped.command('keys', 'list', '--json'), keys);
    } finally {
      await stopped.end('SIGKILL');
      await removeFolder();
    }
  });
});

describe('a sign-in by script', () => {
  const runScript = (environment: Record<string, string> = {}) =>
    spawnSync('bash', [SCRIPT], {
      cwd: projectFolder,
      encoding: 'utf8',
      env: { ...process.env, HUB: sandbox.issuer, MUSUBI_DATA_FOLDER: sandbox.dataFolder, ...environment },
    });

  it('as in docs/examples, gives tokens and the agreed claim', () => {
    const { status, stdout, stderr } = runScript();
    assert.equal(status, 0, stderr);
    const [tokens = {}, userinfo = {}] = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(tokens.token_type, 'Bearer');
    const { acr, sub } = decodeJwt(String(tokens.id_token));
    assert.equal(acr, 'aal3');
    assert.equal(userinfo.sub, sub);
    assert.equal((userinfo.card_status as { status: string }).status, 'good');
  });

  it('says what the hub said when the card is refused', () => {
    const { status, stdout, stderr } = runScript({ CARD: 'jiro' });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.ok(stderr.includes(`The hub says: ${jaErrors.certificate_on_hold.title}`), stderr);
  });

  it('ends with the card’s own words when the PIN is wrong', () => {
    const { status, stdout, stderr } = runScript({ CARD: 'hanako', PIN: '0000' });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /PIN is wrong/);
  });

  it('is in the README line by line', () => {
    const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8');
    const block = /## Sign in from a script.*?```sh\n(.*?)```/s.exec(readme)?.[1] ?? '';
    const script = readFileSync(join(projectFolder, SCRIPT), 'utf8').split('\n');
    const lines = block.split('\n').filter(Boolean);
    assert.ok(lines.length >= 10);
    let at = -1;
    for (const line of lines) {
      const next = script.indexOf(line, at + 1);
      assert.ok(next > at, `this line of the README is not in ${SCRIPT} at its place: ${line}`);
      at = next;
    }
  });
});
