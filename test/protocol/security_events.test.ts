import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { createVault } from '../../adapters/database/encryption.ts';
import type { RevocationReason } from '../../provider/pki/index.ts';
import { fillIn, formOf, signApplication } from '../support/enrol.ts';
import { type EventReceiver, startEventReceiver } from '../support/event_receiver.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { startTestAuthority, type TestAuthority } from '../support/sandbox_authority.ts';
import {
  createRelyingParty,
  lastConsent,
  type Metadata,
  newKeyPair,
  open,
  presentCard,
  subOf,
} from './relying_party.ts';
import { callJson, type JsonAnswer, linkSigningCertificate, type StatusParty, statusParty } from './status_party.ts';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/';
const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';
const SESSION_REVOKED = `${CAEP}session-revoked`;
const CLAIMS_CHANGE = `${CAEP}token-claims-change`;
const ACCOUNT_DISABLED = `${RISC}account-disabled`;
const PERSON_NOTICE = 'https://musubi.example/secevent/event-type/person-notice';
const CONSENT_WITHDRAWN = 'https://musubi.example/secevent/event-type/consent-withdrawn';
const ALL = [SESSION_REVOKED, ACCOUNT_DISABLED, CLAIMS_CHANGE, CONSENT_WITHDRAWN];
const PUSH = 'urn:ietf:rfc:8935';
const POLL = 'urn:ietf:rfc:8936';
const HOUR = 3_600_000;
const REASON_WORDS =
  /cessation|keyCompromise|certificateHold|superseded|affiliationChanged|deceased|reason|死亡|serial/;

let authority: TestAuthority;
let hub: TestHub;
let receiver: EventReceiver;
let ahead = 0;
let sectors = 0;
const folder = mkdtempSync(join(tmpdir(), 'musubi-events-'));
const encryptionKeyFile = join(folder, 'encryption.key');
const vault = createVault([Buffer.alloc(32, 9)]);

before(async () => {
  writeFileSync(encryptionKeyFile, `${Buffer.alloc(32, 9).toString('base64')}\n`, { mode: 0o600 });
  authority = await startTestAuthority();
  const settings = { encryptionKeyFile, rateLimits: { relyingPartyCalls: 10_000 } };
  hub = await startTestHub({ authority, settings, clock: () => Date.now() + ahead });
  receiver = await startEventReceiver();
});
after(async () => {
  await hub?.stop();
  await authority.stop();
  receiver?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  receiver.received = [];
  receiver.answer = { status: 202 };
});

/** A relying party on a host of its own, with an access token for its streams. */
interface Listener extends StatusParty {
  readonly bearer: string;
  call(method: string, path: string, body?: unknown): Promise<JsonAnswer>;
  /** A stream; its id. */
  stream(wishes?: Record<string, unknown>): Promise<string>;
  poll(
    streamId: string,
    body?: Record<string, unknown>,
  ): Promise<{ sets: Record<string, string>; moreAvailable: boolean }>;
}

async function listener(metadata: Metadata = {}): Promise<Listener> {
  sectors += 1;
  const party = await statusParty(hub, { redirect_uris: [`https://rp-${sectors}.example/cb`], ...metadata });
  const bearer = await party.token({ resource: `${hub.issuer}/ssf`, scope: 'ssf.manage' });
  const call: Listener['call'] = (method, path, body) =>
    callJson(`${hub.issuer}${path}`, { method, token: bearer, ...(body === undefined ? {} : { body }) });
  return {
    ...party,
    bearer,
    call,
    async stream(wishes = {}) {
      const delivery = { method: PUSH, endpoint_url: receiver.url };
      const { status, json } = await call('POST', '/ssf/streams', { events_requested: ALL, delivery, ...wishes });
      assert.equal(status, 201, JSON.stringify(json));
      return json.stream_id;
    },
    async poll(streamId, body = {}) {
      const { status, json } = await call('POST', `/ssf/poll/${streamId}`, body);
      assert.equal(status, 200, JSON.stringify(json));
      return json;
    },
  };
}

