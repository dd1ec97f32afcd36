import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { createStorage } from '../../../adapters/database/create_storage.ts';
import { createVault } from '../../../adapters/database/encryption.ts';
import { up as chainDisclosures } from '../../../migrations/0032_disclosure_chain.ts';
import { createAttributes } from '../../../provider/attributes/attributes.ts';
import { builtInCatalogue } from '../../../provider/attributes/catalogue/catalogue.ts';
import type { ClaimToTell } from '../../../provider/consent/consent_store.ts';
import { type ConsentsWorld, createConsents } from '../../../provider/consent/consents.ts';
import { createDeliveries } from '../../../provider/consent/deliveries.ts';
import { checkDisclosureChain } from '../../../provider/consent/disclosure_chain.ts';
import { createDisclosureHistory, type ExportedHistory } from '../../../provider/consent/disclosure_history.ts';
import { verifyHistory, verifyReceipt } from '../../../provider/consent/verify_records.ts';
import { noMail } from '../../../provider/notices_by_mail/mail_to_person.ts';
import { createSigningKeys } from '../../../provider/oidc/signing_keys.ts';
import { createStatementSigner, statementKeys } from '../../../provider/oidc/statement_signer.ts';
import type { Storage } from '../../../provider/storage.ts';
import { systemRandom } from '../../../provider/world.ts';
import { openTestDatabase, type TestDatabase, testEngine } from '../../support/database.ts';
import { lastingConsent } from '../../support/lasting_consent.ts';

const NOW = 1_800_000_000_000;
const ISSUER = 'https://hub.example';
const DAY = 86_400_000;

let test: TestDatabase;
let storage: Storage;
let now = NOW;
let subjectId: string;
const clock = () => now;

before(async () => {
  test = await openTestDatabase();
  storage = createStorage(test.database, createVault([randomBytes(32)]));
  await keys().ensure();
});
after(() => test?.drop());
beforeEach(async () => {
  now = NOW;
  subjectId = await newPerson();
});

const keys = () => createSigningKeys({ storage, clock, random: systemRandom, host: 'hub.example' });
const statements = () => createStatementSigner({ keys: keys(), clock });
const publishedKeys = async () => ({ keys: statementKeys(await keys().list()) }) as never;

function history(over: Partial<Parameters<typeof createDisclosureHistory>[0]> = {}) {
  return createDisclosureHistory({
    ...{ consents: storage.consents, store: storage.history, statements: statements(), issuer: ISSUER, clock },
    ...over,
  });
}

async function newPerson(): Promise<string> {
  const id = randomUUID();
  await test.database.query(
    { name: 'test_new_subject', text: 'INSERT INTO subject (id, created_at) VALUES ($1, $2)' },
    [id, NOW],
  );
  return id;
}

async function agree(clientId: string, subject = subjectId): Promise<string> {
  const id = randomUUID();
  await storage.consents.replace(
    lastingConsent({
      ...{ id, subjectId: subject, clientId, grantedAt: NOW, expiresAt: NOW + 400 * DAY },
      granted: ['sub', 'name', 'address'],
    }),
  );
  return id;
}

function tell(clientId: string, claims: readonly ClaimToTell[], subject = subjectId) {
  return storage.consents.disclose({ subjectId: subject, clientId, exit: 'userinfo', claims, now });
}

const SUB: ClaimToTell = { claim: 'sub', source: undefined };
const NAME: ClaimToTell = { claim: 'name', source: 'jpki_signing_certificate' };

