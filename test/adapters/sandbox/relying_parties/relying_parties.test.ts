import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  type RelyingParties,
  startRelyingParties,
} from '../../../../adapters/sandbox/relying_parties/relying_parties.ts';
import { clinicMetadata, generateClinicKey, shopMetadata } from '../../../../adapters/sandbox/relying_parties/sites.ts';
import { type BareHub, newKey, startBareHub } from '../../../support/bare_hub.ts';
import { createHttpBrowser, type HttpBrowser, type Visited } from '../../../support/http_browser.ts';

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe('the demo relying parties', () => {
  let hub: BareHub;
  let parties: RelyingParties;
  let clinic: string;
  let shop: string;
  let browser: HttpBrowser;
  let log: { site: string; code: string; hubCode?: string | undefined; reason?: string }[];
  let now: number;

  beforeEach(async () => {
    hub = await startBareHub();
    log = [];
    now = Date.now();
    const key = generateClinicKey();
    const secret = randomUUID();
    parties = await startRelyingParties({
      issuer: hub.issuer,
      clinicPort: 0,
      shopPort: 0,
      clients: {
        clinic: { client_id: 'clinic', private_jwk: key },
        shop: { client_id: 'shop', client_secret: secret },
      },
      clock: () => now,
      log: (line) => log.push(line),
    });
    ({ clinic, shop } = parties.listening);
    hub.open([
      { client_id: 'clinic', ...clinicMetadata(clinic, key) },
      { client_id: 'shop', client_secret: secret, ...shopMetadata(shop) },
    ]);
    browser = createHttpBrowser();
  });
  afterEach(async () => {
    await parties.close();
    await hub.close();
  });

  const subOn = ({ text }: Visited) => text.match(/id="sub"[^>]*>([^<]*)</)?.[1];
  const isSignedIn = async (site: string) => subOn(await browser.get(site)) !== undefined;

  /** The hub's answer on its way back to `site`, not yet delivered. */
  async function answerFor(site: string, visitor = browser): Promise<URL> {
    const stopped = await visitor.get(`${site}/sign-in`, { stopAt: `${site}/callback` });
    assert.equal(stopped.status, 0, stopped.text);
    return new URL(stopped.url);
  }

  describe('signing in', () => {
    it('greets the person by a pairwise identifier, with how and when the card was used', async () => {
      const page = await browser.get(`${clinic}/sign-in?lang=en`);
      assert.equal(page.status, 200);
      assert.equal(page.url, `${clinic}/`);
      assert.equal(subOn(page), 'hanako@localhost');
      assert.match(page.text, /id="acr"[^>]*>aal3</);
      assert.match(page.text, />sc</);
      assert.match(page.text, /id="auth-time">\d{1,2} \w+ \d{4} at \d{2}:\d{2}:\d{2} JST</);
    });

    it('shows the card check that came, in Japanese time, and which claims were asked for and not given', async () => {
      hub.person.claims.name = '結 花子';
      const page = await browser.get(`${clinic}/sign-in?lang=en`);
      assert.match(page.text, /Card checked: 15 January 2027 at 17:00:00 JST/);
      assert.match(page.text, /revocation list \(CRL\)/);
      assert.match(page.text, /Hello, 結 花子/);
      assert.equal(page.text.match(/tag-unavailable/g)?.length, 4); // address, birthdate, gender
    });

    it('says what comes of the visit: whether one can check in or pay, by whose word and of when', async () => {
      const provenance = (source: string) => ({
        source,
        obtained_at: 1_800_000_000,
        current: true,
        as_of: 1_800_000_000,
      });
      const { claims } = hub.person;
      Object.assign(claims, {
        ...{ health_insurance_valid: true, payment_token: { brand: 'Musubi', masked_number: '************4242' } },
        claims_provenance: {
          health_insurance_valid: provenance('musubi-kenpo'),
          payment_token: provenance('musubi-card'),
        },
      });
      const said = async (site: string) =>
        /<section class="card" aria-labelledby="visit">[\s\S]*?<\/section>/.exec(
          (await browser.get(`${site}/sign-in?lang=en`)).text,
        )?.[0] ?? '';
      assert.match(
        await said(clinic),
        /banner-success[\s\S]*Your health insurance is valid today[\s\S]*Musubi Health Insurance Society[\s\S]*15 January 2027 at 17:00:00 JST/,
      );
      assert.match(await said(shop), /You can pay with Musubi ending in 4242[\s\S]*Musubi Card/);

      claims.health_insurance_valid = false;
      assert.match(await said(clinic), /banner-warning[\s\S]*is not valid today/);

      delete claims.health_insurance_valid;
      delete claims.payment_token;
      assert.match(await said(clinic), /banner-info[\s\S]*We were not told about your insurance/);
      claims.claims_unavailable = {
        health_insurance_valid: { source: 'musubi-kenpo', reason: 'not_available' },
        payment_token: { source: 'musubi-card', reason: 'not_available' },
      };
      assert.match(await said(clinic), /banner-warning[\s\S]*Musubi Health Insurance Society did not answer\./);
      assert.match(await said(shop), /banner-warning[\s\S]*Musubi Card did not answer\./);
    });

    it('gives the same person another identifier at a site with another host', async () => {
      const atClinic = await browser.get(`${clinic}/sign-in`);
      const atShop = await browser.get(`${shop}/sign-in`);
      assert.equal(subOn(atClinic), 'hanako@localhost');
      assert.equal(subOn(atShop), 'hanako@127.0.0.1');
      assert.ok(atClinic.text.includes(`href="${shop}/"`));
    });

    it('renews the cookie, so that one known before is worth nothing after', async () => {
      const cookieOf = ({ headers }: Response) => headers.getSetCookie()[0]?.split(';')[0] ?? '';
      const start = await fetch(`${clinic}/sign-in`, { redirect: 'manual' });
      const planted = cookieOf(start);
      const { url } = await browser.get(start.headers.get('location') ?? '', { stopAt: `${clinic}/callback` });
      const back = await fetch(url, { redirect: 'manual', headers: { cookie: planted } });
      assert.equal(back.status, 303);
      const pageFor = async (cookie: string) => (await fetch(clinic, { headers: { cookie } })).text();
      assert.doesNotMatch(await pageFor(planted), /id="sub"/);
      assert.match(await pageFor(cookieOf(back)), /id="sub"/);
    });

    it('sends the request of the clinic to the hub directly, and the shop’s through the browser', async () => {
      const pushed = await browser.get(`${clinic}/sign-in`, { stopAt: hub.issuer });
      const plain = await browser.get(`${shop}/sign-in?lang=en`, { stopAt: hub.issuer });
      assert.deepEqual([...new URL(pushed.url).searchParams.keys()].sort(), ['client_id', 'request_uri']);
      const sent = Object.fromEntries(new URL(plain.url).searchParams);
      assert.equal(sent.acr_values, 'aal3');
      assert.equal(sent.code_challenge_method, 'S256');
      assert.equal(sent.ui_locales, 'en');
      assert.equal(sent.scope, 'openid card_status payment_token');
      assert.ok(sent.state && sent.nonce && sent.code_challenge);
    });

    it('escapes what the hub sends', async () => {
      hub.person.claims.name = '<script>alert(1)</script>';
      const page = await browser.get(`${clinic}/sign-in`);
      assert.doesNotMatch(page.text, /<script/);
    });
  });

  describe('an answer that is not ours is refused', () => {
    const refusals: [title: string, change: (answer: URL) => void, code: string][] = [
      ['a changed state', ({ searchParams }) => searchParams.set('state', 'x'.repeat(43)), 'sign_in_unknown'],
      ['no state', ({ searchParams }) => searchParams.delete('state'), 'sign_in_unknown'],
      ['another issuer', ({ searchParams }) => searchParams.set('iss', 'https://evil.example'), 'answer_refused'],
      ['no issuer', ({ searchParams }) => searchParams.delete('iss'), 'answer_refused'],
      ['two codes', ({ searchParams }) => searchParams.append('code', 'x'), 'answer_refused'],
      ['a made-up code', ({ searchParams }) => searchParams.set('code', 'x'), 'hub_refused'],
    ];
    for (const [title, change, code] of refusals) {
      it(title, async () => {
        const answer = await answerFor(shop);
        change(answer);
        const page = await browser.get(answer.href);
        assert.ok(page.status >= 400, `${page.status}`);
        assert.equal(log.at(-1)?.code, code);
        assert.equal(await isSignedIn(shop), false);
      });
    }

    it('a nonce that is not the one this sign-in began with', async () => {
      const { url } = await browser.get(`${shop}/sign-in`, { stopAt: hub.issuer });
      const request = new URL(url);
      request.searchParams.set('nonce', 'somebody-elses');
      const page = await browser.get(request.href);
      assert.equal(page.status, 400);
      assert.equal(log.at(-1)?.code, 'answer_refused');
      assert.equal(await isSignedIn(shop), false);
    });

    it('one that another browser began', async () => {
      const answer = await answerFor(clinic);
      const page = await createHttpBrowser().get(answer.href);
      assert.equal(page.status, 400);
      assert.equal(log.at(-1)?.code, 'sign_in_unknown');
      assert.equal(subOn(await browser.get(answer.href)), 'hanako@localhost', 'the rightful browser is not disturbed');
    });

    it('one that was used before', async () => {
      const answer = await answerFor(clinic);
      await browser.get(answer.href);
      assert.equal((await browser.get(answer.href)).status, 400);
    });

    it('the right one after a wrong one: an attempt is spent whatever its outcome', async () => {
      const answer = await answerFor(clinic);
      const wrong = new URL(answer);
      wrong.searchParams.set('iss', 'https://evil.example');
      await browser.get(wrong.href);
      assert.equal((await browser.get(answer.href)).status, 400);
      assert.equal(log.at(-1)?.code, 'sign_in_unknown');
    });

    it('one that took longer than half an hour', async () => {
      const answer = await answerFor(clinic);
      now += 31 * 60_000;
      assert.equal((await browser.get(answer.href)).status, 400);
      assert.equal(log.at(-1)?.code, 'sign_in_unknown');
    });

    it('another person’s code in one’s own sign-in', async () => {
      const theirs = await answerFor(shop, createHttpBrowser());
      const mine = await answerFor(shop);
      mine.searchParams.set('code', theirs.searchParams.get('code') ?? '');
      assert.ok((await browser.get(mine.href)).status >= 400);
      assert.equal(log.at(-1)?.hubCode, 'invalid_grant');
    });

    it('an ID token whose signature is not by a key of the hub', async () => {
      const { d: _private, ...foreign } = newKey();
      const keys = [{ ...foreign, alg: 'ES256', use: 'sig', kid: 'bare-hub' }];
      hub.overrides.set('/jwks', { status: 200, body: { keys } });
      assert.equal((await browser.get(`${shop}/sign-in`)).status, 400);
      assert.equal(log.at(-1)?.code, 'answer_refused');
    });

    it('claims of somebody else than the ID token names', async () => {
      hub.overrides.set('/me', { status: 200, body: { sub: 'taro@127.0.0.1' } });
      assert.equal((await browser.get(`${shop}/sign-in`)).status, 400);
      assert.equal(log.at(-1)?.code, 'answer_refused');
    });

    it('a sign-in weaker than card and PIN', async () => {
      hub.person.acr = 'aal2';
      assert.equal((await browser.get(`${clinic}/sign-in`)).status, 403);
      assert.equal(log.at(-1)?.code, 'assurance_too_low');
      assert.equal(await isSignedIn(clinic), false);
    });
  });

  describe('when the hub says no', () => {
    it('a refusal by the person has a page that says nothing was given and offers another try, in both languages', async () => {
      hub.person.refuses = true;
      const japanese = await browser.get(`${clinic}/sign-in`);
      assert.equal(japanese.status, 403);
      assert.match(japanese.text, /<html lang="ja"/);
      assert.match(japanese.text, /サインインを中止しました/);
      const other = japanese.text.match(/href="(\/problem\/[^"]+)"/)?.[1];
      const english = await browser.get(`${clinic}${other}`);
      assert.match(english.text, /The sign-in was stopped/);
      assert.match(english.text, /href="\/sign-in"/);
    });

    it('a hub that is not up leaves the front page working, and is found once it is there', async () => {
      hub.overrides.set('/.well-known/openid-configuration', { status: 503, body: {} });
      assert.equal((await browser.get(`${clinic}/`)).status, 200);
      const refused = await browser.get(`${clinic}/sign-in`);
      assert.equal(refused.status, 503);
      assert.match(refused.text, /Musubi につながりません/);
      hub.overrides.clear();
      assert.equal(subOn(await browser.get(`${clinic}/sign-in`)), 'hanako@localhost');
    });

    it('an error of the hub is shown by its code only', async () => {
      hub.overrides.set('/request', { status: 400, body: { error: 'invalid_request', error_description: '<b>x</b>' } });
      const page = await browser.get(`${clinic}/sign-in`);
      assert.equal(page.status, 502);
      assert.match(page.text, /invalid_request/);
      assert.doesNotMatch(page.text, /<b>x/);
    });

    it('asking silently keeps a person whom the hub knows', async () => {
      await browser.get(`${clinic}/sign-in`);
      const page = await browser.get(`${clinic}/check?lang=en`);
      assert.match(page.text, /You are still signed in at Musubi/);
      assert.equal(subOn(page), 'hanako@localhost');
    });

    it('asking silently ends the session of a person who has taken the consent back, and says so', async () => {
      await browser.get(`${shop}/sign-in`);
      const { url } = await browser.get(`${shop}/check?lang=en`, { stopAt: hub.issuer });
      const answer = new URL(`${shop}/callback`);
      answer.search = new URLSearchParams({
        ...{ error: 'consent_required', iss: hub.issuer },
        state: new URL(url).searchParams.get('state') ?? '',
      }).toString();
      const page = await browser.get(answer.href);
      assert.equal(page.url, `${shop}/`);
      assert.match(page.text, /There is no consent for this site now/);
      assert.equal(subOn(page), undefined);
    });

    it('asking silently signs out a person whom the hub has forgotten', async () => {
      const page = await browser.get(`${clinic}/check?lang=en`);
      assert.equal(page.status, 200);
      assert.match(page.text, /Please sign in again/);
      assert.equal(await isSignedIn(clinic), false);
    });
  });

  describe('signing out', () => {
    async function signOut(site: string): Promise<Visited> {
      const confirm = await browser.post(`${site}/sign-out?lang=en`, {}, { headers: { origin: site } });
      assert.ok(confirm.url.startsWith(hub.issuer), confirm.url);
      const xsrf = confirm.text.match(/name="xsrf" value="([^"]+)"/)?.[1] ?? '';
      const action = confirm.text.match(/action="([^"]+)"/)?.[1] ?? '';
      return browser.post(action, { xsrf, logout: 'yes' });
    }

    it('ends the session here and at the hub, and returns with a word of it, once', async () => {
      await browser.get(`${clinic}/sign-in`);
      const back = await signOut(clinic);
      assert.equal(back.url, `${clinic}/`);
      assert.match(back.text, /You are signed out\./);
      assert.doesNotMatch((await browser.get(clinic)).text, /You are signed out\./);
      const again = await browser.get(`${clinic}/check`);
      assert.equal(subOn(again), undefined, 'the hub has no session either');
    });

    it('at one site ends the session at the other, which says where it was ended', async () => {
      await browser.get(`${clinic}/sign-in`);
      await browser.get(`${shop}/sign-in`);
      await signOut(clinic);
      const page = await browser.get(`${shop}/?lang=en`);
      assert.equal(subOn(page), undefined);
      assert.match(page.text, /You were signed out at Musubi/);
    });

    it('is refused from a page of another origin, and from none', async () => {
      await browser.get(`${clinic}/sign-in`);
      const origins: Record<string, string>[] = [{ origin: hub.issuer }, { origin: 'null' }, {}];
      for (const headers of origins) {
        assert.equal((await browser.post(`${clinic}/sign-out`, {}, { headers })).status, 403);
      }
      assert.equal(await isSignedIn(clinic), true);
    });

    it('a return that nobody left for says nothing', async () => {
      assert.doesNotMatch((await browser.get(`${clinic}/?state=made-up&lang=en`)).text, /signed out/);
    });

    it('ends by itself after an hour', async () => {
      await browser.get(`${clinic}/sign-in`);
      now += 61 * 60_000;
      assert.equal(await isSignedIn(clinic), false);
    });
  });

  describe('a logout token', () => {
    const second = () => Math.floor(now / 1000);
    const claims = () => ({
      iss: hub.issuer,
      aud: 'clinic',
      iat: second(),
      exp: second() + 120,
      jti: randomUUID(),
      sub: 'hanako@localhost',
      events: { [LOGOUT_EVENT]: {} },
    });
    const deliver = (token: string, site = clinic) =>
      fetch(`${site}/backchannel-logout`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) });

    beforeEach(async () => {
      await browser.get(`${clinic}/sign-in?lang=en`);
    });

    it('of the hub ends the person’s session', async () => {
      assert.equal((await deliver(await hub.signJwt(claims()))).status, 200);
      const page = await browser.get(`${clinic}/`);
      assert.equal(subOn(page), undefined);
      assert.match(page.text, /You were signed out at Musubi/);
    });

    it('for another person or another session ends nobody’s', async () => {
      assert.equal((await deliver(await hub.signJwt({ ...claims(), sub: 'taro@localhost' }))).status, 200);
      assert.equal((await deliver(await hub.signJwt({ ...claims(), sid: 'another' }))).status, 200);
      assert.equal(await isSignedIn(clinic), true);
    });

    it('is refused the second time', async () => {
      const token = await hub.signJwt(claims());
      await deliver(token);
      await browser.get(`${clinic}/sign-in`);
      assert.equal((await deliver(token)).status, 400);
      assert.equal(await isSignedIn(clinic), true);
    });

    const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const refusals: [title: string, token: () => Promise<string>][] = [
      ['for another client', () => hub.signJwt({ ...claims(), aud: 'shop' })],
      ['of another issuer', () => hub.signJwt({ ...claims(), iss: 'https://evil.example' })],
      ['without events', () => hub.signJwt({ ...claims(), events: undefined })],
      ['with another event', () => hub.signJwt({ ...claims(), events: { 'https://x.example': {} } })],
      ['with a nonce, as an ID token has one', () => hub.signJwt({ ...claims(), nonce: 'n' })],
      ['of another type', () => hub.signJwt(claims(), { typ: 'JWT' })],
      ['without jti', () => hub.signJwt({ ...claims(), jti: undefined })],
      ['without sub and sid', () => hub.signJwt({ ...claims(), sub: undefined })],
      ['that has expired', () => hub.signJwt({ ...claims(), exp: second() - 60 })],
      ['without expiry', () => hub.signJwt({ ...claims(), exp: undefined })],
      ['issued too long ago', () => hub.signJwt({ ...claims(), iat: second() - 3600 })],
      [
        'without a signature (alg none)',
        async () => `${base64({ alg: 'none', typ: 'logout+jwt' })}.${base64(claims())}.`,
      ],
      [
        'with a changed payload',
        async () => {
          const [header, , signature] = (await hub.signJwt(claims())).split('.');
          return `${header}.${base64(claims())}.${signature}`;
        },
      ],
      ['that is no JWT', async () => 'logout please'],
      ['of more than 16 KB', () => hub.signJwt({ ...claims(), padding: 'x'.repeat(20_000) })],
    ];
    for (const [title, token] of refusals) {
      it(`is refused ${title}`, async () => {
        const response = await deliver(await token()).catch(() => ({ status: 400 }));
        assert.equal(response.status, 400);
        assert.equal(await isSignedIn(clinic), true);
      });
    }

    it('is refused by GET and in another content type', async () => {
      const token = await hub.signJwt(claims());
      assert.equal((await fetch(`${clinic}/backchannel-logout?logout_token=${token}`)).status, 404);
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      assert.equal((await fetch(`${clinic}/backchannel-logout`, json)).status, 400);
      assert.equal(await isSignedIn(clinic), true);
    });

    it('is not judged while the hub’s keys cannot be had', async () => {
      hub.overrides.set('/jwks', { status: 500, body: {} });
      assert.equal((await deliver(await hub.signJwt(claims()))).status, 503);
      assert.equal(await isSignedIn(clinic), true);
    });
  });

  describe('every page', () => {
    it('is Japanese first, and English for who chooses it or whose browser does', async () => {
      assert.match((await browser.get(clinic)).text, /<html lang="ja"/);
      assert.match((await browser.get(clinic, { headers: { 'accept-language': 'en-GB,ja' } })).text, /<html lang="en"/);
      assert.match((await browser.get(`${clinic}/?lang=en`)).text, /<html lang="en"/);
      assert.match((await browser.get(clinic)).text, /<html lang="en"/);
    });

    it('runs no script, sits in no frame and is kept by nobody', async () => {
      for (const path of ['/', '/privacy', '/terms', '/nowhere', '/callback']) {
        const { headers, text } = await browser.get(`${shop}${path}`);
        assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
        assert.doesNotMatch(headers.get('content-security-policy') ?? '', /script-src|unsafe-inline/);
        assert.equal(headers.get('cache-control'), 'no-store');
        assert.doesNotMatch(text, /<script|style="/);
      }
    });

    it('under another host name leads to the right one, so that no cookie is lost', async () => {
      const page = await browser.get(`${shop.replace('127.0.0.1', 'localhost')}/sign-in`);
      assert.equal(page.url, `${shop}/`);
    });

    it('has a cookie that scripts cannot read and other sites cannot use', async () => {
      const response = await fetch(`${clinic}/sign-in`, { redirect: 'manual' });
      assert.match(
        response.headers.getSetCookie()[0] ?? '',
        /^musubi_demo_clinic=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
      );
    });
  });
});