async function verified(set: string, party: StatusParty): Promise<JWTPayload & Record<string, unknown>> {
  const keys = createRemoteJWKSet(new URL(`${hub.issuer}/jwks`));
  const { payload, protectedHeader } = await jwtVerify(set, keys, {
    issuer: hub.issuer,
    audience: party.clientId,
    typ: 'secevent+jwt',
    currentDate: new Date(Date.now() + ahead),
  });
  assert.equal(protectedHeader.alg, 'ES256');
  assert.deepEqual([payload.exp, payload.sub], [undefined, undefined]);
  return payload;
}

/** What was received for this relying party: subject and event of each. */
async function receivedBy(party: StatusParty) {
  const events = [];
  for (const { set } of receiver.received) {
    const payload = await verified(set, party);
    const [[uri, members] = []] = Object.entries(payload.events as Record<string, Record<string, unknown>>);
    events.push({ sub: (payload.sub_id as { sub?: string }).sub, uri, members, jti: payload.jti, payload });
  }
  return events;
}

async function personAt(party: StatusParty, card: string): Promise<{ sub: string; subjectId: string }> {
  const sub = subOf(await party.signIn({ card, parameters: { prompt: 'consent' } }));
  return { sub, subjectId: (await lastConsent(hub, party.clientId)).subjectId };
}

async function newPersonAt(party: StatusParty, name: string) {
  await authority.authority.citizens.issue({ name });
  return personAt(party, name);
}

async function revoke(name: string, reason: Exclude<RevocationReason, 'removeFromCRL'>): Promise<void> {
  await authority.authority.citizens.revoke({ name, certificate: 'both', reason });
  await hub.refreshLists();
}

const deliver = () => hub.hub.deliverEvents();

describe('the transmitter’s configuration', () => {
  it('names everything that is there, and nothing else', async () => {
    const { status, json } = await callJson(`${hub.issuer}/.well-known/ssf-configuration`, { method: 'GET' });
    assert.equal(status, 200);
    assert.deepEqual(json, {
      spec_version: '1_0',
      issuer: hub.issuer,
      jwks_uri: `${hub.issuer}/jwks`,
      delivery_methods_supported: [PUSH, POLL],
      configuration_endpoint: `${hub.issuer}/ssf/streams`,
      status_endpoint: `${hub.issuer}/ssf/status`,
      verification_endpoint: `${hub.issuer}/ssf/verify`,
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      default_subjects: 'ALL',
    });
  });
});