describe(`the chain of disclosures on ${testEngine}`, () => {
  it('is the one that anybody computes, whatever is in it', async () => {
    for (const clientId of ['rp', 'https://sp.example/"\\\n\t\u0001\u007f\u2028結び😀']) {
      await agree(clientId);
      await tell(clientId, [SUB, NAME, { claim: 'address', source: 'a "quoted"\\ source 結び' }]);
      await tell(clientId, [SUB]);
    }
    const { origin } = (await storage.history.chain(subjectId)) ?? assert.fail();
    const told = (await storage.consents.listDisclosures(subjectId, 100)).toReversed();
    assert.deepEqual(
      told.map(({ sequence, claims }) => [sequence, claims.length]),
      [1, 2, 3, 4].map((sequence) => [sequence, sequence % 2 === 1 ? 3 : 1]),
    );
    assert.equal(checkDisclosureChain(origin, told), undefined);
  });

  it('has no gap and no fork, however many releases there are at once', async () => {
    await agree('rp');
    await Promise.all(Array.from({ length: 30 }, () => tell('rp', [SUB, NAME])));
    const { origin } = (await storage.history.chain(subjectId)) ?? assert.fail();
    const told = (await storage.consents.listDisclosures(subjectId, 100)).toReversed();
    assert.equal(told.length, 30);
    assert.equal(checkDisclosureChain(origin, told), undefined);
  });

  it('does not move for what may not leave', async () => {
    await agree('rp');
    const told = await tell('rp', [{ claim: 'gender', source: undefined }]);
    assert.deepEqual([told?.claims, told?.sequence], [[], undefined]);
    assert.equal(await tell('other', [SUB]), undefined);
    assert.equal(await storage.history.chain(subjectId), undefined);
  });

  it('begins anew for nobody: two people never have the same head', async () => {
    const other = await newPerson();
    for (const subject of [subjectId, other]) {
      await agree('rp', subject);
      await tell('rp', [SUB], subject);
    }
    const [mine] = await storage.consents.listDisclosures(subjectId, 1);
    const [theirs] = await storage.consents.listDisclosures(other, 1);
    assert.ok(mine && theirs && Buffer.compare(mine.hash, theirs.hash) !== 0);
  });

  it('takes in the rows that were there before there was one', async () => {
    const old = await openTestDatabase();
    const knex = await old.database.knex();
    try {
      await knex.raw(`DROP TABLE disclosure, disclosure_chain, disclosure_delivery, disclosure_publication,
        disclosure_publishing`);
      await knex.raw(`CREATE TABLE disclosure (subject_id uuid NOT NULL, id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
        client_id text NOT NULL, consent_id uuid NOT NULL, exit text NOT NULL, claims text[] NOT NULL, at bigint NOT NULL,
        PRIMARY KEY (subject_id, id))`);
      await knex.raw('INSERT INTO subject (id, created_at) VALUES (?, 0)', [subjectId]);
      for (const at of [NOW, NOW + 1]) {
        await knex.raw(
          `INSERT INTO disclosure (subject_id, client_id, consent_id, exit, claims, at)
            VALUES (?, 'rp "x"', ?, 'userinfo', ARRAY['sub', 'name'], ?)`,
          [subjectId, randomUUID(), at],
        );
      }
      await chainDisclosures(knex);
      const before = createStorage(old.database, createVault([randomBytes(32)]));
      const told = (await before.consents.listDisclosures(subjectId, 10)).toReversed();
      assert.deepEqual(
        told.map(({ at, claims, deliveredAt }) => [at, claims, deliveredAt]),
        [NOW, NOW + 1].map((at) => [at, ['sub', 'name'], at]),
      );
      const { origin } = (await before.history.chain(subjectId)) ?? assert.fail();
      assert.equal(checkDisclosureChain(origin, told), undefined);
    } finally {
      await old.drop();
    }
  });
});

describe(`a person's exported history on ${testEngine}`, () => {
  /** As it travels: written to a file and read again. */
  const exported = async (from = history()): Promise<ExportedHistory> =>
    JSON.parse(JSON.stringify(await from.export(subjectId)));

  beforeEach(async () => {
    await agree('rp');
    await tell('rp', [SUB, NAME]);
    await tell('rp', [SUB]);
  });

  it('leads to what was published then, with what came after', async () => {
    assert.equal(await history().publish(), true);
    await tell('rp', [SUB]);
    const verdict = await verifyHistory(await exported(), await publishedKeys());
    const { number } = (await storage.history.publications(1))[0] ?? assert.fail();
    assert.deepEqual(verdict, {
      ...{ disclosures: 3, unconfirmed: 3 },
      published: { number, at: new Date(NOW).toISOString(), disclosures: 2 },
    });
  });

  it('is whole before anything was published about it', async () => {
    const verdict = await verifyHistory(await exported(), await publishedKeys());
    assert.deepEqual([verdict.disclosures, verdict.published], [2, undefined]);
  });

  it('does not pass with its end cut off, nor beside another tree than everybody saw', async () => {
    await tell('rp', [SUB]);
    await history().publish();
    const whole = await exported();
    const shown = (await history().publications()).map(({ statement }) => statement);
    await verifyHistory(whole, await publishedKeys(), shown);
    await assert.rejects(
      verifyHistory({ ...whole, disclosures: whole.disclosures.slice(0, 2) }, await publishedKeys()),
      { code: 'history_broken' },
    );
    await assert.rejects(verifyHistory(whole, await publishedKeys(), ['another']), { code: 'history_broken' });
  });

  it('does not pass with a statement that no key of the hub signed, nor in another form', async () => {
    await history().publish();
    const whole = await exported();
    assert.ok(whole.published);
    const published = { ...whole.published, statement: whole.published.statement.replace(/.{4}$/, 'AAAA') };
    await assert.rejects(verifyHistory({ ...whole, published }, await publishedKeys()), { code: 'record_invalid' });
    await assert.rejects(verifyHistory({ disclosures: 'x' }, await publishedKeys()), { code: 'record_invalid' });
  });

  it('says which releases were seen to leave', async () => {
    await storage.consents.confirmDelivery([{ subjectId, sequence: 2 }], NOW + 5);
    await storage.consents.confirmDelivery([{ subjectId, sequence: 2 }], NOW + 9);
    const { disclosures } = await exported();
    assert.deepEqual(
      disclosures.map(({ delivered_at }) => delivered_at),
      [null, NOW + 5],
    );
  });
});

