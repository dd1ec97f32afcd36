import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createKeySetSource } from '../../../adapters/attribute-sources/key_set_source.ts';
import { ProviderSilent } from '../../../provider/attributes/providers/provider_questions.ts';

const bodies: Readonly<Record<string, readonly [status: number, body: string]>> = {
  '/jwks': [200, '{"keys":[]}'],
  '/away': [503, '{"keys":[]}'],
  '/page': [200, '<p>'],
  '/large': [200, JSON.stringify({ keys: [], padding: 'x'.repeat(65_536) })],
};

describe('published keys', () => {
  const server = createServer(({ url = '' }, response) => {
    const [status, body] = bodies[url] ?? [302, ''];
    response.writeHead(status, { Location: '/jwks' }).end(body);
  });
  let address: string;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const fetch = (path: string, allowPlainHttp = true) =>
    createKeySetSource({ timeout: 2000, allowPlainHttp }).fetch(address + path);

  it('are read where the operator says that they are, on a private network too', async () => {
    assert.deepEqual(await fetch('/jwks'), { keys: [] });
  });

  const failures: Readonly<Record<string, string>> = {
    '/away': 'status_503',
    '/page': 'keys_malformed',
    '/large': 'outbound_too_large',
    '/elsewhere': 'outbound_redirect_refused',
  };
  for (const [path, code] of Object.entries(failures)) {
    it(`are none at ${path}: ${code}`, () =>
      assert.rejects(fetch(path), (error) => error instanceof ProviderSilent && error.code === code));
  }

  it('are not fetched over plain http', () =>
    assert.rejects(fetch('/jwks', false), (error) => error instanceof ProviderSilent));
});