describe('a stream', () => {
  it('is created, read, changed, replaced and deleted', async () => {
    const party = await listener();
    const { status, json: made } = await party.call('POST', '/ssf/streams', {
      events_requested: [SESSION_REVOKED, 'urn:example:unknown'],
      delivery: { method: PUSH, endpoint_url: receiver.url, authorization_header: 'Bearer s3cret' },
      description: 'ours',
    });
    assert.equal(status, 201);
    const { stream_id: id, ...rest } = made;
    assert.deepEqual(rest, {
      iss: hub.issuer,
      aud: party.clientId,
      events_supported: ALL,
      events_requested: [SESSION_REVOKED, 'urn:example:unknown'],
      events_delivered: [SESSION_REVOKED],
      delivery: { method: PUSH, endpoint_url: receiver.url },
      min_verification_interval: 30,
      inactivity_timeout: 2_592_000,
      description: 'ours',
    });
    assert.deepEqual((await party.call('GET', `/ssf/streams?stream_id=${id}`)).json, made);
    assert.deepEqual((await party.call('GET', '/ssf/streams')).json, [made]);

    const changed = (await party.call('PATCH', '/ssf/streams', { ...made, events_requested: ALL })).json;
    assert.deepEqual(changed, { ...made, events_requested: ALL, events_delivered: ALL });
    const replaced = (await party.call('PUT', '/ssf/streams', { stream_id: id, delivery: { method: POLL } })).json;
    assert.deepEqual(
      [replaced.events_requested, replaced.description, replaced.delivery],
      [[], undefined, { method: POLL, endpoint_url: `${hub.issuer}/ssf/poll/${id}` }],
    );

    assert.equal((await party.call('DELETE', `/ssf/streams?stream_id=${id}`)).status, 204);
    assert.equal((await party.call('DELETE', `/ssf/streams?stream_id=${id}`)).status, 404);
    assert.deepEqual((await party.call('GET', '/ssf/streams')).json, []);
    const kinds = (await hub.hub.storage.audit.read(0n, 10_000))
      .filter(({ kind, clientId }) => kind === 'events.stream_changed' && clientId === party.clientId)
      .map(({ data }) => data?.change);
    assert.deepEqual(kinds, ['created', 'updated', 'updated', 'deleted']);
  });

  it('is polled unless it says otherwise', async () => {
    const { json } = await (await listener()).call('POST', '/ssf/streams', {});
    assert.equal(json.delivery.method, POLL);
  });

  it('is one of four at most', async () => {
    const party = await listener();
    const made = await Promise.all(
      Array.from({ length: 8 }, () => party.call('POST', '/ssf/streams', { events_requested: ALL })),
    );
    assert.equal(made.filter(({ status }) => status === 201).length, 4);
    assert.equal(made.filter(({ status, json }) => status === 409 && json.error === 'too_many_streams').length, 4);
  });

  it('is nobody else’s: another relying party’s looks like none', async () => {
    const [owner, other] = [await listener(), await listener()];
    const id = await owner.stream({ delivery: { method: POLL } });
    for (const [method, path, body] of [
      ['GET', `/ssf/streams?stream_id=${id}`],
      ['DELETE', `/ssf/streams?stream_id=${id}`],
      ['PATCH', '/ssf/streams', { stream_id: id, description: 'mine' }],
      ['PUT', '/ssf/streams', { stream_id: id }],
      ['GET', `/ssf/status?stream_id=${id}`],
      ['POST', '/ssf/status', { stream_id: id, status: 'disabled' }],
      ['POST', '/ssf/verify', { stream_id: id }],
      ['POST', `/ssf/poll/${id}`, {}],
      ['POST', '/ssf/poll/a%00b', {}],
    ] as const) {
      const { status, json } = await other.call(method, path, body);
      assert.deepEqual([status, json.error], [404, 'stream_not_found'], `${method} ${path}`);
    }
    assert.equal((await owner.call('GET', `/ssf/streams?stream_id=${id}`)).json.description, undefined);
  });

  it('is refused when it is out of form', async () => {
    const party = await listener();
    const id = await party.stream();
    const push = (endpoint_url: string) => ({ delivery: { method: PUSH, endpoint_url } });
    for (const [method, path, body] of [
      ['POST', '/ssf/streams', push('ftp://receiver.example')],
      ['POST', '/ssf/streams', push('https://user:pass@receiver.example/')],
      ['POST', '/ssf/streams', push('/events')],
      ['POST', '/ssf/streams', { delivery: { method: PUSH } }],
      ['POST', '/ssf/streams', { delivery: { method: 'urn:example:mail', endpoint_url: receiver.url } }],
      [
        'POST',
        '/ssf/streams',
        { delivery: { method: PUSH, endpoint_url: receiver.url, authorization_header: 'x\r\nHost: y' } },
      ],
      ['POST', '/ssf/streams', { events_requested: 'all' }],
      ['POST', '/ssf/streams', { stream_id: 'mine' }],
      ['PATCH', '/ssf/streams', { stream_id: id, iss: 'https://other.example' }],
      ['PATCH', '/ssf/streams', { stream_id: id, aud: 'other' }],
      ['PATCH', '/ssf/streams', { description: 'x' }],
      ['DELETE', '/ssf/streams'],
      ['GET', `/ssf/streams?stream_id=${id}&stream_id=x`],
      ['GET', '/ssf/status'],
      ['POST', '/ssf/status', { stream_id: id, status: 'gone' }],
      ['POST', '/ssf/verify', {}],
    ] as const) {
      const { status, json } = await party.call(method, path, body);
      assert.deepEqual([status, json.error], [400, 'invalid_request'], `${method} ${JSON.stringify(body)}`);
    }
    const poll = await party.stream({ delivery: { method: POLL } });
    for (const body of [{ maxEvents: -1 }, { ack: 'x' }, { setErrs: { x: 'y' } }, { more: 1 }]) {
      assert.equal((await party.call('POST', `/ssf/poll/${poll}`, body)).status, 400);
    }
  });

  it('is managed with a token for it only, and read with less', async () => {
    const party = await listener();
    const id = await party.stream();
    const withToken = (token: string | undefined, method: string, path: string, body?: unknown) =>
      callJson(`${hub.issuer}${path}`, { method, ...(token && { token }), ...(body ? { body } : {}) });
    const reads = await party.token({ resource: `${hub.issuer}/ssf`, scope: 'ssf.read' });
    assert.equal((await withToken(reads, 'GET', '/ssf/streams')).status, 200);
    for (const [method, path, body] of [
      ['POST', '/ssf/streams', {}],
      ['DELETE', `/ssf/streams?stream_id=${id}`, undefined],
      ['POST', '/ssf/verify', { stream_id: id }],
    ] as const) {
      const { status, json } = await withToken(reads, method, path, body);
      assert.deepEqual([status, json.error], [403, 'insufficient_scope']);
    }
    for (const token of [undefined, await party.token(), (await party.signIn()).access_token]) {
      assert.equal((await withToken(token, 'GET', '/ssf/streams')).status, 401);
    }
    const statusOnly = { token: party.bearer, body: { subjects: ['x'] } };
    assert.equal((await callJson(`${hub.issuer}/status-check`, statusOnly)).status, 401);
  });
});

