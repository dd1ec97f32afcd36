import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { VerifiedCertificate } from '../../../provider/authentication/verify_certificate.ts';
import { HubError } from '../../../provider/errors.ts';
import { createIdentity, type Identity } from '../../../provider/identity/identity.ts';
import { createLinkAdministration } from '../../../provider/identity/link_administration.ts';
import type { CertificateReference, LinkageSource } from '../../../provider/identity/linkage.ts';
import type { SubjectSessions } from '../../../provider/identity/revocation_effects.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { verifiedCard } from '../../support/verified_card.ts';

const NOW = Date.parse('2026-11-30T00:00:00Z');
const ISSUER = Buffer.from('Authority');

/** A card of the model: its certificate as the identity room sees it, and whose it really is. */
interface ModelCard {
  readonly verified: VerifiedCertificate;
  readonly person: number;
  /** The card that the authority says it replaced. */
  readonly before: ModelCard | undefined;
}

describe(`linkage on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  const vault = createVault([randomBytes(32)]);
  const predecessors = new Map<string, CertificateReference>();
  const linkage: LinkageSource = {
    predecessor: async ({ serial }) => predecessors.get(Buffer.from(serial).toString('hex')),
    async successor({ serial }) {
      for (const [after, before] of predecessors) {
        if (Buffer.compare(before.serial, serial) === 0) return { issuer: ISSUER, serial: Buffer.from(after, 'hex') };
      }
      return undefined;
    },
  };
  let identity: Identity;

  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, vault);
    identity = createIdentity({
      ...{ storage, vault, linkage, clock: () => NOW, random: systemRandom },
      linkedCertificates: { check: async () => 'good' },
    });
  });
  after(() => test.drop());

  function newCard(person = 0, replaced?: ModelCard): ModelCard {
    const serial = randomBytes(12);
    serial.writeUInt8(serial.readUInt8(0) & 0x7f, 0);
    if (replaced) {
      const { serial: old } = replaced.verified.certificate;
      predecessors.set(serial.toString('hex'), { issuer: ISSUER, serial: old });
    }
    return {
      person,
      before: replaced,
      verified: verifiedCard(serial, { issuer: ISSUER.toString(), now: NOW }),
    };
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
  const links = () => createLinkAdministration({ storage, sessions, clock: () => NOW });
  const fingerprintOf = ({ verified }: ModelCard) => verified.certificate.fingerprint.slice(0, 16);

  it('gives the person of the older card, which is good no more', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    const second = newCard(0, first);
    assert.equal(await signIn(second), subjectId);
    assert.equal(await signIn(second), subjectId);
    await refused(first, 'certificate_superseded');
    const third = newCard(0, newCard(0, second));
    assert.equal(await signIn(third), subjectId);
    await refused(second, 'certificate_superseded');
  });

  it('lets one of two that claim the same predecessor have it, also at the same moment', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    const claims = [newCard(0, first), newCard(0, first)];
    const outcomes = await Promise.allSettled(claims.map(signIn));
    const [won] = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    const [lost, ...others] = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.deepEqual(others, []);
    assert.equal(won?.value, subjectId);
    assert.equal(lost?.reason.code, 'linkage_conflict');
    for (const claim of claims) await signIn(claim).catch(() => {});
    await refused(newCard(0, first), 'linkage_conflict');
  });

  it('can be undone: the older card is good again, the newer one for nobody, and another may come after the older', async () => {
    const first = newCard();
    const subjectId = await signIn(first);
    const wrong = newCard(1, first);
    await signIn(wrong);
    assert.ok((await links().list()).some(({ certificate }) => certificate === fingerprintOf(wrong)));
    await links().undo(fingerprintOf(wrong));
    assert.equal(ended.at(-1), subjectId);
    assert.equal(await signIn(first), subjectId);
    await refused(wrong, 'certificate_revoked');
    assert.notEqual(await signIn(newCard(1, wrong)), subjectId);
    assert.equal(await signIn(newCard(0, first)), subjectId);
    const audit = (await storage.audit.read(0n, 1000)).filter(({ kind }) => kind === 'certificate.unlinked');
    assert.deepEqual(audit.at(-1)?.data, { certificate: fingerprintOf(wrong) });
  });

  it('is undone for the newest of a line only, and once', async () => {
    const first = newCard();
    await signIn(first);
    const second = newCard(0, first);
    await signIn(second);
    const third = newCard(0, second);
    await signIn(third);
    await assert.rejects(links().undo(fingerprintOf(second)), { code: 'link_unknown' });
    await assert.rejects(links().undo(fingerprintOf(first)), { code: 'link_unknown' });
    await links().undo(fingerprintOf(third));
    await assert.rejects(links().undo(fingerprintOf(third)), { code: 'link_unknown' });
  });

  it('never mixes people up, nor changes what a relying party knows them by, whatever the order and however many at once', async () => {
    const step = fc.record({
      what: fc.constantFrom('issue', 'renew', 'sign in', 'sign in', 'sign in together'),
      who: fc.nat({ max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const cards: ModelCard[][] = [[], [], [], [], []];
        const subjects = new Map<number, string>();
        const subs = new Map<number, string>();
        const enter = async (card: ModelCard) => {
          const subjectId = await signIn(card);
          assert.equal(subjectId, subjects.get(card.person) ?? subjectId, 'nobody changes subject');
          subjects.set(card.person, subjectId);
          const sub = await identity.pairwiseIdentifier(subjectId, 'rp.example');
          assert.equal(sub, subs.get(card.person) ?? sub, 'a pairwise identifier stays');
          subs.set(card.person, sub);
        };
        for (const { what, who } of steps) {
          const own = cards[who] ?? [];
          const latest = own.at(-1);
          if (what === 'issue' && latest === undefined) own.push(newCard(who));
          else if (what === 'renew' && latest !== undefined) own.push(newCard(who, latest));
          else if (what === 'sign in' && latest !== undefined) await enter(latest);
          else if (what === 'sign in together') {
            const everybody = cards.flatMap((all) => all.slice(-1));
            await Promise.all([...everybody, ...everybody].map(enter));
          }
        }
        assert.equal(new Set(subjects.values()).size, subjects.size, 'no two people share a subject');
        // An older card of a person who came with a newer one lets nobody in as anybody else.
        for (const card of cards.flatMap((all) => all.slice(0, -1))) {
          const subjectId = await signIn(card).catch((error: HubError) => error.code);
          const allowed = [subjects.get(card.person), 'certificate_superseded', 'linkage_conflict'];
          if (subjects.has(card.person)) assert.ok(allowed.includes(subjectId), String(subjectId));
        }
      }),
      { numRuns: 25 },
    );
  });
});
