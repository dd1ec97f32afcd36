import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import Koa from 'koa';
import { preferences, readPreferences } from '../../../provider/web/preferences.ts';

const standard = { language: 'ja', textSize: 'standard', color: 'auto' };

describe('readPreferences', () => {
  it('is Japanese, standard and automatic for who has chosen nothing', () => {
    assert.deepEqual(readPreferences({}), standard);
    assert.deepEqual(readPreferences({ acceptLanguage: 'fr, de;q=0.5, *;q=0.1' }), standard);
  });

  it('takes the language from the person’s choice, then ui_locales, then Accept-Language by weight', () => {
    const language = (input: Parameters<typeof readPreferences>[0]) => readPreferences(input).language;
    assert.equal(language({ acceptLanguage: 'ja;q=0.3, en-GB;q=0.8' }), 'en');
    assert.equal(language({ acceptLanguage: 'en;q=0, ja' }), 'ja');
    assert.equal(language({ acceptLanguage: 'en', uiLocales: 'fr ja-JP' }), 'ja');
    assert.equal(language({ acceptLanguage: 'ja', uiLocales: 'ja', cookie: 'en.standard.auto' }), 'en');
    assert.equal(language({ acceptLanguage: 'en', cookie: '-.large.dark' }), 'en');
  });

  it('reads the cookie that it writes and nothing else', () => {
    assert.deepEqual(readPreferences({ cookie: 'en.extra_large.dark' }), {
      language: 'en',
      textSize: 'extra_large',
      color: 'dark',
    });
    for (const cookie of [
      'en',
      'en.large',
      'en.large.dark.x',
      'EN.large.dark',
      'xx.large.dark',
      'en.huge.dark',
      'en.large.pink',
      '..',
      '"><script>.large.dark',
      'en.__proto__.dark',
      'constructor.large.dark',
      'x'.repeat(10_000),
    ]) {
      assert.deepEqual(readPreferences({ cookie }), standard, cookie);
    }
  });
});

describe('POST /preferences', () => {
  let server: Server;
  let origin: string;
  before(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const app = new Koa();
    app.silent = true;
    app.use(async (ctx, next) => {
      await next().catch((error: { status?: number }) => {
        ctx.status = error.status ?? 500;
      });
    });
    app.use(preferences({ publicUrl: origin }));
    app.use((ctx) => {
      ctx.body = ctx.state.preferences;
    });
    server.on('request', app.callback());
  });
  after(() => server.close());

  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${origin}/preferences`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin, ...headers },
      redirect: 'manual',
    });

  it('remembers one choice and leaves the others, then goes back', async () => {
    const response = await post('color=dark&return=/interaction/1%3Fa=b', {
      cookie: 'musubi_preferences=en.large.auto',
    });
    assert.equal(response.status, 303);
    assert.equal(response.headers.get('location'), '/interaction/1?a=b');
    const cookie = response.headers.get('set-cookie') ?? '';
    assert.match(cookie, /^musubi_preferences=en\.large\.dark; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const page = await fetch(origin, { headers: { cookie: 'musubi_preferences=en.large.dark' } });
    assert.deepEqual(await page.json(), { language: 'en', textSize: 'large', color: 'dark' });
  });

  it('never redirects to another site', async () => {
    for (const path of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      '/\t/evil.example',
      'javascript:x',
    ]) {
      const response = await post(`color=dark&return=${encodeURIComponent(path)}`);
      assert.equal(response.headers.get('location'), '/', path);
    }
    const response = await post('color=dark');
    assert.equal(response.headers.get('location'), '/');
  });

  it('writes nothing into the cookie that is not on the list', async () => {
    const body = `language=${encodeURIComponent('en; Domain=evil.example')}&color=%0d%0aX-Evil: 1&text_size=9`;
    const response = await post(`${body}&return=/`);
    assert.match(response.headers.get('set-cookie') ?? '', /^musubi_preferences=-\.standard\.auto; /);
    assert.equal(response.headers.get('x-evil'), null);
  });

  it('changes nothing for a form of another site', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
    ] as Record<string, string>[]) {
      const response = await post('color=dark&return=/', headers);
      assert.equal(response.headers.get('set-cookie'), null, JSON.stringify(headers));
    }
  });

  it('refuses a form that is too large and a body that is no form', async () => {
    assert.equal((await post(`return=/${'a'.repeat(10_000)}`)).status, 413);
    assert.equal((await post('{}', { 'content-type': 'application/json' })).status, 400);
  });

  it('binds the cookie to the origin where there is https, whatever the Host header says', async () => {
    const app = new Koa();
    app.use(preferences({ publicUrl: 'https://hub.example' }));
    const https = createServer(app.callback());
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const { port } = https.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/preferences`, {
      method: 'POST',
      body: new URLSearchParams({ color: 'dark', return: '/x' }),
      headers: { origin: 'https://hub.example', host: 'evil.example' },
      redirect: 'manual',
    });
    https.close();
    assert.match(response.headers.get('set-cookie') ?? '', /^__Host-musubi_preferences=.*; Path=\/;.*; Secure$/);
    assert.equal(response.headers.get('location'), '/x');
  });
});
