import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DownloadError, type DownloadFailure, download } from '../../../adapters/authority/download.ts';
import { HeldTime } from './authority_world.ts';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`; // a TCP server's address is never a string
}

const transport = (time = new HeldTime()) => ({ fetch, schedule: time.schedule });
const bounds = { timeout: 1000, maxSize: 1000 };
const failure = (code: DownloadFailure) => (error: unknown) => {
  assert.ok(error instanceof DownloadError, `${error}`);
  assert.equal(error.code, code);
  return true;
};

describe('download over a real connection', () => {
  it('brings status, headers and body, and leaves no timer', async (t) => {
    const url = await serve(t, (request, response) => {
      response.setHeader('etag', '"1"');
      request.pipe(response);
    });
    const time = new HeldTime();
    const answer = await download(transport(time), url, { ...bounds, method: 'POST', body: Uint8Array.of(1, 2, 3) });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('etag'), '"1"');
    assert.deepEqual(Buffer.from(answer.body), Buffer.of(1, 2, 3));
    assert.deepEqual(time.pending, []);
  });

  it('follows no redirect', async (t) => {
    const asked: (string | undefined)[] = [];
    const url = await serve(t, (request, response) => {
      asked.push(request.url);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    await assert.rejects(download(transport(), url, bounds), failure('download_failed'));
    assert.deepEqual(asked, ['/']);
  });

  it('cuts an endless body at the limit and closes the connection', async (t) => {
    const closed = Promise.withResolvers<void>();
    const url = await serve(t, (_, response) => {
      response.on('close', closed.resolve);
      const more = () => response.write(Buffer.alloc(100), more);
      more();
    });
    await assert.rejects(download(transport(), url, bounds), failure('download_too_large'));
    await closed.promise;
  });

  it('counts octets after decompression, so that a small bomb stays small', async (t) => {
    const url = await serve(t, (_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync(Buffer.alloc(1 << 20)));
    });
    await assert.rejects(download(transport(), url, { ...bounds, maxSize: 10_000 }), failure('download_too_large'));
  });

  it('ends a body that never ends in time', async (t) => {
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const url = await serve(t, (_, response) => {
      response.on('close', closed.resolve);
      response.write('x', () => begun.resolve());
    });
    const time = new HeldTime();
    const outcome = assert.rejects(download(transport(time), url, bounds), failure('download_timeout'));
    await begun.promise;
    await time.advance(1000);
    await outcome;
    await closed.promise;
  });

  it('reports a body that breaks off', async (t) => {
    const url = await serve(t, (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('x', () => response.destroy());
    });
    await assert.rejects(download(transport(), url, bounds), failure('download_failed'));
  });

  it('reports a server that is not there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // a TCP server's address is never a string
    server.close();
    await once(server, 'close');
    await assert.rejects(download(transport(), `http://127.0.0.1:${port}/`, bounds), failure('download_failed'));
  });
});
