import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { after, before, beforeEach, describe, it } from 'node:test';
import { readSoftCardFile } from '../../adapters/sandbox/authority/card_folder.ts';
import { createRoot, issueUserCertificate } from '../../adapters/sandbox/pki/index.ts';
import { enErrors } from '../../views/words/en_errors.ts';
import { type ErrorCode, jaErrors } from '../../views/words/ja_errors.ts';
import { rsaKey } from '../adapters/sandbox/pki/key_pool.ts';
import {
  type CertificateAndKey,
  createCertificateBrowser,
  pemOf,
  userCertificateOf,
} from '../support/certificate_browser.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import {
  type Attempt,
  createRelyingParty,
  isSignInPage,
  later,
  open,
  REDIRECT_URI,
  type RelyingParty,
  sendForm,
  subOf,
} from './relying_party.ts';

const STOP = { stopAt: REDIRECT_URI };

let hub: TestHub;
let party: RelyingParty;
let choice: { certificate: CertificateAndKey | undefined };
let browser: HttpBrowser;

before(async () => {
  hub = await startTestHub();
  party = await createRelyingParty(hub);
});
after(() => hub?.stop());
beforeEach(async () => {
  choice = { certificate: await userCertificateOf(hub.authority.cardsFolder, 'taro') };
  browser = createCertificateBrowser(hub, choice);
});

/** A sign-in that has come to the sign-in page in this browser. */
async function begin(parameters: Record<string, string> = {}, inBrowser = browser) {
  const attempt = await party.attempt(parameters);
  const page = await open(party.authorizationUrl(attempt), inBrowser);
  assert.ok(isSignInPage(page));
  const path = /href="(\/interaction\/[^"]+\/certificate)"/.exec(page.text)?.[1];
  assert.ok(path, 'the page offers the second way');
  return { attempt, page, way: hub.issuer + path };
}

/** Follows the way to the other listener, and stops before the browser comes back with the code. */
async function codeFor(way: string, inBrowser = browser): Promise<string> {
  const { url, status } = await inBrowser.get(way, { stopAt: `${way}-return` });
  assert.equal(status, 0);
  return url;
}

/** Stops where the main origin sends the browser. */
const requestFor = async (way: string): Promise<string> => (await browser.get(way, { stopAt: hub.certificateUrl })).url;

async function finish(attempt: Attempt, done: Visited): Promise<string> {
  assert.equal(done.status, 0, done.text);
  return subOf(await party.exchange(attempt, new URL(done.url)));
}

function lastRefusal(): string | undefined {
  const entries = hub.log.map((line) => JSON.parse(line) as { msg: string; refusal?: { code: string } });
  return entries.findLast(({ msg }) => msg === 'request')?.refusal?.code;
}

async function countRefusals(code?: string): Promise<number> {
  const events = await hub.hub.storage.audit.read(0n, 10_000);
  return events.filter(({ kind, data }) => kind === 'sign_in.refused' && (!code || data?.code === code)).length;
}

/** The page that says what happened, in this language, with the ways on. */
function assertProblem(page: Visited, code: ErrorCode, status: number, words = jaErrors): void {
  assert.equal(page.status, status, page.text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 300));
  assert.equal(new URL(page.url).origin, hub.issuer);
  for (const text of Object.values(words[code])) assert.ok(page.text.includes(text), text);
  assert.match(page.text, /href="\/interaction\/[^"]+\/certificate"/, 'another try');
  assert.match(page.text, /href="\/interaction\/[^"/]+"/, 'the other way');
  assert.match(page.text, /action="\/interaction\/[^"]+\/cancel"/, 'a way out');
  assert.equal(lastRefusal(), code);
}

