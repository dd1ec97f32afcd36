import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateRsaKey } from '../../adapters/sandbox/pki/index.ts';
import { type ControlSocket, startControlSocket } from '../../provider/command_line/control_socket.ts';
import { controlSocketPath } from '../../provider/command_line/control_socket_path.ts';
import { administrationHandlers } from '../../provider/command_line/hub_commands.ts';
import type { ShownServiceProviderDetails } from '../../provider/saml/shown_service_provider.ts';
import { type } from '../provider/command_line/terminal.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import {
  consumer,
  type EntityOptions,
  entitiesText,
  entityText,
  keyDescriptor,
  localized,
  registeredBy,
  signedMetadata,
  uiInfo,
} from '../support/saml/metadata.ts';
import { type MetadataServer, startMetadataServer } from '../support/saml/metadata_server.ts';
import { type SigningIdentity, signingIdentity } from '../support/saml/providers.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let hub: TestHub;
let control: ControlSocket;
let server: MetadataServer;
let federation: SigningIdentity;
let count = 0;
/** Added to the time. */
let later = 0;
const folder = mkdtempSync(join(tmpdir(), 'musubi-saml-'));

before(async () => {
  hub = await startTestHub({ clock: () => Date.now() + later });
  control = await startControlSocket({
    path: controlSocketPath(dirname(hub.listFolder)),
    handlers: administrationHandlers(hub.hub),
  });
  server = await startMetadataServer();
  federation = await signingIdentity(await generateRsaKey());
  const pem = federation.certificate.replace(/.{64}/g, '$&\n');
  writeFileSync(join(folder, 'federation.pem'), `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`);
});
after(async () => {
  await server?.close();
  await control?.close();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const musubi = (...args: string[]) => type([...args, '--data', dirname(hub.listFolder)], { workingFolder: folder });
async function did(...args: string[]): Promise<string> {
  const { code, out, err } = await musubi(...args);
  assert.equal(code, 0, err);
  return out;
}
const shown = async (entityId: string) =>
  JSON.parse(await did('saml', 'show', entityId)) as ShownServiceProviderDetails;
async function refused(code: string, ...args: string[]): Promise<string> {
  const failed = await musubi(...args, '--json');
  assert.equal(failed.code, 1, failed.out);
  assert.ok(failed.err.includes(`"${code}"`), failed.err);
  return failed.err;
}

const newEntityId = () => `https://sp${++count}.example/metadata`;
function file(options: EntityOptions, name = `sp${++count}.xml`): string {
  writeFileSync(join(folder, name), entityText(options));
  return name;
}
const signed = (text: string) => signedMetadata(text, federation.key);
function publish(path: string, body: string, more: { etag?: string; lastModified?: string; status?: number } = {}) {
  server.documents.set(path, { body, ...more });
  return `${server.origin}${path}`;
}
async function auditOf(entityId: string) {
  const events = [];
  for (let after = 0n; ; ) {
    const read = await hub.hub.storage.audit.read(after, 500);
    const last = read.at(-1);
    if (!last) return events.filter(({ clientId }) => clientId === entityId);
    events.push(...read);
    after = last.sequence;
  }
}
const addressOf = async (entityId: string) =>
  (await shown(entityId)).metadata.assertionConsumerServices.map(({ location }) => location);
const at = (entityId: string, address: string, more: EntityOptions = {}) =>
  entityText({ entityId, consumers: consumer(address), ...more });

describe('musubi saml add', () => {
  it('registers a service provider by a file, with a client that the engine takes, and remove removes both', async () => {
    const entityId = newEntityId();
    const source = file({
      entityId,
      keys: keyDescriptor(federation.certificate),
      roleExtensions: uiInfo(
        localized('mdui:DisplayName', 'ja', 'みんなの医院') +
          localized('mdui:PrivacyStatementURL', 'ja', 'https://sp.example/privacy') +
          '<mdui:Logo height="1" width="1">https://sp.example/logo.svg</mdui:Logo>',
      ),
    });
    const purpose = ['--purpose-ja', '診療のため', '--claims', 'name, birthdate', '--attributes', 'eidas'];
    const added = JSON.parse(await did('saml', 'add', source, ...purpose));
    assert.equal(added.entityId, entityId);
    assert.deepEqual(added.settings.claims, ['name', 'birthdate']);
    assert.match(await did('saml', 'list'), new RegExp(`${entityId} +みんなの医院 +file +in use`));

    const client = await hub.hub.clients.show(entityId);
    assert.deepEqual(
      [client['client_name#ja'], client['purpose#ja'], client.logo_uri, client.policy_uri],
      ['みんなの医院', '診療のため', 'https://sp.example/logo.svg', 'https://sp.example/privacy'],
    );
    assert.deepEqual([client.response_types, client.grant_types], [['none'], []]);
    assert.deepEqual(client.redirect_uris, [`${hub.issuer}/saml/answer`]);
    // The engine has its own judgement when it loads it.
    const query = new URLSearchParams({ client_id: entityId, response_type: 'code', scope: 'openid' });
    const answer = await fetch(`${hub.issuer}/authorize?${query}&redirect_uri=${hub.issuer}/saml/answer`, {
      redirect: 'manual',
    });
    const location = answer.headers.get('location') ?? '';
    assert.ok(location.startsWith(`${hub.issuer}/saml/answer?`), location);
    assert.match(location, /response_type\+is\+not\+allowed/);

    await did('saml', 'remove', entityId);
    await refused('service_provider_not_found', 'saml', 'show', entityId);
    await refused('client_not_found', 'client', 'show', entityId);
    assert.deepEqual(
      (await auditOf(entityId)).map(({ kind }) => kind),
      ['service_provider.added', 'service_provider.removed'],
    );
  });

  it('brings what was brought as a file up to date, and leaves what was decided as it is', async () => {
    const entityId = newEntityId();
    await did('saml', 'add', file({ entityId }), '--idp-initiated', 'yes');
    await did('saml', 'add', file({ entityId, consumers: consumer('https://sp.example/new') }));
    const { settings } = await shown(entityId);
    assert.equal(settings.idpInitiated, true);
    assert.deepEqual(await addressOf(entityId), ['https://sp.example/new']);
    const data = (await auditOf(entityId)).at(-1)?.data;
    assert.deepEqual(data?.changed, ['assertionConsumerServices']);
  });

  it('takes one entity of a document about many, and only from who is pinned', async () => {
    const entityId = newEntityId();
    const many = entitiesText([entityText({ entityId }), entityText({ entityId: newEntityId() })]);
    writeFileSync(join(folder, 'unsigned.xml'), many);
    writeFileSync(join(folder, 'signed.xml'), signed(many));
    await refused('saml_metadata_invalid', 'saml', 'add', 'signed.xml', '--pin', 'federation.pem');
    const named = ['--entity', entityId, '--pin', 'federation.pem'];
    await refused('saml_metadata_signature_invalid', 'saml', 'add', 'unsigned.xml', ...named);
    await did('saml', 'add', 'signed.xml', ...named);
    await refused('saml_pin_invalid', 'saml', 'add', 'signed.xml', '--entity', entityId, '--pin', 'signed.xml');
  });

  const impossible: Record<string, [string, EntityOptions, string[], RegExp]> = {
    'encryption without a key for it': ['saml_settings_impossible', {}, ['--encrypt', 'always'], /encrypted/],
    'signatures without a key': ['saml_settings_impossible', {}, ['--require-signed', 'yes'], /signed/],
    'a claim that the hub does not have': ['saml_settings_impossible', {}, ['--claims', 'blood_type'], /claim/],
    'a revocation policy that is not there': [
      'invalid_client_metadata',
      {},
      ['--revocation-policy', 'x'],
      /revocation_policy/,
    ],
    'a sector that is no host': ['invalid_request', {}, ['--sector', 'https://x'], /sector/],
    'an address of plain http': [
      'saml_metadata_invalid',
      { consumers: consumer('http://sp.example/acs') },
      [],
      /must be https/,
    ],
    'an entity id that is no URI': ['saml_metadata_invalid', { entity: { entityID: 'x' } }, [], /entityID/],
  };
  for (const [what, [code, options, args, message]] of Object.entries(impossible)) {
    it(`refuses ${what}, says so, and adds nothing`, async () => {
      const before = await did('saml', 'list');
      assert.match(await refused(code, 'saml', 'add', file({ entityId: newEntityId(), ...options }), ...args), message);
      assert.equal(await did('saml', 'list'), before);
    });
  }

  it('takes metadata of a megabyte through the running hub, and refuses more', async () => {
    const entityId = newEntityId();
    const padding = (size: number) => `<x:P xmlns:x="urn:x">${'x'.repeat(size)}</x:P>`;
    await did('saml', 'add', file({ entityId, extensions: padding(1_000_000) }));
    const more = file({ entityId: newEntityId(), extensions: padding(1_048_576) });
    assert.match(await refused('saml_metadata_invalid', 'saml', 'add', more), /octets/);
  });
});

describe('one id', () => {
  it('is of one relying party, whichever protocol it speaks', async () => {
    const [entityId, clientId] = [newEntityId(), newEntityId()];
    await did('saml', 'add', file({ entityId }));
    const metadata = { redirect_uris: ['https://rp.example/cb'], token_endpoint_auth_method: 'none' };
    await assert.rejects(hub.hub.clients.add({ ...metadata, client_id: entityId }), { code: 'client_exists' });
    await hub.hub.clients.add({ ...metadata, client_id: clientId });
    await refused('client_exists', 'saml', 'add', file({ entityId: clientId }));
    await refused('service_provider_exists', 'saml', 'add', publish('/again', entityText({ entityId })));
  });

  it('is not removed or listed as if it were an OpenID Connect client', async () => {
    const entityId = newEntityId();
    await did('saml', 'add', file({ entityId }));
    assert.ok(!(await did('client', 'list')).includes(entityId));
    assert.match(await refused('client_is_service_provider', 'client', 'remove', entityId), /musubi saml remove/);
    assert.ok(await shown(entityId));
  });

  const pretenders: Record<string, Record<string, unknown>> = {
    'the response type none': { response_types: ['none'], grant_types: [] },
    'the response type none beside code': { response_types: ['code', 'none'] },
    'a SAML sector': { saml_sector: 'clinic.example' },
    'all that an internal client has': { saml_sector: 'x', response_types: ['none'], grant_types: [] },
  };
  for (const [what, metadata] of Object.entries(pretenders)) {
    it(`is refused to an OpenID Connect client with ${what}`, async () => {
      const draft = { redirect_uris: ['https://rp.example/cb'], token_endpoint_auth_method: 'none', ...metadata };
      await assert.rejects(hub.hub.clients.add(draft), { code: 'invalid_client_metadata' });
    });
  }
});

describe('musubi saml set', () => {
  it('changes what it is told to, for the engine too, as one event', async () => {
    const entityId = newEntityId();
    await did('saml', 'add', file({ entityId }), '--purpose-ja', '目的', '--purpose-en', 'purpose');
    const out = await did('saml', 'set', entityId, '--sector', 'clinic.example', '--purpose-en', '');
    assert.deepEqual(JSON.parse(out).settings.purpose, { ja: '目的' });
    const client = await hub.hub.clients.show(entityId);
    assert.deepEqual([client.saml_sector, client['purpose#en']], ['clinic.example', undefined]);
    assert.deepEqual((await auditOf(entityId)).at(-1)?.data?.changed, ['sector', 'purpose']);
    await did('saml', 'set', entityId, '--sector', '');
    assert.equal((await hub.hub.clients.show(entityId)).saml_sector, `saml:${entityId}`);
    const fresh = await did('saml', 'set', entityId, '--freshness', 'health_insurance_valid=60, pension_record=0');
    assert.deepEqual(JSON.parse(fresh).settings.freshness, { health_insurance_valid: 60, pension_record: 0 });
    assert.equal(JSON.parse(await did('saml', 'set', entityId, '--freshness', '')).settings.freshness, undefined);
    await refused('saml_settings_impossible', 'saml', 'set', entityId, '--freshness', 'name=60');
    await refused('saml_settings_impossible', 'saml', 'set', entityId, '--encrypt', 'always');
    await refused('service_provider_not_found', 'saml', 'set', newEntityId(), '--encrypt', 'never');
    assert.equal((await musubi('saml', 'set', entityId)).code, 2);
    assert.equal((await musubi('saml', 'set', entityId, '--freshness', 'name=soon')).code, 2);
    assert.equal((await musubi('saml', 'set', entityId, '--idp-initiated', 'perhaps')).code, 2);
  });
});

describe('metadata with an address', () => {
  it('is asked for again by what is known of it, and changes only when it is another', async () => {
    const entityId = newEntityId();
    const [byTag, byDate] = [publish('/tag', at(entityId, 'https://sp.example/1'), { etag: '"1"' }), newEntityId()];
    await did('saml', 'add', byTag);
    const date = 'Mon, 30 Nov 2026 00:00:00 GMT';
    await did('saml', 'add', publish('/date', at(byDate, 'https://sp.example/1'), { lastModified: date }));
    server.answers.length = 0;
    assert.match(await did('saml', 'refresh', entityId), /unchanged/);
    assert.match(await did('saml', 'refresh', byDate), /unchanged/);
    assert.deepEqual(server.answers, ['/tag 304', '/date 304']);

    publish('/tag', at(entityId, 'https://sp.example/2'), { etag: '"2"' });
    assert.match(await did('saml', 'refresh', entityId), / changed/);
    assert.deepEqual(await addressOf(entityId), ['https://sp.example/2']);
    const { actor, data } = (await auditOf(entityId)).at(-1) ?? {};
    assert.deepEqual([actor, data?.changed], ['hub', ['assertionConsumerServices']]);
    await did('saml', 'remove', entityId);
    await did('saml', 'remove', byDate);
  });

  it('serves as it is when a look fails, until it expires; the failure is shown, logged and counted', async () => {
    const entityId = newEntityId();
    const validUntil = new Date(Date.now() + later + 10 * HOUR).toISOString();
    const url = publish('/fails', at(entityId, 'https://sp.example/1', { entity: { validUntil } }));
    await did('saml', 'add', url);
    const failures: Record<string, string | undefined> = {
      'status 500': undefined,
      'https, or http': at(entityId, 'http://evil.example/acs'),
      'says nothing of': at(newEntityId(), 'https://evil.example/acs'),
      'cannot be read': '<html>',
    };
    for (const [reason, body] of Object.entries(failures)) {
      publish('/fails', body ?? '', body === undefined ? { status: 500 } : {});
      const failed = await musubi('saml', 'refresh', entityId);
      assert.equal(failed.code, 1);
      assert.match(failed.err, new RegExp(reason));
      assert.match((await shown(entityId)).failure ?? '', new RegExp(reason));
      assert.deepEqual(await addressOf(entityId), ['https://sp.example/1']);
    }
    const all = await musubi('saml', 'refresh');
    assert.equal(all.code, 1);
    assert.match(all.out, new RegExp(`${entityId} +failed`));
    assert.ok(hub.log.some((line) => line.includes('metadata could not be refreshed') && line.includes('/fails')));
    const metrics = await (await fetch(`http://127.0.0.1:${hub.port}/metrics`)).text();
    assert.match(metrics, /musubi_metadata_refreshes_total\{outcome="failed"\} 5\n/);
    later += 10 * HOUR;
    assert.equal((await shown(entityId)).state, 'expired');
    await did('saml', 'remove', entityId);
  });

  it('is looked at when it is time, and with growing pauses when that fails', async () => {
    const entityId = newEntityId();
    const url = publish('/schedule', at(entityId, 'https://sp.example/1', { entity: { cacheDuration: 'PT1H' } }));
    await did('saml', 'add', url);
    const looks = async (milliseconds: number) => {
      server.answers.length = 0;
      later += milliseconds;
      await hub.hub.refreshMetadata();
      return server.answers.filter((answer) => answer.startsWith('/schedule')).length;
    };
    assert.equal(await looks(30 * MINUTE), 0);
    assert.equal(await looks(31 * MINUTE), 1);
    assert.equal(await looks(30 * MINUTE), 0);
    publish('/schedule', '', { status: 503 });
    assert.equal(await looks(31 * MINUTE), 1);
    assert.equal(await looks(MINUTE), 1);
    assert.equal(await looks(MINUTE), 0);
    assert.equal(await looks(MINUTE), 1);
    publish('/schedule', at(entityId, 'https://sp.example/2'));
    assert.equal(await looks(4 * MINUTE), 1);
    assert.deepEqual(await addressOf(entityId), ['https://sp.example/2']);
    assert.equal((await shown(entityId)).failure, undefined);
    await did('saml', 'remove', entityId);
    assert.equal(await looks(24 * HOUR), 0);
  });

  it('must go on being signed by who is pinned', async () => {
    const entityId = newEntityId();
    const url = publish('/pinned', signed(at(entityId, 'https://sp.example/1')));
    await did('saml', 'add', url, '--pin', 'federation.pem');
    publish('/pinned', at(entityId, 'https://evil.example/acs'));
    await refused('saml_metadata_signature_invalid', 'saml', 'refresh', entityId);
    const stranger = await signingIdentity(await generateRsaKey());
    publish('/pinned', signedMetadata(at(entityId, 'https://evil.example/acs'), stranger.key));
    await refused('saml_metadata_signature_invalid', 'saml', 'refresh', entityId);
    assert.deepEqual(await addressOf(entityId), ['https://sp.example/1']);
    publish('/pinned', signed(at(entityId, 'https://sp.example/2')));
    assert.match(await did('saml', 'refresh', entityId), / changed/);
    await did('saml', 'remove', entityId);
  });

  it('never leads into the own network, to files or elsewhere', async () => {
    const places = ['http://169.254.169.254/latest/', 'http://10.0.0.1/', 'https://[fe80::1]/'];
    for (const place of places) {
      assert.match(await refused('saml_metadata_unreachable', 'saml', 'add', place), /outbound_address_refused/);
    }
    const { serviceProviders } = hub.hub;
    await assert.rejects(serviceProviders.add({ kind: 'url', url: 'file:///etc/passwd' }), {
      code: 'saml_metadata_unreachable',
    });
    await assert.rejects(serviceProviders.add({ kind: 'url', url: 'nowhere' }), { code: 'invalid_request' });
  });

  it('of a query service is asked for by entity id or its digest', async () => {
    const entityId = newEntityId();
    publish(`/mdq/entities/${encodeURIComponent(entityId)}`, at(entityId, 'https://sp.example/1'));
    const ask = (form: string) => ['saml', 'add', `${server.origin}/mdq/`, '--entity', entityId, '--mdq', form];
    await did(...ask('plain'));
    assert.equal((await shown(entityId)).source, 'mdq');
    assert.match(await did('saml', 'refresh', entityId), /unchanged/);
    await did('saml', 'remove', entityId);
    await refused('saml_metadata_unreachable', ...ask('sha1'));
    assert.match(server.answers.at(-1) ?? '', /^\/mdq\/entities\/%7Bsha1%7D[0-9a-f]{40} 404$/);
    const other = publish(
      `/mdq/entities/${encodeURIComponent('https://asked.example/')}`,
      at(entityId, 'https://x.example/'),
    );
    assert.ok(other);
    const asked = ['--entity', 'https://asked.example/', '--mdq', 'plain'];
    await refused('saml_entity_not_found', 'saml', 'add', `${server.origin}/mdq`, ...asked);
  });

  it('that was brought as a file is not looked for', async () => {
    const entityId = newEntityId();
    await did('saml', 'add', file({ entityId }));
    await refused('saml_no_source', 'saml', 'refresh', entityId);
  });
});

describe('the register while no hub runs', () => {
  it('is worked on just the same, and the next hub knows', async () => {
    const entityId = newEntityId();
    await control.close();
    await hub.restart(async ({ serviceProviders }) => {
      await serviceProviders.add({ kind: 'file', document: Buffer.from(entityText({ entityId })) });
      await serviceProviders.set(entityId, { idpInitiated: true });
    });
    control = await startControlSocket({
      path: controlSocketPath(dirname(hub.listFolder)),
      handlers: administrationHandlers(hub.hub),
    });
    assert.equal((await shown(entityId)).settings.idpInitiated, true);
  });
});

describe('musubi saml feed', () => {
  const authority = 'https://federation.example';
  const member = (entityId: string, address = 'https://sp.example/1', extensions = registeredBy(authority)) =>
    at(entityId, address, { extensions });
  const publishFeed = (members: readonly string[]) => publish('/feed', signed(entitiesText(members)));

  it('registers who fits, follows what changes, and removes who left; all of them with it', async () => {
    const [one, two, taken, stranger] = [newEntityId(), newEntityId(), newEntityId(), newEntityId()];
    await did('saml', 'add', file({ entityId: taken }));
    const members = [member(one), member(two), member(taken, 'https://evil.example/')];
    const url = publishFeed([...members, member(stranger, 'https://x.example/', '')]);
    const filter = ['--registration-authorities', authority, '--pin', 'federation.pem'];
    const added = await did('saml', 'feed', 'add', 'gakunin', url, ...filter, '--attributes', 'basic');
    assert.match(added, /with 2 service providers/);
    await refused('saml_feed_exists', 'saml', 'feed', 'add', 'gakunin', url, ...filter);
    const { settings, source, from } = await shown(one);
    assert.deepEqual([settings.attributeProfile, source, from], ['basic', 'feed', 'gakunin']);
    await refused('service_provider_not_found', 'saml', 'show', stranger);
    // Who was there before stays as they were.
    assert.equal((await shown(taken)).source, 'file');
    assert.notDeepEqual(await addressOf(taken), ['https://evil.example/']);

    await did('saml', 'set', one, '--idp-initiated', 'yes');
    const three = newEntityId();
    publishFeed([member(one, 'https://sp.example/2'), member(three), member(two, 'http://bad.example/')]);
    assert.match(await did('saml', 'refresh', '--feed', 'gakunin'), / changed/);
    assert.deepEqual(await addressOf(one), ['https://sp.example/2']);
    assert.equal((await shown(one)).settings.idpInitiated, true);
    assert.equal((await shown(three)).from, 'gakunin');
    // One that fits and is not as it must be stays as it was.
    assert.deepEqual(await addressOf(two), ['https://sp.example/1']);

    publishFeed([member(one, 'https://sp.example/2'), member(three)]);
    await did('saml', 'refresh', '--feed', 'gakunin');
    await refused('service_provider_not_found', 'saml', 'show', two);
    assert.deepEqual(
      (await auditOf(two)).map(({ kind, actor }) => [kind, actor]),
      [
        ['service_provider.added', 'hub'],
        ['service_provider.removed', 'hub'],
      ],
    );
    assert.match(await did('saml', 'feed', 'list'), /^gakunin +\S+\/feed +yes +2 /m);

    await did('saml', 'feed', 'remove', 'gakunin');
    for (const entityId of [one, three]) await refused('service_provider_not_found', 'saml', 'show', entityId);
    await refused('saml_feed_not_found', 'saml', 'feed', 'remove', 'gakunin');
    assert.match(await did('saml', 'feed', 'list'), /No feed/);
  });

  it('loses nobody by a publisher’s accident: an empty feed, or one that nobody signed, counts as a failure', async () => {
    const [one, two] = [newEntityId(), newEntityId()];
    const url = publishFeed([member(one), member(two)]);
    await did('saml', 'feed', 'add', 'accident', url, '--pin', 'federation.pem');
    publishFeed([]);
    await refused('saml_metadata_invalid', 'saml', 'refresh', '--feed', 'accident');
    publish('/feed', entitiesText([member(one, 'https://evil.example/')]));
    await refused('saml_metadata_signature_invalid', 'saml', 'refresh', '--feed', 'accident');
    for (const entityId of [one, two]) assert.deepEqual(await addressOf(entityId), ['https://sp.example/1']);
    assert.match((await hub.hub.serviceProviders.feeds.list())[0]?.failure ?? '', /not signed/);
    await did('saml', 'feed', 'remove', 'accident');
  });

  it('is not kept when the first look at it fails', async () => {
    const args = ['saml', 'feed', 'add', 'nowhere', `${server.origin}/nothing`];
    await refused('saml_metadata_unreachable', ...args);
    await refused('invalid_request', 'saml', 'feed', 'add', 'No Where', 'https://x.example/');
    assert.match(await did('saml', 'feed', 'list'), /No feed/);
  });
});
