import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { OutboundError, type OutboundRefusal } from '../../../adapters/outbound/guarded_fetch.ts';
import {
  createKeptConnections,
  type KeptConnections,
  type KeptConnectionsSettings,
} from '../../../adapters/outbound/kept_connections.ts';
import { createNeighbourAuthority, trustInThisProcess } from '../../support/tls_neighbours.ts';

const MINUTE = 60_000;
const cleanUp: (() => unknown)[] = [];
after(() => Promise.all(cleanUp.map((step) => step())));

function connectionsTo(origin: string, over: Partial<KeptConnectionsSettings> = {}): KeptConnections {
  const kept = createKeptConnections({ origin, timeout: 5000, maxBody: 1000, clock: Date.now, ...over });
  cleanUp.push(kept.close);
  return kept;
}

/** What a neighbour saw, and its connections. */
interface Seen {
  readonly origin: string;
  requests: number;
  readonly connections: Socket[];
}

async function listen(server: Server, protocol: 'http' | 'https', port = 0): Promise<Seen> {
  const connections: Socket[] = [];
  const seen = { requests: 0, connections };
  server.on(protocol === 'http' ? 'connection' : 'secureConnection', (socket: Socket) => connections.push(socket));
  server.prependListener('request', () => {
    seen.requests += 1;
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => end(server));
  return Object.assign(seen, { origin: `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function end(server: Server): void {
  server.close();
  server.closeAllConnections();
}

const serve = (handler: RequestListener) => listen(createServer({ keepAliveTimeout: 60_000 }, handler), 'http');
const ask = (kept: KeptConnections, body = 'question') => kept.post('/attributes', 'application/jwt', body);

const refusal = (code: OutboundRefusal) => (error: unknown) => {
  assert.ok(error instanceof OutboundError, String(error));
  assert.equal(error.code, code, String(error.cause));
  return true;
};

describe('kept connections', () => {
  it('carry one question after the other to the path that is named, with its type and size', async () => {
    const heard: unknown[] = [];
    const neighbour = await serve(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      heard.push([request.method, request.url, request.headers['content-type'], request.headers.host, body]);
      response.writeHead(200, { 'content-type': 'application/jwt' }).end('答え');
    });
    const kept = connectionsTo(neighbour.origin);
    for (const body of ['一', '二', '三']) {
      assert.deepEqual(await ask(kept, body), { status: 200, contentType: 'application/jwt', body: '答え' });
    }
    const { host } = new URL(neighbour.origin);
    assert.deepEqual(
      heard,
      ['一', '二', '三'].map((body) => ['POST', '/attributes', 'application/jwt', host, body]),
    );
    assert.equal(neighbour.connections.length, 1);
  });

  it('that the neighbour has ended while they were idle are replaced, unnoticed by who asks', async () => {
    const neighbour = await serve((_request, response) => response.end('answer'));
    const kept = connectionsTo(neighbour.origin);
    await ask(kept);
    const [first] = neighbour.connections;
    first?.destroy();
    assert.equal((await ask(kept)).body, 'answer');
    assert.equal(neighbour.connections.length, 2);
  });

  it('that end just as a question is sent have it sent again, once over a new one', async () => {
    const neighbour = await serve((request, response) => {
      if (neighbour.requests === 2) request.socket.destroy();
      else response.end(`answer ${neighbour.requests}`);
    });
    const kept = connectionsTo(neighbour.origin);
    assert.equal((await ask(kept)).body, 'answer 1');
    assert.equal((await ask(kept)).body, 'answer 3');
    assert.equal(neighbour.connections.length, 2);
  });

  it('are given up when a new one ends without an answer', async () => {
    const neighbour = await serve((request) => request.socket.destroy());
    await assert.rejects(ask(connectionsTo(neighbour.origin)), refusal('outbound_failed'));
    assert.equal(neighbour.requests, 1);
  });

  it('are 64 at most: further questions wait for one', async () => {
    const waiting: (() => void)[] = [];
    let isOpen = false;
    const { promise: full, resolve: isFull } = Promise.withResolvers<void>();
    const neighbour = await serve((_request, response) => {
      const answer = () => void response.end('answer');
      if (isOpen) answer();
      else if (waiting.push(answer) === 64) isFull();
    });
    const kept = connectionsTo(neighbour.origin);
    const all = Promise.all(Array.from({ length: 200 }, () => ask(kept)));
    await full;
    isOpen = true;
    for (const answer of waiting) answer();
    assert.equal((await all).length, 200);
    assert.equal(neighbour.connections.length, 64);
  });

  it('are waited for within the time for everything', async () => {
    const held: (() => void)[] = [];
    const neighbour = await serve((_request, response) => void held.push(() => response.end('answer')));
    const kept = connectionsTo(neighbour.origin, { timeout: 200 });
    const all = await Promise.allSettled(Array.from({ length: 65 }, () => ask(kept)));
    for (const each of all) {
      assert.ok(each.status === 'rejected' && refusal('outbound_timeout')(each.reason));
    }
  });

  it('serve for five minutes, so that name and certificate are looked at anew', async () => {
    let now = Date.now();
    const neighbour = await serve((_request, response) => response.end('answer'));
    const kept = connectionsTo(neighbour.origin, { clock: () => now });
    const used: number[] = [];
    for (const step of [0, 4 * MINUTE, MINUTE, 0, 4 * MINUTE]) {
      now += step;
      await ask(kept);
      used.push(neighbour.connections.length);
    }
    assert.deepEqual(used, [1, 1, 1, 2, 2]);
  });

  it('end when the hub ends, and whoever still waits has no answer', async () => {
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
    const neighbour = await serve((_request, response) => {
      if (neighbour.requests === 1) response.end('answer');
      else isAsked();
    });
    const kept = createKeptConnections({ origin: neighbour.origin, timeout: 5000, maxBody: 1000, clock: Date.now });
    await ask(kept);
    const late = assert.rejects(ask(kept), refusal('outbound_failed'));
    await asked;
    kept.close();
    await late;
    await assert.rejects(ask(kept), refusal('outbound_failed'));
    assert.equal(neighbour.requests, 2);
  });

  const answers: Readonly<Record<string, readonly [OutboundRefusal, RequestListener]>> = {
    'a redirect': ['outbound_redirect_refused', (_, response) => response.writeHead(307, { location: '/' }).end()],
    'compressed without being asked': [
      'outbound_content_encoding_refused',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    ],
    'said to be too large': [
      'outbound_too_large',
      (_, response) => response.writeHead(200, { 'content-length': 1001 }).write('x'),
    ],
    'too large without saying so': [
      'outbound_too_large',
      (_, response) => {
        response.write('x'.repeat(600));
        response.write('x'.repeat(401));
      },
    ],
    'cut off': ['outbound_failed', (_, response) => response.writeHead(200).write('x', () => response.destroy())],
    'dripping without end': ['outbound_timeout', (_, response) => response.writeHead(200).write('x')],
  };
  for (const [what, [code, handler]] of Object.entries(answers)) {
    it(`take no answer that is ${what}, and serve no further question`, async () => {
      const neighbour = await serve((request, response) =>
        neighbour.requests === 1 ? handler(request, response) : response.end('answer'),
      );
      const kept = connectionsTo(neighbour.origin, { timeout: code === 'outbound_timeout' ? 200 : 5000 });
      await assert.rejects(ask(kept), refusal(code));
      assert.equal((await ask(kept)).body, 'answer');
      assert.equal(neighbour.connections.length, 2);
    });
  }

  for (const [what, text] of [
    ['no HTTP', 'no HTTP\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
  ] as const) {
    it(`take no answer that is ${what}`, async () => {
      const server = createTcpServer((socket) => socket.once('data', () => socket.write(text)).on('error', () => {}));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      cleanUp.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      await assert.rejects(ask(connectionsTo(`http://127.0.0.1:${port}`)), refusal('outbound_failed'));
    });
  }
});

