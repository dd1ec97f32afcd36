import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { VerifiedCertificate } from '../../../provider/authentication/verify_certificate.ts';
import { createEnrolments, type EnrolmentRequest, type Enrolments } from '../../../provider/identity/enrolment.ts';
import type { FourAttributes } from '../../../provider/identity/four_attributes.ts';
import { certificateLookup, createIdentity, type Identity } from '../../../provider/identity/identity.ts';
import { createNotify } from '../../../provider/identity/notices.ts';
import { openAttributes } from '../../../provider/identity/registered_attributes.ts';
import type { SignedTogether } from '../../../provider/identity/signed_together.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { verifiedCard } from '../../support/verified_card.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');

/** A card of somebody: both certificates, which no line connects with any other. */
interface Card {
  readonly person: Person;
  readonly user: VerifiedCertificate;
  readonly signing: VerifiedCertificate;
  hasEnded: boolean;
}

interface Person {
  readonly attributes: FourAttributes;
  readonly cards: Card[];
}

const text = (value: string) => ({ text: value, substitutes: Array.from(value, () => false) });

function newPerson(name = randomBytes(6).toString('hex')): Person {
  const birthdate = { year: 1980, month: 1, day: 31 };
  return { attributes: { name: text(name), address: text('東京都'), birthdate, gender: 'female' }, cards: [] };
}

function newCard(person: Person): Card {
  const of = (issuer: string) => {
    const serial = randomBytes(12);
    serial.writeUInt8(serial.readUInt8(0) & 0x7f, 0);
    const verified = verifiedCard(serial, { issuer, now: NOW });
    return {
      ...verified,
      certificate: { ...verified.certificate, der: randomBytes(40) },
    } as unknown as VerifiedCertificate; // what is read of one
  };
  const card = { person, user: of('user'), signing: of('signing'), hasEnded: false };
  person.cards.push(card);
  return card;
}

