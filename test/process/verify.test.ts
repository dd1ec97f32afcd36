import assert from 'node:assert/strict';
import { randomUUID, sign } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hubSettings } from '../../adapters/sandbox/hub_settings.ts';
import { encodePem, issueUserCertificate } from '../../adapters/sandbox/pki/index.ts';
import { ensureWebTls } from '../../adapters/sandbox/web_tls.ts';
import type { Explanation } from '../../provider/authentication/explain_verification.ts';
import type { ImportedList, ShownList } from '../../provider/authentication/list_administration.ts';
import { draftSignedDocument } from '../../provider/pki/index.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import { openssl } from '../adapters/sandbox/pki/openssl.ts';
import { type } from '../provider/command_line/terminal.ts';
import { root } from '../provider/pki/fixtures.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { newDataFolder, type SandboxProcess, startSandboxProcess, until } from '../support/sandbox_process.ts';

const NONCE = Buffer.alloc(72, 7).toString('base64');

let sandbox: SandboxProcess;
let remove: () => Promise<void>;

before(async () => {
  const folder = await newDataFolder();
  remove = folder.remove;
  sandbox = await startSandboxProcess({ dataFolder: folder.dataFolder });
  await until('the revocation lists are there', async () => (await fetch(`${sandbox.issuer}/readyz`)).ok);
});
after(async () => {
  await sandbox?.end('SIGKILL');
  await remove?.();
});

function write(name: string, content: string | Uint8Array): string {
  const file = join(sandbox.dataFolder, name);
  writeFileSync(file, content);
  return file;
}

/** The user certificate (or the signing one) of a citizen, as its card has it. */
function certificateOf(card: string, kind: 'user' | 'signing' = 'user'): Buffer {
  return certificateIn(join(sandbox.dataFolder, 'cards'), card, kind);
}

function certificateIn(cardsFolder: string, card: string, kind: 'user' | 'signing'): Buffer {
  const stored = JSON.parse(readFileSync(join(cardsFolder, `${card}.card.json`), 'utf8'));
  return Buffer.from(stored[kind].certificate, 'base64');
}

async function tokenFile(card: string, origin = sandbox.issuer): Promise<string> {
  const signed = await type([
    ...['card', 'sign', '--card', card, '--pin', '1234', '--origin', origin, '--nonce', NONCE],
    ...['--data', sandbox.dataFolder],
  ]);
  assert.equal(signed.code, 0, signed.err);
  return write(`${card}.token.json`, signed.out);
}

const verify = (...args: string[]) => type(['verify', ...args, '--data', sandbox.dataFolder]);

/** What came of each step, in words short enough to compare. */
async function explain(...args: string[]): Promise<{ code: number; steps: string[]; explanation: Explanation }> {
  const { code, out, err } = await verify(...args, '--json');
  assert.notEqual(out, '', err);
  const explanation = JSON.parse(out) as Explanation;
  assert.equal(code, explanation.accepted ? 0 : 1);
  return { code, explanation, steps: explanation.steps.map((each) => `${each.step} ${each.code ?? each.result}`) };
}

const CHECKS = ['structure', 'profile', 'key-usage', 'policy', 'validity', 'path', 'revocation'];
const passed = (steps: string[]) => steps.map((step) => `${step} passed`);
const failingAt = (step: string, code: string) => {
  const at = CHECKS.indexOf(step);
  return [
    ...passed(CHECKS.slice(0, at)),
    `${step} ${code}`,
    ...CHECKS.slice(at + 1).map((each) => `${each} not-reached`),
  ];
};

