import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parseSoftCardFile } from '../../../../adapters/card/soft_card_file.ts';
import { addPhone, issue, list, move, renew, revoke } from '../../../../adapters/sandbox/authority/citizen_commands.ts';
import {
  authorityFolder,
  type CitizenSummary,
  cardsFolder,
  SANDBOX_CITIZENS,
} from '../../../../adapters/sandbox/authority/index.ts';
import { attributeNames, distributionPointOf } from '../../../../adapters/sandbox/pki/index.ts';
import { startTestAuthority } from './test_authority.ts';

const certificateOf = (key: { certificate: string } | null): X509Certificate =>
  new X509Certificate(Buffer.from(key?.certificate ?? '', 'base64'));

const conditions = ({ user, signing }: CitizenSummary) => [
  user.reason ?? user.condition,
  signing && (signing.reason ?? signing.condition),
];

describe('citizens of the first start', () => {
  it('each is in the condition that the card says, and its card opens', async (test) => {
    const authority = await startTestAuthority(test, { only: SANDBOX_CITIZENS.map(({ name }) => name) });
    const citizens = await list(authority.client);
    assert.deepEqual(Object.fromEntries(citizens.map((citizen) => [citizen.name, conditions(citizen)])), {
      taro: ['good', 'good'],
      ichiro: ['good', 'good'],
      hanako: ['good', 'affiliationChanged'],
      jiro: ['certificateHold', 'certificateHold'],
      umeko: ['cessationOfOperation', 'cessationOfOperation'],
      keiko: ['good', 'good'],
      saburo: ['expired', 'expired'],
      'tanaka-sub': ['good', 'good'],
      mei: ['good', null],
      mukashi: ['good', 'good'],
    });
    assert.doesNotMatch(JSON.stringify(citizens), /serial/);

    const serials = new Set<string>();
    for (const name of [...citizens.map((citizen) => citizen.name), 'keiko-old']) {
      const path = join(cardsFolder(authority.dataFolder), `${name}.card.json`);
      const card = parseSoftCardFile(await readFile(path, 'utf8'), name);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.deepEqual([card.user.pin, card.user.triesLeft], ['1234', 3]);
      for (const [key, root] of [
        [card.user, card.authority.user],
        [card.signing, card.authority.signing],
      ] as const) {
        if (!key || !root) continue;
        assert.ok(certificateOf(key).verify(new X509Certificate(Buffer.from(root, 'base64')).publicKey), name);
        serials.add(`${certificateOf(key).issuer} ${certificateOf(key).serialNumber}`);
      }
    }
    assert.equal(serials.size, 21);

    const mukashi = await authority.card('mukashi');
    assert.ok(certificateOf(mukashi.user).validToDate.getTime() > authority.clock());
    assert.ok(
      new X509Certificate(Buffer.from(mukashi.authority.user, 'base64')).validToDate.getTime() < authority.clock(),
    );
    const keikoOld = await authority.card('keiko-old');
    assert.ok(certificateOf(keikoOld.user).validToDate.getTime() > authority.clock());
    const substitutes = attributeNames(
      SANDBOX_CITIZENS.find(({ name }) => name === 'tanaka-sub')?.attributes ?? assert.fail(),
    );
    const { signing } = await authority.card('tanaka-sub');
    for (const name of substitutes) assert.ok(Buffer.from(signing?.certificate ?? '', 'base64').includes(name));
    assert.equal((await authority.card('mei')).signing, null);
    assert.match((await authority.card('taro')).label.ja, /^山田 太郎（通常のカード）$/);
    assert.equal((await authority.card('taro')).label.en, 'Taro Yamada (ordinary card)');
  });

  it('anchors are exported as files that name lists and responders', async (test) => {
    const authority = await startTestAuthority(test);
    const { anchors } = await authority.anchors();
    assert.deepEqual(
      anchors.map(({ kind, generation }) => `${kind}-${generation}`),
      ['user-1', 'user-2', 'user-3', 'signing-1', 'signing-2', 'signing-3'],
    );
    assert.deepEqual(
      anchors.filter(({ notAfter }) => Date.parse(notAfter) < authority.clock()).map(({ generation }) => generation),
      [1, 1],
    );
    const subjects = new Set<string>();
    for (const { file, fingerprint, crl, kind } of anchors) {
      const certificate = new X509Certificate(await readFile(join(authorityFolder(authority.dataFolder), file)));
      assert.equal(certificate.fingerprint256.replaceAll(':', '').toLowerCase(), fingerprint);
      subjects.add(`${kind} ${certificate.subject}`);
      assert.equal((await authority.get(crl.full)).status, 200);
      const chiyoda = crl.partitions.find(({ municipality }) => municipality === '13101');
      const municipality = { code: '13101', prefecture: 'Tokyo-to', name: 'Chiyoda-ku' };
      const name = distributionPointOf({ kind, organization: 'Musubi Sandbox' }, municipality);
      assert.equal(chiyoda?.distributionPoint, name.toString('base64'));
      assert.equal((await authority.get(chiyoda?.path ?? '')).status, 200);
    }
    assert.equal(subjects.size, 2);
    const pem = await (await authority.get('/anchors')).text();
    assert.equal(pem.match(/BEGIN CERTIFICATE/g)?.length, 6);
  });
});

