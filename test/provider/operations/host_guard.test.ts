import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createNetworks } from '../../../config/networks.ts';
import { hostGuard } from '../../../provider/operations/host_guard.ts';
import { startKoa, type TestServer } from './koa_server.ts';

/** What an application behind the guard believes. */
const report = hostGuardReport();
function hostGuardReport(): Parameters<typeof startKoa>[0] {
  return (ctx) => {
    ctx.body = { href: ctx.href, protocol: ctx.protocol, host: ctx.host, ip: ctx.ip, client: ctx.state.clientAddress };
  };
}

async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(text);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    answer += chunk;
  });
  await once(socket, 'close');
  return answer;
}

describe('the host guard', () => {
  let stranger: TestServer;
  let proxied: TestServer;
  before(async () => {
    const publicUrl = 'https://id.example.jp';
    stranger = await startKoa(hostGuard({ publicUrl, trustedProxies: createNetworks([]) }), report);
    const trustedProxies = createNetworks(['127.0.0.1', '10.0.0.0/8']);
    proxied = await startKoa(hostGuard({ publicUrl, trustedProxies }), report);
  });
  after(() => {
    stranger.close();
    proxied.close();
  });
  const own = { host: 'id.example.jp' };

  it('lets our own name pass, in any letter case, and takes scheme and host from the public URL', async () => {
    for (const host of ['id.example.jp', 'ID.Example.JP']) {
      const { status, body } = await stranger.ask('/a?b=c', { headers: { host } });
      assert.equal(status, 200);
      assert.equal(JSON.parse(body).href, 'https://id.example.jp/a?b=c');
    }
  });

  for (const host of [
    'evil.example',
    'id.example.jp.',
    'id.example.jp:8443',
    'id.example.jp.evil.example',
    'xid.example.jp',
    'id.example.jp@evil.example',
    'localhost',
    '127.0.0.1',
    '',
  ]) {
    it(`refuses the name "${host}" with 421 and tells the right one`, async () => {
      const { status, body } = await stranger.ask('/', { headers: { host } });
      assert.equal(status, 421);
      assert.match(body, /^This server answers at https:\/\/id\.example\.jp only\.\n$/);
      assert.ok(!host || !body.replaceAll('id.example.jp', '').includes(host));
    });
  }

  it('refuses two names, whichever comes first', async () => {
    for (const hosts of ['Host: id.example.jp\r\nHost: evil.example', 'Host: evil.example\r\nHost: id.example.jp']) {
      assert.match(
        await sendRaw(stranger.port, `GET / HTTP/1.1\r\n${hosts}\r\nConnection: close\r\n\r\n`),
        /^HTTP\/1.1 400/,
      );
    }
  });

  it('refuses an address with another host in the request line', async () => {
    const text = 'GET http://evil.example/ HTTP/1.1\r\nHost: id.example.jp\r\nConnection: close\r\n\r\n';
    assert.match(await sendRaw(stranger.port, text), /^HTTP\/1.1 400/);
  });

  for (const [name, value] of [
    ['X-Forwarded-Host', 'evil.example'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-For', '203.0.113.9'],
    ['X-Forwarded-Server', 'evil.example'],
    ['X-Forwarded-Port', '1'],
    ['Forwarded', 'host=evil.example;proto=http;for=203.0.113.9'],
    ['X-Real-IP', '203.0.113.9'],
    ['X-Original-URL', '/admin'],
  ] as const) {
    it(`ignores ${name} from a stranger`, async () => {
      const { body } = await stranger.ask('/', { headers: { ...own, [name]: value } });
      assert.deepEqual(JSON.parse(body), {
        href: 'https://id.example.jp/',
        protocol: 'https',
        host: 'id.example.jp',
        ip: '127.0.0.1',
        client: '127.0.0.1',
      });
    });
  }

  it('hands on no header that would name a client certificate, under any name, from anybody', async () => {
    const headers: Record<string, string> = { ...own };
    for (const name of [
      ...['Client-Cert', 'Client_Cert', 'Client-Cert-Chain', 'X-Client-Cert', 'X-Client-Certificate', 'X-Client-DN'],
      ...['X-SSL-Cert', 'X-SSL-Client-Cert', 'SSL-Client-Cert', 'ssl_client_cert', 'X-SSL-Client-Verify', 'SSL_VERIFY'],
      ...['X-Forwarded-Client-Cert', 'X-Forwarded-Tls-Client-Cert', 'X-ARR-ClientCert', 'X-Amzn-Mtls-Clientcert'],
      ...['Tls-Client-Subject', 'X-Peer-Cert'],
    ])
      headers[name] = 'MIIB';
    const mirror = await startKoa(
      hostGuard({ publicUrl: 'https://id.example.jp', trustedProxies: createNetworks(['127.0.0.1']) }),
      (ctx) => {
        ctx.body = Object.keys(ctx.req.headers);
      },
    );
    try {
      const { body } = await mirror.ask('/', { headers: { ...headers, 'Accept-Language': 'ja', DPoP: 'proof' } });
      const left = (JSON.parse(body) as string[]).filter((name) => name !== 'connection').sort();
      assert.deepEqual(left, ['accept-language', 'dpop', 'host', 'x-forwarded-for', 'x-forwarded-proto']);
    } finally {
      mirror.close();
    }
  });

  it('takes the client’s address from a trusted proxy, and nothing else', async () => {
    const headers = {
      ...own,
      'X-Forwarded-For': '203.0.113.9',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'http',
    };
    const { body } = await proxied.ask('/', { headers });
    assert.deepEqual(JSON.parse(body), {
      href: 'https://id.example.jp/',
      protocol: 'https',
      host: 'id.example.jp',
      ip: '203.0.113.9',
      client: '203.0.113.9',
    });
  });

  for (const [forwardedFor, client] of [
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['203.0.113.9, not-an-address', '127.0.0.1'],
    ['203.0.113.9, not-an-address, 10.1.2.3', '10.1.2.3'],
    ['203.0.113.9:1234', '127.0.0.1'],
    ['', '127.0.0.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    [Array.from({ length: 500 }, () => '10.0.0.1').join(), '10.0.0.1'],
  ] as const) {
    it(`believes of "${forwardedFor.slice(0, 60)}" what trusted proxies wrote`, async () => {
      const { body } = await proxied.ask('/', { headers: { ...own, 'X-Forwarded-For': forwardedFor } });
      assert.equal(JSON.parse(body).client, client);
    });
  }
});