describe(`enrolment on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  let identity: Identity;
  let enrolments: Enrolments;
  const vault = createVault([randomBytes(32)]);
  const clock = () => NOW;
  /** What the next signatures to be verified turn out to be. */
  const signed = new Map<string, SignedTogether>();

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
    const events = { emit: async () => {} };
    identity = createIdentity({
      ...{ storage, vault, clock, random: systemRandom, linkage: undefined, notify: createNotify(events) },
      linkedCertificates: { check: async () => 'good' },
    });
    enrolments = createEnrolments({
      ...{ identity, events, vault, clock, terms: { version: '1', url: undefined } },
      signatures: {
        verify: async ({ nonce }) => signed.get(nonce) ?? assert.fail('nobody has signed that'),
        confirmOnePerson: async () => {},
      },
    });
  });
  after(() => test.drop());

  async function enrol(
    card: Card,
    { takesOver = false, isSomebodyElse = false, signedInAs }: Partial<EnrolmentRequest & { takesOver: boolean }> = {},
  ): Promise<string | 'registered_before'> {
    const { person, user, signing } = card;
    const nonce = randomBytes(8).toString('hex');
    signed.set(nonce, { user, signing, attributes: person.attributes });
    const { name, address } = person.attributes;
    const outcome = await enrolments.enrol({
      application: {
        ...{ name: name?.text ?? '', address: address?.text ?? '', birthdate: '1980-01-31', gender: 'female' },
        ...{ language: 'ja', takesOver },
      },
      ...{ token: '', document: randomBytes(100), nonce, origin: 'https://hub.example', session: nonce },
      ...{ demand: user.demand, signedInAs, isSomebodyElse },
    });
    return outcome.outcome === 'enrolled'
      ? outcome.subjectId
      : outcome.outcome === 'differs'
        ? assert.fail()
        : outcome.outcome;
  }

  const signIn = async ({ user }: Card) => (await identity.subjectOf(user)).subjectId;
  const lookupOf = ({ certificate }: VerifiedCertificate) =>
    certificateLookup(vault, certificate.issuer, certificate.serial);

  /** The authority ends a card: whatever of it is known here is on a list that has been followed. */
  async function end(card: Card): Promise<void> {
    card.hasEnded = true;
    const lookups = [card.user, card.signing].map(lookupOf);
    for (const found of await storage.revocations.findByLookups(lookups)) {
      await storage.revocations.record(found, { sealed: vault.seal('test', randomBytes(9)), asOf: NOW - 1_000 });
    }
  }

  it('binds everything or nothing', async () => {
    const [card, thief] = [newCard(newPerson()), newCard(newPerson())];
    const subject = await enrol(card);
    assert.equal(await signIn(card), subject);
    // The signing certificate is another's already: the card that came with it is bound to nobody either.
    const mixed = { ...thief, signing: card.signing };
    await assert.rejects(enrol(mixed), { code: 'signing_other_person' });
    assert.equal(await storage.identity.find(lookupOf(thief.user)), undefined);
    const kept = await storage.enrolments.findAttributes(String(subject), NOW);
    assert.deepEqual(kept && openAttributes(vault, kept.sealed), card.person.attributes);
  });

  it('is refused for another than the one who is signed in', async () => {
    const [one, other] = [newCard(newPerson()), newCard(newPerson())];
    const [subject, another] = [await signIn(one), await signIn(other)];
    await assert.rejects(enrol(other, { signedInAs: subject }), { code: 'signing_other_person' });
    await assert.rejects(enrol(newCard(newPerson()), { signedInAs: subject }), { code: 'signing_other_person' });
    assert.equal(await enrol(other, { signedInAs: another }), another);
  });

  it('keeps no attribute in clear, and finds nobody by a part of what is known', async () => {
    const person = newPerson('読めない氏名');
    const card = newCard(person);
    const subject = await enrol(card);
    const { rows } = await test.database.query<{ row: string }>(
      {
        name: 'test_read_attributes',
        text: 'SELECT identity_attributes::text AS row FROM identity_attributes WHERE subject_id = $1',
      },
      [subject],
    );
    assert.equal(rows.length, 1);
    assert.ok(!rows[0]?.row.includes(Buffer.from('読めない').toString('hex')));
    await end(card);
    const unsure = { ...person.attributes, address: { text: '東京都', substitutes: [false, true, false] } };
    const anew = newCard({ attributes: unsure, cards: [] });
    assert.notEqual(await enrol(anew, { takesOver: true }), subject);
  });

  it('never gives one person’s registration to another, whatever is claimed and however many at once', async () => {
    const step = fc.record({
      what: fc.constantFrom(
        'new card',
        'new card',
        'end',
        'sign in',
        'enrol',
        'take over',
        'somebody else',
        'all at once',
      ),
      who: fc.nat({ max: 3 }),
      which: fc.nat({ max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const people = Array.from({ length: 4 }, () => newPerson());
        const ownerOf = new Map<string, Person>();
        const subjectOf = new Map<Card, string>();
        const subs = new Map<string, string>();
        const note = async (card: Card, subject: string) => {
          assert.equal(ownerOf.get(subject) ?? card.person, card.person, 'no two people share a subject');
          assert.equal(subjectOf.get(card) ?? subject, subject, 'no certificate changes its subject');
          ownerOf.set(subject, card.person);
          subjectOf.set(card, subject);
          const sub = await identity.pairwiseIdentifier(subject, 'rp.example');
          assert.equal(subs.get(subject) ?? sub, sub, 'a pairwise identifier stays');
          subs.set(subject, sub);
        };
        const act = async (card: Card, how: Parameters<typeof enrol>[1] | 'sign in') => {
          if (card.hasEnded) return;
          const before = subjectOf.get(card);
          const living = card.person.cards.filter((other) => other !== card && !other.hasEnded);
          const subject = how === 'sign in' ? await signIn(card) : await enrol(card, how);
          if (subject === 'registered_before') return;
          await note(card, subject);
          // Somebody new takes nobody's place whose card is good, their own other registration included.
          if (before === undefined) for (const other of living) assert.notEqual(subjectOf.get(other), subject);
        };
        for (const { what, who, which } of steps) {
          const person = people[who] ?? assert.fail();
          const card = person.cards[which % Math.max(person.cards.length, 1)];
          if (what === 'new card') newCard(person);
          else if (what === 'all at once') {
            const cards = people.flatMap(({ cards: own }) => own);
            await Promise.all(
              cards.map((each, place) =>
                each.hasEnded
                  ? undefined
                  : enrol(each, { takesOver: place % 2 === 0 }).then((subject) =>
                      subject === 'registered_before' ? undefined : note(each, subject),
                    ),
              ),
            );
          } else if (!card) continue;
          else if (what === 'end') await end(card);
          else if (what === 'sign in') await act(card, 'sign in');
          else if (what === 'enrol') await act(card, {});
          else if (what === 'take over') await act(card, { takesOver: true });
          else await act(card, { isSomebodyElse: true });
        }
        // Who has one registration, every card of which has ended, carries it on with the next card.
        for (const person of people) {
          const registered = new Set(person.cards.flatMap((card) => subjectOf.get(card) ?? []));
          if (registered.size !== 1) continue;
          const [subject = ''] = registered;
          if (!(await storage.enrolments.findAttributes(subject, NOW))) continue;
          for (const card of person.cards) await end(card);
          assert.equal(await enrol(newCard(person)), 'registered_before');
          assert.equal(await enrol(newCard(person), { takesOver: true }), subject);
        }
      }),
      { numRuns: 30 },
    );
  });
});