describe('a verification', () => {
  it('comes back with its state, once in half a minute', async () => {
    const party = await listener();
    const id = await party.stream({
      delivery: { method: PUSH, endpoint_url: receiver.url, authorization_header: 'Bearer s3cret' },
    });
    assert.equal((await party.call('POST', '/ssf/verify', { stream_id: id, state: 'x1' })).status, 204);
    const { status, headers } = await party.call('POST', '/ssf/verify', { stream_id: id });
    assert.deepEqual([status, headers.get('retry-after')], [429, '30']);
    await deliver();
    const [event, ...more] = await receivedBy(party);
    assert.deepEqual(more, []);
    assert.deepEqual([event?.uri, event?.members], [`${SSF}verification`, { state: 'x1' }]);
    assert.deepEqual(event?.payload.sub_id, { format: 'opaque', id });
    const sent = receiver.received[0]?.headers;
    assert.deepEqual([sent?.['content-type'], sent?.authorization], ['application/secevent+jwt', 'Bearer s3cret']);
  });

  it('shows the secret of one address to no other', async () => {
    const party = await listener();
    const secret = { method: PUSH, endpoint_url: 'https://old.example/events', authorization_header: 'Bearer s3cret' };
    const id = await party.stream({ delivery: secret });
    const delivery = { method: PUSH, endpoint_url: receiver.url };
    await party.call('PATCH', '/ssf/streams', { stream_id: id, delivery });
    await party.call('POST', '/ssf/verify', { stream_id: id });
    await deliver();
    assert.equal(receiver.received.length, 1);
    assert.equal(receiver.received[0]?.headers.authorization, undefined);
  });
});

