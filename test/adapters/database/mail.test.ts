import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { HubError } from '../../../provider/errors.ts';
import { createIdentity } from '../../../provider/identity/identity.ts';
import { createNotify } from '../../../provider/identity/notices.ts';
import { createMailAddresses } from '../../../provider/notices_by_mail/mail_addresses.ts';
import { type MailContent, openAddress, openContent } from '../../../provider/notices_by_mail/mail_content.ts';
import { createMailDelivery, type OutgoingMail } from '../../../provider/notices_by_mail/mail_delivery.ts';
import { createMailToPerson } from '../../../provider/notices_by_mail/mail_to_person.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { verifiedCard } from '../../support/verified_card.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-11-30T00:00:00Z');

describe(`mail to people, on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  let now = START;
  const vault = createVault([randomBytes(32)]);
  const clock = () => now;
  const toPerson = createMailToPerson(vault);
  let addresses: ReturnType<typeof createMailAddresses>;

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
    addresses = createMailAddresses({ storage, vault, clock, random: systemRandom });
  });
  after(() => test.drop());
  beforeEach(async () => {
    now += 100 * DAY;
    await storage.mail.dropOlder(now, now);
  });

  async function newSubject(): Promise<string> {
    const subjectId = randomUUID();
    await storage.identity.insertSubject(subjectId, now);
    return subjectId;
  }
  /** Takes everything out of the outbox that is due. */
  async function taken(): Promise<(MailContent & { to: string })[]> {
    const found: (MailContent & { to: string })[] = [];
    for (;;) {
      const mail = await storage.mail.claim('test', now, now + 1);
      if (!mail) return found;
      found.push({ ...openContent(vault, mail.sealedContent), to: openAddress(vault, mail.sealedAddress) });
      await storage.mail.finish(mail.id, 'test');
    }
  }
  async function codeFor(subjectId: string, address: string): Promise<string> {
    await addresses.request(subjectId, address);
    const [mail] = await taken();
    assert.ok(mail?.kind === 'confirmation');
    assert.equal(mail.to, address);
    return mail.code;
  }
  async function withAddress(address = 'taro@example.jp'): Promise<string> {
    const subjectId = await newSubject();
    await addresses.confirm(subjectId, await codeFor(subjectId, address));
    return subjectId;
  }
  const refused = (code: string) => (error: unknown) => error instanceof HubError && error.code === code;
  const auditKinds = async (subjectId: string) => {
    const events = await storage.audit.read(0n, 10_000);
    return events.filter((event) => event.subjectId === subjectId).map(({ kind }) => kind);
  };

  describe('an address', () => {
    it('is in use once the code that was sent there has been entered, and not before', async () => {
      const subjectId = await newSubject();
      const code = await codeFor(subjectId, 'taro@example.jp');
      assert.deepEqual(await addresses.of(subjectId), {
        address: undefined,
        confirmedAt: undefined,
        refusedAt: undefined,
        pending: { address: 'taro@example.jp', until: now + DAY, isRefused: false },
      });
      await toPerson.tell(storage, subjectId, { kind: 'card_renewed' }, now);
      assert.deepEqual(await taken(), []);
      await addresses.confirm(subjectId, code);
      assert.deepEqual(await addresses.of(subjectId), {
        address: 'taro@example.jp',
        confirmedAt: now,
        refusedAt: undefined,
        pending: undefined,
      });
      assert.deepEqual(await auditKinds(subjectId), ['mail_address.entered', 'mail_address.confirmed']);
    });

    it('is confirmed by a code however it is typed', async () => {
      const subjectId = await newSubject();
      const code = await codeFor(subjectId, 'taro@example.jp');
      const typed = code.replaceAll('0', 'o').replaceAll('1', 'l').toLowerCase();
      await addresses.confirm(subjectId, ` ${typed.slice(0, 5)} - ${typed.slice(5)} `);
    });

    it('is confirmed by no code of another person, of before, or a second time', async () => {
      const [subjectId, other] = [await newSubject(), await newSubject()];
      const earlier = await codeFor(subjectId, 'taro@example.jp');
      const code = await codeFor(subjectId, 'taro@example.jp');
      await codeFor(other, 'other@example.jp');
      await assert.rejects(addresses.confirm(other, code), refused('mail_code_wrong'));
      await assert.rejects(addresses.confirm(subjectId, earlier), refused('mail_code_wrong'));
      await addresses.confirm(subjectId, code);
      await assert.rejects(addresses.confirm(subjectId, code), refused('mail_code_expired'));
    });

    it('is confirmed within a day only', async () => {
      const subjectId = await newSubject();
      const code = await codeFor(subjectId, 'taro@example.jp');
      now += DAY;
      await assert.rejects(addresses.confirm(subjectId, code), refused('mail_code_expired'));
      assert.equal((await addresses.of(subjectId)).pending, undefined);
    });

    it('can be guessed at ten times, however many guess at once', async () => {
      const subjectId = await newSubject();
      const code = await codeFor(subjectId, 'taro@example.jp');
      const guesses = await Promise.allSettled(
        Array.from({ length: 30 }, () => addresses.confirm(subjectId, '0000000000')),
      );
      const codes = guesses.map((guess) => (guess.status === 'rejected' ? guess.reason.code : 'confirmed'));
      assert.equal(codes.filter((each) => each === 'mail_code_wrong').length, 10);
      assert.equal(codes.filter((each) => each === 'mail_code_expired').length, 20);
      await assert.rejects(addresses.confirm(subjectId, code), refused('mail_code_expired'));
    });

    it('is confirmed once by a code that is entered many times at once', async () => {
      const subjectId = await newSubject();
      const code = await codeFor(subjectId, 'taro@example.jp');
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => addresses.confirm(subjectId, code)));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    it('costs a code, of which a person gets five a day', async () => {
      const subjectId = await newSubject();
      for (let i = 0; i < 5; i++) await codeFor(subjectId, `person-${i}@example.jp`);
      await assert.rejects(addresses.request(subjectId, 'x@example.jp'), refused('mail_confirmations_too_many'));
      assert.deepEqual(await taken(), []);
      // Removing what was entered does not begin it anew, nor does the sweep.
      await addresses.remove(subjectId);
      await addresses.sweep();
      await assert.rejects(addresses.request(subjectId, 'x@example.jp'), refused('mail_confirmations_too_many'));
      now += DAY;
      await codeFor(subjectId, 'x@example.jp');
    });

    it('that is hostile stores and sends nothing', async () => {
      const subjectId = await newSubject();
      await assert.rejects(
        addresses.request(subjectId, 'taro@example.jp\r\nBcc: all@example.jp'),
        refused('mail_address_invalid'),
      );
      assert.equal(await storage.mail.findAddress(subjectId), undefined);
      assert.deepEqual(await taken(), []);
    });

    it('that takes another one’s place is told to that one', async () => {
      const subjectId = await withAddress('old@example.jp');
      const code = await codeFor(subjectId, 'new@example.jp');
      assert.equal((await addresses.of(subjectId)).address, 'old@example.jp');
      await addresses.confirm(subjectId, code);
      assert.deepEqual(await taken(), [{ kind: 'address_replaced', to: 'old@example.jp' }]);
      await addresses.confirm(subjectId, await codeFor(subjectId, 'new@example.jp'));
      assert.deepEqual(await taken(), []);
    });

    it('that is removed hears of that and of nothing more', async () => {
      const subjectId = await withAddress();
      await addresses.request(subjectId, 'stranger@example.jp');
      assert.equal(await addresses.remove(subjectId), true);
      await toPerson.tell(storage, subjectId, { kind: 'card_renewed' }, now);
      assert.deepEqual(await taken(), [{ kind: 'address_removed', to: 'taro@example.jp' }]);
      assert.equal(await addresses.remove(subjectId), false);
      assert.equal((await auditKinds(subjectId)).filter((kind) => kind === 'mail_address.removed').length, 1);
    });

    it('that nobody confirmed is forgotten, and one that was confirmed is kept', async () => {
      const [subjectId, confirmed] = [await newSubject(), await withAddress()];
      await codeFor(subjectId, 'stranger@example.jp');
      now += 2 * DAY;
      await addresses.sweep();
      assert.equal(await storage.mail.findAddress(subjectId), undefined);
      assert.equal((await addresses.of(confirmed)).address, 'taro@example.jp');
    });

    it('is readable nowhere in the database, nor is what a mail tells', async () => {
      const subjectId = await withAddress('a@b.example');
      await addresses.request(subjectId, 'somebody.with.a.long.name@department.example.jp');
      await toPerson.tell(storage, subjectId, { kind: 'consent', clientId: 'clinic-rp', claims: ['birthdate'] }, now);
      const { rows } = await test.database.query<{ row: string; address: number; pending: number }>({
        name: 'test_mail_rows',
        text: `SELECT row_to_json(mail_outbox)::text AS row, octet_length(mail_address.sealed_address) AS address,
            octet_length(sealed_pending) AS pending
          FROM mail_outbox JOIN mail_address USING (subject_id)`,
      });
      assert.equal(rows.length, 2);
      for (const { row, address, pending } of rows) {
        assert.doesNotMatch(row, /example|clinic|birthdate/);
        assert.equal(address, pending);
      }
    });
  });

  describe('a mail', () => {
    it('is there when the transaction of what it tells of is committed, and only then', async () => {
      const subjectId = await withAddress();
      const failing = storage.transaction(async (stores) => {
        await toPerson.tell(stores, subjectId, { kind: 'card_renewed' }, now);
        throw new Error('the rest fails');
      });
      await assert.rejects(failing, /the rest fails/);
      assert.deepEqual(await taken(), []);
      await storage.transaction((stores) => toPerson.tell(stores, subjectId, { kind: 'card_renewed' }, now));
      assert.deepEqual(await taken(), [{ kind: 'card_renewed', to: 'taro@example.jp' }]);
    });

    it('is sent once by many processes', async () => {
      const subjectId = await withAddress();
      for (let i = 0; i < 12; i++) await toPerson.tell(storage, subjectId, { kind: 'card_renewed' }, now);
      const sent: OutgoingMail[] = [];
      const process = () =>
        createMailDelivery({
          ...{ storage, vault, clock, random: systemRandom, log: { warn: () => {} }, observe: () => {} },
          transport: {
            async send(mail) {
              sent.push(mail);
              return 'sent';
            },
            close: () => {},
          },
          text: async ({ kind }) => ({ subject: kind, text: kind }),
        });
      await Promise.all(Array.from({ length: 6 }, () => process().deliver()));
      assert.equal(sent.length, 12);
      assert.equal(new Set(sent.map(({ id }) => id)).size, 12);
    });

    it('of a process that died is sent by another one after a while, under the same id', async () => {
      const subjectId = await withAddress();
      await toPerson.tell(storage, subjectId, { kind: 'card_renewed' }, now);
      const claimed = await storage.mail.claim('dead', now, now + 1_000);
      assert.equal(await storage.mail.claim('other', now + 999, now + 2_000), undefined);
      const again = await storage.mail.claim('other', now + 1_000, now + 2_000);
      assert.equal(again?.id, claimed?.id);
      // Who comes back from the dead takes nothing away from whoever sends it now.
      await storage.mail.finish(again?.id ?? '', 'dead');
      await storage.mail.postpone(again?.id ?? '', 'other', now);
      assert.equal((await storage.mail.claim('third', now, now + 1))?.attempts, 1);
    });
  });

  describe('an address that the mail server does not take', () => {
    /** Brings what waits to a mail server that answers so. */
    const deliver = (answer: 'sent' | 'refused') =>
      createMailDelivery({
        ...{ storage, vault, clock, random: systemRandom, log: { warn: () => {} }, observe: () => {} },
        transport: { send: async () => answer, close: () => {} },
        text: async ({ kind }) => ({ subject: kind, text: kind }),
      }).deliver();
    const tell = (subjectId: string) => toPerson.tell(storage, subjectId, { kind: 'card_renewed' }, now);

    it('is known as such, since the first mail that it did not take, until it takes one', async () => {
      const subjectId = await withAddress();
      await tell(subjectId);
      await deliver('refused');
      const since = now;
      assert.equal((await addresses.of(subjectId)).refusedAt, since);
      now += DAY;
      await tell(subjectId);
      await deliver('refused');
      assert.equal((await addresses.of(subjectId)).refusedAt, since);
      await tell(subjectId);
      await deliver('sent');
      assert.equal((await addresses.of(subjectId)).refusedAt, undefined);
      assert.deepEqual(await taken(), []);
    });

    it('got no code: that is said of the one that was entered, and not of the one that is in use', async () => {
      const subjectId = await withAddress('works@example.jp');
      await addresses.request(subjectId, 'typo@example.jp');
      await deliver('refused');
      const { refusedAt, pending } = await addresses.of(subjectId);
      assert.equal(refusedAt, undefined);
      assert.equal(pending?.isRefused, true);
      // Entered anew, it has not been tried yet.
      await addresses.confirm(subjectId, await codeFor(subjectId, 'right@example.jp'));
      assert.deepEqual(await addresses.of(subjectId), {
        ...{ address: 'right@example.jp', confirmedAt: now, refusedAt: undefined, pending: undefined },
      });
    });

    it('is told apart from the one that has taken its place meanwhile', async () => {
      const subjectId = await withAddress('old@example.jp');
      await addresses.confirm(subjectId, await codeFor(subjectId, 'new@example.jp'));
      // What waits is what the old one is told of that.
      await deliver('refused');
      assert.equal((await addresses.of(subjectId)).refusedAt, undefined);
      await tell(subjectId);
      await addresses.remove(subjectId);
      await deliver('refused');
      assert.deepEqual(await addresses.of(subjectId), {
        ...{ address: undefined, confirmedAt: undefined, refusedAt: undefined, pending: undefined },
      });
    });

    it('is not noted by a process that died and came back', async () => {
      const subjectId = await withAddress();
      await tell(subjectId);
      const mail = await storage.mail.claim('dead', now, now + 1_000);
      await storage.mail.claim('other', now + 1_000, now + 2_000);
      await storage.mail.refuse(mail?.id ?? '', 'dead', now);
      assert.equal((await addresses.of(subjectId)).refusedAt, undefined);
      await storage.mail.finish(mail?.id ?? '', 'other');
    });
  });

  describe('a card that signs in', () => {
    const identity = () =>
      createIdentity({
        ...{ storage, vault, clock, random: systemRandom, linkage: undefined },
        linkedCertificates: { check: async () => 'good' },
        notify: createNotify({ emit: async () => {} }, toPerson),
      });

    it('after 90 days is told of, once, and before is not', async () => {
      const serial = randomBytes(12);
      const signIn = () => identity().subjectOf(verifiedCard(serial, { now }));
      const { subjectId } = await signIn();
      await addresses.confirm(subjectId, await codeFor(subjectId, 'taro@example.jp'));
      now += 90 * DAY - 1;
      await signIn();
      assert.deepEqual(await taken(), []);
      now += 90 * DAY;
      const { notices } = await signIn();
      assert.deepEqual(await taken(), [{ kind: 'unusual_sign_in', to: 'taro@example.jp' }]);
      // Whoever signs in now need not be told by the page that they do.
      assert.deepEqual(notices, []);
      await signIn();
      assert.deepEqual(await taken(), []);
      assert.deepEqual(
        (await storage.notices.list(subjectId, 10)).map(({ kind }) => kind),
        ['unusual_sign_in'],
      );
    });
  });
});