describe('musubi verify, of a certificate', () => {
  it('that is good, in DER or PEM, tells every step with its anchor, source, freshness and policy', async () => {
    const der = certificateOf('taro');
    for (const file of [write('taro.der', der), write('taro.pem', `taro\n${encodePem('CERTIFICATE', der)}`)]) {
      const { code, out } = await verify(file);
      assert.equal(code, 0);
      const instant = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`;
      assert.match(out, /^profile +passed +jpki-user-test$/m);
      assert.match(out, /^path +passed +anchor user-3$/m);
      assert.match(
        out,
        new RegExp(`^revocation +passed +good by crl of ${instant}, next ${instant}, policy default$`, 'm'),
      );
      assert.match(out, /^It would be accepted from whoever proves to hold its key\.$/m);
    }
    assert.deepEqual((await explain(write('taro.der', der))).steps, passed(CHECKS));
  });

  const refused: [string, () => Promise<Uint8Array> | Uint8Array, string[]][] = [
    ['that is revoked', () => certificateOf('umeko'), failingAt('revocation', 'certificate_revoked')],
    ['that was renewed', () => certificateOf('keiko-old'), failingAt('revocation', 'certificate_superseded')],
    ['that has expired', () => certificateOf('saburo'), failingAt('validity', 'certificate_expired')],
    ['of a root that has expired', () => certificateOf('mukashi'), failingAt('path', 'certificate_anchor_expired')],
    ['for signing', () => certificateOf('taro', 'signing'), failingAt('profile', 'certificate_is_signing')],
    [
      'of a root that nobody pinned',
      async () => (await issueUserCertificate(await root('stranger'), { key: await rsaKey('citizen') })).der,
      failingAt('path', 'certificate_untrusted'),
    ],
    ['that is cut', () => certificateOf('taro').subarray(0, 900), failingAt('structure', 'certificate_malformed')],
    ['that is none', () => Buffer.from('hello'), failingAt('structure', 'certificate_malformed')],
    ['that is empty', () => Buffer.alloc(0), failingAt('structure', 'certificate_malformed')],
    ['of a megabyte', () => Buffer.alloc(1_048_576, 0x30), failingAt('structure', 'certificate_too_large')],
    [
      'in PEM without an end',
      () => Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n'),
      failingAt('structure', 'certificate_malformed'),
    ],
  ];
  for (const [which, make, steps] of refused) {
    it(`${which} names the step that would refuse it, and those that would not be reached`, async () => {
      assert.deepEqual((await explain(write('refused', await make()))).steps, steps);
    });
  }

  it('judges a signing certificate by its own roots and lists', async () => {
    const signing = write('signing.der', certificateOf('taro', 'signing'));
    const { code, explanation } = await explain(signing, '--profile', 'signing');
    assert.equal(code, 0);
    assert.equal(explanation.profile, 'jpki-signing-test');
    assert.equal(explanation.steps.find(({ step }) => step === 'path')?.detail, 'anchor signing-3');
    const user = write('user.der', certificateOf('taro'));
    assert.deepEqual((await explain(user, '--profile', 'signing')).steps, failingAt('profile', 'certificate_is_user'));
  });

  it('never shows the certificate, its serial or whose it is', async () => {
    for (const [card, kind] of [
      ['taro', 'user'],
      ['taro', 'signing'],
      ['umeko', 'user'],
    ] as const) {
      const der = certificateOf(card, kind);
      const file = write('private.der', der);
      for (const args of [[], ['--json'], ['--profile', 'signing']]) {
        const { out, err } = await verify(file, ...args);
        const shown = out + err;
        const serial = der.subarray(15, 19).toString('hex');
        for (const secret of [serial, der.toString('base64').slice(200, 230), '山田', 'Yamada']) {
          assert.ok(!shown.toLowerCase().includes(secret.toLowerCase()), secret);
        }
        assert.doesNotMatch(shown, /cessation|affiliation|keyCompromise/i);
      }
    }
  });

  it('refuses what cannot be asked: a profile, policy or file that is not there', async () => {
    const file = write('taro.der', certificateOf('taro'));
    assert.equal((await verify(file, '--profile', 'boss')).code, 2);
    assert.equal((await verify()).code, 2);
    const policy = await verify(file, '--policy', 'nonsense');
    assert.equal(policy.code, 1);
    assert.match(policy.err, /revocation_policy_unknown/);
    assert.match((await verify(join(sandbox.dataFolder, 'nothing'))).err, /ENOENT/);
  });
});

describe('musubi verify, of a token', () => {
  const good = ['challenge not-checked', 'token passed', 'origin passed', ...passed(CHECKS.slice(0, 6))];

  it('that answers the challenge for this hub is good, as far as can be told without the browser', async () => {
    const { steps, code } = await explain(await tokenFile('taro'), '--origin', sandbox.issuer, '--nonce', NONCE);
    assert.deepEqual(steps, [...good, 'signature passed', 'revocation passed']);
    assert.equal(code, 0);
    assert.match((await verify(await tokenFile('taro'), '--nonce', NONCE)).out, /accepted, once, in answer to/);
  });

  it('that was signed for another origin, or another challenge, fails by its signature', async () => {
    const relayed = await tokenFile('taro', 'https://evil.example');
    const fails = [...good, 'signature token_signature_invalid', 'revocation not-reached'];
    assert.deepEqual((await explain(relayed, '--nonce', NONCE)).steps, fails);
    const other = Buffer.alloc(72, 8).toString('base64');
    assert.deepEqual((await explain(await tokenFile('taro'), '--nonce', other)).steps, fails);
  });

  it('that is said to be for another origin is refused whatever its signature', async () => {
    const relayed = await tokenFile('taro', 'https://evil.example');
    const { steps } = await explain(relayed, '--origin', 'https://evil.example', '--nonce', NONCE);
    assert.deepEqual(steps.slice(1, 4), ['token passed', 'origin token_origin_foreign', 'structure not-reached']);
  });

  it('of a revoked card proves its key and is refused by the list', async () => {
    const { steps } = await explain(await tokenFile('umeko'), '--nonce', NONCE);
    assert.deepEqual(steps.slice(-2), ['signature passed', 'revocation certificate_revoked']);
  });

  it('that is none is refused before anything else', async () => {
    for (const content of ['{}', '{"format":"web-eid:1"', '']) {
      const { steps } = await explain(write('bad.json', content), '--nonce', NONCE);
      assert.deepEqual(steps.slice(0, 3), ['challenge not-checked', 'token token_malformed', 'origin not-reached']);
    }
  });

  it('is not looked at without the challenge, or as a signing certificate’s', async () => {
    const file = await tokenFile('taro');
    for (const args of [[file], [file, '--nonce', NONCE, '--profile', 'signing']]) {
      const { code, err } = await verify(...args);
      assert.equal(code, 2);
      assert.match(err, /See musubi verify --help/);
    }
  });
});

describe('musubi verify, of a signed document', () => {
  const FORM = '{"name":"山田　太郎"}';
  const SIGNED = ['document', 'signer', 'signature'];
  const ALL = [...SIGNED, ...CHECKS, 'attributes'];
  const failing = (step: string, code: string) => {
    const at = ALL.indexOf(step);
    return [...passed(ALL.slice(0, at)), `${step} ${code}`, ...ALL.slice(at + 1).map((each) => `${each} not-reached`)];
  };
  const signed = async (card: string): Promise<string> => {
    const form = write(`${card}.form.json`, FORM);
    const out = `${form}.p7s`;
    const { code, err } = await type(
      ['card', 'sign-document', form, '--card', card, '--out', out, '--data', sandbox.dataFolder],
      { environment: { MUSUBI_CARD_PASSWORD: 'abc123' } },
    );
    assert.equal(code, 0, err);
    return out;
  };

  it('that a card signed tells every step, and of the attributes which are there', async () => {
    const file = await signed('taro');
    const { code, out } = await verify(file);
    assert.equal(code, 0, out);
    assert.match(out, /^document +passed +26 octets, signed \d{4}-\d\d-\d\dT[\d:]+Z by the signer’s clock$/m);
    assert.match(out, /^profile +passed +jpki-signing-test$/m);
    assert.match(out, /^path +passed +anchor signing-3$/m);
    assert.match(out, /^revocation +passed +good by crl of /m);
    assert.match(out, /^attributes +passed +name, address, birthdate, gender$/m);
    assert.match(out, /^It would be accepted as signed by the person of its certificate\.$/m);
    const { steps, explanation } = await explain(file, '--profile', 'signing');
    assert.deepEqual(steps, passed(ALL));
    assert.equal(explanation.presented, 'document');
  });

  it('is verified by openssl too, by the same root', async () => {
    const stored = JSON.parse(readFileSync(join(sandbox.dataFolder, 'cards', 'taro.card.json'), 'utf8'));
    const pem = encodePem('CERTIFICATE', Buffer.from(stored.authority.signing, 'base64'));
    const { code, output, produced } = await openssl(
      [...'cms -verify -cades -inform DER -binary -purpose any -CAfile root.pem -in in.p7s -out content'.split(' ')],
      { 'in.p7s': readFileSync(await signed('taro')), 'root.pem': pem },
      'content',
    );
    assert.equal(code, 0, output);
    assert.equal(produced.toString('utf8'), FORM);
  });

  it('that was changed is refused where the change is found', async () => {
    const document = readFileSync(await signed('taro'));
    const changed = Buffer.from(document);
    changed[document.indexOf('name')] = 0x4e;
    assert.deepEqual((await explain(write('changed.p7s', changed))).steps, failing('document', 'cms_digest'));
    const forged = Buffer.from(document);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    assert.deepEqual((await explain(write('forged.bin', forged))).steps, failing('signature', 'cms_signature'));
    const cut = write('cut.bin', document.subarray(0, 300));
    assert.deepEqual((await explain(cut)).steps, failing('document', 'cms_malformed'));
    for (const junk of ['', 'hello', FORM]) {
      assert.deepEqual((await explain(write('junk.p7s', junk))).steps, failing('document', 'cms_malformed'));
    }
    const large = write('large.p7s', Buffer.alloc(1_048_576, 0x30));
    assert.deepEqual((await explain(large)).steps, failing('document', 'cms_too_large'));
  });

  it('of a person who has moved is refused by the list, which does not say so', async () => {
    const { out } = await verify(await signed('hanako'));
    assert.match(out, /^revocation +failed +certificate_revoked: by crl of /m);
    assert.match(out, /^attributes +not reached$/m);
    assert.doesNotMatch(out, /affiliation/i);
  });

  it('that was signed with the user key is refused, whatever it says', async () => {
    const stored = JSON.parse(readFileSync(join(sandbox.dataFolder, 'cards', 'taro.card.json'), 'utf8'));
    const { certificate, privateKey } = stored.user;
    const draft = draftSignedDocument(Buffer.from(FORM), Buffer.from(certificate, 'base64'), Date.now());
    const document = draft.complete(sign('sha256', draft.toBeSigned, privateKey));
    assert.deepEqual((await explain(write('user.p7s', document))).steps, failing('profile', 'certificate_is_user'));
  });

  it('cannot be signed with a card that has no signing certificate', async () => {
    const form = write('mei.json', FORM);
    const { code, err } = await type([
      ...['card', 'sign-document', form, '--card', 'mei', '--password', 'ABC123', '--data', sandbox.dataFolder],
    ]);
    assert.equal(code, 1);
    assert.match(err, /card_signing_missing/);
  });

  it('is not judged as a user certificate’s', async () => {
    const { code, err } = await verify(await signed('taro'), '--profile', 'user');
    assert.equal(code, 2);
    assert.match(err, /signed by a signing certificate/);
  });

  it('never shows what it says, who signed, or any attribute', async () => {
    const der = certificateOf('taro', 'signing');
    for (const args of [[], ['--json']]) {
      const { out, err } = await verify(await signed('taro'), ...args);
      const shown = (out + err).toLowerCase();
      const serial = der.subarray(15, 19).toString('hex');
      for (const secret of [serial, der.toString('base64').slice(200, 230), '山田', '千代田', '1985', 'male', '"1"']) {
        assert.ok(!shown.includes(secret.toLowerCase()), secret);
      }
    }
  });
});

describe('musubi crl', () => {
  const crl = (...args: string[]) => type(['crl', ...args, '--data', sandbox.dataFolder]);

  it('status tells of every list how fresh it is, and ends well when all are', async () => {
    const { code, out } = await crl('status', '--json');
    assert.equal(code, 0, out);
    const lists = JSON.parse(out) as ShownList[];
    assert.ok(lists.length >= 2);
    for (const { state, from, number } of lists) {
      assert.deepEqual([state, new URL(from).protocol, /^\d+$/.test(number ?? '')], ['fresh', 'http:', true]);
    }
    assert.match((await crl('status')).out, /^ROOT +SCOPE +NUMBER +ENTRIES +ISSUED/);
  });

  it('import takes a newer list, says what it brought, and refuses an older one with the reason', async () => {
    const [list] = (JSON.parse((await crl('status', '--json')).out) as ShownList[]).filter(
      // The generation that has issued the sandbox's cards.
      ({ anchor, scope }) => anchor === 'user-3' && scope === 'full',
    );
    assert.ok(list);
    const older = write('older.crl', Buffer.from(await (await fetch(list.from)).arrayBuffer()));
    const revoked = await type([
      'sandbox',
      'citizen',
      'revoke',
      'taro',
      '--reason',
      'certificateHold',
      '--data',
      sandbox.dataFolder,
    ]);
    assert.equal(revoked.code, 0, revoked.err);
    const newer = write('newer.crl', Buffer.from(await (await fetch(list.from)).arrayBuffer()));

    const taken = await crl('import', newer, '--json');
    // The hub looks every ten seconds, and may have been faster.
    const { anchor, isNew, added } = JSON.parse(taken.out) as ImportedList;
    assert.equal(anchor, list.anchor);
    if (isNew) assert.equal(added, 1);
    const shown = JSON.parse((await crl('status', '--json')).out) as ShownList[];
    assert.ok(shown.some(({ number }) => BigInt(number ?? 0) > BigInt(list.number ?? 0)));
    assert.match((await crl('import', newer)).out, /was in service already/);

    const refused = await crl('import', older);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^musubi: The list was not taken: .*\(crl_rollback\)/);
  });

  it('import says what is wrong with a file that is no list, is not there, or is of no such root', async () => {
    const junk = write('junk.crl', 'junk');
    for (const [args, message] of [
      [[junk], /\(crl_malformed\)/],
      [[`${junk}.missing`], /\(ENOENT\)/],
      [[junk, '--anchor', 'nobody'], /No root is called "nobody"/],
    ] as const) {
      const { code, out, err } = await crl('import', ...args);
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, message);
      assert.doesNotMatch(err, /at file:|should not have happened/);
    }
  });
});

describe('musubi verify, when no hub runs', () => {
  it('says of what it cannot ask that it would be refused, and judges the rest all the same', async () => {
    const [certificate, token] = [write('taro.der', certificateOf('taro')), await tokenFile('taro')];
    const expired = write('saburo.der', certificateOf('saburo'));
    assert.equal(await sandbox.end('SIGTERM'), 0);
    // What it knows is on its disk; here it never knew anything.
    rmSync(join(sandbox.dataFolder, 'revocation-lists'), { recursive: true });
    assert.deepEqual((await explain(certificate)).steps, failingAt('revocation', 'revocation_unavailable'));
    assert.deepEqual((await explain(token, '--nonce', NONCE)).steps.slice(-2), [
      'signature passed',
      'revocation revocation_unavailable',
    ]);
    assert.deepEqual((await explain(expired)).steps, failingAt('validity', 'certificate_expired'));
  });

  it('takes a list by musubi crl import, without asking anybody', async () => {
    const other = await stoppedHub();
    try {
      const crl = (...args: string[]) => type(['crl', ...args, '--config', other.config]);
      const { code, out } = await crl('status', '--json');
      assert.equal(code, 1);
      const missing = JSON.parse(out) as ShownList[];
      assert.ok(missing.length > 0 && missing.every(({ state }) => state === 'missing'));
      for (const [place, { from }] of missing.entries()) {
        const file = write(`list-${place}.crl`, Buffer.from(await (await fetch(from)).arrayBuffer()));
        assert.match((await crl('import', file)).out, /is in service: \d+ entries, the first of its series/);
      }
      const held = (JSON.parse((await crl('status', '--json')).out) as ShownList[]).filter(({ number }) => number);
      assert.equal(held.length, missing.length);
      assert.ok(held.every(({ state, from }) => state === 'fresh' && from === 'imported'));
    } finally {
      await other.authority.stop();
    }
  });

  it('fetches the lists itself', async () => {
    const { authority, config } = await stoppedHub();
    try {
      const asked = async (card: string, kind: 'user' | 'signing') => {
        const file = write(`${card}.other`, certificateIn(authority.cardsFolder, card, kind));
        const { code, out, err } = await type(['verify', file, '--config', config, '--profile', kind, '--json']);
        assert.notEqual(out, '', err);
        return [code, (JSON.parse(out) as Explanation).steps.at(-1)?.code];
      };
      assert.deepEqual(await asked('taro', 'user'), [0, undefined]);
      assert.deepEqual(await asked('taro', 'signing'), [0, undefined]);
      assert.deepEqual(await asked('umeko', 'user'), [1, 'certificate_revoked']);
    } finally {
      await authority.stop();
    }
  });
});

/** The configuration of a hub that has never run, beside an authority that does. */
async function stoppedHub(): Promise<{ authority: TestAuthority; config: string }> {
  const authority = await startTestAuthority();
  const name = randomUUID();
  const settings = await hubSettings({
    dataFolder: authority.dataFolder,
    ports: {
      hub: 1,
      mutualTls: 2,
      signInTls: 3,
      authority: 0,
      cardAgent: 0,
      clinic: 0,
      shop: 0,
      kenpo: 0,
      kokuho: 0,
      card: 0,
      points: 0,
    },
    addresses: { authority: authority.authority.address, cardAgent: 'http://127.0.0.1:35975' },
    tls: await ensureWebTls(sandbox.dataFolder),
    now: Date.now(),
  });
  const dataFolder = join(sandbox.dataFolder, name);
  return { authority, config: write(`${name}.json`, JSON.stringify({ ...settings, dataFolder })) };
}
