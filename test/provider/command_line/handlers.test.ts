import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openAuthority } from '../../../adapters/sandbox/authority/authority.ts';
import { describeConfiguration } from '../../../config/describe.ts';
import { verifySignedDocument } from '../../../provider/pki/index.ts';
import { type } from './terminal.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'musubi-commands-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('musubi config', () => {
  it('check says that a sound configuration is sound', async () => {
    writeFileSync(join(folder, 'good.json'), JSON.stringify({ mode: 'sandbox', publicUrl: 'http://localhost:1' }));
    const { code, out } = await type(['config', 'check', '--config', 'good.json'], { workingFolder: folder });
    assert.deepEqual([code, out], [0, 'The configuration is sound (sandbox, http://localhost:1).\n']);
  });

  it('check tells every mistake, as text or JSON, with exit code 1', async () => {
    const environment = { MUSUBI_MODE: 'sandbox', MUSUBI_LISTEN_PORT: 'x', MUSUBI_CONFIG: join(folder, 'good.json') };
    const text = await type(['config', 'check'], { environment });
    assert.equal(text.code, 1);
    assert.match(text.err, /one mistake:\n {2}listen\.port must be/);
    const json = await type(['config', 'check', '--json'], { environment });
    assert.equal(json.code, 1);
    assert.deepEqual(
      JSON.parse(json.out).faults.map(({ path }: { path: string }) => path),
      ['listen.port'],
    );
  });

  it('describe prints the manual, or every setting as JSON', async () => {
    assert.equal((await type(['config', 'describe'])).out, describeConfiguration());
    const settings = JSON.parse((await type(['config', 'describe', '--json'])).out);
    assert.ok(settings.some(({ variable }: { variable: string }) => variable === 'MUSUBI_LISTEN_PORT'));
  });
});

