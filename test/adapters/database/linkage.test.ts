import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { VerifiedCertificate } from '../../../provider/authentication/verify_certificate.ts';
import { HubError } from '../../../provider/errors.ts';
import type { SubjectEvents } from '../../../provider/identity/happenings.ts';
import { certificateRecord, createIdentity, type Identity } from '../../../provider/identity/identity.ts';
import { createLinkAdministration } from '../../../provider/identity/link_administration.ts';
import type { CertificateReference, LinkageSource } from '../../../provider/identity/linkage.ts';
import { createNotify } from '../../../provider/identity/notices.ts';
import type { SubjectSessions } from '../../../provider/identity/revocation_effects.ts';
import type { Certificate } from '../../../provider/pki/index.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { verifiedCard } from '../../support/verified_card.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const ISSUER = Buffer.from('Authority');

/** A device's user certificate in the model: as the identity room sees it, and whose it really is. */
interface ModelCard {
  readonly verified: VerifiedCertificate;
  readonly person: Person;
}

/** What the authority has given to a person: who is asked about one of a person's certificates tells the latest. */
class Person {
  readonly latest: Record<'card' | 'phone', { user: ModelCard; signing: Certificate } | undefined> = {
    card: undefined,
    phone: undefined,
  };
}

const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');

function newSerial(): Buffer {
  const serial = randomBytes(12);
  serial.writeUInt8(serial.readUInt8(0) & 0x7f, 0);
  return serial;
}

/** An authority of one issuer. */
class ModelAuthority implements LinkageSource {
  readonly #before = new Map<string, Uint8Array>();
  readonly #after = new Map<string, Uint8Array>();
  readonly #issued = new Map<string, { person: Person; device: 'card' | 'phone'; kind: 'user' | 'signing' }>();

  issue(person: Person, device: 'card' | 'phone', replaces: { user: boolean; signing: boolean }): ModelCard {
    const before = person.latest[device];
    const [user, signing] = [newSerial(), newSerial()];
    this.#issued.set(hex(user), { person, device, kind: 'user' });
    this.#issued.set(hex(signing), { person, device, kind: 'signing' });
    if (before && replaces.user) this.#link(before.user.verified.certificate.serial, user);
    if (before && replaces.signing) this.#link(before.signing.serial, signing);
    const card = { person, verified: verifiedCard(user, { issuer: ISSUER.toString(), now: NOW }) };
    person.latest[device] = { user: card, signing: signingCertificate(signing) };
    return card;
  }