describe(`the publication of heads on ${testEngine}`, () => {
  it('names nobody, counts up, and each names the one before', async () => {
    await agree('rp');
    await tell('rp', [SUB]);
    await history().publish();
    await history().publish();
    const [second, first] = await storage.history.publications(2);
    assert.ok(first && second);
    const told = decodeJwt<{ disclosure_heads: Record<string, unknown> }>(second.statement);
    assert.deepEqual(Object.keys(told).sort(), ['disclosure_heads', 'iat', 'iss']);
    assert.deepEqual(Object.keys(told.disclosure_heads).sort(), ['number', 'previous', 'root', 'tree_size']);
    assert.equal(told.disclosure_heads.number, first.number + 1);
    assert.notEqual(told.disclosure_heads.previous, null);
  });

  it('keeps a chain at its place when others come', async () => {
    await agree('rp');
    await tell('rp', [SUB]);
    await history().publish();
    const { leaf } = (await storage.history.chain(subjectId)) ?? assert.fail();
    const other = await newPerson();
    await agree('rp', other);
    await tell('rp', [SUB], other);
    await history().publish();
    assert.equal((await storage.history.chain(subjectId))?.leaf, leaf);
    assert.notEqual((await storage.history.chain(other))?.leaf, leaf);
    for (const subject of [subjectId, other]) {
      await verifyHistory(JSON.parse(JSON.stringify(await history().export(subject))), await publishedKeys());
    }
  });

  it('is one process’s at a time, and another’s when that one died', async () => {
    assert.equal(await storage.history.beginPublishing('dead', NOW, NOW + 1000), true);
    assert.equal(await history().publish(), false);
    now += 1000;
    assert.equal(await history().publish(), true);
    assert.equal(await storage.history.publish('dead', { number: 10_000, statement: 'x', at: now }), false);
  });

  it('comes when it is due', async () => {
    await history().publish();
    assert.equal(await history().publishIfDue(DAY), false);
    now += DAY;
    assert.equal(await history().publishIfDue(DAY), true);
  });

  it('is verified after its key was replaced', async () => {
    await agree('rp');
    await tell('rp', [SUB]);
    await history().publish();
    const whole = JSON.parse(JSON.stringify(await history().export(subjectId)));
    await keys().rotate(0, ['ES256']);
    now += 30 * DAY;
    assert.ok((await verifyHistory(whole, await publishedKeys())).published);
  });
});

