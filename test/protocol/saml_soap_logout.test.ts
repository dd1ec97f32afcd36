import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Profile } from '@node-saml/node-saml';
import { NAME_ID_FORMATS, STATUS } from '../../provider/saml/names.ts';
import { createHttpBrowser, type HttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { type LogoutListener, startLogoutListener } from '../support/logout_listener.ts';
import { type SoapLogoutServer, soapLogoutResponse, startSoapLogoutServer } from '../support/saml/logout_server.ts';
import { envelope } from '../support/saml/messages.ts';
import { signed } from '../support/saml/sign.ts';
import { verifiesWithXmlsec1 } from '../support/saml/verify_with_xmlsec1.ts';
import { answerOf, createRelyingParty, open, type RelyingParty } from './relying_party.ts';
import { answerTo, handmadeRequest, signedByParty, startLogout } from './saml_logout_party.ts';
import {
  createSamlParty,
  hubCertificates,
  logoutService,
  newPartyKey,
  partyKey,
  type SamlParty,
} from './saml_party.ts';

let hub: TestHub;
let listener: LogoutListener;
let soapServer: SoapLogoutServer;
let caller: SamlParty;
let called: SamlParty;
/** To be told through a browser only. */
let visited: SamlParty;
let website: RelyingParty;

before(async () => {
  hub = await startTestHub();
  listener = await startLogoutListener();
  soapServer = await startSoapLogoutServer(partyKey());
  const logoutServices = logoutService('soap', soapServer.url);
  caller = await createSamlParty(hub, { host: 'caller.example', logoutServices });
  called = await createSamlParty(hub, { host: 'called.example', logoutServices });
  visited = await createSamlParty(hub, { host: 'visited.example' });
  website = await createRelyingParty(hub, { backchannel_logout_uri: listener.url });
});

beforeEach(() => {
  listener.received = [];
  soapServer.requests.length = 0;
  soapServer.answer = [STATUS.success];
});

after(async () => {
  await hub?.stop();
  listener?.close();
  await soapServer?.close();
});

const isSignedIn = async (browser: HttpBrowser): Promise<boolean> =>
  answerOf(await open(website.authorizationUrl(await website.attempt({ prompt: 'none' })), browser)).code !== undefined;

async function signInAt(...parties: readonly SamlParty[]) {
  const browser = createHttpBrowser();
  await website.signIn({ browser });
  const profiles = [];
  for (const party of parties) profiles.push(await party.signIn({ browser }));
  return { browser, profile: profiles[0] as Profile };
}

interface Answer {
  readonly http: number;
  readonly status: readonly string[];
  readonly xml: string;
}

async function call(body: string, contentType = 'text/xml'): Promise<Answer> {
  const response = await fetch(`${hub.issuer}/saml/soap/slo`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
  const xml = await response.text();
  const status = [...xml.matchAll(/StatusCode Value="[^"]*:([^":]+)"/g)].map(([, word = '']) => word);
  return { http: response.status, status, xml };
}

const requestOf = (party: SamlParty, profile: Profile, over: Record<string, string | undefined> = {}) => {
  const { sessionIndex, ...attributes } = { sessionIndex: profile.sessionIndex, ...over };
  return handmadeRequest(party, `${hub.issuer}/saml/soap/slo`, {
    nameId: profile.nameID,
    format: profile.nameIDFormat,
    sessionIndex,
    attributes,
  });
};

const ask = (party: SamlParty, profile: Profile, over: Record<string, string | undefined> = {}) =>
  call(envelope(signedByParty(party, requestOf(party, profile, over))));

describe('a service provider’s server that signs somebody out', () => {
  it('ends the session, has everybody told, and is answered in a signed message', async () => {
    const { browser, profile } = await signInAt(caller, called);
    const { http, status, xml } = await ask(caller, profile);
    assert.deepEqual([http, status], [200, ['Success']]);
    assert.equal(await isSignedIn(browser), false);
    assert.deepEqual(
      soapServer.requests.map(({ entityId }) => entityId),
      [called.entityId],
    );
    assert.equal(listener.received.length, 1);
    const message = /<samlp:LogoutResponse.*<\/samlp:LogoutResponse>/s.exec(xml)?.[0] ?? '';
    const [certificate = ''] = await hubCertificates(hub);
    const { publicKey } = new X509Certificate(Buffer.from(certificate, 'base64'));
    assert.ok(await verifiesWithXmlsec1(message, 'LogoutResponse', publicKey));
  });

  it('hears that others were not told who can be told through a browser only', async () => {
    const { browser, profile } = await signInAt(caller, visited);
    assert.deepEqual((await ask(caller, profile)).status, ['Success', 'PartialLogout']);
    assert.equal(await isSignedIn(browser), false);
  });

  it('ends the session that it means, and no other one of the person', async () => {
    const [one, other] = [await signInAt(caller), await signInAt(caller)];
    assert.deepEqual((await ask(caller, one.profile)).status, ['Success']);
    assert.deepEqual([await isSignedIn(one.browser), await isSignedIn(other.browser)], [false, true]);
    assert.deepEqual((await ask(caller, other.profile, { sessionIndex: undefined })).status, ['Success']);
    assert.equal(await isSignedIn(other.browser), false);
  });

  it('ends none that it took no part in, whosever the session index is', async () => {
    const theirs = await signInAt(called);
    const own = await signInAt(caller);
    await ask(caller, own.profile);
    for (const sessionIndex of [theirs.profile.sessionIndex, undefined]) {
      assert.deepEqual((await ask(caller, own.profile, { sessionIndex })).status, ['Success']);
    }
    assert.equal(await isSignedIn(theirs.browser), true);
  });

  it('may name the person as in a transient identifier', async () => {
    const { browser } = await signInAt();
    const profile = await caller.signIn({ browser, saml: { identifierFormat: NAME_ID_FORMATS.transient } });
    assert.deepEqual((await ask(caller, profile)).status, ['Success']);
    assert.equal(await isSignedIn(browser), false);
  });

  it('is refused for somebody whom it does not know', async () => {
    const { browser, profile } = await signInAt(called);
    assert.deepEqual((await ask(caller, profile)).status, ['Requester', 'UnknownPrincipal']);
    assert.equal(await isSignedIn(browser), true);
  });

  it('is heard once with one request', async () => {
    const { profile } = await signInAt(caller);
    const body = envelope(signedByParty(caller, requestOf(caller, profile, { sessionIndex: undefined })));
    const answers = await Promise.all(Array.from({ length: 8 }, () => call(body)));
    const words = answers.map(({ status }) => status.at(-1)).sort();
    assert.deepEqual(words, [...Array(7).fill('RequestDenied'), 'Success']);
    const { browser } = await signInAt(caller);
    assert.deepEqual((await call(body)).status, ['Requester', 'RequestDenied']);
    assert.equal(await isSignedIn(browser), true);
  });

  it('is refused by a fault when nobody can know who has sent it, or it is no message', async () => {
    const { browser, profile } = await signInAt(caller);
    const request = requestOf(caller, profile);
    const stranger = newPartyKey();
    for (const [body, contentType, http, code] of [
      [envelope(request), 'text/xml', 400, 'saml_service_unknown'],
      [envelope(signed(request, { key: stranger.privateKey })), 'text/xml', 400, 'saml_service_unknown'],
      [signedByParty(caller, request), 'text/xml', 400, 'saml_malformed'],
      ['', 'text/xml', 400, 'saml_malformed'],
      [envelope(signedByParty(caller, request)), 'application/json', 415, 'unsupported_media_type'],
      [' '.repeat(100 * 1024 + 1), 'text/xml', 413, 'request_too_large'],
    ] as const) {
      const answer = await call(body, contentType);
      assert.equal(answer.http, http, answer.xml);
      assert.match(answer.xml, new RegExp(`<faultcode>soap11:Client</faultcode><faultstring>${code}: `));
    }
    assert.equal(await isSignedIn(browser), true);
  });

  it('is told by a status that its request is too old, or meant for elsewhere', async () => {
    const { browser, profile } = await signInAt(caller);
    for (const over of [{ IssueInstant: '2020-01-01T00:00:00Z' }, { Destination: 'https://other.example/slo' }]) {
      assert.deepEqual((await ask(caller, profile, over)).status, ['Requester', 'RequestDenied']);
    }
    assert.equal(await isSignedIn(browser), true);
  });
});

describe('the answer to a call of the hub', () => {
  for (const [what, answer] of [
    ['is not signed', (id: string) => soapLogoutResponse(called.entityId, id, [STATUS.success])],
    [
      'is signed by a stranger',
      (id: string) =>
        signed(soapLogoutResponse(called.entityId, id, [STATUS.success]), { key: newPartyKey().privateKey }),
    ],
    [
      'is another service provider’s',
      (id: string) => signedByParty(visited, soapLogoutResponse(visited.entityId, id, [STATUS.success])),
    ],
    [
      'answers another request',
      () => signedByParty(called, soapLogoutResponse(called.entityId, '_another', [STATUS.success])),
    ],
  ] as const) {
    it(`counts for nothing when it ${what}`, async () => {
      const { browser, profile } = await signInAt(visited, called);
      soapServer.answer = ({ id }) => envelope(answer(id));
      const begun = await startLogout(browser, visited, profile);
      assert.deepEqual((await answerTo(visited, begun)).status, ['Success', 'PartialLogout']);
    });
  }
});

describe('a session that ends without a browser', () => {
  it('is told by a call: the card was revoked', async () => {
    const browser = createHttpBrowser();
    const profile = await called.signIn({ browser, card: 'hanako' });
    await visited.signIn({ browser, card: 'hanako' });
    const arrived = soapServer.arrival();
    await hub.authority.authority.citizens.revoke({
      name: 'hanako',
      certificate: 'both',
      reason: 'cessationOfOperation',
    });
    await hub.refreshLists();
    const { entityId, nameId, sessionIndex } = await arrived;
    assert.deepEqual([entityId, nameId, sessionIndex], [called.entityId, profile.nameID, profile.sessionIndex]);
  });
});