describe('what happens to a person', () => {
  it('is told to each relying party that listens, by its own identifier, in order', async () => {
    const [clinic, shop, deaf] = [await listener(), await listener(), await listener()];
    const at = await newPersonAt(clinic, 'teller');
    const sub = (await personAt(shop, 'teller')).sub;
    await personAt(deaf, 'teller');
    await clinic.stream();
    const polled = await shop.stream({ delivery: { method: POLL } });
    await revoke('teller', 'certificateHold');
    await deliver();
    const events = await receivedBy(clinic);
    assert.deepEqual(
      events.map((event) => [event.sub, event.uri]),
      [
        [at.sub, SESSION_REVOKED],
        [at.sub, ACCOUNT_DISABLED],
      ],
    );
    assert.deepEqual(events[0]?.payload.sub_id, { format: 'iss_sub', iss: hub.issuer, sub: at.sub });
    assert.notEqual(at.sub, sub);
    const { sets } = await shop.poll(polled);
    const subs = await Promise.all(
      Object.values(sets).map(async (set) => ((await verified(set, shop)).sub_id as { sub: string }).sub),
    );
    assert.deepEqual(subs, [sub, sub]);
    // Nothing comes twice.
    await hub.refreshLists();
    await deliver();
    assert.equal(receiver.received.length, 2);
  });

  it('is the same for a lost card, a death and a leaked key, and has no reason', async () => {
    const told = [];
    for (const [name, reason] of [
      ['events-lost', 'certificateHold'],
      ['events-dead', 'cessationOfOperation'],
      ['events-leaked', 'keyCompromise'],
    ] as const) {
      const party = await listener();
      await party.stream();
      await newPersonAt(party, name);
      receiver.received = [];
      await revoke(name, reason);
      await deliver();
      const events = await receivedBy(party);
      for (const { payload } of events) {
        assert.doesNotMatch(JSON.stringify(payload), REASON_WORDS);
        assert.deepEqual(Object.keys(payload).sort(), ['aud', 'events', 'iat', 'iss', 'jti', 'sub_id']);
      }
      told.push(
        events.map(({ uri, members }) => {
          const { event_timestamp: at, ...others } = members ?? {};
          assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 60, 'when the hub heard of it, not when it happened');
          return [uri, others];
        }),
      );
    }
    assert.deepEqual(told[1], told[0]);
    assert.deepEqual(told[2], told[0]);
    assert.equal(told[0]?.length, 2);
  });

  it('says that attributes are no longer vouched for, and not which', async () => {
    const party = await listener();
    await party.stream();
    const { sub, subjectId } = await newPersonAt(party, 'events-mover');
    await linkSigningCertificate(hub, vault, 'events-mover', subjectId);
    await authority.authority.citizens.move({ name: 'events-mover', address: '東京都千代田区三丁目３番地' });
    await hub.refreshLists();
    await deliver();
    const [event, ...more] = await receivedBy(party);
    assert.deepEqual(more, []);
    assert.deepEqual([event?.sub, event?.uri], [sub, CLAIMS_CHANGE]);
    assert.deepEqual(event?.members?.claims, { attributes: 'stale' });
  });

  it('says that attributes are vouched for again when the person has enrolled', async () => {
    const party = await listener();
    await party.stream();
    const name = 'events-enrolled';
    await authority.authority.citizens.issue({ name });
    const browser = createHttpBrowser();
    const attempt = await party.attempt({ scope: 'openid address' });
    const signIn = await open(party.authorizationUrl(attempt), browser);
    const consent = await presentCard(hub, browser, signIn, { card: name });
    // Known to the relying party by another browser: who is not is nobody that it could be told of.
    const { sub } = await personAt(party, name);
    const path = `${/\/interaction\/[^/"]+/.exec(consent.text)?.[0]}/enrolment`;
    const form = await browser.get(new URL(path, consent.url).href);
    const page = await fillIn(browser, form, formOf(hub, name));
    assert.match((await signApplication(hub, browser, page, { card: name })).text, /登録が終わりました/);
    await deliver();
    const [event, ...more] = await receivedBy(party);
    assert.deepEqual(more, []);
    assert.deepEqual([event?.sub, event?.uri, event?.members?.claims], [sub, CLAIMS_CHANGE, { attributes: 'current' }]);
  });

  it('says that a consent was withdrawn to the relying party that had it, and to nobody else', async () => {
    const [party, other] = [await listener(), await listener()];
    await party.stream();
    await other.stream();
    const { sub, subjectId } = await newPersonAt(party, 'events-withdraws');
    await personAt(other, 'events-withdraws');
    const { id } = await lastConsent(hub, party.clientId);
    const outcomes = await Promise.all([1, 2, 3].map(() => hub.hub.consents.withdraw(id, subjectId)));
    assert.deepEqual(outcomes.toSorted(), [false, false, true]);
    await deliver();
    const [event, ...more] = await receivedBy(party);
    assert.deepEqual(more, []);
    assert.deepEqual([event?.sub, event?.uri, event?.members?.initiating_entity], [sub, CONSENT_WITHDRAWN, 'user']);
  });

  it('ends sessions when a card was renewed, and nothing more', async () => {
    const party = await listener();
    await party.stream();
    const { sub } = await newPersonAt(party, 'events-renewer');
    await authority.authority.citizens.renew({ name: 'events-renewer' });
    await hub.refreshLists();
    await deliver();
    const events = await receivedBy(party);
    assert.deepEqual(
      events.map((event) => [event.sub, event.uri]),
      [[sub, SESSION_REVOKED]],
    );
  });

  it('is not that they cannot be reached while another card or phone of theirs is good', async () => {
    const party = await listener();
    await newPersonAt(party, 'with-phone');
    await authority.authority.citizens.addPhone({ name: 'with-phone' });
    await personAt(party, 'with-phone-phone');
    await party.stream();
    await revoke('with-phone', 'certificateHold');
    await deliver();
    assert.deepEqual(
      (await receivedBy(party)).map(({ uri }) => uri),
      [SESSION_REVOKED],
    );
  });

  it('is told only as far as it was asked for', async () => {
    const party = await listener();
    await party.stream({ events_requested: [ACCOUNT_DISABLED] });
    await newPersonAt(party, 'events-some');
    await revoke('events-some', 'certificateHold');
    await deliver();
    assert.deepEqual(
      (await receivedBy(party)).map(({ uri }) => uri),
      [ACCOUNT_DISABLED],
    );
  });

  it('is kept in no readable form until it has arrived', async () => {
    const party = await listener();
    await party.stream({ delivery: { method: POLL } });
    const { sub } = await newPersonAt(party, 'events-sealed');
    await revoke('events-sealed', 'cessationOfOperation');
    const [{ streamId = '' } = {}] = await hub.hub.storage.events.streamsOf(party.clientId);
    const events = await hub.hub.storage.events.waiting(streamId, 10);
    assert.equal(new Set(events.map(({ sealedEvent }) => sealedEvent.length)).size, 1, 'of one length');
    for (const { sealedEvent } of events) assert.ok(!Buffer.from(sealedEvent).includes(sub));
    assert.ok(!hub.log.join('').includes(sub));
  });
});