describe(`a release that is cut off on ${testEngine}`, () => {
  class Killed extends Error {}
  const cut = async () => {
    throw new Killed();
  };
  const ADDRESS = { value: { formatted: 'x' }, provenance: { source: 'test', obtainedAt: NOW, isCurrent: true } };

  /** The room as a process has it that is killed at one step: nothing happens after it there. */
  function consentsCutAt(step: string) {
    const { consents } = storage;
    const cutStore: Partial<typeof consents> = {
      ...(step === 'consent' && { findLive: cut }),
      ...(step === 'disclosure' && { disclose: cut }),
      ...(step === 'after the disclosure' && {
        async disclose(disclosure) {
          await consents.disclose(disclosure);
          return cut();
        },
      }),
      ...(step === 'delivery' && { confirmDelivery: cut }),
    };
    const store = { ...consents, ...cutStore };
    const deliveries = createDeliveries({ store, clock, log: { warn() {} } });
    const world: ConsentsWorld = {
      catalogue: builtInCatalogue,
      ...{ deliveries, clock, issuer: ISSUER, lifetime: DAY, signInLifetime: 60_000, statements: statements() },
      storage: { ...storage, consents: store },
      attributes: createAttributes([
        {
          claims: ['address'],
          held: async () => ({ names: ['address'], stale: [] }),
          values: async () => (step === 'values' ? cut() : { address: ADDRESS }),
        },
      ]),
      sessions: { endAt: async () => ({ sessions: 0, grants: 0 }) },
      permissions: { end: async () => {} },
      events: { emit: async () => {} },
      mail: noMail,
      parties: async () => {
        const controller = { id: 'rp', name: 'RP', contacts: [], url: undefined, privacyPolicyUrl: undefined };
        return { controller, subject: 'pairwise' };
      },
    };
    return { consents: createConsents(world), deliveries };
  }

  for (const [step, rows, answers] of [
    ['consent', 0, false],
    ['values', 0, false],
    ['disclosure', 0, false],
    ['after the disclosure', 1, false],
    ['delivery', 1, true],
    ['nowhere', 1, true],
  ] as const) {
    it(`at: ${step}. Nothing leaves without a row, and a row alone is not confirmed`, async () => {
      await agree('rp');
      const { consents, deliveries } = consentsCutAt(step);
      const finished: (() => void)[] = [];
      const res = { statusCode: 200, once: (_: string, listener: () => void) => finished.push(listener) };
      let released: unknown;
      const answering = deliveries.confirm({ res } as never, async () => {
        const disclosure = { subjectId, clientId: 'rp', exit: 'userinfo', claims: ['sub', 'address'] } as const;
        released = await consents.release(disclosure);
      });
      if (answers) await answering;
      else await assert.rejects(answering, Killed);
      const told = await storage.consents.listDisclosures(subjectId, 10);
      assert.equal(told.length, rows);
      assert.equal(released !== undefined, answers);
      assert.ok(told.every(({ deliveredAt }) => deliveredAt === undefined));
      // The answer is handed to the network.
      for (const each of finished) each();
      await deliveries.flush();
      const [row] = await storage.consents.listDisclosures(subjectId, 1);
      assert.equal(row?.deliveredAt, step === 'nowhere' ? now : undefined);
    });
  }

  it('is not confirmed by an error in place of its answer', async () => {
    await agree('rp');
    const { consents, deliveries } = consentsCutAt('nowhere');
    const finished: (() => void)[] = [];
    const res = { statusCode: 500, once: (_: string, listener: () => void) => finished.push(listener) };
    await deliveries.confirm({ res } as never, async () => {
      await consents.releaseIdentifier({ subjectId, clientId: 'rp', exit: 'verifier' });
    });
    for (const each of finished) each();
    await deliveries.flush();
    const [row] = await storage.consents.listDisclosures(subjectId, 1);
    assert.equal(row?.deliveredAt, undefined);
  });

  it('gives what was withdrawn while its values were fetched to nobody', async () => {
    const consentId = await agree('rp');
    const { consents } = consentsCutAt('nowhere');
    const slow = createConsents({
      ...({} as ConsentsWorld),
      ...{ storage, clock, deliveries: { note() {} } },
      attributes: createAttributes([
        {
          claims: ['address'],
          held: async () => ({ names: ['address'], stale: [] }),
          async values() {
            assert.equal(await consents.withdraw(consentId, subjectId), true);
            return { address: ADDRESS };
          },
        },
      ]),
    });
    const disclosure = { subjectId, clientId: 'rp', exit: 'userinfo', claims: ['sub', 'address'] } as const;
    assert.equal(await slow.release(disclosure), undefined);
    assert.deepEqual(await storage.consents.listDisclosures(subjectId, 10), []);
  });

  it('leaves a receipt that nobody can read in the database, and anybody can verify', async () => {
    const consentId = await agree('rp');
    await consentsCutAt('nowhere').consents.withdraw(consentId, subjectId, 'en');
    const [kept] = await storage.consents.listReceipts(subjectId, 10);
    assert.ok(kept);
    assert.deepEqual(await storage.consents.findReceipt(subjectId, kept.id), kept);
    assert.equal(await storage.consents.findReceipt(await newPerson(), kept.id), undefined);
    assert.equal((await verifyReceipt(kept.receipt, await publishedKeys())).issuer, ISSUER);
    await assert.rejects(verifyReceipt(`${kept.receipt.slice(0, -4)}AAAA`, await publishedKeys()), {
      code: 'record_invalid',
    });
    const { rows } = await test.database.query<{ sealed: Buffer }>({
      name: 'test_receipts',
      text: 'SELECT sealed_receipt AS sealed FROM consent_receipt',
    });
    assert.ok(rows.every(({ sealed }) => !sealed.includes(kept.receipt.slice(0, 20))));
  });
});
