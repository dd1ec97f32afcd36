import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import type { CertificateRecord } from '../../../provider/identity/identity_store.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';

const NOW = Date.parse('2026-11-24T00:00:00Z');
const YEAR = 365 * 86_400_000;
const issuerHash = (name: string) => createHash('sha256').update(name).digest();

describe(`what is recorded of people, on ${testEngine}`, () => {
  let test: TestDatabase;
  let storage: ReturnType<typeof createStorage>;
  before(async () => {
    test = await openTestDatabase();
    storage = createStorage(test.database, createVault([randomBytes(32)]));
  });
  after(() => test.drop());

  async function newPerson(sector: string): Promise<{ subjectId: string; identifier: string }> {
    const subjectId = randomUUID();
    await storage.identity.insertSubject(subjectId, NOW);
    const identifier = randomBytes(20).toString('base64url');
    await storage.identity.pairwiseIdentifier(subjectId, sector, identifier);
    await consentOf(subjectId, asking.clientId);
    return { subjectId, identifier };
  }

  const asking = { sector: 'rp.example', clientId: 'rp', now: NOW };

  async function consentOf(subjectId: string, clientId: string, expiresAt = NOW + YEAR): Promise<string> {
    const id = randomUUID();
    const times = { grantedAt: NOW - YEAR, expiresAt };
    await storage.consents.replace(
      lastingConsent({
        id,
        subjectId,
        clientId,
        granted: ['sub'],
        declined: [],
        purpose: undefined,
        ...times,
      }),
    );
    return id;
  }

  async function certificateOf(subjectId: string, over: Partial<CertificateRecord> = {}): Promise<Uint8Array> {
    const record: CertificateRecord = {
      lookup: randomBytes(32),
      kind: 'user',
      subjectId,
      sealedSerial: randomBytes(40),
      issuerHash: issuerHash('A'),
      fingerprint: randomBytes(8),
      notBefore: NOW - YEAR,
      notAfter: NOW + YEAR,
      ...over,
    };
    const check = { checkedAt: NOW, source: 'crl', asOf: NOW - 5 } as const;
    assert.ok(await storage.identity.insertCertificate(record, check, NOW));
    return record.lookup;
  }

  it('is found by the sector’s own identifiers, and no other sector’s', async () => {
    const own = await newPerson('rp.example');
    const other = await newPerson('other.example');
    const lookup = await certificateOf(own.subjectId);
    await certificateOf(other.subjectId);
    const asked = [other.identifier, own.identifier, 'nobody', '', 'a\0b', own.identifier, own.subjectId];
    const { known, certificates } = await storage.status.find(asking, asked, [issuerHash('A')], true);
    assert.deepEqual([...known], [own.identifier]);
    assert.equal(certificates.length, 1);
    const [found] = certificates;
    assert.deepEqual(Buffer.from(found?.lookup ?? []), Buffer.from(lookup));
    const { lookup: _lookup, ...rest } = found ?? {};
    assert.deepEqual(rest, {
      identifier: own.identifier,
      kind: 'user',
      notBefore: NOW - YEAR,
      notAfter: NOW + YEAR,
      issuer: 0,
      revocation: undefined,
      checkAsOf: NOW - 5,
    });
  });

  it('names the issuer by its place among those that were named', async () => {
    const { subjectId, identifier } = await newPerson('rp.example');
    await certificateOf(subjectId, { issuerHash: issuerHash('B') });
    const issuerOf = async (...named: Uint8Array[]) =>
      (await storage.status.find(asking, [identifier], named, false)).certificates[0]?.issuer;
    assert.equal(await issuerOf(issuerHash('A'), issuerHash('B')), 1);
    assert.equal(await issuerOf(issuerHash('A')), undefined);
    assert.equal(await issuerOf(), undefined);
  });

  it('has current certificates of both kinds, and what a list said of them', async () => {
    const { subjectId, identifier } = await newPerson('rp.example');
    const user = await certificateOf(subjectId);
    const replaced = await certificateOf(subjectId);
    assert.ok(await storage.identity.supersede(replaced));
    const signing = await certificateOf(subjectId, { kind: 'signing', sealedCertificate: randomBytes(50) });
    const [found] = await storage.revocations.findByLookups([signing]);
    assert.ok(found);
    const sealed = randomBytes(30);
    assert.ok(await storage.revocations.record(found, { sealed, asOf: NOW }));
    const { certificates } = await storage.status.find(asking, [identifier], [], true);
    const byKind = new Map(certificates.map((certificate) => [certificate.kind, certificate]));
    assert.equal(certificates.length, 2);
    assert.deepEqual(Buffer.from(byKind.get('user')?.lookup ?? []), Buffer.from(user));
    assert.deepEqual(byKind.get('signing')?.revocation, { sealed, asOf: NOW });
  });

  it('is known of somebody without any certificate', async () => {
    const { identifier } = await newPerson('rp.example');
    const { known, certificates } = await storage.status.find(asking, [identifier], [], false);
    assert.deepEqual([[...known], certificates], [[identifier], []]);
  });

  it('is nobody’s whose consent to this relying party has ended, was withdrawn, or is another’s', async () => {
    const isKnown = async (identifier: string, clientId: string) =>
      (await storage.status.find({ ...asking, clientId }, [identifier], [], false)).known.has(identifier);
    const { subjectId, identifier } = await newPerson('rp.example');
    assert.ok(await isKnown(identifier, 'rp'));
    assert.ok(!(await isKnown(identifier, 'another of the same sector')));
    await consentOf(subjectId, 'rp', NOW);
    assert.ok(!(await isKnown(identifier, 'rp')));
    const id = await consentOf(subjectId, 'rp');
    assert.ok(await isKnown(identifier, 'rp'));
    await storage.consents.withdraw(id, NOW);
    assert.ok(!(await isKnown(identifier, 'rp')));
  });

  it('is found for ten thousand in one statement', async () => {
    const { subjectId, identifier } = await newPerson('rp.example');
    await certificateOf(subjectId);
    const many = Array.from({ length: 10_000 }, () => randomBytes(20).toString('base64url'));
    many[7_777] = identifier;
    const { known } = await storage.status.find(asking, many, [issuerHash('A')], false);
    assert.deepEqual([...known], [identifier]);
  });
});
