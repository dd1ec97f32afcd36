import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createStorage } from '../../adapters/database/create_storage.ts';
import { createVault } from '../../adapters/database/encryption.ts';
import { type DatabaseSettings, openDatabase } from '../../adapters/database/open_database.ts';
import { verifyAuditChain } from '../../provider/audit/audit_chain.ts';
import { checkDisclosureChain } from '../../provider/consent/disclosure_chain.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { guard } from '../support/leaks/leak_guard.ts';
import { startPostgresql } from '../support/postgresql.ts';
import {
  childrenOf,
  FREE_PORTS,
  isRunning,
  newDataFolder,
  type SandboxProcess,
  startSandboxProcess,
  until,
} from '../support/sandbox_process.ts';
import {
  authorize,
  newSignIn,
  type RelyingParty,
  redeem,
  registerParty,
  type SignIn,
  subjectOf,
} from './plain_sign_in.ts';

const CARDS = ['taro', 'ichiro', 'hanako', 'keiko', 'mei', 'tanaka-sub'] as const;
/** Each a relying party that every card has yet to agree to, so that consents are written all through the burst. */
const PARTIES = 8;
const CONCURRENCY = 6;
/** The hub is killed when so many sign-ins have come to a code. */
const KILL_AFTER = 30;
/** What the engine gives a code, less a margin for the redemption itself (ms). */
const CODE_LIFETIME = 55_000;
const PATIENT = { MUSUBI_RATE_LIMITS_SIGN_IN_ATTEMPTS: '100000', MUSUBI_RATE_LIMITS_UNAUTHENTICATED_WRITES: '100000' };

describe('what a hub has answered is there after kill -9 in the middle of a burst of sign-ins', () => {
  it('on the embedded database', async () => {
    const { dataFolder, remove } = await newDataFolder();
    try {
      await killAndCompare(dataFolder, [], { kind: 'embedded', folder: join(dataFolder, 'database') });
    } finally {
      await remove();
    }
  });

  it('on PostgreSQL', async () => {
    const server = await startPostgresql({ durable: true });
    const { dataFolder, remove } = await newDataFolder();
    try {
      const settings = { kind: 'postgresql', url: server.url, poolSize: 2 } as const;
      await killAndCompare(dataFolder, ['--database-url', server.url], settings);
    } finally {
      await server.stop();
      await remove();
    }
  });
});

async function killAndCompare(dataFolder: string, database: readonly string[], settings: DatabaseSettings) {
  const first = await startSandboxProcess({ dataFolder, args: [...FREE_PORTS, ...database], environment: PATIENT });
  let second: SandboxProcess | undefined;
  try {
    const parties: RelyingParty[] = [];
    while (parties.length < PARTIES) parties.push(await registerParty(first));
    const keys = await keysOf(first);
    const children = childrenOf(first.pid);
    const signIns = await burst(first, parties);
    await until('the children have ended with the hub', () => !children.some(isRunning));

    second = await startSandboxProcess({ dataFolder, args: [...portsOf(first), ...database], environment: PATIENT });
    assert.equal(second.issuer, first.issuer);
    await assertEverythingAnsweredIsThere(second, signIns);
    assert.deepEqual(await keysOf(second), keys);
    assert.equal(await second.end('SIGTERM'), 0);
    await assertAuditChainHolds(settings);
    await assertDisclosuresHold(settings, signIns);
  } finally {
    await first.end('SIGKILL');
    await second?.end('SIGKILL');
  }
}

