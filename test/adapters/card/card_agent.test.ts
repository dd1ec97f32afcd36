import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type CardAgent, startCardAgent } from '../../../adapters/card/card_agent.ts';
import { CARD_ERROR_CODES, CardError } from '../../../adapters/card/card_errors.ts';
import { cardMessage, cardMessages, LANGUAGES, pageWords } from '../../../adapters/card/card_words.ts';
import { softCardDoor, writeSoftCard } from '../../../adapters/card/soft_card.ts';
import { verifySignedDocument } from '../../../provider/pki/index.ts';
import {
  application,
  cardsFolder,
  NONCE,
  SIGNING_PIN,
  softCardFile,
  triesLeft,
  USER_PIN,
} from './soft_card_factory.ts';

const MAIN = join(import.meta.dirname, '../../../adapters/card/main.ts');
const origin = 'https://hub.example';

let folder: string;
let remove: () => void;
let agent: CardAgent;
let now = Date.UTC(2026, 10, 22);
let bugs: unknown[];

before(async () => {
  ({ folder, remove } = await cardsFolder());
});
after(() => remove());
beforeEach(async () => {
  await writeSoftCard(folder, await softCardFile());
  bugs = [];
  agent = await startCardAgent({
    cards: softCardDoor(folder),
    port: 0,
    clock: () => now,
    attemptsPerMinute: 5,
    onBug: (error) => bugs.push(error),
  });
});
afterEach(async () => {
  await agent.close();
  assert.deepEqual(bugs, []);
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** node:http, because fetch lets nobody choose Host, Origin or Sec-Fetch-Site. */
async function call(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const request = httpRequest(`${agent.url}${path}`, {
    method: options.method ?? 'GET',
    headers: options.headers ?? {},
  });
  request.end(options.body);
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') };
}

const pageHeaders = () => ({ 'content-type': 'application/json', origin: agent.url, 'sec-fetch-site': 'same-origin' });

interface StepResult {
  status: number;
  token: string;
  signed?: { unverifiedCertificate: string; signature: string };
  signedDocument?: string;
  cards?: { name: string; user: { triesLeft: number }; signing: { triesLeft: number } | null }[];
  error?: { code: string; triesLeft?: number; field?: string };
}

/** A step as the agent's own page asks for it. */
async function step(path: string, body: object, headers: Record<string, string> = {}): Promise<StepResult> {
  const answer = await call(path, {
    method: 'POST',
    headers: { ...pageHeaders(), ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, ...JSON.parse(answer.text) };
}

async function openPage(): Promise<string> {
  const { text } = await call('/sign');
  return text.match(/name="agent-token" content="([\w-]{43})"/)?.[1] ?? assert.fail('the page has no token');
}

/** A page that has been given a request. */
async function boundPage(challenge: { origin?: string; nonce?: string } = {}): Promise<StepResult> {
  return step('/agent/request', { token: await openPage(), purpose: 'sign-in', origin, nonce: NONCE, ...challenge });
}

const attempt = (token: string, pin = USER_PIN, card = 'hanako') => step('/agent/signature', { token, card, pin });

/** A page that has been given an application to sign. */
const enrolmentPage = async (fields: object = {}) =>
  step('/agent/request', {
    ...{ token: await openPage(), purpose: 'enrolment', origin, nonce: NONCE, document: application(origin) },
    ...fields,
  });

const enrol = (token: string, { pin = USER_PIN, password = SIGNING_PIN, card = 'hanako' } = {}) =>
  step('/agent/signature', { token, card, pin, password });

const bothTries = () => [triesLeft(folder), triesLeft(folder, 'hanako', 'signing')];

function assertRefused(result: StepResult, code: string): void {
  assert.equal(result.error?.code, code);
  assert.equal(result.signed, undefined);
  assert.equal(result.signedDocument, undefined);
  assert.ok(result.status >= 400 && result.status < 500);
}

function signedFor({ signed }: StepResult, site: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const { publicKey } = new X509Certificate(Buffer.from(signed?.unverifiedCertificate ?? '', 'base64'));
  const signature = Buffer.from(signed?.signature ?? '', 'base64');
  return verify('sha256', Buffer.concat([digest(site), digest(NONCE)]), publicKey, signature);
}

describe('the card agent', () => {
  it('signs what its page was given', async () => {
    const bound = await boundPage();
    assert.deepEqual(
      bound.cards?.map(({ name, user }) => [name, user.triesLeft]),
      [['hanako', 3]],
    );
    const result = await attempt(bound.token);
    assert.ok(signedFor(result, origin));
    assert.deepEqual(Object.keys(result), ['status', 'signed']);
  });

  it('signs for the origin that was bound, whatever comes with the PIN', async () => {
    const { token } = await boundPage({ origin: 'https://attacker.example' });
    const result = await step('/agent/signature', { token, card: 'hanako', pin: USER_PIN, origin, nonce: NONCE });
    assert.ok(signedFor(result, 'https://attacker.example'));
    assert.ok(!signedFor(result, origin));
  });

  it('lets the person correct a wrong PIN, and tells the tries left', async () => {
    const wrong = await attempt((await boundPage()).token, '0000');
    assertRefused(wrong, 'card_pin_wrong');
    assert.equal(wrong.error?.triesLeft, 2);
    assert.ok((await attempt(wrong.token)).signed);
  });

  it('tells a blocked card and a missing one apart from a wrong PIN', async () => {
    let { token } = await boundPage();
    for (const code of ['card_pin_wrong', 'card_pin_wrong', 'card_pin_blocked', 'card_pin_blocked']) {
      const result = await attempt(token, '0000');
      assertRefused(result, code);
      token = result.token;
    }
    assertRefused(await attempt(token, USER_PIN, 'nobody'), 'card_not_found');
  });

  it('reads the cards again when asked', async () => {
    const { token } = await boundPage();
    await writeSoftCard(folder, await softCardFile({ name: 'taro', userTriesLeft: 0 }));
    const { cards } = await step('/agent/cards', { token });
    assert.deepEqual(
      cards?.map(({ name, user }) => [name, user.triesLeft]),
      [
        ['hanako', 3],
        ['taro', 0],
      ],
    );
  });

  it('never sends a key, a PIN or a serial to its page', async () => {
    const { text } = await call('/agent/cards', {
      method: 'POST',
      headers: pageHeaders(),
      body: JSON.stringify({ token: await openPage() }),
    });
    assert.doesNotMatch(text, /PRIVATE KEY|"pin"|certificate|serial/);
  });
});

describe('the card agent, for an enrolment,', () => {
  it('signs the challenge and the document that its page was given', async () => {
    const bound = await enrolmentPage();
    const card = bound.cards?.find(({ name }) => name === 'hanako');
    assert.deepEqual([card?.user.triesLeft, card?.signing?.triesLeft], [3, 5]);
    const result = await enrol(bound.token);
    assert.ok(signedFor(result, origin));
    const { content, signingTime } = verifySignedDocument(Buffer.from(result.signedDocument ?? '', 'base64'));
    assert.equal(Buffer.from(content).toString(), application(origin));
    assert.equal(signingTime, Math.floor(now / 1000) * 1000);
    assert.deepEqual(bothTries(), [3, 5]);
  });

  it('signs the document that was bound, whatever comes with the PIN', async () => {
    const { token } = await enrolmentPage();
    const typed = { token, card: 'hanako', pin: USER_PIN, password: SIGNING_PIN };
    const other = { origin: 'https://attacker.example', document: application('https://attacker.example') };
    const result = await step('/agent/signature', { ...typed, ...other });
    const { content } = verifySignedDocument(Buffer.from(result.signedDocument ?? '', 'base64'));
    assert.equal(Buffer.from(content).toString(), application(origin));
    assert.ok(signedFor(result, origin));
  });

  it('tells which of PIN and password was wrong, malformed or blocked', async () => {
    let { token } = await enrolmentPage();
    const refused = async (typed: { pin?: string; password?: string }, code: string, field: string, left?: number) => {
      const result = await enrol(token, typed);
      assertRefused(result, code);
      assert.deepEqual([result.error?.field, result.error?.triesLeft], [field, left]);
      token = result.token;
    };
    await refused({ pin: '0000', password: 'WRONG1' }, 'card_pin_wrong', 'pin', 2);
    await refused({ pin: '12' }, 'card_pin_malformed', 'pin');
    await refused({ password: 'WRONG1' }, 'card_signing_pin_wrong', 'password', 4);
    await refused({ password: 'short' }, 'card_signing_pin_malformed', 'password');
    assert.deepEqual(bothTries(), [3, 4]);
    now += 60_000;
    await writeSoftCard(folder, await softCardFile({ signingTriesLeft: 1 }));
    await refused({ password: 'WRONG1' }, 'card_signing_pin_blocked', 'password', 0);
    await writeSoftCard(folder, await softCardFile({ userTriesLeft: 1 }));
    await refused({ pin: '0000' }, 'card_pin_blocked', 'pin', 0);
  });

  it('says that an error is about no field when it is about the card', async () => {
    await writeSoftCard(folder, await softCardFile({ name: 'child', signing: false }));
    const { token, cards } = await enrolmentPage();
    assert.equal(cards?.find(({ name }) => name === 'child')?.signing, null);
    const result = await enrol(token, { card: 'child' });
    assertRefused(result, 'card_signing_missing');
    assert.equal(result.error?.field, undefined);
  });

  it('hands out neither signature when only one was made', async () => {
    const door = softCardDoor(folder);
    const failing = await startCardAgent({
      cards: {
        list: () => door.list(),
        open: async (name) => {
          const card = await door.open(name);
          card.signDocument = () => Promise.reject(new CardError('card_unreadable'));
          return card;
        },
      },
      port: 0,
      clock: () => now,
    });
    const whole = agent;
    agent = failing;
    try {
      const result = await enrol((await enrolmentPage()).token);
      assertRefused(result, 'card_unreadable');
      assert.deepEqual(Object.keys(result), ['status', 'token', 'error']);
    } finally {
      agent = whole;
      await failing.close();
    }
  });

  it('counts two wrong passwords in two windows at the same moment as two', async () => {
    const [one, other] = [await enrolmentPage(), await enrolmentPage()];
    const wrong = { password: 'WRONG1' };
    for (const result of await Promise.all([enrol(one.token, wrong), enrol(other.token, wrong)])) {
      assertRefused(result, 'card_signing_pin_wrong');
    }
    assert.deepEqual(bothTries(), [3, 3]);
  });

  it('asks for both PIN and password', async () => {
    assertRefused(await attempt((await enrolmentPage()).token), 'agent_request_invalid');
    assert.deepEqual(bothTries(), [3, 5]);
  });

  it('takes a document and nothing else, of the site that asks', async () => {
    assertRefused(await enrolmentPage({ document: undefined }), 'agent_request_invalid');
    assertRefused(await enrolmentPage({ document: ['text'] }), 'agent_request_invalid');
    assertRefused(await enrolmentPage({ document: application('https://other.example') }), 'document_unbound');
    assertRefused(await enrolmentPage({ document: `${application(origin)}\u202E` }), 'document_characters');
    assertRefused(
      await enrolmentPage({ document: `${application(origin)}\n${'x'.repeat(16_384)}` }),
      'document_too_large',
    );
    assertRefused(await enrolmentPage({ document: 'x'.repeat(64 * 1024) }), 'agent_body_too_large');
    assertRefused(await enrolmentPage({ origin: 'null', document: application('null') }), 'challenge_origin_invalid');
  });

  it('takes the longest document there can be, whatever JSON makes of it', async () => {
    const text = application(origin);
    const document = text + '\n'.repeat(16 * 1024 - Buffer.byteLength(text));
    assert.ok((await enrol((await enrolmentPage({ document })).token)).signedDocument);
  });

  it('is given one request, and never another of either purpose', async () => {
    const asked = { origin, nonce: NONCE, document: application(origin) };
    const enrolment = await enrolmentPage();
    const signIn = await step('/agent/request', { token: enrolment.token, purpose: 'sign-in', ...asked });
    assertRefused(signIn, 'agent_request_bound');
    assert.ok((await enrol(signIn.token)).signedDocument);
    const other = await boundPage();
    const second = await step('/agent/request', { token: other.token, purpose: 'enrolment', ...asked });
    assertRefused(second, 'agent_request_bound');
    assert.equal((await enrol(second.token)).signedDocument, undefined);
  });

  it('signs no document for a sign-in, whatever comes with it', async () => {
    const asked = { purpose: 'sign-in', origin, nonce: NONCE, document: application(origin) };
    const { token } = await step('/agent/request', { token: await openPage(), ...asked });
    const result = await enrol(token);
    assert.ok(signedFor(result, origin));
    assert.deepEqual(Object.keys(result), ['status', 'signed']);
  });
});

describe('a step of the card agent is refused', () => {
  const refusedHeaders: Record<string, [Record<string, string>, number, string]> = {
    'from a foreign site': [
      { origin: 'https://attacker.example', 'sec-fetch-site': 'cross-site' },
      403,
      'agent_origin_refused',
    ],
    'from another port of this machine': [
      { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
      403,
      'agent_origin_refused',
    ],
    'from a sandboxed page': [{ origin: 'null' }, 403, 'agent_origin_refused'],
    'when only Sec-Fetch-Site tells that it is foreign': [
      { 'sec-fetch-site': 'same-site' },
      403,
      'agent_origin_refused',
    ],
    'under a rebound name': [
      { host: 'attacker.example', origin: 'http://attacker.example' },
      421,
      'agent_host_refused',
    ],
    'as a form': [{ 'content-type': 'application/x-www-form-urlencoded' }, 415, 'agent_media_type'],
    'as plain text, which needs no preflight': [{ 'content-type': 'text/plain' }, 415, 'agent_media_type'],
  };
  for (const [what, [headers, status, code]] of Object.entries(refusedHeaders)) {
    it(`${what}, and the page's token is still good`, async () => {
      const { token } = await boundPage();
      const refused = await step('/agent/signature', { token, card: 'hanako', pin: USER_PIN }, headers);
      assertRefused(refused, code);
      assert.equal(refused.status, status);
      assert.ok((await attempt(token)).signed);
    });
  }

  it('without an Origin', async () => {
    const { origin: _, ...headers } = pageHeaders();
    const body = JSON.stringify({ token: (await boundPage()).token, card: 'hanako', pin: USER_PIN });
    const answer = await call('/agent/signature', { method: 'POST', headers, body });
    assert.equal(answer.status, 403);
  });

  it('under the name localhost, which other programs may answer to', async () => {
    const host = agent.url.replace('http://127.0.0.1', 'localhost');
    assert.equal((await call('/sign', { headers: { host } })).status, 421);
  });

  it('without a token, with an unknown one, and with one that was used', async () => {
    assertRefused(await step('/agent/signature', { card: 'hanako', pin: USER_PIN }), 'agent_request_invalid');
    assertRefused(await attempt('x'.repeat(43)), 'agent_page_expired');
    const { token } = await boundPage();
    assert.ok((await attempt(token)).signed);
    assertRefused(await attempt(token), 'agent_page_expired');
    assert.equal(triesLeft(folder), 3);
  });

  it('the second time when one token comes twice at the same moment', async () => {
    const { token } = await boundPage();
    const results = await Promise.all([attempt(token), attempt(token)]);
    assert.equal(results.filter(({ signed }) => signed !== undefined).length, 1);
    assert.equal(results.filter(({ error }) => error?.code === 'agent_page_expired').length, 1);
  });

  it('once the page is ten minutes old', async () => {
    const { token } = await boundPage();
    now += 10 * 60_000;
    assertRefused(await attempt(token), 'agent_page_expired');
  });

  it('when the page already has a request', async () => {
    const { token } = await boundPage();
    const second = { token, purpose: 'sign-in', origin: 'https://attacker.example', nonce: NONCE };
    assertRefused(await step('/agent/request', second), 'agent_request_bound');
  });

  it('when the page has no request yet', async () => {
    assertRefused(await attempt(await openPage()), 'agent_request_invalid');
    assert.equal(triesLeft(folder), 3);
  });

  it('when the request is not one that a website can make', async () => {
    assertRefused(await boundPage({ origin: 'null' }), 'challenge_origin_invalid');
    assertRefused(await boundPage({ origin: 'https://hub.example/' }), 'challenge_origin_invalid');
    assertRefused(await boundPage({ nonce: 'short' }), 'challenge_nonce_invalid');
    const token = await openPage();
    const unknownPurpose = { token, purpose: 'sign-document', origin, nonce: NONCE };
    assertRefused(await step('/agent/request', unknownPurpose), 'agent_request_invalid');
  });

  for (const [what, body] of Object.entries({
    'no JSON': '{',
    'no object': '[]',
    'an array for a token': '{"token":["a"]}',
    'a prototype': '{"__proto__":{"token":"a"}}',
    'an empty body': '',
  })) {
    it(`with ${what}`, async () => {
      const answer = await call('/agent/signature', { method: 'POST', headers: pageHeaders(), body });
      assert.equal(answer.status, 400);
      assert.match(answer.text, /agent_request_invalid/);
    });
  }

  it('with a large body', async () => {
    const { token } = await boundPage();
    const body = JSON.stringify({ token, card: 'hanako', pin: USER_PIN, padding: 'x'.repeat(5000) });
    for (const path of ['/agent/signature', '/agent/cards']) {
      const answer = await call(path, { method: 'POST', headers: pageHeaders(), body });
      assert.equal(answer.status, 413, path);
    }
    assert.equal(triesLeft(folder), 3);
  });

  it('by any method but POST, a preflight too', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await call('/agent/signature', { method, headers: pageHeaders() });
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers.allow, 'POST');
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  });

  it('after too many attempts in a minute, without costing a try, and goes on after it', async () => {
    let result = await boundPage();
    for (let i = 0; i < 5; i += 1) result = await attempt(result.token, 'abcd');
    const limited = await attempt(result.token, '0000');
    assertRefused(limited, 'agent_too_many_attempts');
    assert.equal(triesLeft(folder), 3);
    now += 60_000;
    assert.ok((await attempt(limited.token)).signed);
  });
});

describe('the card agent’s page', () => {
  it('is refused inside a frame and as anything but a document', async () => {
    for (const destination of ['iframe', 'frame', 'embed', 'object', 'empty', 'script', 'image']) {
      const answer = await call('/sign', { headers: { 'sec-fetch-dest': destination } });
      assert.equal(answer.status, 403, destination);
      assert.doesNotMatch(answer.text, /agent-token/);
    }
  });

  it('and every other answer say what they may load, and are never stored', async () => {
    for (const path of ['/sign', '/agent/sign.js', '/agent/words.js', '/missing', '/agent/signature']) {
      const { headers } = await call(path);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /^default-src 'none'; script-src 'self'; /);
      assert.match(policy, /base-uri 'none'; frame-ancestors 'none'$/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(headers['cross-origin-opener-policy'], 'unsafe-none');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cache-control'], 'no-store');
    }
  });

  it('loads only what this agent serves', async () => {
    const { text } = await call('/sign');
    const addresses = [...text.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address]) => address ?? '');
    const loaded = addresses.filter((address) => !address.startsWith('#'));
    assert.equal(loaded.length, 5);
    for (const address of loaded) {
      const { status, headers } = await call(address);
      assert.equal(status, 200, address);
      assert.match(String(headers['content-security-policy']), /^default-src 'none'/);
    }
  });

  it('has no inline script or style, and a form that can never put the PIN into an address', async () => {
    const { text } = await call('/sign');
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
    assert.match(text, /<form[^>]* method="post"/);
  });

  it('is Japanese unless English comes first', async () => {
    const languageOf = async (path: string, accepted?: string) => {
      const { text } = await call(path, { headers: accepted === undefined ? {} : { 'accept-language': accepted } });
      return text.match(/<html lang="(\w+)"/)?.[1];
    };
    assert.equal(await languageOf('/sign'), 'ja');
    assert.equal(await languageOf('/sign', 'fr-FR,fr;q=0.9'), 'ja');
    assert.equal(await languageOf('/sign', 'en-GB,en;q=0.9,ja;q=0.8'), 'en');
    assert.equal(await languageOf('/sign?lang=en', 'ja'), 'en');
    assert.equal(await languageOf('/sign?lang="><script>'), 'ja');
  });

  it('gives every window a token of its own', async () => {
    assert.notEqual(await openPage(), await openPage());
  });

  it('of an old window goes when hundreds are opened after it', async () => {
    const first = await openPage();
    for (let i = 0; i < 200; i += 1) await openPage();
    assertRefused(await step('/agent/cards', { token: first }), 'agent_page_expired');
  });

  for (const path of [
    '/missing',
    '/agent/../soft_card.ts',
    '/agent/%2e%2e/main.ts',
    '/assets/../package.json',
    '//',
    '/__proto__',
  ]) {
    it(`is not found at ${path}`, async () => {
      assert.equal((await call(path)).status, 404);
    });
  }
});

describe('the card agent’s words', () => {
  for (const language of LANGUAGES) {
    it(`have a message for every code in ${language}`, () => {
      for (const code of CARD_ERROR_CODES) assert.ok(cardMessages[language][code], code);
    });
  }

  it('are complete in both languages', () => {
    assert.deepEqual(Object.keys(pageWords.en), Object.keys(pageWords.ja));
    assert.deepEqual(Object.keys(cardMessages.en), Object.keys(cardMessages.ja));
  });

  it('tell the tries left, send a blocked card to the ward office, and know what to say of an unknown code', () => {
    assert.match(cardMessage('ja', 'card_pin_wrong', 2), /あと2回/);
    assert.match(cardMessage('en', 'card_pin_wrong', 1), /blocked: 1\./);
    assert.match(cardMessage('ja', 'card_pin_blocked'), /市区町村の窓口/);
    assert.match(cardMessage('en', 'card_pin_blocked'), /ward.*office/);
    assert.match(cardMessage('ja', 'card_signing_pin_wrong', 4), /署名用パスワード.*あと4回/);
    assert.match(cardMessage('ja', 'card_signing_pin_blocked'), /市区町村の窓口.*コンビニ.*キオスク端末/);
    assert.match(cardMessage('en', 'card_signing_pin_blocked'), /ward.*office.*kiosk/);
    assert.equal(cardMessage('en', 'constructor'), cardMessages.en.agent_failed);
  });
});

describe('the card agent’s process', () => {
  it('says where it listens in one line, and ends cleanly on SIGTERM', async () => {
    const child = spawn(process.execPath, [MAIN, '--cards', folder, '--port', '0']);
    const [line] = await once(child.stdout, 'data');
    const { listening } = JSON.parse(String(line));
    assert.match(listening, /^http:\/\/127\.0\.0\.1:[0-9]+$/);
    assert.equal((await fetch(`${listening}/sign`)).status, 200);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('ends although a browser keeps a spare connection open', async () => {
    const child = spawn(process.execPath, [MAIN, '--cards', folder, '--port', '0']);
    const [line] = await once(child.stdout, 'data');
    const spare = connect(Number(new URL(JSON.parse(String(line)).listening).port), '127.0.0.1');
    spare.on('error', () => {});
    await once(spare, 'connect');
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    spare.destroy();
  });

  it('tells its parent where it listens, and ends when the parent goes away', async () => {
    const child = fork(MAIN, ['--cards', folder, '--port', '0'], { silent: true });
    const [message] = await once(child, 'message');
    assert.match(message.listening, /^http:\/\/127\.0\.0\.1:[0-9]+$/);
    child.disconnect();
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('says what is wrong with its arguments, and when its port is taken', async () => {
    const taken = new URL(agent.url).port;
    const wrong: [string[], number, RegExp][] = [
      [[], 2, /--cards is missing/],
      [['--cards', folder, '--port', '65536'], 2, /no port number/],
      [['--cards', folder, '--host', '0.0.0.0'], 2, /--host/],
      [['--cards', folder, '--port', taken], 1, /EADDRINUSE/],
    ];
    for (const [args, code, message] of wrong) {
      const child = spawn(process.execPath, [MAIN, ...args]);
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += chunk;
      });
      assert.deepEqual(await once(child, 'close'), [code, null]);
      assert.match(said, message);
    }
  });
});
