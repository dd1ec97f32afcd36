import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';
import { createVault } from '../../adapters/database/encryption.ts';
import { createWebAuthority, issueTlsClientCertificate } from '../../adapters/sandbox/pki/index.ts';
import type { RevocationReason } from '../../provider/pki/index.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type ClientCertificate, mutualTlsFetch } from '../support/mutual_tls_fetch.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import { readWebAuthority } from '../support/web_authority.ts';
import {
  createRelyingParty,
  lastConsent,
  later,
  type Metadata,
  newKeyPair,
  refused,
  subOf,
  withdrawConsent,
} from './relying_party.ts';
import { callJson, type JsonAnswer, linkSigningCertificate, type StatusParty, statusParty } from './status_party.ts';

const REASON_WORDS = /cessation|keyCompromise|certificateHold|superseded|affiliationChanged|deceased|held|ended|死亡/;

let authority: TestAuthority;
let hub: TestHub;
let party: StatusParty;
// biome-ignore lint/suspicious/noExplicitAny: a whole OpenAPI description
let description: any;
const folder = mkdtempSync(join(tmpdir(), 'musubi-status-'));
const encryptionKeyFile = join(folder, 'encryption.key');
const vault = createVault([Buffer.alloc(32, 9)]);

before(async () => {
  writeFileSync(encryptionKeyFile, `${Buffer.alloc(32, 9).toString('base64')}\n`, { mode: 0o600 });
  authority = await startTestAuthority();
  const settings = { encryptionKeyFile, rateLimits: { relyingPartyCalls: 40 } };
  hub = await startTestHub({ authority, settings });
  party = await statusParty(hub, { redirect_uris: ['https://insurer.example/cb'] });
  description = (await callJson(`${hub.issuer}/openapi/status-check.json`, { method: 'GET' })).json;
});
after(async () => {
  await hub?.stop();
  await authority.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (token: string | undefined, body: unknown, headers?: Record<string, string>): Promise<JsonAnswer> =>
  callJson(`${hub.issuer}/status-check`, {
    ...(token === undefined ? {} : { token }),
    body,
    ...(headers && { headers }),
  });

/** Of one person, without what says who they are. */
async function statusOf(sub: string, asker = party) {
  const { status, json } = await ask(await asker.token(), { subjects: [sub] });
  assert.equal(status, 200, JSON.stringify(json));
  const { subject, ...told } = json.results[0];
  assert.equal(subject, sub);
  return told;
}

async function person(card: string, at: StatusParty = party): Promise<{ sub: string; subjectId: string }> {
  const sub = subOf(await at.signIn({ card, parameters: { prompt: 'consent' } }));
  return { sub, subjectId: (await lastConsent(hub, at.clientId)).subjectId };
}

async function revoke(
  name: string,
  reason: Exclude<RevocationReason, 'removeFromCRL'>,
  certificate: 'user' | 'signing' | 'both' = 'both',
): Promise<void> {
  await authority.authority.citizens.revoke({ name, certificate, reason });
  await hub.refreshLists();
}

const thisUpdates = async () =>
  (await hub.hub.lists.status()).map(({ issued }) => Math.floor(Date.parse(issued ?? '') / 1000));

describe('a status check', () => {
  it('says of somebody without attributes that all is as before, by which list, and how old that is', async () => {
    const { sub } = await person('taro');
    const told = await statusOf(sub);
    assert.deepEqual([told.status, told.attributes, told.source], ['current', 'none', 'crl']);
    assert.ok((await thisUpdates()).includes(told.as_of));
  });

  it('says that attributes are vouched for, and when they no longer are', async () => {
    await authority.authority.citizens.issue({ name: 'mover' });
    const { sub, subjectId } = await person('mover');
    await linkSigningCertificate(hub, vault, 'mover', subjectId);
    await hub.refreshLists();
    const before = await statusOf(sub);
    assert.deepEqual([before.status, before.attributes], ['current', 'current']);
    await authority.authority.citizens.move({ name: 'mover', address: '東京都千代田区二丁目２番地' });
    await hub.refreshLists();
    const after = await statusOf(sub);
    assert.deepEqual([after.status, after.attributes], ['attributes_changed', 'stale']);
  });

  it('says that a card was renewed, until the new one has been shown', async () => {
    await authority.authority.citizens.issue({ name: 'renewer' });
    const { sub } = await person('renewer');
    await authority.authority.citizens.renew({ name: 'renewer' });
    await hub.refreshLists();
    assert.equal((await statusOf(sub)).status, 'renewed');
    assert.equal((await person('renewer')).sub, sub);
    assert.equal((await statusOf(sub)).status, 'current');
  });

  it('tells a lost card, a death and a leaked key apart in nothing', async () => {
    const told = [];
    for (const [name, reason] of [
      ['lost', 'certificateHold'],
      ['dead', 'cessationOfOperation'],
      ['leaked', 'keyCompromise'],
    ] as const) {
      await authority.authority.citizens.issue({ name });
      const { sub, subjectId } = await person(name);
      await linkSigningCertificate(hub, vault, name, subjectId);
      // Of a leaked key only the one certificate is revoked.
      await revoke(name, reason, reason === 'keyCompromise' ? 'user' : 'both');
      told.push(sub);
    }
    const { json } = await ask(await party.token(), { subjects: told });
    const [first, ...others] = json.results.map(({ subject: _subject, ...rest }: { subject: string }) => rest);
    assert.deepEqual([first.status, first.attributes], ['contact_needed', 'stale']);
    for (const other of others) assert.deepEqual(other, first);
    assert.doesNotMatch(JSON.stringify(json), REASON_WORDS);
  });

  it('answers in the order of the question, people who are named twice included', async () => {
    const [one, two] = [await person('hanako'), await person('ichiro')];
    const subjects = [two.sub, 'nobody', one.sub, two.sub];
    const { json } = await ask(await party.token(), { subjects });
    assert.deepEqual(
      json.results.map(({ subject, status }: Record<string, string>) => [subject, status]),
      subjects.map((subject) => [subject, subject === 'nobody' ? 'unknown' : 'current']),
    );
  });

  it('knows another relying party’s identifiers no better than any text', async () => {
    const other = await statusParty(hub, { redirect_uris: ['https://bank.example/cb'] });
    const [own, theirs] = [await person('hanako'), await person('hanako', other)];
    assert.notEqual(own.sub, theirs.sub);
    assert.deepEqual(await statusOf(theirs.sub), { status: 'unknown' });
    assert.deepEqual(await statusOf('x'.repeat(27)), { status: 'unknown' });
    assert.deepEqual(await statusOf('a\0b'), { status: 'unknown' });
    assert.deepEqual(await statusOf(own.sub, other), { status: 'unknown' });
    assert.deepEqual(await statusOf(own.subjectId), { status: 'unknown' });
  });

  it('ends with the consent: from then on the person is nobody known', async () => {
    const { sub } = await person('keiko');
    assert.equal((await statusOf(sub)).status, 'current');
    await withdrawConsent(hub, party.clientId);
    assert.deepEqual(await statusOf(sub), { status: 'unknown' });
    assert.equal((await person('keiko')).sub, sub);
    assert.equal((await statusOf(sub)).status, 'current');
  });

  it('is an event of the audit chain that names nobody', async () => {
    const { sub } = await person('hanako');
    await ask(await party.token(), { subjects: [sub, 'nobody'] });
    const event = (await hub.hub.storage.audit.read(0n, 10_000)).findLast(({ kind }) => kind === 'status.checked');
    assert.deepEqual(
      [event?.actor, event?.clientId, event?.subjectId, event?.data],
      [`client:${party.clientId}`, party.clientId, undefined, { subjects: 2, unknown: 1 }],
    );
    assert.ok(!hub.log.join('').includes(sub));
  });
});

describe('an access token for status checks', () => {
  it('is bound to a certificate where the relying party authenticates with one', async () => {
    const issued = await issueTlsClientCertificate(readWebAuthority(hub.tls), {
      subject: [['CN', 'insurer']],
      names: ['insurer.example'],
    });
    const files = filesOf(issued);
    const tls = await statusParty(
      hub,
      {
        redirect_uris: ['https://insurer.example/cb'],
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_dns: 'insurer.example',
        tls_client_certificate_bound_access_tokens: true,
      },
      {
        authentication: client.TlsClientAuth(),
        library: { use_mtls_endpoint_aliases: true },
        fetch: mutualTlsFetch(files) as client.CustomFetch, // the same call with a narrower body
      },
    );
    // Known by the same identifier on the same host, with a consent of its own. The code is redeemed elsewhere.
    const { sub } = await person('hanako');
    await hub.signIn(tls.authorizationUrl(await tls.attempt()), { card: 'hanako' });
    const headers = { authorization: `Bearer ${await tls.token()}`, 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body: JSON.stringify({ subjects: [sub] }) };
    const answer = await mutualTlsFetch(files)(`${hub.mutualTlsUrl}/status-check`, request);
    assert.equal(answer.status, 200);
    const { results } = (await answer.json()) as { results: { status: string }[] };
    assert.equal(results[0]?.status, 'current', 'the same host is the same relying party');
    // Without it, or with another, the token is worth nothing.
    const other = filesOf(await issueTlsClientCertificate(await createWebAuthority(), { subject: [['CN', 'thief']] }));
    for (const [url, shown] of [
      [hub.issuer, files],
      [hub.mutualTlsUrl, { ca: files.ca }],
      [hub.mutualTlsUrl, { ...other, ca: files.ca }],
    ] as const) {
      assert.equal((await mutualTlsFetch(shown)(`${url}/status-check`, request)).status, 401);
    }
  });

  it('is bound to a key by DPoP, and serves with a fresh proof of it only', async () => {
    const pair = await client.randomDPoPKeyPair();
    const token = await party.token({ dpop: client.getDPoPHandle(party.configuration, pair) });
    const prove = async (over: Record<string, unknown> = {}, keys = pair) =>
      new SignJWT({
        htm: 'POST',
        htu: `${hub.issuer}/status-check`,
        jti: client.randomNonce(),
        ath: Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(token))).toString('base64url'),
        iat: Math.floor(Date.now() / 1000),
        ...over,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(keys.publicKey) })
        .sign(keys.privateKey);
    const send = async (proof: string, scheme = 'DPoP') =>
      (await ask(undefined, { subjects: ['x'] }, { authorization: `${scheme} ${token}`, DPoP: proof })).status;
    const proof = await prove();
    assert.equal(await send(proof), 200);
    assert.equal(await send(proof), 401, 'used twice');
    const other = await generateKeyPair('ES256', { extractable: true });
    for (const [title, wrong] of [
      ['another key', await prove({}, other)],
      ['another token', await prove({ ath: 'x' })],
      ['another method', await prove({ htm: 'GET' })],
      ['another address', await prove({ htu: `${hub.issuer}/userinfo` })],
      ['of yesterday', await prove({ iat: 1 })],
      ['without number', await prove({ jti: '' })],
      ['no proof', ''],
      ['no JWT', 'x.y.z'],
      ['much too long', 'x'.repeat(9000)],
    ] as const) {
      assert.equal(await send(wrong), 401, title);
    }
    assert.equal(await send(await prove(), 'Bearer'), 401, 'by the scheme of plain tokens');
    const plain = await party.token();
    const headers = { authorization: `DPoP ${plain}`, DPoP: await prove() };
    assert.equal(
      (await ask(undefined, { subjects: ['x'] }, headers)).status,
      401,
      'a plain token by the scheme of bound ones',
    );
  });

  it('serves here and nowhere else, and a person’s serves nowhere here', async () => {
    const tokens = await party.signIn({ card: 'hanako' });
    const { status, json, headers } = await ask(tokens.access_token, { subjects: ['x'] });
    assert.deepEqual([status, json.error], [401, 'invalid_token']);
    assert.match(String(headers.get('www-authenticate')), /Bearer error="invalid_token", scope="status-check"/);
    const bearer = { authorization: `Bearer ${await party.token()}` };
    assert.equal((await fetch(`${hub.issuer}/userinfo`, { headers: bearer })).status, 401);
  });

  it('is needed, and whoever shows none hears so', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer' },
      { authorization: 'Bearer x'.padEnd(2000, 'x') },
      { authorization: 'Basic eDp5' },
      { authorization: `Bearer ${'x'.repeat(43)}` },
    ]) {
      const {
        status,
        json,
        headers: answered,
      } = await ask(undefined, { subjects: ['x'] }, headers as Record<string, string>);
      assert.deepEqual([status, json.error], [401, 'invalid_token']);
      assert.match(String(answered.get('www-authenticate')), /^Bearer /);
    }
  });

  it('must name the resource and the scope', async () => {
    const withoutResource = await party.token({ resource: '' });
    assert.equal((await ask(withoutResource, { subjects: ['x'] })).status, 401);
    const { status, json } = await ask(await party.token({ scope: '' }), { subjects: ['x'] });
    assert.deepEqual([status, json.error], [403, 'insufficient_scope']);
    await assert.rejects(party.token({ resource: 'https://elsewhere.example' }), refused('invalid_target'));
  });

  it('ends with the registration, within seconds, and after five minutes', async () => {
    const leaver = await statusParty(hub, { redirect_uris: ['https://leaver.example/cb'] });
    const token = await leaver.token();
    assert.equal((await ask(token, { subjects: ['x'] })).status, 200);
    await later(301_000, async () => assert.equal((await ask(token, { subjects: ['x'] })).status, 401));
    await hub.hub.clients.remove(leaver.clientId);
    await later(3_000, async () => assert.equal((await ask(token, { subjects: ['x'] })).status, 401));
  });

  it('is not given to a relying party whose registration was changed to allow it no more', async () => {
    const { jwk, privateKey } = await newKeyPair('ES256');
    const metadata = {
      client_id: 'changing',
      redirect_uris: ['https://changing.example/cb'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    };
    const authentication = client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid });
    const allowed = await statusParty(hub, metadata, { authentication });
    const token = await allowed.token();
    await hub.hub.clients.remove('changing');
    await createRelyingParty(hub, metadata, { authentication });
    await later(3_000, async () => {
      const { status, json } = await ask(token, { subjects: ['x'] });
      assert.deepEqual([status, json.error], [403, 'status_check_not_allowed']);
      await assert.rejects(allowed.token());
    });
  });

  for (const [title, metadata] of Object.entries<Metadata>({
    'without the permission': { status_check: undefined },
    'with a permission that is no truth value': { status_check: 'yes' },
    'without the grant type': { grant_types: ['authorization_code'] },
    'with a secret': { token_endpoint_auth_method: 'client_secret_basic' },
    'as a public client': { token_endpoint_auth_method: 'none' },
  })) {
    it(`cannot be had by whoever would be registered ${title}`, async () => {
      await assert.rejects(
        statusParty(hub, metadata),
        (error) => (error as { code?: string }).code === 'invalid_client_metadata',
      );
    });
  }

  it('for people cannot be had by a sign-in', async () => {
    const signIn = party.signIn({ card: 'hanako', parameters: { resource: `${hub.issuer}/status-check` } });
    await assert.rejects(signIn, refused('invalid_target'));
  });
});

