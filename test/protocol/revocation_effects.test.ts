import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { createVault } from '../../adapters/database/encryption.ts';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import type { StoredAuditEvent } from '../../provider/audit/audit_log.ts';
import { certificateLookup, certificateRecord } from '../../provider/identity/identity.ts';
import { openRevocation } from '../../provider/identity/revocation_effects.ts';
import { parseCertificate, type RevocationReason } from '../../provider/pki/index.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type LogoutListener, startLogoutListener } from '../support/logout_listener.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import {
  answerOf,
  createRelyingParty,
  isConsentPage,
  isSignInPage,
  lastConsent,
  open,
  presentCard,
  type RelyingParty,
  refused,
  sendForm,
  subOf,
  type Tokens,
} from './relying_party.ts';

const SECOND_LOOK = 80_000;
const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };
const REASON_WORDS = /cessation|keyCompromise|certificateHold|superseded|affiliationChanged|deceased|死亡/;

let authority: TestAuthority;
let hub: TestHub;
let ahead = 0;
let listener: LogoutListener;
const folder = mkdtempSync(join(tmpdir(), 'musubi-revocations-'));
const encryptionKeyFile = join(folder, 'encryption.key');
const vault = createVault([Buffer.alloc(32, 9)]);

before(async () => {
  writeFileSync(encryptionKeyFile, `${Buffer.alloc(32, 9).toString('base64')}\n`, { mode: 0o600 });
  authority = await startTestAuthority();
  hub = await startTestHub({ authority, settings: { encryptionKeyFile }, clock: () => Date.now() + ahead });
  listener = await startLogoutListener();
});
after(async () => {
  await hub?.stop();
  await authority.stop();
  listener?.close();
  rmSync(folder, { recursive: true, force: true });
});

const partyAt = (host: string): Promise<RelyingParty> =>
  createRelyingParty(hub, {
    redirect_uris: [`https://${host}/cb`],
    grant_types: ['authorization_code', 'refresh_token'],
    backchannel_logout_uri: listener.url,
    backchannel_logout_session_required: true,
  });

/** Somebody who has signed in at two relying parties in one browser. */
interface SignedIn {
  readonly browser: HttpBrowser;
  readonly at: readonly { readonly party: RelyingParty; readonly tokens: Tokens }[];
  readonly subjectId: string;
}

async function signInAtTwo(card: string): Promise<SignedIn> {
  const browser = createHttpBrowser();
  const at = [];
  for (const host of ['clinic.example', 'shop.example']) {
    const party = await partyAt(host);
    at.push({ party, tokens: await party.signIn({ browser, card, parameters: OFFLINE }) });
  }
  const { subjectId } = await lastConsent(hub, at[0]?.party.clientId ?? '');
  return { browser, at, subjectId };
}

const refresh = (party: RelyingParty, tokens: Tokens) =>
  client.refreshTokenGrant(party.configuration, String(tokens.refresh_token));