// Once with a running authority, once without: the commands must not tell.
for (const running of [true, false]) {
  describe(`commands while the authority ${running ? 'runs' : 'does not run'}`, () => {
    async function start(test: TestContext, only: string[]) {
      const authority = await startTestAuthority(test, { only });
      if (!running) await authority.stop();
      return authority;
    }

    it('issue writes a card, once for each name', async (test) => {
      const { client, card } = await start(test, []);
      const citizen = await issue(client, {
        name: 'kazuko',
        label: { ja: '検証 和子', en: 'Kazuko Kensho' },
        attributes: { name: '検証　和子', birthDate: '1970-06-01', gender: '2' },
        municipality: '47201',
      });
      assert.deepEqual(conditions(citizen), ['good', 'good']);
      assert.equal((await card('kazuko')).label.en, 'Kazuko Kensho');
      const text = Buffer.from((await card('kazuko')).signing?.certificate ?? '', 'base64').toString();
      assert.match(text, /検証　和子/);
      assert.match(text, /Naha-shi CRLDP/);
      await assert.rejects(issue(client, { name: 'kazuko' }), { code: 'citizen_exists', status: 409 });
    });

    it('renew replaces the whole card and its keys, and revokes the old one as superseded', async (test) => {
      const { client, card } = await start(test, ['taro']);
      const old = await card('taro');
      assert.deepEqual(conditions(await renew(client, { name: 'taro' })), ['good', 'good']);
      const renewed = await card('taro');
      assert.notEqual(renewed.user.privateKey, old.user.privateKey);
      assert.notEqual(renewed.signing?.certificate, old.signing?.certificate);
      assert.deepEqual(renewed.label, old.label);
    });

    it('a move revokes the signing certificate alone, and puts a new one on the card when asked to', async (test) => {
      const { client, card } = await start(test, ['taro']);
      const old = await card('taro');
      const moved = await move(client, { name: 'taro', address: '大阪府豊中市岡町９－１', municipality: '27203' });
      assert.deepEqual(conditions(moved), ['good', 'affiliationChanged']);
      assert.deepEqual(await card('taro'), old);
      const again = await move(client, {
        name: 'taro',
        address: '沖縄県那覇市泉崎９－２',
        newSigningCertificate: true,
      });
      assert.deepEqual(conditions(again), ['good', 'good']);
      const card2 = await card('taro');
      assert.deepEqual(card2.user, old.user);
      assert.match(Buffer.from(card2.signing?.certificate ?? '', 'base64').toString(), /沖縄県那覇市泉崎９－２/);
    });

    it('add-phone puts certificates of their own beside the card, and others in their place the next time', async (test) => {
      const { client, card } = await start(test, ['taro']);
      const before = await card('taro');
      const { phone, ...citizen } = await addPhone(client, { name: 'taro' });
      assert.deepEqual([conditions({ ...citizen, phone }), phone?.user.condition], [['good', 'good'], 'good']);
      assert.deepEqual(await card('taro'), before);
      const first = await card('taro-phone');
      assert.equal(first.label.en, 'Taro Yamada (ordinary card) (phone)');
      for (const kind of ['user', 'signing'] as const) {
        const [onCard, onPhone] = [certificateOf(before[kind]), certificateOf(first[kind])];
        assert.notEqual(onPhone.serialNumber, onCard.serialNumber);
        assert.ok(!onPhone.publicKey.equals(onCard.publicKey));
        const root = new X509Certificate(Buffer.from(first.authority[kind] ?? '', 'base64'));
        assert.ok(onPhone.verify(root.publicKey));
        assert.equal(onPhone.validTo, certificateOf(before.signing).validTo);
      }
      await addPhone(client, { name: 'taro' });
      assert.notDeepEqual((await card('taro-phone')).user, first.user);
    });

    it('add-phone is refused to whom it is not for, and no name is given twice', async (test) => {
      const { client } = await start(test, ['taro', 'mei', 'hanako', 'jiro', 'saburo', 'umeko']);
      await assert.rejects(addPhone(client, { name: 'mei' }), { code: 'certificate_none', status: 409 });
      for (const name of ['hanako', 'jiro', 'saburo', 'umeko']) {
        await assert.rejects(addPhone(client, { name }), { code: 'card_not_good', status: 409 }, name);
      }
      await assert.rejects(addPhone(client, { name: 'nobody' }), { code: 'citizen_unknown', status: 404 });
      await addPhone(client, { name: 'taro' });
      await assert.rejects(issue(client, { name: 'taro-phone' }), { code: 'citizen_exists' });
      await issue(client, { name: 'ken' });
      await issue(client, { name: 'ken-phone' });
      await assert.rejects(addPhone(client, { name: 'ken' }), { code: 'citizen_exists', status: 409 });
      await issue(client, { name: 'a'.repeat(36) });
      assert.ok((await addPhone(client, { name: 'a'.repeat(36) })).phone);
    });

    it('what becomes of the phone depends on why the card was revoked', async (test) => {
      const { client } = await start(test, []);
      const reasons = {
        certificateHold: ['good', 'good'],
        keyCompromise: ['good', 'good'],
        superseded: ['good', 'good'],
        affiliationChanged: ['good', 'affiliationChanged'],
        cessationOfOperation: ['cessationOfOperation', 'cessationOfOperation'],
      } as const;
      for (const [reason, expected] of Object.entries(reasons)) {
        const name = `phone-${reason.toLowerCase()}`;
        await issue(client, { name });
        await addPhone(client, { name });
        const certificate = reason === 'affiliationChanged' ? 'signing' : 'both';
        const revoked = await revoke(client, { name, certificate, reason: reason as keyof typeof reasons });
        assert.ok(revoked.phone);
        assert.deepEqual(conditions({ ...revoked, ...revoked.phone }), expected, reason);
      }
      const name = 'phone-alone';
      await issue(client, { name });
      await assert.rejects(revoke(client, { name, device: 'phone', certificate: 'both', reason: 'superseded' }), {
        code: 'certificate_none',
      });
      await addPhone(client, { name });
      const given = await revoke(client, {
        name,
        device: 'phone',
        certificate: 'both',
        reason: 'cessationOfOperation',
      });
      assert.deepEqual([conditions(given), given.phone?.user.reason], [['good', 'good'], 'cessationOfOperation']);
      const again = await addPhone(client, { name });
      assert.equal(again.phone?.user.condition, 'good');
      const moved = await move(client, { name, address: '東京都' });
      assert.deepEqual([moved.phone?.user.condition, moved.phone?.signing?.reason], ['good', 'affiliationChanged']);
    });

    it('revocation is final, save that a hold may become final', async (test) => {
      const { client } = await start(test, ['taro', 'mei']);
      await revoke(client, { name: 'taro', certificate: 'user', reason: 'certificateHold' });
      const twice = revoke(client, { name: 'taro', certificate: 'user', reason: 'certificateHold' });
      await assert.rejects(twice, { code: 'certificate_revoked', status: 409 });
      const final = await revoke(client, { name: 'taro', certificate: 'both', reason: 'cessationOfOperation' });
      assert.deepEqual(conditions(final), ['cessationOfOperation', 'cessationOfOperation']);
      const other = revoke(client, { name: 'taro', certificate: 'both', reason: 'keyCompromise' });
      await assert.rejects(other, { code: 'certificate_revoked' });
      await assert.rejects(renew(client, { name: 'taro' }), { code: 'citizen_ended', status: 409 });
      await assert.rejects(move(client, { name: 'taro', address: '東京都' }), { code: 'citizen_ended' });
      const none = revoke(client, { name: 'mei', certificate: 'signing', reason: 'superseded' });
      await assert.rejects(none, { code: 'certificate_none', status: 409 });
    });

    it('wrong input is refused by name and never repeated', async (test) => {
      const { client } = await start(test, []);
      const wrong: [command: Parameters<typeof client.run>[0], input: object, member: string][] = [
        ['issue', { name: '../x' }, 'name'],
        ['issue', { name: 'Taro' }, 'name'],
        ['issue', { name: 'a'.repeat(37) }, 'name'],
        ['issue', { name: 'a', scenario: 'constructor' }, 'scenario'],
        ['issue', { name: 'a', attributes: { birthDate: '1990-02-30' } }, 'attributes.birthDate'],
        ['issue', { name: 'a', attributes: { name: '山田　太郎', nameSubstitutes: '01' } }, 'attributes'],
        ['issue', { name: 'a', attributes: { address: 'x'.repeat(201) } }, 'attributes.address'],
        ['issue', { name: 'a', municipality: '99999' }, 'municipality'],
        ['revoke', { name: 'a', certificate: 'user', reason: 'removeFromCRL' }, 'reason'],
        ['revoke', { name: 'a', device: 'watch', certificate: 'user', reason: 'superseded' }, 'device'],
        ['add-phone', { name: '../x' }, 'name'],
        ['revoke', { name: 'a', certificate: 'all', reason: 'superseded' }, 'certificate'],
        ['move', { name: 'a' }, 'address'],
        ['list', { more: 1 }, '(whole)'],
      ];
      for (const [command, input, member] of wrong) {
        await assert.rejects(client.run(command, input), {
          code: 'invalid_request',
          status: 400,
          message: `Not as expected: ${member}.`,
        });
      }
      await assert.rejects(renew(client, { name: 'nobody' }), { code: 'citizen_unknown', status: 404 });
    });
  });
}

describe('the counter', () => {
  it('opens with its own secret only, not with the one of the hub', async (test) => {
    const authority = await startTestAuthority(test);
    assert.equal((await authority.post('/admin/list', {})).status, 401);
    assert.equal((await authority.post('/admin/list', {}, { authorization: '' })).status, 401);
    assert.equal((await authority.post('/admin/erase', {})).status, 404);
    assert.equal((await authority.get('/admin/list')).status, 405);
  });

  it('answers under names of the loopback only', async (test) => {
    const authority = await startTestAuthority(test);
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(`${authority.address}/keys`, { headers: { host: 'rebound.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 421);
  });
});
