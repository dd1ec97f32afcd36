import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { SAML } from '@node-saml/node-saml';
import { NAME_ID_FORMATS, PAIRWISE_ID } from '../../provider/saml/names.ts';
import { createCertificateBrowser, userCertificateOf } from '../support/certificate_browser.ts';
import { formAction, hiddenFields } from '../support/hidden_fields.ts';
import { createHttpBrowser } from '../support/http_browser.ts';
import { startTestHub, type TestHub } from '../support/hub.ts';
import { assertionElement, authnRequest } from '../support/saml/messages.ts';
import { redirectQuery } from '../support/saml/sign.ts';
import { createRelyingParty, type RelyingParty } from './relying_party.ts';
import { createSamlParty, type SamlParty } from './saml_party.ts';

const CLASS = 'urn:oasis:names:tc:SAML:2.0:ac:classes:';

let hub: TestHub;
let party: SamlParty;
let website: RelyingParty;

before(async () => {
  hub = await startTestHub();
  party = await createSamlParty(hub);
  website = await createRelyingParty(hub);
});

after(async () => {
  await hub?.stop();
});

/** What the assertion says, as the library hands it on. */
function statementOf(profile: { getAssertionXml?(): string }) {
  const xml = profile.getAssertionXml?.() ?? '';
  const value = (pattern: RegExp) => pattern.exec(xml)?.[1];
  return {
    authnContextClass: value(/AuthnContextClassRef>([^<]+)</),
    audience: value(/Audience>([^<]+)</),
    recipient: value(/ Recipient="([^"]+)"/),
    authnInstant: value(/ AuthnInstant="([^"]+)"/),
    notOnOrAfter: value(/SubjectConfirmationData [^>]*NotOnOrAfter="([^"]+)"/),
  };
}

describe('signing in at a SAML service provider', () => {
  for (const binding of ['redirect', 'post'] as const) {
    it(`works with a request by ${binding}`, async () => {
      const page = await party.answer({ binding, relayState: 'there&back<1>' });
      assert.match(page.text, new RegExp(`<form [^>]*action="${party.acs}"`));
      assert.match(page.headers.get('content-security-policy') ?? '', /form-action 'self' https:\/\/sp\.example;/);
      assert.equal(hiddenFields(page.text).RelayState, 'there&back<1>');
      const profile = await party.accept(page);
      assert.equal(profile.nameIDFormat, NAME_ID_FORMATS.persistent);
      const { notOnOrAfter, ...statement } = statementOf(profile);
      assert.deepEqual(
        { ...statement, authnInstant: undefined },
        {
          authnContextClass: `${CLASS}SmartcardPKI`,
          ...{ audience: party.entityId, recipient: party.acs, authnInstant: undefined },
        },
      );
      assert.ok(Date.parse(notOnOrAfter ?? '') <= Date.now() + 5 * 60_000);
    });
  }

  it('gives the same person the same identifier each time, and another one elsewhere', async () => {
    const other = await createSamlParty(hub, { host: 'other.example' });
    const [first, again, elsewhere] = [await party.signIn(), await party.signIn(), await other.signIn()];
    assert.equal(again.nameID, first.nameID);
    assert.notEqual(elsewhere.nameID, first.nameID);
    const tokens = await website.signIn();
    assert.notEqual(tokens.claims()?.sub, first.nameID);
    assert.match(String(first[PAIRWISE_ID]), /^[0-9a-f]{20,}@localhost$/);
    assert.equal(first[PAIRWISE_ID], `${Buffer.from(first.nameID, 'base64url').toString('hex')}@localhost`);
  });

  it('gives one identifier over both protocols to a member whom the operator lets have it', async () => {
    const member = await createSamlParty(hub, { host: 'member.example', settings: { sector: 'rp.example' } });
    const profile = await member.signIn();
    const tokens = await website.signIn(); // its redirect address is at rp.example
    assert.equal(tokens.claims()?.sub, profile.nameID);
  });

  it('gives an identifier for one session to whoever asks for that, and no lasting one beside it', async () => {
    const saml = { identifierFormat: NAME_ID_FORMATS.transient };
    const [first, second] = [await party.signIn({ saml }), await party.signIn({ saml })];
    assert.equal(first.nameIDFormat, NAME_ID_FORMATS.transient);
    assert.notEqual(first.nameID, second.nameID);
    assert.ok(first.nameID.length <= 256, `${first.nameID.length} characters`);
    assert.equal(first[PAIRWISE_ID], undefined);
  });
});