async function userinfoStatus({ access_token: token }: Tokens): Promise<number> {
  return (await fetch(`${hub.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status;
}

async function visit({ browser, at }: SignedIn, parameters: Record<string, string> = {}): Promise<Visited> {
  const [first] = at;
  assert.ok(first);
  return open(first.party.authorizationUrl(await first.party.attempt(parameters)), browser);
}

async function assertAlive(person: SignedIn): Promise<void> {
  for (const { tokens } of person.at) assert.equal(await userinfoStatus(tokens), 200);
  assert.ok(answerOf(await visit(person, { prompt: 'none' })).code);
}

async function assertEnded(person: SignedIn): Promise<void> {
  for (const { party, tokens } of person.at) {
    assert.equal(await userinfoStatus(tokens), 401);
    await assert.rejects(refresh(party, tokens), refused('invalid_grant'));
    assert.equal((await client.tokenIntrospection(party.configuration, tokens.access_token)).active, false);
  }
  assert.equal(answerOf(await visit(person, { prompt: 'none' })).error, 'login_required');
  assert.ok(isSignInPage(await visit(person)), 'the browser is asked for a card again');
}

/** The list is taken, and the notices that it led to have arrived. */
async function takeLists(notices: number): Promise<void> {
  listener.received = [];
  await hub.refreshLists();
  await listener.arrived(notices);
  assert.equal(listener.received.length, notices);
}

/** The same lists again, when nobody can be on the way in by the ones before. */
async function secondLook(): Promise<void> {
  ahead = SECOND_LOOK;
  await takeLists(0);
  ahead = 0;
}

async function assertTold({ at }: SignedIn): Promise<void> {
  const keys = createRemoteJWKSet(new URL(`${hub.issuer}/jwks`));
  const told = new Map<unknown, JWTPayload>();
  for (const token of listener.received) {
    const { payload } = await jwtVerify(token, keys, { issuer: hub.issuer, typ: 'logout+jwt' });
    told.set(payload.aud, payload);
  }
  for (const { party, tokens } of at) {
    const payload = told.get(party.clientId);
    assert.deepEqual([payload?.sub, payload?.sid], [subOf(tokens), tokens.claims()?.sid]);
    assert.deepEqual(payload?.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
  }
}

const eventsOf = async (subjectId: string): Promise<readonly StoredAuditEvent[]> =>
  (await hub.hub.storage.audit.read(0n, 10_000)).filter((event) => event.subjectId === subjectId);

async function assertAudited(subjectId: string, state: string): Promise<void> {
  const events = await eventsOf(subjectId);
  const [revoked, ...more] = events.filter(({ kind }) => kind === 'certificate.revoked');
  assert.deepEqual(more, []);
  assert.deepEqual([revoked?.data?.kind, revoked?.data?.state], ['user', state]);
  const ended = events.filter(({ kind }) => kind === 'sessions.ended');
  assert.deepEqual(
    ended.map(({ data }) => data),
    [{ state, sessions: 1, grants: 2 }],
  );
  assert.doesNotMatch(JSON.stringify(events.map(({ data }) => data)), REASON_WORDS);
}

const revokeCard = (name: string, reason: Exclude<RevocationReason, 'removeFromCRL'>) =>
  authority.authority.citizens.revoke({ name, certificate: 'both', reason });

describe('a card that a new list revokes', () => {
  const cases = [
    ['reported lost', 'taro', 'held', () => revokeCard('taro', 'certificateHold'), 'certificate_on_hold'],
    [
      'of somebody who died',
      'hanako',
      'ended',
      () => revokeCard('hanako', 'cessationOfOperation'),
      'certificate_revoked',
    ],
    ['whose key leaked', 'ichiro', 'compromised', () => revokeCard('ichiro', 'keyCompromise'), 'certificate_revoked'],
  ] as const;

  for (const [title, card, state, revoke, code] of cases) {
    it(`${title}: sessions, tokens and relying parties, at once, and nobody else's`, async () => {
      const [person, other] = [await signInAtTwo(card), await signInAtTwo('tanaka-sub')];
      await revoke();
      await assertAlive(person);
      await takeLists(2);
      await assertEnded(person);
      await assertTold(person);
      await assertAlive(other);
      await assertAudited(person.subjectId, state);

      const page = await presentCard(hub, person.browser, await visit(person), { card });
      assert.ok(isSignInPage(page));
      const entries = hub.log.map((line) => JSON.parse(line) as { msg: string; refusal?: { code: string } });
      assert.equal(entries.findLast(({ msg }) => msg === 'request')?.refusal?.code, code);
      assert.doesNotMatch(page.text, REASON_WORDS);
      assert.doesNotMatch(hub.log.join(''), REASON_WORDS);
    });
  }

  it('that was renewed: the person shows the new card once', async () => {
    const person = await signInAtTwo('keiko');
    await authority.authority.citizens.renew({ name: 'keiko' });
    await takeLists(2);
    await assertEnded(person);
    await assertAudited(person.subjectId, 'renewed');
    for (const { party, tokens } of person.at) {
      assert.equal(subOf(await party.signIn({ browser: person.browser, card: 'keiko' })), subOf(tokens));
    }
  });

  it('that was renewed ends nothing when the new one has been shown before', async () => {
    await authority.authority.citizens.issue({ name: 'early' });
    const person = await signInAtTwo('early');
    await authority.authority.citizens.renew({ name: 'early' });
    const [first] = person.at;
    assert.equal(first && subOf(await first.party.signIn({ card: 'early' })), first && subOf(first.tokens));
    await takeLists(0);
    await assertAlive(person);
  });

  it('has its effect by the difference between two lists, and once only', async () => {
    // The second look at the list at hand; from then on what is new is enough.
    await secondLook();
    const person = await signInAtTwo('mei');
    await revokeCard('mei', 'certificateHold');
    await takeLists(2);
    await assertEnded(person);
    const effects = () =>
      hub.log
        .map((line) => JSON.parse(line) as { msg: string; by?: string; user?: number; sessions?: number })
        .filter(({ msg }) => msg === 'revocations took effect');
    const last = effects().at(-1);
    assert.deepEqual([last?.by, last?.user, last?.sessions], ['difference', 1, 1]);
    const [before, events] = [effects().length, (await eventsOf(person.subjectId)).length];
    await secondLook();
    assert.deepEqual([effects().length, (await eventsOf(person.subjectId)).length], [before, events]);
  });
});

