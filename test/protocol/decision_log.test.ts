import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createVault } from '../../adapters/database/encryption.ts';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import { createRoot, issueSigningCertificate } from '../../adapters/sandbox/pki/index.ts';
import { verifyAuditChain } from '../../provider/audit/audit_chain.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { certificateRecord } from '../../provider/identity/identity.ts';
import { parseCertificate } from '../../provider/pki/index.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import {
  createRelyingParty,
  lastConsent,
  later,
  open,
  presentCard,
  type RelyingParty,
  subOf,
} from './relying_party.ts';

let authority: TestAuthority;
let hub: TestHub;
let party: RelyingParty;
let last: bigint;
const folder = mkdtempSync(join(tmpdir(), 'musubi-decisions-'));
const encryptionKeyFile = join(folder, 'encryption.key');
const vault = createVault([Buffer.alloc(32, 7)]);
const ATTRIBUTES = {
  name: '山田　太郎',
  address: '東京都千代田区一丁目１番地',
  birthDate: '1985-03-15',
  gender: '1',
} as const;

before(async () => {
  writeFileSync(encryptionKeyFile, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
  authority = await startTestAuthority();
  hub = await startTestHub({ authority, settings: { encryptionKeyFile } });
  party = await createRelyingParty(hub);
});
after(async () => {
  await hub?.stop();
  await authority.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  last = (await events()).at(-1)?.sequence ?? 0n;
});

const events = (from = 0n): Promise<readonly StoredAuditEvent[]> => hub.hub.storage.audit.read(from, 10_000);
const decisions = async () => (await events(last)).filter(({ kind }) => kind === 'revocation.decided');
const certificateOf = async (card: string, kind: 'user' | 'signing' = 'user') => {
  const { [kind]: half } = await readSoftCardFile(authority.cardsFolder, card);
  assert.ok(half);
  return Buffer.from(half.certificate, 'base64');
};
const referenceOf = (der: Uint8Array) => hash('sha256', der, 'hex').slice(0, 16);
async function refusal(card: string, parameters: Record<string, string> = {}): Promise<number> {
  const browser = createHttpBrowser();
  const page = await open(party.authorizationUrl(await party.attempt(parameters)), browser);
  return (await presentCard(hub, browser, page, { card })).status;
}

describe('a decision about a card', () => {
  it('that let somebody in is in the audit chain, with what it was based on', async () => {
    const before = Date.now();
    assert.ok(subOf(await party.signIn()));
    const [decision, more] = await decisions();
    assert.equal(more, undefined);
    assert.ok(decision?.data);
    const { thisUpdate, nextUpdate, checkedAt, ...rest } = decision.data as Record<string, number>;
    assert.deepEqual(rest, {
      certificate: referenceOf(await certificateOf('taro')),
      purpose: 'sign_in',
      policy: 'default',
      status: 'good',
      source: 'crl',
    });
    assert.ok(thisUpdate && nextUpdate && checkedAt && thisUpdate <= before && nextUpdate > before);
    assert.ok(checkedAt >= before && checkedAt <= decision.at);
    assert.deepEqual([decision.clientId, decision.actor], [party.clientId, 'hub']);
  });

  it('names the policy and the source that decided', async () => {
    await party.signIn({ parameters: { acr_values: 'aal3 ocsp' } });
    const [decision] = await decisions();
    assert.deepEqual([decision?.data?.policy, decision?.data?.source], ['default/ocsp', 'ocsp']);
  });

  it('that kept somebody out is recorded before the refusal, without the authority’s reason', async () => {
    assert.equal(await refusal('umeko'), 403);
    const added = await events(last);
    assert.deepEqual(
      added.map(({ kind, data }) => [kind, data?.status ?? data?.code]),
      [
        ['revocation.decided', 'revoked'],
        ['sign_in.refused', 'certificate_revoked'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(added[0]?.data), /reason|cessation/);
  });

  it('that nobody could be asked about is recorded with why', async () => {
    await later(3 * 86_400_000, async () => assert.equal(await refusal('taro', { acr_values: 'aal3 crl' }), 503));
    const [decision] = await decisions();
    assert.deepEqual([decision?.data?.status, decision?.data?.reason], ['unavailable', 'crl_none_fresh']);
  });

  it('is not taken for somebody who has not proved to hold the key', async () => {
    const browser = createHttpBrowser();
    const page = await open(party.authorizationUrl(await party.attempt()), browser);
    const token = await hub.sign('taro', Buffer.alloc(72).toString('base64'));
    assert.equal((await presentCard(hub, browser, page, { over: { token } })).status, 403);
    assert.deepEqual(await decisions(), []);
  });

  it('says nothing of a serial, and the chain holds', async () => {
    const all = await events();
    assert.equal(verifyAuditChain(all), undefined);
    const text = JSON.stringify(all.map(({ data }) => data)).toLowerCase();
    for (const card of ['taro', 'umeko']) {
      const serial = Buffer.from(parseCertificate(await certificateOf(card)).serial).toString('hex');
      assert.ok(!text.includes(serial) && !text.includes(BigInt(`0x${serial}`).toString()));
    }
  });
});

describe('a linked signing certificate', () => {
  /** Signs in with the card and binds the signing certificate to that person, as enrolment will. */
  async function link(card: string, der: Uint8Array): Promise<string> {
    await party.signIn({ card });
    const { subjectId } = await lastConsent(hub, party.clientId);
    const record = certificateRecord(vault, parseCertificate(der), 'signing', subjectId);
    const check = { checkedAt: Date.now(), source: 'crl', asOf: Date.now() } as const;
    assert.ok(await hub.hub.storage.identity.insertCertificate(record, check, Date.now()));
    last = (await events()).at(-1)?.sequence ?? 0n;
    return subjectId;
  }
  const ofSigning = async () =>
    (await decisions()).filter(({ data }) => data?.purpose === 'linked_signing_certificate');

  it('that is good is checked in the same sign-in, by the signing root’s list', async () => {
    const der = await certificateOf('ichiro', 'signing');
    const subjectId = await link('ichiro', der);
    await party.signIn({ card: 'ichiro' });
    const [decision, more] = await ofSigning();
    assert.equal(more, undefined);
    assert.deepEqual([decision?.data?.status, decision?.data?.source], ['good', 'crl']);
    assert.equal(decision?.data?.certificate, referenceOf(der));
    assert.deepEqual([decision?.subjectId, decision?.clientId], [subjectId, party.clientId]);
  });

  it('that is revoked is noted, and the person signs in all the same', async () => {
    // Hanako has moved.
    await link('hanako', await certificateOf('hanako', 'signing'));
    assert.ok(subOf(await party.signIn({ card: 'hanako' })));
    const [decision] = await ofSigning();
    assert.deepEqual([decision?.data?.status, decision?.data?.reason], ['revoked', undefined]);
  });

  it('that no pinned root issued is noted as such', async () => {
    const root = await createRoot({ kind: 'signing' });
    const { der } = await issueSigningCertificate(root, { attributes: ATTRIBUTES });
    await link('keiko', der);
    assert.ok(subOf(await party.signIn({ card: 'keiko' })));
    const [decision] = await ofSigning();
    assert.deepEqual([decision?.data?.status, decision?.data?.reason], ['not_authentic', 'certificate_untrusted']);
  });

  it('that nobody can be asked about is noted, and neither keeps anybody out nor makes the hub unready', async () => {
    const lists = ['user-3', 'signing-3'].map((anchor) => ({
      anchor,
      url: `${authority.authority.address}/${anchor === 'user-3' ? 'crl/user/3/full.crl' : 'gone'}`,
    }));
    const other = await startTestHub({
      authority,
      settings: { encryptionKeyFile, revocation: { lists, responders: [] } },
    });
    const [usual, usualParty] = [hub, party];
    try {
      hub = other;
      party = await createRelyingParty(hub);
      await link('tanaka-sub', await certificateOf('tanaka-sub', 'signing'));
      assert.ok(subOf(await party.signIn({ card: 'tanaka-sub' })));
      const [decision] = await ofSigning();
      assert.deepEqual(
        [decision?.data?.status, decision?.data?.reason],
        ['unavailable', 'crl_none_fresh ocsp_no_responder'],
      );
      assert.equal((await fetch(`${hub.issuer}/readyz`)).status, 200);
    } finally {
      await other.stop();
      [hub, party] = [usual, usualParty];
    }
  });
});