  #link(before: Uint8Array, after: Uint8Array): void {
    this.#before.set(hex(after), before);
    this.#after.set(hex(before), after);
  }

  predecessor = async ({ serial }: CertificateReference) => named(this.#before.get(hex(serial)));
  successor = async ({ serial }: CertificateReference) => named(this.#after.get(hex(serial)));

  async otherDevice({ serial }: CertificateReference) {
    const asked = this.#issued.get(hex(serial));
    const other = asked?.person.latest[asked.device === 'card' ? 'phone' : 'card'];
    return named(asked?.kind === 'signing' ? other?.signing.serial : other?.user.verified.certificate.serial);
  }

  async counterpart({ serial }: CertificateReference, kind: 'user' | 'signing') {
    const asked = this.#issued.get(hex(serial));
    if (!asked || asked.kind === kind) return undefined;
    const latest = asked.person.latest[asked.device];
    return named(kind === 'signing' ? latest?.signing.serial : latest?.user.verified.certificate.serial);
  }
}

const named = (serial: Uint8Array | undefined) => serial && { issuer: ISSUER, serial };

function signingCertificate(serial: Uint8Array): Certificate {
  return {
    ...{ issuer: ISSUER, serial, der: randomBytes(40), fingerprint: randomBytes(32).toString('hex') },
    ...{ notBefore: NOW - 1000, notAfter: NOW + 1000 },
  } as unknown as Certificate;
}

describe(`linkage on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  const vault = createVault([randomBytes(32)]);
  const authority = new ModelAuthority();
  let identity: Identity;

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
    identity = createIdentity({
      ...{ storage, vault, linkage: authority, clock: () => NOW, random: systemRandom },
      notify: createNotify({ emit: async () => {} }),
      linkedCertificates: { check: async () => 'good' },
    });
  });
  after(() => test.drop());

  /** A first card, or one in place of another. */
  function newCard(replaced?: ModelCard): ModelCard {
    if (!replaced) return authority.issue(new Person(), 'card', { user: false, signing: false });
    const { person } = replaced;
    const latest = person.latest.card;
    if (latest) person.latest.card = { ...latest, user: replaced };
    return authority.issue(person, 'card', { user: true, signing: true });
  }

  const newPhone = ({ person }: ModelCard): ModelCard =>
    authority.issue(person, 'phone', { user: true, signing: true });

  /** What enrolment does with the signing certificate on the person's card. False when it is here already. */
  async function enrol({ person }: ModelCard, subjectId: string): Promise<boolean> {
    const { card } = person.latest;
    if (!card) return false;
    const record = certificateRecord(vault, card.signing, 'signing', subjectId);
    return storage.identity.insertCertificate(record, { checkedAt: NOW, source: 'crl', asOf: NOW }, NOW);
  }

  const signIn = async ({ verified }: ModelCard) => (await identity.subjectOf(verified)).subjectId;
  const refused = async (card: ModelCard, code: string) =>
    assert.rejects(signIn(card), (error) => error instanceof HubError && error.code === code);
  /** Subjects whose sessions were ended. */
  const ended: string[] = [];
  const sessions: SubjectSessions = {
    async endAllOf(subjectId) {
      ended.push(subjectId);
      return { sessions: 0, grants: 0 };
    },
  };
  /** What relying parties were told, and of whom. */
  const told: string[] = [];
  const events: SubjectEvents = {
    async emit(_stores, subjectId, happenings) {
      told.push(...happenings.map((happening) => `${subjectId} ${happening}`));
    },
  };
  const links = () => createLinkAdministration({ storage, sessions, events, clock: () => NOW });
  const fingerprintOf = ({ verified }: ModelCard) => verified.certificate.fingerprint.slice(0, 16);

  it('gives the person of the older card, which is good no more', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    const second = newCard(first);
    assert.equal(await signIn(second), subjectId);
    assert.equal(await signIn(second), subjectId);
    await refused(first, 'certificate_superseded');
    const third = newCard(newCard(second));
    assert.equal(await signIn(third), subjectId);
    await refused(second, 'certificate_superseded');
  });

  it('lets one of two that claim the same predecessor have it, also at the same moment', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    const claims = [newCard(first), newCard(first)];
    const outcomes = await Promise.allSettled(claims.map(signIn));
    const [won] = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    const [lost, ...others] = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.deepEqual(others, []);
    assert.equal(won?.value, subjectId);
    assert.equal(lost?.reason.code, 'linkage_conflict');
    for (const claim of claims) await signIn(claim).catch(() => {});
    await refused(newCard(first), 'linkage_conflict');
  });

  it('can be undone: the older card is good again, the newer one for nobody, and another may come after the older', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    const wrong = newCard(first);
    await signIn(wrong);
    assert.ok((await links().list()).some(({ certificate }) => certificate === fingerprintOf(wrong)));
    await links().undo(fingerprintOf(wrong));
    assert.equal(ended.at(-1), subjectId);
    assert.equal(told.at(-1), `${subjectId} sessions_ended`);
    assert.equal(await signIn(first), subjectId);
    await refused(wrong, 'certificate_revoked');
    assert.notEqual(await signIn(newCard(wrong)), subjectId);
    assert.equal(await signIn(newCard(first)), subjectId);
    const audit = (await storage.audit.read(0n, 1000)).filter(({ kind }) => kind === 'certificate.unlinked');
    assert.deepEqual(audit.at(-1)?.data, { certificate: fingerprintOf(wrong) });
  });

  it('is undone for the newest of a line only, and once', async () => {
    const first = newCard();
    await signIn(first);
    const second = newCard(first);
    await signIn(second);
    const third = newCard(second);
    await signIn(third);
    await assert.rejects(links().undo(fingerprintOf(second)), { code: 'link_unknown' });
    await assert.rejects(links().undo(fingerprintOf(first)), { code: 'link_unknown' });
    await links().undo(fingerprintOf(third));
    await assert.rejects(links().undo(fingerprintOf(third)), { code: 'link_unknown' });
  });

  it('gives the person of the card to their phone and the other way round, and both go on', async () => {
    for (const first of ['card', 'phone']) {
      const card = newCard();
      const phone = newPhone(card);
      const devices = first === 'card' ? [card, phone] : [phone, card];
      const subjectId = await signIn(devices[0] ?? card);
      for (const device of [...devices, ...devices]) assert.equal(await signIn(device), subjectId);
      // Each is renewed on its own: the other goes on.
      const renewed = newCard(card);
      assert.equal(await signIn(renewed), subjectId);
      await refused(card, 'certificate_superseded');
      assert.equal(await signIn(phone), subjectId);
      const nextPhone = newPhone(card);
      assert.equal(await signIn(nextPhone), subjectId);
      await refused(phone, 'certificate_superseded');
      assert.equal(await signIn(renewed), subjectId);
    }
  });

  it('makes one person of a card and a phone that are shown for the first time at the same moment', async () => {
    for (let time = 0; time < 5; time += 1) {
      const card = newCard();
      const phone = newPhone(card);
      const subjects = await Promise.all([card, phone, phone, card, phone, card].map(signIn));
      assert.equal(new Set(subjects).size, 1);
    }
  });

  it('knows a person by the signing certificate, whose line goes on where that of the card does not', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    assert.ok(await enrol(first, subjectId));
    for (let time = 0; time < 2; time += 1) authority.issue(first.person, 'card', { user: false, signing: true });
    const latest = first.person.latest.card?.user ?? assert.fail();
    assert.equal(await signIn(latest), subjectId);
    // Nobody said that it took the place of the older one: that is for the lists to say.
    assert.equal(await signIn(first), subjectId);
    const events = (await storage.audit.read(0n, 10_000)).filter((event) => event.subjectId === subjectId);
    assert.deepEqual(
      events.map(({ kind, data }) => [kind, data?.method, data?.recognisedBy !== undefined]),
      [
        ['subject.created', 'user certificate', false],
        ['certificate.linked', 'signing linkage', true],
      ],
    );
  });

  it('never makes one of two people who exist', async () => {
    const card = newCard();
    const phone = authority.issue(new Person(), 'phone', { user: false, signing: false });
    const [one, other] = [await signIn(card), await signIn(phone)];
    assert.notEqual(one, other);
    // From now on the authority says that they are one person's.
    card.person.latest.phone = phone.person.latest.phone;
    phone.person.latest.card = card.person.latest.card;
    assert.deepEqual([await signIn(card), await signIn(phone)], [one, other]);
    assert.equal(await signIn(newCard(card)), one);
  });

  it('is listed with its method, and each kind can be undone: the certificate is good for nobody, the other stays', async () => {
    const card = newCard();
    const subjectId = await signIn(card);
    await enrol(card, subjectId);
    const phone = newPhone(card);
    await signIn(phone);
    const anew = authority.issue(card.person, 'card', { user: false, signing: true });
    card.person.latest.phone = undefined;
    await signIn(anew);
    const shownOf = async (device: ModelCard) =>
      (await links().list()).find(({ certificate }) => certificate === fingerprintOf(device));
    for (const [device, method] of [
      [phone, 'other device'],
      [anew, 'signing linkage'],
    ] as const) {
      const shown = await shownOf(device);
      assert.deepEqual([shown?.method, shown?.status], [method, 'current']);
      assert.match(shown?.by ?? '', /^[0-9a-f]{16}$/);
      await links().undo(fingerprintOf(device));
      await refused(device, 'certificate_revoked');
      assert.equal(await signIn(card), subjectId);
      assert.equal((await shownOf(device))?.status, 'unlinked');
      await assert.rejects(links().undo(fingerprintOf(device)), { code: 'link_unknown' });
    }
    // What came after a link that was undone is somebody new, not the person from whom it was taken.
    assert.notEqual(await signIn(newCard(anew)), subjectId);
  });

  it('is undone only after the links that rest on it', async () => {
    const card = newCard();
    await enrol(card, await signIn(card));
    const anew = authority.issue(card.person, 'card', { user: false, signing: true });
    await signIn(anew);
    const phone = newPhone(card);
    await signIn(phone);
    const inUse = { code: 'link_in_use', status: 409, message: new RegExp(fingerprintOf(phone)) };
    await assert.rejects(links().undo(fingerprintOf(anew)), inUse);
    await links().undo(fingerprintOf(phone));
    await links().undo(fingerprintOf(anew));
    await refused(anew, 'certificate_revoked');
  });

  it('never mixes people up, nor changes what a relying party knows them by, whatever the order and however many at once', async () => {
    const step = fc.record({
      what: fc.constantFrom(
        ...(['card', 'card', 'phone', 'phone', 'lose phone', 'reissue', 'enrol'] as const),
        ...(['sign in', 'sign in', 'sign in with phone', 'sign in together', 'sign in together'] as const),
      ),
      who: fc.nat({ max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const people = Array.from({ length: 5 }, () => new Person());
        const older: ModelCard[] = [];
        const subjects = new Map<Person, string>();
        const subs = new Map<Person, string>();
        const owners = new Map<ModelCard, string>();
        const enrolled = new Set<Person>();
        const enter = async (card: ModelCard) => {
          const subjectId = await signIn(card);
          assert.equal(subjectId, subjects.get(card.person) ?? subjectId, 'nobody changes subject');
          assert.equal(subjectId, owners.get(card) ?? subjectId, 'no certificate has two owners');
          subjects.set(card.person, subjectId);
          owners.set(card, subjectId);
          const sub = await identity.pairwiseIdentifier(subjectId, 'rp.example');
          assert.equal(sub, subs.get(card.person) ?? sub, 'a pairwise identifier stays');
          subs.set(card.person, sub);
        };
        const issue = (person: Person, device: 'card' | 'phone', replacesUser: boolean) => {
          const before = person.latest[device];
          if (before) older.push(before.user);
          authority.issue(person, device, { user: replacesUser, signing: true });
        };
        for (const { what, who } of steps) {
          const person = people[who] ?? assert.fail();
          const { card, phone } = person.latest;
          if (what === 'card') issue(person, 'card', true);
          else if (what === 'phone' && card) issue(person, 'phone', true);
          // A card without a line to the older one is known by the signing certificate, if by anything.
          else if (what === 'reissue' && enrolled.has(person)) issue(person, 'card', false);
          else if (what === 'enrol' && card && subjects.has(person)) {
            await enrol(card.user, subjects.get(person) ?? '');
            enrolled.add(person);
          } else if (what === 'lose phone' && phone && card && owners.has(card.user)) {
            older.push(phone.user);
            person.latest.phone = undefined;
          } else if (what === 'sign in' && card) await enter(card.user);
          else if (what === 'sign in with phone' && phone) await enter(phone.user);
          else if (what === 'sign in together') {
            const everything = people.flatMap(({ latest }) => [latest.card, latest.phone]);
            const devices = everything.flatMap((device) => (device ? [device.user] : []));
            await Promise.all([...devices, ...devices.toReversed()].map(enter));
          }
        }
        assert.equal(new Set(subjects.values()).size, subjects.size, 'no two people share a subject');
        // Something older, of a person who came with something newer, lets nobody in as anybody else.
        for (const card of older) {
          const outcome = await signIn(card).catch((error: HubError) => error.code);
          const allowed = [subjects.get(card.person), 'certificate_superseded', 'linkage_conflict'];
          if (subjects.has(card.person)) assert.ok(allowed.includes(outcome), String(outcome));
        }
      }),
      { numRuns: 40 },
    );
  });
});