describe('a revocation in the middle of a sign-in', () => {
  it('gives nothing to whoever stands before the consent page', async () => {
    await authority.authority.citizens.issue({ name: 'midway' });
    const browser = createHttpBrowser();
    const party = await partyAt('bank.example');
    const url = party.authorizationUrl(await party.attempt());
    const consent = await presentCard(hub, browser, await open(url, browser), { card: 'midway' });
    assert.ok(isConsentPage(consent));
    await revokeCard('midway', 'certificateHold');
    await hub.refreshLists();
    const answer = await sendForm(browser, consent, { decision: 'agree', claims: 'sub' });
    assert.notEqual(answer.status, 0);
    assert.ok(isSignInPage(await open(url, browser)));
  });
});

describe('a revocation in a list that was taken and not followed', () => {
  it('has its effect when the next hub starts', async () => {
    await authority.authority.citizens.issue({ name: 'unlucky' });
    const [person, other] = [await signInAtTwo('unlucky'), await signInAtTwo('tanaka-sub')];
    await revokeCard('unlucky', 'certificateHold');
    const file = join(folder, 'full.crl');
    const list = await fetch(`${authority.authority.address}/crl/user/3/full.crl`);
    writeFileSync(file, Buffer.from(await list.arrayBuffer()));
    listener.received = [];
    // The command publishes the list and ends, as a hub does that is killed at that moment.
    await hub.restart(async ({ lists }) => assert.ok((await lists.import(file, undefined)).isNew));
    await assertEnded(person);
    await assertTold(person);
    await assertAlive(other);
    await assertAudited(person.subjectId, 'held');
  });
});

describe('a signing certificate that a new list revokes', () => {
  it('ends nothing, and its attributes are known to be stale', async () => {
    await authority.authority.citizens.issue({ name: 'mover' });
    const person = await signInAtTwo('mover');
    const { signing } = await readSoftCardFile(authority.cardsFolder, 'mover');
    assert.ok(signing);
    const certificate = parseCertificate(Buffer.from(signing.certificate, 'base64'));
    const record = certificateRecord(vault, certificate, 'signing', person.subjectId);
    const check = { checkedAt: Date.now(), source: 'crl', asOf: Date.now() } as const;
    assert.ok(await hub.hub.storage.identity.insertCertificate(record, check, Date.now()));

    await authority.authority.citizens.move({ name: 'mover', address: '東京都千代田区二丁目２番地' });
    await takeLists(0);
    await assertAlive(person);
    for (const { party, tokens } of person.at) assert.ok((await refresh(party, tokens)).access_token);
    assert.ok(subOf((await person.at[0]?.party.signIn({ card: 'mover' })) as Tokens));

    const lookup = certificateLookup(vault, certificate.issuer, certificate.serial);
    const [stored] = await hub.hub.storage.revocations.findByLookups([lookup]);
    assert.ok(stored?.revocation && stored.isSettled);
    assert.equal(openRevocation(vault, stored.revocation).reason, 'affiliationChanged');
    const revoked = (await eventsOf(person.subjectId)).filter(({ kind }) => kind === 'certificate.revoked');
    assert.deepEqual(
      revoked.map(({ data }) => [data?.kind, data?.state]),
      [['signing', 'attributes_changed']],
    );
  });
});
