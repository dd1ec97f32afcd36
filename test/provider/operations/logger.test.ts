import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import { createLogger } from '../../../provider/operations/logger.ts';
import { requestLog } from '../../../provider/operations/request_log.ts';
import { requestReference } from '../../../provider/operations/request_reference.ts';
import { systemRandom } from '../../../provider/world.ts';
import { startKoa } from './koa_server.ts';

function recordingLogger(format: 'json' | 'text' = 'json') {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', format }, { write: (line: string) => void lines.push(line) });
  return { log, lines, text: () => lines.join('') };
}

describe('the log', () => {
  it('is one JSON object a line with time, level and message', () => {
    const { log, lines } = recordingLogger();
    log.info({ port: 3000 }, 'listening');
    const entry = JSON.parse(lines[0] ?? '');
    assert.match(entry.time, /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual({ ...entry, time: '' }, { level: 'info', time: '', port: 3000, msg: 'listening' });
  });

  for (const name of [
    'authorization',
    'Cookie',
    'set-cookie',
    'pin',
    'client_secret',
    'clientSecret',
    'access_token',
    'logoutToken',
    'initialAccessToken',
    'code',
    'nonce',
    'state',
    'privateKey',
    'serial',
    'serialNumber',
    'certificate',
    'unverifiedCertificate',
    'name',
    'address',
    'birthdate',
    'sub',
    'subjectId',
    'remoteAddress',
    'headers',
    'body',
    'query',
    'params',
  ]) {
    it(`never writes a field named ${name}, however deep`, () => {
      const { log, text } = recordingLogger();
      log.info({ [name]: 'HUSH-HUSH', deeper: [{ inside: { [name]: { value: 'HUSH-HUSH' } } }] }, 'message');
      assert.ok(!text().includes('HUSH-HUSH'), text());
      assert.ok(text().includes('[removed]'));
    });
  }

  for (const [what, value] of [
    ['a query string', 'GET /authorize?login_hint=HUSH failed'],
    ['a fragment', 'https://rp.example/cb#code=HUSH'],
    ['a JWT', `eyJhbGciOiJFUzI1NiJ9.HUSH${'a'.repeat(20)}.c2lnbmF0dXJl`],
    ['a long base64 value', `HUSH${Buffer.alloc(60, 3).toString('base64')}`],
    ['octets', Buffer.from('HUSH')],
    ['a big integer', 0x48555348n],
    ['an address object', new URL('https://rp.example/?token=HUSH')],
  ] as const) {
    it(`never writes ${what}`, () => {
      const { log, text } = recordingLogger();
      log.info({ text: value }, 'message');
      assert.ok(!text().includes('HUSH') && !text().includes(String(0x48555348)), text());
    });
  }

  it('writes of an error its name, code, message, stack and cause, and nothing that hangs on it', () => {
    const { log, lines, text } = recordingLogger();
    const cause = Object.assign(new Error('duplicate key'), {
      code: '23505',
      detail: 'Key (index)=(HUSH) already exists.',
      parameters: ['HUSH'],
    });
    log.error(
      { err: new HubError('storage_unavailable', 503, 'No database.', { cause, details: { serial: 'HUSH' } }) },
      'x',
    );
    const { err } = JSON.parse(lines[0] ?? '');
    assert.equal(err.type, 'HubError');
    assert.equal(err.code, 'storage_unavailable');
    assert.equal(err.cause.code, '23505');
    assert.match(err.stack, /logger\.test\.ts/);
    assert.ok(!text().includes('HUSH'));
  });

  it('keeps stable codes, which are words', () => {
    const { log, lines } = recordingLogger();
    log.warn({ refusal: { code: 'challenge_spent' }, other: { code: 'ECONNREFUSED' } }, 'x');
    const entry = JSON.parse(lines[0] ?? '');
    assert.equal(entry.refusal.code, 'challenge_spent');
    assert.equal(entry.other.code, 'ECONNREFUSED');
  });

  it('survives whatever it is given', () => {
    const { log, lines } = recordingLogger();
    const circular: Record<string, unknown> = { date: new Date(Number.NaN), none: null, action: () => 1 };
    circular.self = circular;
    log.info(circular, 'circular');
    log.info({ list: Array.from({ length: 10_000 }, (_, index) => index), text: 'x y '.repeat(100_000) }, 'large');
    assert.equal(lines.length, 2);
    assert.ok((lines[1] ?? '').length < 5_000);
  });

  it('is readable in a terminal, and passes no control characters to it', () => {
    const { log, lines } = recordingLogger('text');
    log.info({ port: 3000, title: 'two words', evil: '\u001b[2J\u0007' }, 'listening');
    log.error({ err: new Error('broken') }, 'failed');
    assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d info {2}listening port=3000 title="two words" /);
    assert.ok(!lines.join('').includes('\u001b'));
    assert.match(lines[1] ?? '', /error failed\n {4}Error: broken\n {4} +at /);
  });
});

describe('the request log', () => {
  it('writes route, status, duration and reference, but neither address nor query', async () => {
    const { log, lines, text } = recordingLogger();
    let now = 0;
    const seen: string[] = [];
    const server = await startKoa(requestLog({ log, clock: () => now, random: systemRandom }), (ctx) => {
      now += 12;
      seen.push(requestReference(ctx, systemRandom));
      Object.assign(ctx, { _matchedRoute: '/interaction/:uid' });
      ctx.state.refusal = { code: 'challenge_expired' };
      ctx.status = 400;
    });
    await server.ask('/interaction/HUSH?code=HUSH', { headers: { cookie: 'HUSH' } });
    server.close();
    const { time: _time, ...entry } = JSON.parse(lines[0] ?? '');
    assert.deepEqual(entry, {
      level: 'info',
      reference: seen[0],
      method: 'GET',
      route: '/interaction/:uid',
      status: 400,
      durationMs: 12,
      refusal: { code: 'challenge_expired' },
      msg: 'request',
    });
    assert.ok(!text().includes('HUSH'));
  });

  it('writes a bug as an error and lets it go on', async () => {
    const { log, lines } = recordingLogger();
    const server = await startKoa(requestLog({ log, clock: Date.now, random: systemRandom }), () => {
      throw new Error('bug');
    });
    const { status } = await server.ask('/');
    server.close();
    assert.equal(status, 500);
    const entry = JSON.parse(lines[0] ?? '');
    assert.deepEqual([entry.level, entry.status, entry.err.message], ['error', 500, 'bug']);
  });
});

describe('a request’s reference', () => {
  it('is short, read over the telephone without doubt, and the same for the whole request', () => {
    const ctx = { state: {} };
    const reference = requestReference(ctx, systemRandom);
    assert.match(reference, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    assert.equal(requestReference(ctx, systemRandom), reference);
    assert.notEqual(requestReference({ state: {} }, systemRandom), reference);
  });
});
