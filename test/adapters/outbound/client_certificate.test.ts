import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createKeySetSource } from '../../../adapters/attribute-sources/key_set_source.ts';
import { createOpenIdProviders } from '../../../adapters/attribute-sources/openid_providers.ts';
import { createProviderTransport } from '../../../adapters/attribute-sources/provider_transport.ts';
import { type ClientCertificate, readClientCertificate } from '../../../adapters/outbound/client_certificate.ts';
import { createGuardedFetch } from '../../../adapters/outbound/guarded_fetch.ts';
import { createKeptConnections } from '../../../adapters/outbound/kept_connections.ts';
import { ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';
import {
  createNeighbourAuthority,
  type NeighbourAuthority,
  trustInThisProcess,
  writeIdentity,
} from '../../support/tls_neighbours.ts';

const MINUTE = 60_000;

let authority: NeighbourAuthority;
let server: Server;
let origin: string;
/** Common names of those who were let in, by request. */
let guests: string[];
let files: ReturnType<typeof writeIdentity>;
let now: number;
let problems: unknown[];

before(async () => {
  authority = await createNeighbourAuthority();
  trustInThisProcess(authority);
  const identity = await authority.server();
  const options = { ...identity, ca: authority.ca, requestCert: true, rejectUnauthorized: true };
  server = createServer(options, (request, response) => {
    guests.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
    response.writeHead(200, { 'content-type': 'application/jwt' }).end('{"keys":[]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  files = writeIdentity(await authority.client('hub'));
});
beforeEach(async () => {
  guests = [];
  problems = [];
  now = Date.parse('2026-11-30T00:00:00Z');
  files.replace(await authority.client('hub'));
});
after(() => {
  files?.remove();
  server?.close();
  server?.closeAllConnections();
});

const clock = () => now;
const read = () => readClientCertificate(files, { clock, onProblem: (error) => void problems.push(error) });

/** One question over a connection of its own. */
async function visit(clientCertificate: ClientCertificate | undefined): Promise<number> {
  const kept = createKeptConnections({ origin, timeout: 5000, maxBody: 1000, clientCertificate, clock });
  try {
    return (await kept.post('/', 'application/jwt', 'question')).status;
  } finally {
    kept.close();
  }
}
const isRefused = { code: 'outbound_failed' };

describe('the hub’s certificate at neighbours', () => {
  it('lets it in where one is asked for; without it, or with one of another authority, nothing is heard', async () => {
    assert.equal(await visit(read()), 200);
    assert.deepEqual(guests, ['hub']);
    await assert.rejects(visit(undefined), isRefused);
    files.replace(await (await createNeighbourAuthority()).client('hub'));
    await assert.rejects(visit(read()), isRefused);
    assert.deepEqual(guests, ['hub']);
  });

  it('is the renewed one within a minute, for new connections', async () => {
    const certificate = read();
    files.replace(await authority.client('hub-2'));
    await visit(certificate);
    now += MINUTE;
    await visit(certificate);
    assert.deepEqual(guests, ['hub', 'hub-2']);
    assert.deepEqual(problems, []);
  });

  it('is the old one while only one of the files is replaced, or there is none, and somebody hears of it', async () => {
    const certificate = read();
    const next = await authority.client('hub-2');
    files.replace({ cert: next.cert });
    now += MINUTE;
    await visit(certificate);
    await visit(certificate);
    assert.equal(problems.length, 1);
    files.replace({ cert: 'nothing' });
    now += MINUTE;
    await visit(certificate);
    assert.equal(problems.length, 2);
    files.replace(next);
    now += MINUTE;
    await visit(certificate);
    assert.deepEqual(guests, ['hub', 'hub', 'hub', 'hub-2']);
    assert.doesNotMatch(problems.map(String).join(), /PRIVATE KEY|MII/);
  });

  it('is none when the files do not belong together at start', async () => {
    files.replace({ key: (await authority.client('hub')).key });
    assert.throws(read);
  });

  it('is shown where questions are asked, keys fetched and OpenID Providers visited', async () => {
    const clientCertificate = read();
    const settings = { timeout: 5000, allowPlainHttp: false, clientCertificate };
    const transport = createProviderTransport(settings, { clock, random: randomBytes });
    const provider = { id: 'kenpo', url: origin };
    assert.equal(await transport.exchange(provider, `${origin}/attributes`, 'q', async (body) => body), '{"keys":[]}');
    transport.close();
    assert.deepEqual(await createKeySetSource(settings).fetch(`${origin}/jwks`), { keys: [] });
    const providers = createOpenIdProviders(
      { ...settings, allowedNetworks: [] },
      {
        credentials: { secret: () => assert.fail('not asked for'), assertion: () => assert.fail('not asked for') },
        ...{ clock, random: randomBytes },
      },
    );
    const userinfo = { clientId: 'hub', authentication: 'private_key_jwt', scope: 'openid', claims: {} } as const;
    // What it is told there is no metadata, but it was let in.
    await assert.rejects(
      providers.visit({ ...provider, userinfo }, (visited) => visited.userinfo('token', 'customer')),
      ProviderSilent,
    );
    assert.deepEqual(guests.slice(0, 3), ['hub', 'hub', 'hub']);
  });

  it('is shown to nobody else', async () => {
    const { host } = new URL(origin);
    const places = { configured: ['https://other.example'], allowed: [host], clientCertificate: read() };
    const guarded = createGuardedFetch({
      ...{ timeout: 5000, maxBody: 1000, allowPlainHttp: false, allowedNetworks: ['127.0.0.1'], places },
    });
    await assert.rejects(guarded(origin), isRefused);
    assert.deepEqual(guests, []);
  });
});
