import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { LinkedCertificates } from '../../../provider/authentication/linked_certificate.ts';
import type { Consent } from '../../../provider/consent/consent_store.ts';
import { certificateKey, certificateRecord, createIdentity } from '../../../provider/identity/identity.ts';
import { createNotify } from '../../../provider/identity/notices.ts';
import type { Certificate } from '../../../provider/pki/index.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';
import { verifiedCard as makeVerifiedCard } from '../../support/verified_card.ts';

const AT_ONCE = 20;
const NOW = Date.parse('2026-11-22T00:00:00Z');

describe(`the rooms' stores on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  const vault = createVault([randomBytes(32)]);

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
  });
  after(() => test.drop());

  async function newSubject(): Promise<string> {
    const subjectId = randomUUID();
    await storage.identity.insertSubject(subjectId, NOW);
    return subjectId;
  }
  const atOnce = <T>(work: (i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: AT_ONCE }, (_, i) => work(i)));
  const everything = async () => {
    const { rows: tables } = await test.database.query<{ name: string }>({
      name: 'test_tables',
      text: `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
    });
    const dumps = tables.map(async ({ name }) => {
      const { rows } = await test.database.query<{ row: string }>({
        name: `test_dump_${name}`,
        text: `SELECT row_to_json("${name}")::text AS row FROM "${name}"`,
      });
      return rows.map(({ row }) => row).join('\n');
    });
    return (await Promise.all(dumps)).join('\n').toLowerCase();
  };

  describe('certificates and subjects', () => {
    /** The linked certificates that were checked, and for whom. */
    const checked: { der: Uint8Array; subjectId: string | undefined }[] = [];
    const linkedCertificates: LinkedCertificates = {
      async check(der, { subjectId }) {
        checked.push({ der, subjectId });
        return 'revoked';
      },
    };
    const identity = () =>
      createIdentity({
        storage,
        vault,
        linkage: undefined,
        linkedCertificates,
        notify: createNotify({ emit: async () => {} }),
        clock: () => NOW,
        random: systemRandom,
      });
    const verifiedCard = (serial: Uint8Array, issuer?: string) => makeVerifiedCard(serial, { issuer, now: NOW });

    it('bind a certificate to one subject, however many sign in with it for the first time at once', async () => {
      const card = verifiedCard(randomBytes(12));
      const before = await countSubjects();
      const results = await atOnce(() => identity().subjectOf(card));
      assert.equal(new Set(results.map(({ subjectId }) => subjectId)).size, 1);
      assert.equal(results.filter(({ isNew }) => isNew).length, 1);
      assert.equal((await countSubjects()) - before, 1);
    });

    it('take the same serial from two authorities for two people', async () => {
      const serial = randomBytes(12);
      const one = await identity().subjectOf(verifiedCard(serial, 'Authority A'));
      const two = await identity().subjectOf(verifiedCard(serial, 'Authority B'));
      assert.notEqual(one.subjectId, two.subjectId);
    });

    it('hold the serial in no readable form, nor the certificate (invariant 1 and 3)', async () => {
      const serial = Buffer.from('5a1700c0ffee0badcafe0042', 'hex');
      const { subjectId } = await identity().subjectOf(verifiedCard(serial));
      await identity().pairwiseIdentifier(subjectId, 'rp.example');
      const dump = await everything();
      assert.ok(dump.includes(subjectId)); // the dump is one
      for (const form of [
        serial.toString('hex'),
        serial.subarray(1).toString('hex'),
        BigInt(`0x${serial.toString('hex')}`).toString(),
        serial.toString('base64').toLowerCase(),
        serial.toString('base64url').toLowerCase(),
      ]) {
        assert.ok(!dump.includes(form));
      }
    });

    it('open the sealed serial again', async () => {
      const serial = randomBytes(12);
      await identity().subjectOf(verifiedCard(serial));
      const { rows } = await test.database.query<{ sealed_serial: Buffer }>(
        { name: 'test_sealed_serial', text: 'SELECT sealed_serial FROM certificate WHERE lookup = $1' },
        [vault.index('certificate.lookup', certificateKey(Buffer.from('Authority A'), serial))],
      );
      assert.ok(rows[0]);
      assert.deepEqual(vault.open('certificate.serial', rows[0].sealed_serial), serial);
    });

    it('note when a card was last checked', async () => {
      const { subjectId } = await identity().subjectOf(verifiedCard(randomBytes(12)));
      assert.deepEqual(await storage.identity.lastCardCheck(subjectId), {
        checkedAt: NOW,
        source: 'crl',
        asOf: NOW - 500,
      });
      assert.equal(await storage.identity.lastCardCheck(randomUUID()), undefined);
    });

    const signingCertificate = (der: Uint8Array) =>
      ({
        der,
        issuer: Buffer.from('Signing authority'),
        serial: randomBytes(12),
        fingerprint: randomBytes(32).toString('hex'),
        notBefore: NOW - 1000,
        notAfter: NOW + 1000,
      }) as unknown as Certificate;

    it('check the signing certificates that are linked to the subject, and say what came of it', async () => {
      const card = verifiedCard(randomBytes(12));
      const { subjectId, linked } = await identity().subjectOf(card);
      assert.deepEqual(linked, []);
      const ders = [Buffer.from('one certificate'), Buffer.from('another')];
      for (const der of ders) {
        const record = certificateRecord(vault, signingCertificate(der), 'signing', subjectId);
        assert.ok(await storage.identity.insertCertificate(record, { checkedAt: NOW, source: 'crl', asOf: NOW }, NOW));
      }
      const again = await identity().subjectOf(card);
      assert.deepEqual([again.subjectId, again.linked], [subjectId, ['revoked', 'revoked']]);
      assert.deepEqual(
        checked.map(({ der }) => Buffer.from(der).toString()).sort(),
        ders.map((der) => der.toString()).sort(),
      );
      assert.ok(checked.every((check) => check.subjectId === subjectId));
      assert.ok(!(await everything()).includes(Buffer.from('one certificate').toString('hex')));
    });

    it('let nobody in with a signing certificate', async () => {
      const { subjectId } = await identity().subjectOf(verifiedCard(randomBytes(12)));
      const certificate = signingCertificate(randomBytes(20));
      const record = certificateRecord(vault, certificate, 'signing', subjectId);
      await storage.identity.insertCertificate(record, { checkedAt: NOW, source: 'crl', asOf: NOW }, NOW);
      const card = { ...verifiedCard(certificate.serial, 'Signing authority') };
      await assert.rejects(identity().subjectOf(card), { code: 'certificate_revoked' });
    });

    it('keep a certificate for signing only, and never without it', async () => {
      const { subjectId } = await identity().subjectOf(verifiedCard(randomBytes(12)));
      const record = certificateRecord(vault, signingCertificate(randomBytes(20)), 'signing', subjectId);
      const { sealedCertificate: _left, ...without } = record;
      for (const wrong of [without, { ...record, kind: 'user' as const }]) {
        const insert = storage.identity.insertCertificate(wrong, { checkedAt: NOW, source: 'crl', asOf: NOW }, NOW);
        await assert.rejects(insert, { code: '23514' });
      }
    });

    it('refuse a certificate of a subject that does not exist', async () => {
      await assert.rejects(
        storage.identity.insertCertificate(
          {
            lookup: randomBytes(32),
            kind: 'user',
            subjectId: randomUUID(),
            sealedSerial: randomBytes(60),
            issuerHash: randomBytes(32),
            fingerprint: randomBytes(8),
            notBefore: 1,
            notAfter: 2,
          },
          { checkedAt: NOW, source: 'crl', asOf: NOW },
          NOW,
        ),
        { code: '23503' },
      );
    });

    async function countSubjects(): Promise<number> {
      const { rows } = await test.database.query<{ count: number }>({
        name: 'test_count_subjects',
        text: 'SELECT count(*) AS count FROM subject',
      });
      return rows[0]?.count ?? 0;
    }
  });

  describe('pairwise identifiers', () => {
    it('are one for a pair, whoever asks first', async () => {
      const subjectId = await newSubject();
      const answers = await atOnce((i) =>
        storage.identity.pairwiseIdentifier(subjectId, 'rp.example', `candidate-${i}`),
      );
      assert.equal(new Set(answers).size, 1);
      assert.equal(await storage.identity.pairwiseIdentifier(subjectId, 'rp.example', 'late'), answers[0]);
      assert.equal(await storage.identity.findSubjectByPairwise('rp.example', String(answers[0])), subjectId);
    });

    it('are known in their own sector only', async () => {
      const subjectId = await newSubject();
      const candidate = randomUUID();
      await storage.identity.pairwiseIdentifier(subjectId, 'one.example', candidate);
      assert.equal(await storage.identity.findSubjectByPairwise('two.example', candidate), undefined);
    });

    it('are never shared by two people in one sector', async () => {
      const candidate = randomUUID();
      await storage.identity.pairwiseIdentifier(await newSubject(), 'rp.example', candidate);
      const second = await newSubject();
      await assert.rejects(storage.identity.pairwiseIdentifier(second, 'rp.example', candidate), { code: '23505' });
    });

    it('are not found under hostile text', async () => {
      for (const text of ['\0', "' OR 1=1 --", '\ud800', 'x'.repeat(1e5)]) {
        assert.equal(await storage.identity.findSubjectByPairwise('rp.example', text), undefined);
      }
    });
  });

  describe('consents', () => {
    const consent = (subjectId: string, over: Partial<Consent> = {}): Consent =>
      lastingConsent({
        id: randomUUID(),
        subjectId,
        clientId: 'rp',
        granted: ['sub', 'card_check'],
        declined: ['name'],
        grantedAt: NOW,
        expiresAt: NOW + 1000,
        ...over,
      });
    const tell = (subjectId: string, claims: string[], now = NOW) =>
      storage.consents.disclose({
        ...{ subjectId, clientId: 'rp', exit: 'userinfo', now },
        claims: claims.map((claim) => ({ claim, source: claim === 'card_check' ? 'card' : undefined })),
      });
    const disclose = async (...given: Parameters<typeof tell>) => (await tell(...given))?.claims;

    it('come back as they were given', async () => {
      const given = consent(await newSubject(), { purpose: '予約のため' });
      await storage.consents.replace(given);
      assert.deepEqual(await storage.consents.findLive(given.subjectId, 'rp', NOW), given);
    });

    it('are replaced so that exactly one is live, however many decide at once', async () => {
      const subjectId = await newSubject();
      const given = await atOnce(async () => {
        const each = consent(subjectId);
        await storage.consents.replace(each);
        return each;
      });
      const { rows } = await test.database.query<{ id: string; withdrawn_at: number | null }>(
        { name: 'test_consents', text: 'SELECT id, withdrawn_at FROM consent WHERE subject_id = $1' },
        [subjectId],
      );
      assert.equal(rows.length, given.length);
      assert.equal(rows.filter(({ withdrawn_at }) => withdrawn_at === null).length, 1);
    });

    it('withdraw once', async () => {
      const given = consent(await newSubject());
      await storage.consents.replace(given);
      assert.equal(await storage.consents.withdraw(given.id, NOW), true);
      assert.equal(await storage.consents.withdraw(given.id, NOW), false);
      assert.equal(await storage.consents.findLive(given.subjectId, 'rp', NOW), undefined);
    });

    it('are not withdrawn by an id that is none', async () => {
      for (const id of ['', 'x', "'; --", '\0', randomUUID()]) {
        assert.equal(await storage.consents.withdraw(id, NOW), false);
      }
    });

    it('let out what was granted, and the row says what, when and to whom (invariant 6)', async () => {
      const given = consent(await newSubject());
      await storage.consents.replace(given);
      assert.deepEqual(await disclose(given.subjectId, ['name', 'card_check', 'sub', 'sub']), ['card_check', 'sub']);
      const [row, ...others] = await storage.consents.listDisclosures(given.subjectId, 10);
      assert.deepEqual(others, []);
      assert.deepEqual(
        { ...row, hash: undefined },
        {
          ...{ sequence: 1, clientId: 'rp', consentId: given.id, exit: 'userinfo', at: NOW, deliveredAt: undefined },
          ...{ claims: ['card_check', 'sub'], sources: ['card', undefined], hash: undefined },
        },
      );
    });

    for (const [title, prepare] of [
      ['was never given', async () => {}],
      ['was withdrawn', async (given: Consent) => void (await storage.consents.withdraw(given.id, NOW))],
      ['has expired', async () => {}],
    ] as const) {
      it(`let nothing out and write no row when consent ${title}`, async () => {
        const given = consent(await newSubject());
        if (title !== 'was never given') await storage.consents.replace(given);
        await prepare(given);
        const at = title === 'has expired' ? given.expiresAt : NOW;
        assert.equal(await disclose(given.subjectId, ['sub'], at), undefined);
        assert.deepEqual(await storage.consents.listDisclosures(given.subjectId, 10), []);
      });
    }

    it('write no row when nothing asked for was granted', async () => {
      const given = consent(await newSubject());
      await storage.consents.replace(given);
      assert.deepEqual(await disclose(given.subjectId, ['name']), []);
      assert.deepEqual(await storage.consents.listDisclosures(given.subjectId, 10), []);
    });

    it('and their history cannot be rewritten', async () => {
      const given = consent(await newSubject());
      await storage.consents.replace(given);
      await disclose(given.subjectId, ['sub']);
      for (const text of [
        'DELETE FROM consent',
        'DELETE FROM disclosure',
        'UPDATE disclosure SET at = 0',
        'TRUNCATE disclosure',
      ]) {
        await assert.rejects(test.database.query({ name: `test ${text}`, text }), { code: '42501' });
      }
    });
  });

  describe('challenges', () => {
    it('are spent by exactly one of many callers', async () => {
      const nonceHash = randomBytes(32);
      const answers = await atOnce(() => storage.challenges.spend(nonceHash, NOW + 1000));
      assert.equal(answers.filter((won) => won).length, 1);
      assert.equal(await storage.challenges.spend(randomBytes(32), NOW + 1000), true);
    });

    it('stay spent until their expiry, and are swept after it', async () => {
      const nonceHash = randomBytes(32);
      await storage.challenges.spend(nonceHash, NOW + 1000);
      await storage.challenges.sweep(NOW + 1000);
      assert.equal(await storage.challenges.spend(nonceHash, NOW + 1000), false);
      assert.ok((await storage.challenges.sweep(NOW + 1001)) >= 1);
      assert.equal(await storage.challenges.spend(nonceHash, NOW + 1000), true);
    });
  });

  describe('hand-overs', () => {
    const sealed = randomBytes(80);

    it('are taken by exactly one of many callers', async () => {
      const codeHash = randomBytes(32);
      await storage.handOvers.keep(codeHash, sealed, NOW + 1000);
      const answers = await atOnce(() => storage.handOvers.take(codeHash));
      const won = answers.filter((answer) => answer !== undefined);
      assert.equal(won.length, 1);
      assert.deepEqual(won[0], { sealed, expiresAt: NOW + 1000 });
      assert.equal(await storage.handOvers.take(codeHash), undefined);
      assert.equal(await storage.handOvers.take(randomBytes(32)), undefined);
    });

    it('are swept after their expiry, and not before', async () => {
      const codeHash = randomBytes(32);
      await storage.handOvers.keep(codeHash, sealed, NOW + 1000);
      await storage.handOvers.sweep(NOW + 1000);
      assert.ok((await storage.handOvers.sweep(NOW + 1001)) >= 1);
      assert.equal(await storage.handOvers.take(codeHash), undefined);
    });
  });

  describe('logouts on their way', () => {
    const sealed = randomBytes(80);
    const later = randomBytes(80);

    it('go each step once, whoever asks for it at once', async () => {
      const key = randomBytes(32);
      await storage.logouts.keep(key, sealed, NOW + 1000);
      const advanced = await atOnce(() => storage.logouts.advance(key, 1, later));
      assert.equal(advanced.filter(Boolean).length, 1);
      assert.deepEqual(await storage.logouts.find(key, NOW), { sealed: later, step: 2 });
      assert.equal(await storage.logouts.take(key, 1), false, 'it has gone on');
      const taken = await atOnce(() => storage.logouts.take(key, 2));
      assert.equal(taken.filter(Boolean).length, 1);
      assert.equal(await storage.logouts.find(key, NOW), undefined);
    });

    it('are not found after their expiry, and swept then', async () => {
      const key = randomBytes(32);
      await storage.logouts.keep(key, sealed, NOW + 1000);
      assert.ok(await storage.logouts.find(key, NOW + 999));
      assert.equal(await storage.logouts.find(key, NOW + 1000), undefined);
      await storage.logouts.sweep(NOW + 1000);
      assert.ok(await storage.logouts.find(key, NOW));
      assert.ok((await storage.logouts.sweep(NOW + 1001)) >= 1);
      assert.equal(await storage.logouts.find(key, NOW), undefined);
    });
  });

  describe('clients, keys and revocation lists', () => {
    it('give a client back as it was registered, its secret unreadable at rest', async () => {
      const metadata = { client_id: 'rp-1', client_secret: 'correct-horse-battery', client_name: '窓口' };
      assert.equal(await storage.clients.insert({ clientId: 'rp-1', metadata, createdAt: NOW }), true);
      assert.deepEqual(await storage.clients.find('rp-1'), metadata);
      assert.ok(!(await everything()).includes('correct-horse-battery'));
    });

    it('refuse a taken client id, and forget a removed client', async () => {
      const stored = { clientId: 'rp-2', metadata: { client_id: 'rp-2' }, createdAt: NOW };
      assert.equal(await storage.clients.insert(stored), true);
      assert.equal(await storage.clients.insert({ ...stored, metadata: { client_id: 'other' } }), false);
      assert.equal(await storage.clients.remove('rp-2'), true);
      assert.equal(await storage.clients.remove('rp-2'), false);
      assert.equal(await storage.clients.find('rp-2'), undefined);
    });

    it('refuse metadata that cannot be stored with a clear error', async () => {
      const metadata = { client_id: 'rp-3', client_name: 'a\0b' };
      await assert.rejects(storage.clients.insert({ clientId: 'rp-3', metadata, createdAt: NOW }), {
        code: 'invalid_client_metadata',
      });
      const honest = { client_id: 'rp-4', client_name: 'a\\u0000b' };
      assert.equal(await storage.clients.insert({ clientId: 'rp-4', metadata: honest, createdAt: NOW }), true);
      assert.deepEqual(await storage.clients.find('rp-4'), honest);
    });

    it('give signing keys and cookie secrets back, unreadable at rest', async () => {
      const key = {
        kid: 'kid-1',
        alg: 'ES256' as const,
        purpose: 'oidc' as const,
        certificate: undefined,
        jwk: { kty: 'EC', crv: 'P-256', d: 'private-part-of-the-key' },
        createdAt: NOW,
        activeFrom: NOW,
        retiredFrom: undefined,
      };
      await storage.signingKeys.insert(key);
      await storage.signingKeys.insertCookieSecret('older-secret', NOW);
      await storage.signingKeys.insertCookieSecret('newer-secret', NOW);
      const samlKey = {
        ...{ ...key, kid: 'kid-2', alg: 'RS256' as const, createdAt: NOW + 1 },
        ...{ purpose: 'saml' as const, certificate: Uint8Array.of(0x30, 0) },
      };
      await storage.signingKeys.insert(samlKey);
      await assert.rejects(storage.signingKeys.insert({ ...samlKey, kid: 'kid-3', certificate: undefined }));
      assert.deepEqual(await storage.signingKeys.list(), [key, samlKey]);
      await storage.signingKeys.retire('kid-1', NOW + 1);
      assert.equal((await storage.signingKeys.list())[0]?.retiredFrom, NOW + 1);
      assert.deepEqual(await storage.signingKeys.cookieSecrets(), ['newer-secret', 'older-secret']);
      const dump = await everything();
      for (const secret of ['private-part-of-the-key', 'older-secret', 'newer-secret'])
        assert.ok(!dump.includes(secret));
    });

    it('never let a CRL number go back, not among many at once either', async () => {
      const numbers = [7n, 2n ** 159n, 3n, 2n ** 80n];
      await Promise.all(numbers.map((number) => storage.crlNumbers.raise('list', number)));
      assert.equal(await storage.crlNumbers.raise('list', 2n ** 159n - 1n), false);
      assert.equal(await storage.crlNumbers.raise('list', 2n ** 159n), true);
      assert.equal(await storage.crlNumbers.raise('other list', 1n), true);
    });
  });
});