describe('the operator’s service that writes to people', () => {
  it('hears what they are told, by its own identifier, and no other relying party does', async () => {
    const mail = await listener({ person_notices: true });
    const clinic = await listener();
    const { sub } = await newPersonAt(mail, 'to-be-written-to');
    await personAt(clinic, 'to-be-written-to');
    const wishes = { events_requested: [PERSON_NOTICE] };
    const streamId = await mail.stream(wishes);
    await clinic.stream(wishes);
    const own = (await mail.call('GET', `/ssf/streams?stream_id=${streamId}`)).json;
    assert.ok(own.events_supported.includes(PERSON_NOTICE));
    assert.deepEqual(own.events_delivered, [PERSON_NOTICE]);
    await authority.authority.citizens.renew({ name: 'to-be-written-to' });
    await hub.refreshLists();
    await personAt(clinic, 'to-be-written-to');
    await deliver();
    assert.equal(receiver.received.length, 1);
    const [event] = await receivedBy(mail);
    assert.deepEqual([event?.sub, event?.uri, event?.members?.notice], [sub, PERSON_NOTICE, 'card_renewed']);
  });

  it('hears no more of it when the operator has taken that back', async () => {
    const mail = await listener({ person_notices: true });
    await newPersonAt(mail, 'written-to-before');
    const streamId = await mail.stream({ events_requested: [PERSON_NOTICE], delivery: { method: POLL } });
    await authority.authority.citizens.renew({ name: 'written-to-before' });
    await hub.refreshLists();
    await personAt(mail, 'written-to-before');
    const { privateKey: _private, jwk } = await newKeyPair('ES256');
    await hub.hub.clients.remove(mail.clientId);
    await createRelyingParty(hub, {
      client_id: mail.clientId,
      redirect_uris: [`https://rp-${sectors}.example/cb`],
      grant_types: ['authorization_code', 'client_credentials'],
      status_check: true,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    });
    try {
      ahead = 3_000; // a client is remembered for two seconds
      assert.deepEqual((await mail.poll(streamId)).sets, {});
    } finally {
      ahead = 0;
    }
    assert.ok((await hub.hub.events.deadLetters()).some(({ stream }) => stream === streamId));
  });

  it('is registered as one that may hear of events at all', async () => {
    await assert.rejects(createRelyingParty(hub, { person_notices: true }), /person_notices needs status_check/);
  });
});

