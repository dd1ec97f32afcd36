import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReadiness, health } from '../../../provider/operations/health.ts';
import { createMetrics, metricsForThisMachine, metricsOnly } from '../../../provider/operations/metrics.ts';
import { startKoa } from './koa_server.ts';

describe('readiness', () => {
  it('is 200 when every check holds, and /healthz needs none of them', async () => {
    const readiness = createReadiness({ checks: { database: () => Promise.resolve(true) }, clock: Date.now });
    const server = await startKoa(health(readiness));
    assert.equal((await server.ask('/readyz')).status, 200);
    assert.equal((await server.ask('/healthz', { headers: { host: '10.0.0.1' } })).status, 200);
    assert.equal((await server.ask('/readyz', { method: 'POST' })).status, 405);
    server.close();
  });

  it('is 503 with the names of what is missing, thrown and hanging checks included', async () => {
    const readiness = createReadiness({
      checks: {
        database: () => Promise.reject(new Error('no route to db.internal')),
        keys: () => true,
        revocation: () => new Promise<boolean>(() => {}),
      },
      clock: Date.now,
      timeout: 10,
    });
    const server = await startKoa(health(readiness));
    const { status, body } = await server.ask('/readyz');
    server.close();
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body), { status: 'not ready', notReady: ['database', 'revocation'] });
  });

  it('asks its checks once a second, however many ask it', async () => {
    let now = 0;
    let asked = 0;
    const checks = { database: () => ++asked > 0 };
    const readiness = createReadiness({ checks, clock: () => now });
    await Promise.all(Array.from({ length: 20 }, () => readiness.notReady()));
    assert.equal(asked, 1);
    now = 1000;
    await readiness.notReady();
    assert.equal(asked, 2);
  });

  it('ends at once when the hub stops', async () => {
    const readiness = createReadiness({ checks: { database: () => true }, clock: () => 0 });
    assert.deepEqual(await readiness.notReady(), []);
    readiness.stop();
    assert.deepEqual(await readiness.notReady(), ['stopping']);
  });
});

describe('metrics', () => {
  it('measure requests by route pattern, never by address', async () => {
    const metrics = createMetrics();
    const server = await startKoa(metrics.measureRequests, (ctx) => {
      if (ctx.path.startsWith('/interaction/')) Object.assign(ctx, { _matchedRoute: '/interaction/:uid' });
      ctx.status = 204;
    });
    await server.ask('/interaction/secret-uid?code=1');
    await server.ask('/nowhere/secret-uid');
    await server.ask('/', { method: 'PROPFIND' });
    server.close();
    const text = await metrics.render();
    assert.match(text, /duration_seconds_count\{method="GET",route="\/interaction\/:uid",status="204"\} 1/);
    assert.match(text, /duration_seconds_count\{method="GET",route="unmatched",status="204"\} 1/);
    assert.match(text, /method="other"/);
    assert.ok(!text.includes('secret-uid'));
  });

  it('count sign-ins by outcome, revocation checks by source and database time by operation', async () => {
    const metrics = createMetrics();
    metrics.signInEnded('success');
    metrics.signInEnded('certificate_revoked');
    metrics.signInEnded('someone@example.jp');
    metrics.revocationChecked('crl');
    metrics.databaseTook('challenge.spend', 0.002);
    const text = await metrics.render();
    assert.match(text, /musubi_sign_ins_total\{outcome="success"\} 1/);
    assert.match(text, /musubi_sign_ins_total\{outcome="certificate_revoked"\} 1/);
    assert.match(text, /musubi_sign_ins_total\{outcome="other"\} 1/);
    assert.match(text, /musubi_revocation_checks_total\{source="crl"\} 1/);
    assert.match(text, /musubi_database_duration_seconds_bucket\{le="0.0025",operation="challenge.spend"\} 1/);
    assert.match(text, /nodejs_eventloop_lag/);
    assert.ok(!text.includes('someone'));
  });

  it('keep the number of label values bounded', async () => {
    const metrics = createMetrics();
    for (let index = 0; index < 1000; index += 1) metrics.signInEnded(`outcome_${index}`);
    assert.equal((await metrics.render()).match(/^musubi_sign_ins_total\{/gm)?.length, 201);
  });

  it('tell how fresh each revocation list is at the moment of the scrape', async () => {
    const metrics = createMetrics();
    let fresh = true;
    metrics.watchRevocation(() => [
      { anchor: 'abc', url: 'http://crl.example.jp/a', fresh, thisUpdate: 5_000, nextUpdate: undefined },
    ]);
    assert.match(await metrics.render(), /list_fresh\{anchor="abc",url="http:\/\/crl\.example\.jp\/a"\} 1/);
    fresh = false;
    const text = await metrics.render();
    assert.match(text, /list_fresh\{[^}]*\} 0/);
    assert.match(text, /list_this_update_seconds\{[^}]*\} 5\n/);
    assert.ok(!/list_next_update_seconds\{/.test(text));
  });

  it('are answered on the hub’s own port to this machine alone', async () => {
    const server = await startKoa(metricsForThisMachine(createMetrics()));
    assert.equal((await server.ask('/metrics')).status, 200);
    for (const host of [`localhost:${server.port}`, '[::1]:9']) {
      assert.equal((await server.ask('/metrics', { headers: { host } })).status, 200, host);
    }
    const refused: Record<string, string>[] = [
      { 'X-Forwarded-For': '203.0.113.9' },
      { Forwarded: 'for=203.0.113.9' },
      { Via: '1.1 proxy' },
      { host: 'id.example.jp' },
      { host: '127.0.0.1.evil.example' },
    ];
    for (const headers of refused) {
      assert.equal((await server.ask('/metrics', { headers })).status, 404, JSON.stringify(headers));
    }
    server.close();
  });

  it('are all that their own port answers', async () => {
    const server = await startKoa(metricsOnly(createMetrics()));
    const { status, headers } = await server.ask('/metrics');
    assert.equal(status, 200);
    assert.match(headers['content-type'] ?? '', /text\/plain.*version=/);
    assert.equal((await server.ask('/')).status, 404);
    assert.equal((await server.ask('/metrics', { method: 'POST' })).status, 404);
    server.close();
  });
});
