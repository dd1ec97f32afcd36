import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { loadAssets } from '../../../provider/web/assets.ts';

const assets = loadAssets();
let server: Server;

before(async () => {
  server = createServer((req, res) => {
    if (!assets.handle(req, res)) res.writeHead(299).end('not an asset');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => server.close());

/** One request with the path exactly as given: fetch would tidy `..` away. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }));
    })
      .on('error', reject)
      .end();
  });
}

describe('assets', () => {
  it('are served under an address that changes with their content, for ever cacheable', async () => {
    const { status, headers, body } = await ask(assets.assetUrl('musubi.css'));
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/css; charset=utf-8');
    assert.match(String(headers['cache-control']), /immutable/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(body.toString(), readFileSync(`${import.meta.dirname}/../../../views/assets/musubi.css`, 'utf8'));
  });

  it('are compressed for who accepts it', async () => {
    const { headers, body } = await ask(assets.assetUrl('fonts.css'), { 'accept-encoding': 'br, gzip' });
    assert.equal(headers['content-encoding'], 'gzip');
    assert.match(gunzipSync(body).toString(), /Noto Sans JP Variable/);
  });

  it('name fonts by addresses that exist', async () => {
    const { body } = await ask(assets.assetUrl('fonts.css'));
    const addresses = [...body.toString().matchAll(/url\(([^)]+)\)/g)].map((match) => String(match[1]));
    assert.ok(addresses.length > 100);
    for (const address of [addresses[0], addresses.at(-1)]) {
      const font = await ask(String(address));
      assert.equal(font.status, 200);
      assert.equal(font.headers['content-type'], 'font/woff2');
      assert.equal(font.body.subarray(0, 4).toString('latin1'), 'wOF2');
      assert.equal(font.body.length, Number(font.headers['content-length']));
    }
  });

  it('answer 304 to their own ETag', async () => {
    const address = assets.assetUrl('tokens.css');
    const { headers } = await ask(address);
    const again = await ask(address, { 'if-none-match': String(headers.etag) });
    assert.equal(again.status, 304);
    assert.equal(again.body.length, 0);
  });

  it('answer HEAD with the length and no body', async () => {
    const { status, headers, body } = await ask(assets.assetUrl('noto-sans-jp-latin-wght-normal.woff2'), {}, 'HEAD');
    assert.equal(status, 200);
    assert.ok(Number(headers['content-length']) > 1000);
    assert.equal(body.length, 0);
  });

  it('of another version are answered with the present one, not cached for ever', async () => {
    const { status, headers } = await ask('/assets/0000000000000000/musubi.css');
    assert.equal(status, 200);
    assert.equal(headers['cache-control'], 'no-cache');
  });

  it('refuse every path that is not on the list', async () => {
    const hash = assets.assetUrl('musubi.css').split('/')[2];
    for (const path of [
      '/assets/',
      '/assets//',
      '/assets/musubi.css',
      `/assets/${hash}/../../../package.json`,
      `/assets/${hash}/..%2f..%2f..%2fpackage.json`,
      `/assets/${hash}/%2e%2e/package.json`,
      `/assets/${hash}/..\\package.json`,
      `/assets/${hash}/musubi.css/`,
      `/assets/${hash}/musubi.css%00.js`,
      `/assets/${hash}/__proto__`,
      `/assets/${hash}/constructor`,
      `/assets/../package.json`,
    ]) {
      const { status, body } = await ask(path);
      assert.equal(status, 404, path);
      assert.equal(body.toString(), 'Not found\n');
    }
  });

  it('refuse methods that write', async () => {
    const { status, headers } = await ask(assets.assetUrl('musubi.css'), {}, 'POST');
    assert.equal(status, 405);
    assert.equal(headers.allow, 'GET, HEAD');
  });

  it('leave every other path alone', async () => {
    assert.equal((await ask('/asset')).status, 299);
    assert.equal((await ask('/')).status, 299);
  });
});