describe('a question that is out of form', () => {
  it('is refused with a code', async () => {
    const token = await party.token();
    for (const [status, code, body] of [
      [400, 'invalid_request', { subjects: [] }],
      [400, 'invalid_request', { subjects: 'x' }],
      [400, 'invalid_request', { subjects: [1] }],
      [400, 'invalid_request', { subjects: [''] }],
      [400, 'invalid_request', { subjects: ['x'.repeat(256)] }],
      [400, 'invalid_request', { subjects: Array(1001).fill('x') }],
      [400, 'invalid_request', { subjects: ['x'], more: true }],
      [400, 'invalid_request', []],
      [400, 'invalid_request', '{"subjects":["x"]'],
      [400, 'invalid_request', `{"subjects":${'['.repeat(30_000)}`],
      [413, 'request_too_large', { subjects: ['x'.repeat(70_000)] }],
    ] as const) {
      const { json, ...answer } = await ask(token, body);
      assert.deepEqual([answer.status, json.error], [status, code], JSON.stringify(body).slice(0, 60));
      assert.equal(schemaNamed('Error').safeParse(json).success, true);
    }
    const form = { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' };
    const { status, json } = await ask(undefined, 'subjects=x', form);
    assert.deepEqual([status, json.error], [415, 'unsupported_media_type']);
  });

  it('is JSON for a wrong method and a wrong path too', async () => {
    for (const path of ['/status-check', '/status-check/x', '/openapi/x.json']) {
      const { status, json } = await callJson(`${hub.issuer}${path}`, { method: 'GET' });
      assert.deepEqual([status, json.error], [404, 'not_found']);
    }
  });

  it('is one of too many, after a while', async () => {
    const busy = await statusParty(hub, { redirect_uris: ['https://busy.example/cb'] });
    const token = await busy.token();
    const answers = await Promise.all(Array.from({ length: 41 }, () => ask(token, { subjects: ['x'] })));
    const refusedOnes = answers.filter(({ status }) => status === 429);
    assert.equal(refusedOnes.length, 1);
    assert.equal(refusedOnes[0]?.json.error, 'too_many_requests');
    assert.ok(Number(refusedOnes[0]?.headers.get('retry-after')) > 0);
  });
});

const schemaNamed = (name: string) => z.fromJSONSchema(description.components.schemas[name]);

describe('the OpenAPI description', () => {
  it('is 3.1 and names the place, the grant and the scope', () => {
    assert.match(description.openapi, /^3\.1\./);
    assert.deepEqual(description.servers, [{ url: hub.issuer }]);
    const { flows } = description.components.securitySchemes.client;
    assert.equal(flows.clientCredentials.tokenUrl, `${hub.issuer}/token`);
    assert.deepEqual(Object.keys(flows.clientCredentials.scopes), ['status-check']);
  });

  it('describes what is really answered', async () => {
    const { sub } = await person('hanako');
    const body = { subjects: [sub, 'nobody'] };
    assert.equal(schemaNamed('StatusQuestion').safeParse(body).success, true);
    const { json } = await ask(await party.token(), body);
    const read = schemaNamed('StatusAnswer').safeParse(json);
    assert.deepEqual(read.error?.issues, undefined);
    assert.equal(schemaNamed('StatusAnswer').safeParse({ ...json, serial: 1 }).success, false);
  });
});

function filesOf(
  certificate: Awaited<ReturnType<typeof issueTlsClientCertificate>>,
): ClientCertificate & { ca: string } {
  return {
    cert: certificate.pem,
    key: certificate.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ca: readFileSync(hub.tls.authorityFile, 'utf8'),
  };
}