describe('a push', () => {
  async function revokedPerson(name: string): Promise<{ party: Listener; id: string }> {
    const party = await listener();
    const id = await party.stream();
    await newPersonAt(party, name);
    await revoke(name, 'certificateHold');
    return { party, id };
  }

  it('that fails is tried again, ever later, with the same event first', async () => {
    receiver.answer = { status: 503 };
    const { party } = await revokedPerson('push-failing');
    await deliver();
    const first = receiver.received.length;
    assert.equal(first, 1, 'those behind it wait');
    await deliver();
    assert.equal(receiver.received.length, 1, 'not at once');
    try {
      ahead += 6_000;
      await deliver();
      assert.equal(receiver.received.length, 2);
      ahead += 6_000;
      await deliver();
      assert.equal(receiver.received.length, 2, 'the second pause is longer');
      receiver.answer = { status: 202 };
      ahead += 6_000;
      await deliver();
      const events = await receivedBy(party);
      assert.deepEqual(
        events.map(({ uri }) => uri),
        [SESSION_REVOKED, SESSION_REVOKED, SESSION_REVOKED, ACCOUNT_DISABLED],
      );
      assert.equal(new Set(events.slice(0, 3).map(({ jti }) => jti)).size, 1, 'a repetition can be told');
    } finally {
      ahead = 0;
    }
  });

  it('that the receiver refuses is a dead letter, and the next one goes', async () => {
    receiver.answer = { status: 400, body: '{"err":"invalid_audience","description":"x"}' };
    const { party, id } = await revokedPerson('push-refused');
    await deliver();
    assert.equal(receiver.received.length, 2);
    const dead = (await hub.hub.events.deadLetters()).filter(({ stream }) => stream === id);
    assert.deepEqual(
      dead.map(({ client, reason, attempts }) => [client, reason, attempts]),
      [
        [party.clientId, 'invalid_audience', 1],
        [party.clientId, 'invalid_audience', 1],
      ],
    );
    receiver.answer = { status: 202 };
    assert.equal(await hub.hub.events.retry(id), 2);
    await deliver();
    assert.equal(receiver.received.length, 4);
    assert.equal((await hub.hub.events.deadLetters()).filter(({ stream }) => stream === id).length, 0);
  });

  it('waits while the stream is paused, and is forgotten when it is disabled', async () => {
    const party = await listener();
    const id = await party.stream();
    await newPersonAt(party, 'push-paused');
    const set = (status: string) => party.call('POST', '/ssf/status', { stream_id: id, status, reason: 'night' });
    assert.deepEqual((await set('paused')).json, { stream_id: id, status: 'paused', reason: 'night' });
    await revoke('push-paused', 'certificateHold');
    await deliver();
    assert.equal(receiver.received.length, 0);
    await set('enabled');
    await deliver();
    assert.equal(receiver.received.length, 2);

    const other = await newPersonAt(party, 'push-disabled');
    assert.ok(other.sub);
    await set('disabled');
    await revoke('push-disabled', 'certificateHold');
    await set('enabled');
    await deliver();
    assert.equal(receiver.received.length, 2);
    assert.deepEqual((await party.call('GET', `/ssf/status?stream_id=${id}`)).json.status, 'enabled');
  });

  it('is given up after a week, and shown to the operator', async () => {
    receiver.answer = { status: 503 };
    const { id } = await revokedPerson('push-late');
    await deliver();
    const overview = async () => (await hub.hub.events.streams()).find(({ stream }) => stream === id);
    assert.deepEqual([(await overview())?.waiting, (await overview())?.dead], [2, 0]);
    try {
      ahead = 7 * 24 * HOUR + 60_000;
      await hub.hub.tidyEvents();
    } finally {
      ahead = 0;
    }
    assert.deepEqual([(await overview())?.waiting, (await overview())?.dead], [0, 2]);
  });

  it('goes to nobody who is no longer registered, or was registered for another site', async () => {
    const { privateKey: _private, jwk } = await newKeyPair('ES256');
    const metadata = {
      grant_types: ['authorization_code', 'client_credentials'],
      status_check: true,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    };
    const removed = await revokedPersonPaused('push-removed');
    await hub.hub.clients.remove(removed.party.clientId);
    const moved = await revokedPersonPaused('push-moved');
    await hub.hub.clients.remove(moved.party.clientId);
    await createRelyingParty(hub, {
      ...metadata,
      client_id: moved.party.clientId,
      redirect_uris: ['https://elsewhere.example/cb'],
    });
    await enable(removed.id);
    await enable(moved.id);
    try {
      ahead = 3_000; // a client is remembered for two seconds
      await deliver();
    } finally {
      ahead = 0;
    }
    assert.equal(receiver.received.length, 0);
    assert.equal(await statusOf(moved.id), 'paused');
  });

  const enable = (id: string) => hub.hub.storage.events.setStatus(id, 'enabled', undefined, Date.now());
  const statusOf = async (id: string) => (await hub.hub.events.streams()).find(({ stream }) => stream === id)?.status;

  async function revokedPersonPaused(name: string): Promise<{ party: Listener; id: string }> {
    const party = await listener();
    const id = await party.stream();
    await party.call('POST', '/ssf/status', { stream_id: id, status: 'paused' });
    await newPersonAt(party, name);
    await revoke(name, 'certificateHold');
    return { party, id };
  }
});

