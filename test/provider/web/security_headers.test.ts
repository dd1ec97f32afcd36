import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import Koa, { type Context } from 'koa';
import {
  allowOnPage,
  formTarget,
  type PageAllowance,
  securityHeaders,
} from '../../../provider/web/security_headers.ts';

async function answerOf(handler: (ctx: Context) => void, publicUrl = 'https://hub.example'): Promise<Headers> {
  const app = new Koa();
  app.use(securityHeaders({ publicUrl }));
  app.use(handler);
  const server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await response.arrayBuffer();
  server.close();
  return response.headers;
}

const page = (ctx: Context) => {
  ctx.type = 'html';
  ctx.body = '<p>';
};

describe('security headers', () => {
  it('allow nothing inline, nothing foreign and no frames', async () => {
    const policy = (await answerOf(page)).get('content-security-policy') ?? '';
    assert.equal(
      policy,
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
  });

  it('let the sign-in page keep the window it opens, and tell no address to other sites', async () => {
    const headers = await answerOf(page);
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin-allow-popups');
    assert.equal(headers.get('referrer-policy'), 'same-origin');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('x-frame-options'), 'DENY');
    assert.match(headers.get('permissions-policy') ?? '', /camera=\(\)/);
  });

  it('keep pages out of caches and leave other answers to their handlers', async () => {
    assert.equal((await answerOf(page)).get('cache-control'), 'no-store');
    const json = await answerOf((ctx) => {
      ctx.body = {};
    });
    assert.equal(json.get('cache-control'), null);
  });

  it('demand https for the future only where it is https', async () => {
    assert.equal((await answerOf(page)).get('strict-transport-security'), 'max-age=31536000');
    assert.equal((await answerOf(page, 'http://localhost:3000')).get('strict-transport-security'), null);
  });

  it('let one page send its form on to the relying party and show its logo', async () => {
    const headers = await answerOf((ctx) => {
      allowOnPage(ctx, {
        formTargets: [
          formTarget('https://rp.example:8443/cb?x=1'),
          formTarget('com.example.app:/cb'),
          'http://[::1]:3000',
        ],
        imageOrigins: ['https://cdn.example'],
      });
      page(ctx);
    });
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /form-action 'self' https:\/\/rp\.example:8443 com\.example\.app: http:\/\/\[::1\]:3000;/);
    assert.match(policy, /img-src 'self' data: https:\/\/cdn\.example;/);
  });

  it('cannot be widened by what a registration says', () => {
    const ctx = { set: () => {} } as unknown as Context;
    for (const source of [
      "https://x.example; script-src 'unsafe-inline'",
      "'unsafe-inline'",
      '*',
      'https://*',
      'a b',
      '',
    ]) {
      for (const allowance of [{ formTargets: [source] }, { imageOrigins: [source] }] satisfies PageAllowance[]) {
        assert.throws(() => allowOnPage(ctx, allowance), source);
      }
    }
  });
});