/** Refused with this code, on a page in both languages, with one audit event; and another try in the same sign-in works. */
async function assertRefused(code: ErrorCode, certificate: CertificateAndKey | undefined, status = 403): Promise<void> {
  const good = choice.certificate;
  for (const [language, words] of [
    ['en', enErrors],
    ['ja', jaErrors],
  ] as const) {
    browser = createCertificateBrowser(hub, choice);
    const { attempt, way } = await begin({ ui_locales: language });
    const events = [await countRefusals(code), await countRefusals()];
    choice.certificate = certificate;
    const page = await browser.get(way);
    assertProblem(page, code, status, words);
    assert.deepEqual([await countRefusals(code), await countRefusals()], [(events[0] ?? 0) + 1, (events[1] ?? 0) + 1]);
    choice.certificate = good;
    assert.ok(await finish(attempt, await browser.get(way, STOP)));
  }
}

describe('signing in with the certificate of the browser', () => {
  it('leads to the same person, acr and amr as the card agent', async () => {
    const byCard = await party.signIn();
    const { attempt, way } = await begin();
    const tokens = await party.exchange(attempt, new URL((await browser.get(way, STOP)).url));
    assert.equal(subOf(tokens), subOf(byCard));
    assert.deepEqual(tokens.claims()?.amr, byCard.claims()?.amr);
    assert.equal(tokens.claims()?.acr, byCard.claims()?.acr);
  });

  it('uses the revocation channel that the relying party asks for', async () => {
    const { attempt, way } = await begin({ acr_values: 'aal3 ocsp' });
    const tokens = await party.exchange(attempt, new URL((await browser.get(way, STOP)).url));
    assert.equal(tokens.claims()?.acr, 'aal3 ocsp');
  });

  it('leaves a session, so that the next relying party asks for nothing', async () => {
    const { way } = await begin();
    await browser.get(way, STOP);
    const other = await createRelyingParty(hub);
    const attempt = await other.attempt();
    const done = await browser.get(other.authorizationUrl(attempt), STOP);
    assert.ok(done.status === 0 || done.text.includes('value="agree"'));
  });

  it('can be left without signing in', async () => {
    const { way } = await begin();
    choice.certificate = undefined;
    const page = await browser.get(way);
    const left = await sendForm(browser, page);
    assert.equal(new URL(left.url).searchParams.get('error'), 'access_denied');
  });
});

describe('a certificate', () => {
  it('that is not there (nothing chosen, prompt cancelled) is asked for again', () =>
    assertRefused('certificate_missing', undefined));

  for (const [title, card, code] of [
    ['that has expired', 'saburo', 'certificate_expired'],
    ['of a card that was reported lost', 'jiro', 'certificate_on_hold'],
    ['whose holder has died', 'umeko', 'certificate_revoked'],
    ['that was replaced', 'keiko-old', 'certificate_superseded'],
    ['whose authority has expired', 'mukashi', 'certificate_anchor_expired'],
  ] as const) {
    it(`${title} is refused on a page of its own`, async () =>
      assertRefused(code, await userCertificateOf(hub.authority.cardsFolder, card)));
  }

  it('for signing is not for signing in', async () => {
    const { signing } = await readSoftCardFile(hub.authority.cardsFolder, 'taro');
    assert.ok(signing);
    await assertRefused('certificate_is_signing', {
      cert: pemOf(Buffer.from(signing.certificate, 'base64')),
      key: signing.privateKey,
    });
  });

  it('of another authority with the same name is refused', async () => {
    const impostor = await createRoot({ kind: 'user', key: await rsaKey('impostor') });
    const { der, key } = await issueUserCertificate(impostor, { key: await rsaKey('citizen') });
    await assertRefused('certificate_untrusted', {
      cert: pemOf(der),
      key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
  });

  it('signs nobody in while the authority cannot be asked, and says when to come back', async () => {
    const deaf = await startTestHub({
      authority: hub.authority,
      settings: { revocation: { sources: ['ocsp'], responders: [{ anchor: 'user-3', url: 'http://127.0.0.1:9' }] } },
    });
    try {
      const there = await createRelyingParty(deaf);
      const own = createCertificateBrowser(deaf, choice);
      const page = await open(there.authorizationUrl(await there.attempt()), own);
      const path = /href="(\/interaction\/[^"]+\/certificate)"/.exec(page.text)?.[1] ?? '';
      const answer = await own.get(deaf.issuer + path);
      assert.equal(answer.status, 503);
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
      assert.ok(answer.text.includes(jaErrors.revocation_unavailable.title));
    } finally {
      await deaf.stop();
    }
  });
});