describe('musubi sandbox citizen and musubi card', () => {
  const typed = (args: readonly string[], options: Parameters<typeof type>[1] = {}) =>
    type([...args, '--data', folder], options);
  const origin = 'http://localhost:3000';
  const nonce = Buffer.alloc(32, 5).toString('base64');
  const signArgs = ['card', 'sign', '--card', 'mihon', '--origin', origin, '--nonce', nonce];

  before(async () => {
    const authority = await openAuthority({ dataFolder: folder, citizens: [] });
    await authority.close();
  });

  it('issues a citizen with a card, once', async () => {
    const labels = ['--label-ja', '見本', '--label-en', 'Specimen'];
    const issued = await typed(['sandbox', 'citizen', 'issue', 'mihon', '--json', ...labels]);
    assert.equal(issued.code, 0, issued.err);
    assert.equal(JSON.parse(issued.out).name, 'mihon');
    const again = await typed(['sandbox', 'citizen', 'issue', 'mihon']);
    assert.equal(again.code, 1);
    assert.match(again.err, /citizen_exists/);
  });

  it('lists citizens and cards in aligned columns', async () => {
    assert.match(
      (await typed(['sandbox', 'citizen', 'attributes', 'mihon'])).out,
      /^NAME +ADDRESS +BIRTHDATE +GENDER\n見本　太郎 +東京都/,
    );
    assert.match((await typed(['sandbox', 'citizen', 'list'])).out, /^NAME +USER +SIGNING[^\n]*\nmihon +\S+/);
    const cards = await typed(['card', 'list']);
    assert.match(cards.out, /^NAME +USER PIN[^\n]*\nmihon +3\/3 +5\/5 +見本 \/ Specimen\n$/);
    assert.equal(JSON.parse((await typed(['card', 'list', '--json'])).out)[0].status.user.triesLeft, 3);
  });

  it('signs a challenge with the PIN from an option, a variable or standard input', async () => {
    for (const token of [
      await typed([...signArgs, '--pin', '1234']),
      await typed(signArgs, { environment: { MUSUBI_CARD_PIN: '1234' } }),
      await typed([...signArgs, '--pin', '-'], { input: '1234\n' }),
    ]) {
      assert.equal(token.code, 0, token.err);
      const { algorithm, signature, unverifiedCertificate } = JSON.parse(token.out);
      assert.equal(algorithm, 'RS256');
      assert.ok(signature && unverifiedCertificate);
    }
  });

  it('refuses to sign without a PIN, with a wrong one, and with a card that is not there', async () => {
    const missing = await typed(signArgs);
    assert.equal(missing.code, 2);
    assert.match(missing.err, /the PIN is missing/);
    const wrong = await typed([...signArgs, '--pin', '0000']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /card_pin_wrong/);
    assert.ok(!wrong.err.includes('0000'));
    const nobody = await typed([
      'card',
      'sign',
      '--card',
      'nobody',
      '--origin',
      origin,
      '--nonce',
      nonce,
      '--pin',
      '1',
    ]);
    assert.match(nobody.err, /card_not_found/);
  });

  describe('sign-document', () => {
    const document = ['card', 'sign-document', '--card', 'mihon'];
    const form = Buffer.from('利用申込書');
    const signed = (args: readonly string[], options: Parameters<typeof type>[1] = {}) =>
      typed([...document, ...args], { workingFolder: folder, ...options });
    before(() => writeFileSync(join(folder, 'form.txt'), form));

    it('signs a file with the password from an option, a variable or standard input', async () => {
      for (const { code, out, err } of [
        await signed(['form.txt', '--password', 'ABC123']),
        await signed(['form.txt'], { environment: { MUSUBI_CARD_PASSWORD: 'abc123' } }),
        await signed(['form.txt', '--password', '-'], { input: 'ABC123\n' }),
      ]) {
        assert.equal(code, 0, err);
        assert.equal(out, `${join(folder, 'form.txt.p7s')}\n`);
        const { content } = verifySignedDocument(readFileSync(join(folder, 'form.txt.p7s')));
        assert.deepEqual(Buffer.from(content), form);
      }
      rmSync(join(folder, 'form.txt.p7s'));
    });

    it('writes to the file that is named, and says where as JSON', async () => {
      const { out } = await signed(['form.txt', '--password', 'ABC123', '--out', 'other.p7s', '--json']);
      assert.deepEqual(JSON.parse(out), { file: join(folder, 'other.p7s') });
      assert.equal(verifySignedDocument(readFileSync(join(folder, 'other.p7s'))).content.length, form.length);
    });

    const refused: [string, string[], number, RegExp][] = [
      ['no password', ['form.txt'], 2, /the signing password is missing/],
      ['no file', ['--password', 'ABC123'], 2, /FILE is missing/],
      [
        'a malformed password',
        ['form.txt', '--password', '1234'],
        1,
        /No try has been used\. \(card_signing_pin_malformed\)/,
      ],
      ['a wrong password', ['form.txt', '--password', 'WRONG1'], 1, /blocked: 4\. \(card_signing_pin_wrong\)/],
      ['a file that is not there', ['nothing', '--password', 'ABC123'], 1, /ENOENT/],
      ['a file that is too large', ['large', '--password', 'ABC123'], 1, /document_too_large/],
    ];
    for (const [what, args, expected, message] of refused) {
      it(`refuses ${what}, and writes nothing`, async () => {
        writeFileSync(join(folder, 'large'), Buffer.alloc(192 * 1024 + 1));
        const { code, out, err } = await signed(args);
        assert.deepEqual([code, out], [expected, '']);
        assert.match(err, message);
        assert.doesNotMatch(err, /WRONG1|should not have happened/);
        for (const file of ['form.txt.p7s', 'nothing.p7s', 'large.p7s']) assert.ok(!existsSync(join(folder, file)));
      });
    }
  });

  it('moves, renews and revokes', async () => {
    const moved = await typed(['sandbox', 'citizen', 'move', 'mihon', '--address', '東京都清瀬市中里五丁目', '--json']);
    assert.equal(moved.code, 0, moved.err);
    assert.equal(JSON.parse(moved.out).signing.reason, 'affiliationChanged');
    assert.equal((await typed(['sandbox', 'citizen', 'renew', 'mihon'])).code, 0);
    const revoked = await typed(['sandbox', 'citizen', 'revoke', 'mihon', '--reason', 'certificateHold', '--json']);
    assert.equal(JSON.parse(revoked.out).user.reason, 'certificateHold');
  });

  it('refuses what the authority does not know', async () => {
    const reason = await typed(['sandbox', 'citizen', 'revoke', 'mihon', '--reason', 'boredom']);
    assert.deepEqual([reason.code, reason.err], [1, 'musubi: Not as expected: reason. (invalid_request)\n']);
    assert.equal((await typed(['sandbox', 'citizen', 'revoke', 'mihon'])).code, 2);
    assert.equal((await typed(['sandbox', 'citizen', 'issue', 'x', '--label-ja', '見本'])).code, 2);
    assert.match((await typed(['sandbox', 'citizen', 'renew', 'nobody'])).err, /citizen_unknown/);
    const attributes = await typed(['sandbox', 'citizen', 'issue', 'y', '--attributes', '-'], { input: '{"name": ' });
    assert.match(attributes.err, /input_invalid/);
  });
});