describe('kept connections over TLS', () => {
  it('look at the certificate of every new connection: one that changed for a stranger’s is refused', async () => {
    const [known, strangers] = [await createNeighbourAuthority(), await createNeighbourAuthority()];
    trustInThisProcess(known);
    // Whoever took the place over took its tickets, too: a resumed session would show no certificate.
    const ticketKeys = Buffer.alloc(48, 7);
    const handler: RequestListener = (_request, response) => response.end('answer');
    const own = createTlsServer({ ...(await known.server()), ticketKeys }, handler);
    const neighbour = await listen(own, 'https');
    const kept = connectionsTo(neighbour.origin);
    await ask(kept);
    await ask(kept);
    assert.equal(neighbour.connections.length, 1);

    end(own);
    await once(own, 'close');
    const other = createTlsServer({ ...(await strangers.server()), ticketKeys }, handler);
    const { requests } = await listen(other, 'https', Number(new URL(neighbour.origin).port));
    await assert.rejects(ask(kept), (error) => {
      assert.match(String((error as OutboundError).cause), /self-signed certificate|unable to verify/);
      return refusal('outbound_failed')(error);
    });
    assert.equal(requests, 0);

    end(other);
    await once(other, 'close');
    const renewed = createTlsServer({ ...(await known.server()), ticketKeys }, handler);
    await listen(renewed, 'https', Number(new URL(neighbour.origin).port));
    assert.equal((await ask(kept)).body, 'answer');
  });
});