describe('the request that a browser takes to the other listener', () => {
  const assertStale = async (address: string, audited: ErrorCode) => {
    const before = await countRefusals(audited);
    assertProblem(await browser.get(address), 'certificate_step_over', 400);
    assert.equal(await countRefusals(audited), before + 1);
  };

  it('is good once', async () => {
    const { way } = await begin();
    const request = await requestFor(way);
    choice.certificate = undefined;
    await browser.get(request);
    await assertStale(request, 'challenge_spent');
  });

  it('ends after five minutes', async () => {
    const { way } = await begin();
    const request = await requestFor(way);
    await later(300_000, () => assertStale(request, 'challenge_expired'));
  });

  it('must be there, whole, once, and the hub’s own', async () => {
    const { way } = await begin();
    const address = hub.certificateUrl + new URL(way).pathname;
    const good = new URL(await requestFor(way)).searchParams.get('request') ?? '';
    for (const query of [
      '',
      '?request=',
      `?request=${encodeURIComponent(good.slice(0, -4))}`,
      `?request=${encodeURIComponent(`${good.slice(0, -4)}AAAA`)}`,
      `?request=${encodeURIComponent(good)}&request=${encodeURIComponent(good)}`,
      `?Request=${encodeURIComponent(good)}`,
    ])
      await assertStale(address + query, 'challenge_unknown');
  });

  it('is for one sign-in', async () => {
    const { way } = await begin();
    const foreign = new URL(await requestFor(way)).search;
    browser = createCertificateBrowser(hub, choice);
    const own = await begin();
    await assertStale(hub.certificateUrl + new URL(own.way).pathname + foreign, 'challenge_wrong_session');
  });

  it('is not a challenge for a card, nor the reverse', async () => {
    const { way, page } = await begin();
    const nonce = /name="nonce" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
    await assertStale(
      `${hub.certificateUrl}${new URL(way).pathname}?request=${encodeURIComponent(nonce)}`,
      'challenge_wrong_session',
    );
  });

  it('is given to the browser that began only', async () => {
    const { way } = await begin();
    const stranger = await createHttpBrowser().get(way);
    assert.equal(stranger.status, 400);
    assert.equal(lastRefusal(), 'interaction_expired');
  });
});