describe('one session for both front doors', () => {
  it('lets a person who signed in by OpenID Connect in without the card, and the reverse', async () => {
    const browser = createHttpBrowser();
    await website.signIn({ browser });
    const other = await createSamlParty(hub, { host: 'second.example' });
    // A card that cannot sign would fail here.
    const profile = await other.signIn({ browser, pin: 'no card is asked for' });
    assert.ok(profile.nameID);

    const fresh = createHttpBrowser();
    await other.signIn({ browser: fresh });
    const tokens = await website.signIn({ browser: fresh, pin: 'no card is asked for' });
    assert.ok(tokens.claims()?.sub);
  });

  it('asks for consent once, and for what is new', async () => {
    const service = (claims: string) =>
      `<md:AttributeConsumingService index="0"><md:ServiceName xml:lang="ja">窓口</md:ServiceName>${claims}</md:AttributeConsumingService>`;
    const asking = await createSamlParty(hub, {
      host: 'asking.example',
      services: service('<md:RequestedAttribute Name="card_status" isRequired="true"/>'),
    });
    const browser = createHttpBrowser();
    const first = await browser.get(await asking.saml.getAuthorizeUrlAsync('', undefined, {}));
    assert.match(first.text, /asking\.example/);
    const profile = await asking.signIn({ browser });
    assert.match(String(profile.card_status), /"status":"good"/);
    const url = await asking.saml.getAuthorizeUrlAsync('', undefined, {});
    assert.match((await browser.get(url)).text, /data-send-form/);
  });
});

describe('what a request may ask for', () => {
  it('ForceAuthn: the card once more, in the same session', async () => {
    const browser = createHttpBrowser();
    await party.signIn({ browser });
    const url = await party.saml.getAuthorizeUrlAsync('', undefined, {});
    assert.match((await browser.get(url)).text, /data-send-form/);
    const page = await party.answer({ browser, saml: { forceAuthn: true } });
    assert.ok((await party.accept(page)).nameID);
    await assert.rejects(
      party.answer({ browser, saml: { forceAuthn: true }, pin: '0000' }),
      /PIN|暗証/i,
      'a wrong PIN does not sign in again',
    );
  });

  it('IsPassive: NoPassive without a page for whoever is not signed in, and an assertion for who is', async () => {
    const browser = createHttpBrowser();
    const page = await party.answer({ browser, saml: { passive: true } });
    assert.deepEqual(statusOf(page.text), ['Responder', 'NoPassive']);
    // The library has a profile of nobody for that, and no error.
    const { SAMLResponse = '' } = hiddenFields(page.text);
    assert.equal((await party.saml.validatePostResponseAsync({ SAMLResponse })).profile, null);
    await party.signIn({ browser });
    assert.ok((await party.signIn({ browser, saml: { passive: true } })).nameID);
  });

  it('RequestedAuthnContext: the class that was asked for and is true, or NoAuthnContext', async () => {
    const asking = (authnContext: string[], racComparison: 'exact' | 'minimum' | 'better' = 'exact') => ({
      saml: { disableRequestedAuthnContext: false, authnContext, racComparison },
    });
    const profile = await party.signIn(asking([`${CLASS}Password`, `${CLASS}X509`]));
    assert.equal(statementOf(profile).authnContextClass, `${CLASS}X509`);
    const minimum = await party.signIn(asking([`${CLASS}PasswordProtectedTransport`], 'minimum'));
    assert.equal(statementOf(minimum).authnContextClass, `${CLASS}SmartcardPKI`);
    for (const page of [
      await party.answer(asking([`${CLASS}Password`])),
      await party.answer(asking([`${CLASS}SmartcardPKI`], 'better')),
      // The card signs a challenge here, no handshake.
      await party.answer(asking([`${CLASS}TLSClient`])),
    ]) {
      assert.deepEqual(statusOf(page.text), ['Responder', 'NoAuthnContext']);
    }
  });

  it('a way of signing: the card is asked for again where it signed in another way', async () => {
    const browser = createCertificateBrowser(hub, {
      certificate: await userCertificateOf(hub.authority.cardsFolder, 'taro'),
    });
    await party.signIn({ browser });
    const asking = new SAML({
      ...party.saml.options,
      disableRequestedAuthnContext: false,
      authnContext: [`${CLASS}TLSClient`],
    });
    const passive = new SAML({ ...asking.options, passive: true });
    const refused = await browser.get(await passive.getAuthorizeUrlAsync('', undefined, {}));
    assert.deepEqual(statusOf(refused.text), ['Responder', 'NoPassive']);
    const page = await browser.get(await asking.getAuthorizeUrlAsync('', undefined, {}));
    const [, way = ''] = /href="(\/interaction\/[^"]+\/certificate)"/.exec(page.text) ?? [];
    const profile = await party.accept(await browser.get(hub.issuer + way));
    assert.equal(statementOf(profile).authnContextClass, `${CLASS}TLSClient`);
  });

  it('Subject: the person that the service provider names, and nobody else', async () => {
    const { nameID } = await party.signIn({ card: 'keiko' });
    const ask = (value: string) => {
      const message = authnRequest({
        issuer: party.entityId,
        attributes: {
          ID: `_${randomUUID()}`,
          Destination: `${hub.issuer}/saml/sso`,
          IssueInstant: new Date().toISOString(),
        },
        rest: assertionElement('Subject', `<saml:NameID>${value}</saml:NameID>`),
      });
      return `${hub.issuer}/saml/sso?${redirectQuery(message, { key: party.key.privateKey })}`;
    };
    const browser = createHttpBrowser();
    const ofNobody = await browser.get(ask('nobody'));
    assert.deepEqual(statusOf(ofNobody.text), ['Responder', 'UnknownPrincipal']);
    const first = await browser.get(ask(nameID));
    const other = await hub.answerPages(first, { browser, card: 'taro' });
    assert.match(other.text, /data-sign-in-form/, 'another person’s card is not enough');
    // The first one's session is closed before the sign-in goes on.
    const closing = await hub.answerPages(other, { browser, card: 'keiko' });
    const action = formAction(closing.text, 'data-send-form', closing.url);
    const right = await browser.post(action, hiddenFields(closing.text));
    const { SAMLResponse = '' } = hiddenFields(right.text);
    assert.match(Buffer.from(SAMLResponse, 'base64').toString(), new RegExp(`>${nameID}<`));
  });

  it('a person who refuses is told to the service provider as RequestDenied', async () => {
    const page = await party.answer({ card: 'hanako', agree: 'refuse' });
    assert.deepEqual(statusOf(page.text), ['Responder', 'RequestDenied']);
  });
});