describe('a poll', () => {
  it('hands out what waits, oldest first, until it is acknowledged', async () => {
    const party = await listener();
    const id = await party.stream({ delivery: { method: POLL } });
    assert.deepEqual(await party.poll(id), { sets: {}, moreAvailable: false });
    await newPersonAt(party, 'poll-one');
    await revoke('poll-one', 'certificateHold');
    const uriOf = async (set = '') => Object.keys((await verified(set, party)).events as object)[0];

    const first = await party.poll(id, { maxEvents: 1, returnImmediately: true });
    const [[jti, set] = ['', '']] = Object.entries(first.sets);
    assert.deepEqual([await uriOf(set), first.moreAvailable], [SESSION_REVOKED, true]);
    assert.equal((await verified(set, party)).jti, jti);
    assert.deepEqual(Object.keys((await party.poll(id, { maxEvents: 1 })).sets), [jti], 'until it is acknowledged');

    const second = await party.poll(id, { ack: [jti, 'unknown', 'a\0b'], maxEvents: 1 });
    const [[next, other] = ['', '']] = Object.entries(second.sets);
    assert.deepEqual([await uriOf(other), second.moreAvailable], [ACCOUNT_DISABLED, false]);
    assert.deepEqual(await party.poll(id, { ack: [next], maxEvents: 0 }), { sets: {}, moreAvailable: false });
    assert.deepEqual((await party.poll(id)).sets, {});
  });

  it('may say what is wrong with an event, which is a dead letter then', async () => {
    const party = await listener();
    const id = await party.stream({ delivery: { method: POLL } });
    await party.call('POST', '/ssf/verify', { stream_id: id });
    const [jti = ''] = Object.keys((await party.poll(id)).sets);
    const setErrs = { [jti]: { err: 'invalid_key', description: 'x' } };
    assert.deepEqual((await party.poll(id, { setErrs })).sets, {});
    const [letter] = (await hub.hub.events.deadLetters()).filter(({ stream }) => stream === id);
    assert.equal(letter?.reason, 'rejected: invalid_key');
  });

  it('is asked for within a month, or the stream is paused and says so when it runs again', async () => {
    const party = await listener();
    const id = await party.stream({ delivery: { method: POLL } });
    try {
      ahead = 31 * 24 * HOUR;
      await hub.hub.tidyEvents();
    } finally {
      ahead = 0;
    }
    const path = `/ssf/status?stream_id=${id}`;
    assert.equal((await party.call('GET', path)).json.status, 'paused');
    assert.deepEqual((await party.poll(id)).sets, {});
    await party.call('POST', '/ssf/status', { stream_id: id, status: 'enabled' });
    const [set = ''] = Object.values((await party.poll(id)).sets);
    assert.deepEqual((await verifiedLater(set, party)).events, {
      [`${SSF}stream-updated`]: { status: 'paused', reason: 'nobody has polled for a long time' },
    });
  });

  it('is not for streams that are pushed', async () => {
    const party = await listener();
    const id = await party.stream();
    assert.equal((await party.call('POST', `/ssf/poll/${id}`, {})).status, 404);
  });
});

/** Its `iat` is of the time that the test believed in. */
async function verifiedLater(set: string, party: StatusParty) {
  ahead = 31 * 24 * HOUR;
  try {
    return await verified(set, party);
  } finally {
    ahead = 0;
  }
}
