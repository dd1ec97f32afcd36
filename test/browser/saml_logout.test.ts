import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { Profile } from '@node-saml/node-saml';
import type { Browser, Page } from 'playwright-core';
import { STATUS } from '../../provider/saml/names.ts';
import { handmadeRequest, signedByParty } from '../protocol/saml_logout_party.ts';
import { createSamlParty, logoutService, type SamlParty } from '../protocol/saml_party.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { freshAttributes, statusElement } from '../support/saml/logout_server.ts';
import { logoutResponse } from '../support/saml/messages.ts';
import { launchChromium, newPerson, type Person } from './person.ts';

/** A service provider with pages: one that is reached by redirect, or by form. */
interface Site {
  readonly origin: string;
  readonly server: Server;
  readonly party: SamlParty;
}

let browser: Browser;
let hub: TestHub;
let byRedirect: Site;
let byForm: Site;

before(async () => {
  hub = await startTestHub();
  [browser, byRedirect, byForm] = await Promise.all([launchChromium(), openSite('redirect'), openSite('post')]);
});
after(async () => {
  await browser?.close();
  await hub?.stop();
  for (const site of [byRedirect, byForm]) {
    site?.server.close();
    site?.server.closeAllConnections();
  }
});

/** Another site than the hub's for browsers: `localhost` there and an address here. */
async function openSite(binding: 'redirect' | 'post'): Promise<Site> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === '/leave') {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      return void response.end(askByForm(site.party, url.searchParams.get('name') ?? ''));
    }
    if (url.pathname !== '/slo') return void response.writeHead(404).end();
    let body = '';
    for await (const chunk of request) body += chunk;
    const fields = Object.fromEntries(binding === 'post' ? new URLSearchParams(body) : url.searchParams);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (fields.SAMLResponse !== undefined) return void response.end('<!doctype html><title>SP</title><h1>bye</h1>');
    if (binding === 'redirect') {
      const { profile } = await site.party.saml.validateRedirectAsync(fields, url.search.slice(1));
      const location = await site.party.saml.getLogoutResponseUrlAsync(profile as Profile, '', {}, true);
      return void response.writeHead(302, { location }).end();
    }
    const { profile } = await site.party.saml.validatePostRequestAsync(fields);
    response.end(answerByForm(site.party, String(profile?.ID)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const logoutServices = logoutService(binding, `${origin}/slo`);
  const site: Site = {
    ...{ origin, server },
    party: await createSamlParty(hub, { host: `${binding}.example`, logoutServices }),
  };
  return site;
}

function answerByForm(party: SamlParty, inResponseTo: string): string {
  const message = logoutResponse({
    issuer: party.entityId,
    attributes: { ...freshAttributes(), Destination: `${hub.issuer}/saml/slo`, InResponseTo: inResponseTo },
    rest: statusElement([STATUS.success]),
  });
  return formOf('SAMLResponse', signedByParty(party, message));
}

function askByForm(party: SamlParty, nameId: string): string {
  return formOf('SAMLRequest', signedByParty(party, handmadeRequest(party, `${hub.issuer}/saml/slo`, { nameId })));
}

/** From another site than the hub's, so that it comes without the hub's cookies. */
function formOf(field: string, message: string): string {
  return `<!doctype html><title>SP</title><form method="post" action="${hub.issuer}/saml/slo">
    <input type="hidden" name="${field}" value="${Buffer.from(message).toString('base64')}"><button>go on</button></form>
    <script>document.forms[0].submit()</script>`;
}

/** Somebody who is signed in at both, in Chromium; it must not complain of anything. */
async function asSignedIn(
  { script }: { script: boolean },
  act: (person: Person, profiles: readonly Profile[]) => Promise<void>,
): Promise<void> {
  const cookies = new Map<string, string>();
  const signIn = createHttpBrowser({
    async send(url, init) {
      const answer = await fetch(url, init);
      for (const header of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
        cookies.set(name, value);
      }
      return answer;
    },
  });
  const profiles: Profile[] = [];
  for (const { party } of [byRedirect, byForm]) profiles.push(await party.signIn({ browser: signIn }));
  const person = await newPerson(browser, { javaScriptEnabled: script });
  const { context, page } = person;
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  try {
    await context.addCookies(
      [...cookies]
        .filter(([name]) => name.includes('session'))
        .map(([name, value]) => ({ name, value, url: hub.issuer })),
    );
    await act(person, profiles);
    // Chromium asks every site for an icon.
    assert.deepEqual(
      complaints.filter((text) => !text.includes('404')),
      [],
    );
  } finally {
    await person.leave();
  }
}

/** The page of the hub with a form that is sent by itself where there is script, then the service provider's. */
async function pressOn(page: Page): Promise<void> {
  await page.click('form[data-send-form] button');
  await page.click('text=go on');
}

for (const script of [true, false]) {
  describe(`single logout in a browser ${script ? 'with' : 'without'} script`, () => {
    it('goes from a service provider by redirect to one by form, and back', () =>
      asSignedIn({ script }, async ({ page }, [profile]) => {
        await page.goto(await byRedirect.party.saml.getLogoutUrlAsync(profile as Profile, '', {}));
        if (!script) await pressOn(page);
        await page.waitForURL(`${byRedirect.origin}/slo?**`);
        assert.equal(await page.textContent('h1'), 'bye');
        assert.ok(new URL(page.url()).searchParams.has('SAMLResponse'));
      }));

    it('goes from a service provider by form to one by redirect, and back', () =>
      asSignedIn({ script }, async ({ page }, [, profile]) => {
        const answered = page.waitForRequest(`${byForm.origin}/slo`);
        await page.goto(`${byForm.origin}/leave?name=${profile?.nameID}`);
        if (!script) {
          await page.click('text=go on');
          await page.click('form[data-send-form] button');
        }
        assert.ok(new URLSearchParams((await answered).postData() ?? '').has('SAMLResponse'));
        await page.waitForSelector('h1:text("bye")');
      }));

    it('goes from the hub’s own page to both, and ends at the hub', () =>
      asSignedIn({ script }, async ({ page }) => {
        await page.goto(`${hub.issuer}/sign-out`);
        await page.click('button[name=logout]');
        if (!script) await pressOn(page);
        await page.waitForURL(`${hub.issuer}/sign-out/success`);
        assert.equal(await page.textContent('h1'), 'サインアウトしました');
      }));
  });
}