/** Complete sign-ins side by side, every other one without the redemption, until the hub is killed among them. */
async function burst(sandbox: SandboxProcess, parties: readonly RelyingParty[]): Promise<SignIn[]> {
  const signIns: SignIn[] = [];
  const pairs = parties.flatMap((party) => CARDS.map((card) => ({ party, card })));
  let codes = 0;
  let killed: Promise<unknown> | undefined;
  const worker = async () => {
    for (let pair = pairs.shift(); pair && !killed; pair = pairs.shift()) {
      const signIn = newSignIn(pair.party, pair.card);
      const redeems = signIns.push(signIn) % 2 === 0;
      try {
        await authorize(sandbox, signIn);
        codes += 1;
        if (redeems) await redeem(sandbox.issuer, signIn);
      } catch (error) {
        if (!killed) throw error;
      }
      if (codes >= KILL_AFTER) killed ??= sandbox.end('SIGKILL');
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  assert.ok(killed, 'the burst was over before the hub was killed');
  await killed;
  return signIns;
}

async function assertEverythingAnsweredIsThere(sandbox: SandboxProcess, signIns: readonly SignIn[]): Promise<void> {
  const { issuer } = sandbox;
  // Codes first: they have a minute.
  const unspent = signIns.filter(({ code, redeeming }) => code !== undefined && !redeeming);
  let redeemed = 0;
  for (const signIn of unspent) {
    if (Date.now() - (signIn.codeAt ?? 0) > CODE_LIFETIME) continue;
    await redeem(issuer, signIn);
    redeemed += 1;
  }
  assert.ok(redeemed > 0, 'no code was young enough: nothing has been shown');

  const subjects = new Map<string, Set<string>>();
  for (const signIn of signIns.filter(({ tokens }) => tokens)) {
    const sub = subjectOf(signIn);
    subjects.set(signIn.card, (subjects.get(signIn.card) ?? new Set()).add(sub));
    const headers = { authorization: `Bearer ${signIn.tokens?.access_token}` };
    const userinfo = await fetch(`${issuer}/userinfo`, { headers });
    assert.equal(userinfo.status, 200, 'an access token that was answered');
    assert.equal(((await userinfo.json()) as { sub: string }).sub, sub);
  }
  // All relying parties share a host, and so a sector.
  for (const [card, subs] of subjects) assert.equal(subs.size, 1, `${card} has one identifier`);
  assert.equal(new Set([...subjects.values()].flatMap((subs) => [...subs])).size, subjects.size);

  const agreed = signIns.filter(({ consentAnswered }) => consentAnswered);
  assert.ok(agreed.length >= KILL_AFTER);
  for (const { party, card, browser } of agreed) {
    // The session that the browser was given goes on: neither card nor consent is asked for.
    assert.ok('code' in (await authorize(sandbox, newSignIn(party, card, browser), { silent: true })), 'the session');
  }
  for (const { party, card } of agreed.slice(0, CARDS.length)) {
    const again = newSignIn(party, card, createHttpBrowser());
    assert.ok('code' in (await authorize(sandbox, again)));
    assert.equal(again.consentAsked, false, 'a consent that was answered');
    await redeem(issuer, again);
    assert.ok(subjects.get(card)?.has(subjectOf(again)), 'the same identifier as before');
  }
}

async function keysOf({ issuer }: SandboxProcess): Promise<string[]> {
  const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).sort();
}

async function assertAuditChainHolds(settings: DatabaseSettings): Promise<void> {
  const database = await openDatabase(settings);
  try {
    const events = await createStorage(database, createVault([new Uint8Array(32)])).audit.read(0n, 100_000);
    await guard.database(database);
    assert.equal(verifyAuditChain(events), undefined);
    const consents = events.filter(({ kind }) => kind === 'consent.granted');
    assert.ok(consents.length >= KILL_AFTER, `${consents.length} consents in the chain`);
  } finally {
    await database.close();
  }
}

/** Nothing left without a row, whatever the moment of the kill: an id_token that arrived is in its person's chain. */
async function assertDisclosuresHold(settings: DatabaseSettings, signIns: readonly SignIn[]): Promise<void> {
  const database = await openDatabase(settings);
  try {
    const storage = createStorage(database, createVault([new Uint8Array(32)]));
    const { rows } = await database.query<{ subject_id: string }>({
      name: 'test_chains',
      text: 'SELECT subject_id FROM disclosure_chain',
    });
    const written = new Map<string, number>();
    for (const { subject_id: subjectId } of rows) {
      const told = (await storage.consents.listDisclosures(subjectId, 10_000)).toReversed();
      const chain = await storage.history.chain(subjectId);
      assert.ok(chain);
      assert.equal(checkDisclosureChain(chain.origin, told), undefined);
      for (const { exit, clientId } of told) {
        if (exit === 'id_token') written.set(clientId, (written.get(clientId) ?? 0) + 1);
      }
    }
    const arrived = Map.groupBy(
      signIns.filter(({ tokens }) => tokens),
      ({ party }) => party.clientId,
    );
    assert.ok(arrived.size > 0);
    for (const [clientId, { length }] of arrived) assert.ok((written.get(clientId) ?? 0) >= length);
  } finally {
    await database.close();
  }
}

/** The options that give the next sandbox the addresses of this one: they are in tokens and cookies. */
function portsOf({ issuer, clinic, shop, cardAgent, dataFolder }: SandboxProcess): string[] {
  const port = (url: string) => new URL(url).port;
  const settings = JSON.parse(readFileSync(join(dataFolder, 'sandbox', 'hub.json'), 'utf8')) as {
    mutualTls: { port: number };
    signIn: { tls: { port: number } };
    revocation: { lists: [{ url: string }] };
  };
  return [
    ...['--port', port(issuer), '--mtls-port', String(settings.mutualTls.port), '--agent-port', port(cardAgent)],
    ...['--tls-port', String(settings.signIn.tls.port)],
    ...['--authority-port', port(settings.revocation.lists[0].url)],
    ...['--relying-party-ports', `${port(clinic)},${port(shop)}`, '--attribute-provider-ports', '0,0,0,0'],
  ];
}