describe('the code that brings a person back', () => {
  it('is good once', async () => {
    const { attempt, way } = await begin();
    const back = await codeFor(way);
    assert.ok(await finish(attempt, await browser.get(back, STOP)));
    const again = await browser.get(back);
    assert.equal(again.status, 400);
    assert.equal(lastRefusal(), 'interaction_expired');
  });

  it('that arrives many times at once signs in once', async () => {
    const { way } = await begin();
    const back = await codeFor(way);
    const answers = await Promise.all(Array.from({ length: 12 }, () => browser.get(back, STOP)));
    assert.equal(answers.filter(({ status }) => status === 0).length, 1);
    for (const { status } of answers) assert.ok(status === 0 || status === 400);
  });

  it('lives for a minute', async () => {
    const { way } = await begin();
    const back = await codeFor(way);
    await later(60_000, async () => assertProblem(await browser.get(back), 'certificate_step_over', 400));
  });

  it('is nothing in another browser, and is spent there', async () => {
    const { way } = await begin();
    const back = await codeFor(way);
    const events = await countRefusals('interaction_expired');
    const stranger = await createHttpBrowser().get(back);
    assert.equal(stranger.status, 400);
    assert.ok(stranger.text.includes(jaErrors.interaction_expired.title));
    assert.equal(await countRefusals('interaction_expired'), events + 1);
    assertProblem(await browser.get(back), 'certificate_step_over', 400);
  });

  it('of an attacker signs nobody else in (login CSRF)', async () => {
    const attackers = await codeFor((await begin()).way);
    const victim = createCertificateBrowser(hub, choice);
    const { way } = await begin({}, victim);
    const own = `${way}-return${new URL(attackers).search}`;
    assertProblem(await victim.get(own), 'certificate_step_over', 400);
    // And the link as it is, in a browser that has a sign-in of its own.
    const second = await codeFor((await begin({}, createCertificateBrowser(hub, choice))).way).catch(() => undefined);
    assert.equal(second, undefined, 'a way is nothing in another browser');
  });

  it('must be there, whole, and the hub’s own', async () => {
    const { way } = await begin();
    const back = await codeFor(way);
    for (const address of [`${way}-return`, `${way}-return?code=`, `${back}x`, back.slice(0, -1), `${back}&code=a`])
      assertProblem(await browser.get(address), 'certificate_step_over', 400);
  });

  it('stands in no log, no page and no table', async () => {
    const { way } = await begin();
    choice.certificate = undefined;
    const back = await codeFor(way);
    const code = new URL(back).searchParams.get('code') ?? '';
    const page = await browser.get(back);
    assert.equal(code.length, 43);
    assert.ok(!hub.log.join('').includes(code));
    assert.ok(!page.text.includes(code));
    assert.equal(page.headers.get('referrer-policy'), 'same-origin');
    assert.equal(page.headers.get('cache-control'), 'no-store');
  });
});

describe('the listener', () => {
  async function ask(path: string, { method = 'GET', host }: { method?: string; host?: string } = {}) {
    const ca = await readFile(hub.tls.authorityFile);
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: Headers; text: string }>();
    httpsRequest(
      hub.certificateUrl + path,
      { ca, method, ...choice.certificate, agent: false, servername: 'localhost', headers: host ? { host } : {} },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: new Headers(answer.headers as Record<string, string>),
            text,
          }),
        );
      },
    )
      .on('error', reject)
      .end();
    return promise;
  }

  it('has one route and nothing else of the hub', async () => {
    for (const path of [
      '/',
      '/authorize',
      '/token',
      '/interaction/abc',
      '/interaction/abc/sign-in',
      '/assets/x',
      '/healthz',
    ])
      assert.equal((await ask(path)).status, 404, path);
    assert.equal((await ask('/interaction/abc/certificate', { method: 'POST' })).status, 404);
    assert.equal((await ask(`/interaction/${'a'.repeat(65)}/certificate`)).status, 404);
    assert.equal((await ask('/interaction/..%2f/certificate')).status, 404);
  });

  it('answers under its own name only', async () => {
    const { status, text } = await ask('/', { host: new URL(hub.issuer).host });
    assert.equal(status, 421);
    assert.ok(text.includes(hub.certificateUrl));
  });

  it('closes every connection and guards every answer', async () => {
    const { way } = await begin();
    const { pathname, search } = new URL(await requestFor(way));
    for (const { headers } of [
      await ask('/'),
      await ask('/', { host: 'evil.example' }),
      await ask(pathname + search),
    ]) {
      assert.equal(headers.get('connection'), 'close');
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
      assert.equal(headers.get('x-frame-options'), 'DENY');
      assert.equal(headers.get('cache-control'), 'no-store');
    }
  });

  it('counts attempts as the sign-in form does', async () => {
    const strict = await startTestHub({ authority: hub.authority, settings: { rateLimits: { signInAttempts: 3 } } });
    try {
      const own = createCertificateBrowser(strict, choice);
      const address = `${strict.certificateUrl}/interaction/abc/certificate`;
      for (let attempt = 0; attempt < 3; attempt += 1)
        assert.equal((await own.get(address, { stopAt: strict.issuer })).status, 0);
      const { status, headers } = await own.get(address);
      assert.equal(status, 429);
      assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    } finally {
      await strict.stop();
    }
  });
});