describe('without a request', () => {
  it('lets whoever follows a link in, where the operator allows it', async () => {
    const open = await createSamlParty(hub, { host: 'open.example', settings: { idpInitiated: true } });
    const browser = createHttpBrowser();
    const url = new URL('/saml/start', hub.issuer);
    url.search = new URLSearchParams({ sp: open.entityId, RelayState: 'start' }).toString();
    const page = await hub.answerPages(await browser.get(url.href), { browser });
    assert.equal(hiddenFields(page.text).RelayState, 'start');
    const profile = await open.accept(page);
    assert.equal(profile.inResponseTo, undefined);

    url.searchParams.set('sp', party.entityId);
    const refused = await browser.get(url.href);
    assert.equal(refused.status, 400);
  });
});

describe('an encrypted assertion', () => {
  it('is sent to whoever has a key for it, and read by its library', async () => {
    const careful = await createSamlParty(hub, { host: 'careful.example', hasEncryptionKey: true });
    const page = await careful.answer();
    const xml = Buffer.from(hiddenFields(page.text).SAMLResponse ?? '', 'base64').toString();
    assert.match(xml, /EncryptedAssertion/);
    assert.doesNotMatch(xml, /NameID/);
    const profile = await careful.accept(page);
    assert.equal(profile.nameID, (await careful.signIn()).nameID);
  });
});

describe('a client that stands for a service provider', () => {
  it('is nothing that relying parties are told of', async () => {
    const { response_types_supported: types } = website.configuration.serverMetadata();
    assert.deepEqual(types, ['code']);
  });
});

function statusOf(html: string): string[] {
  const xml = Buffer.from(hiddenFields(html).SAMLResponse ?? '', 'base64').toString();
  return [...xml.matchAll(/StatusCode Value="[^"]*:([A-Za-z]+)"/g)].map(([, code = '']) => code);
}
