import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HubError } from '../../../provider/errors.ts';
import { createGate, type Gate, type Judged } from '../../../provider/saml/gate.ts';
import type { AuthnRequest, MessageKind } from '../../../provider/saml/messages.ts';
import { NAMESPACES } from '../../../provider/saml/names.ts';
import { fixedRsaKey } from '../../fuzz/fixed_keys.ts';
import {
  assertionElement,
  attributeQuery,
  authnRequest,
  envelope,
  logoutRequest,
  logoutResponse,
  type MessageOptions,
  NOW,
  nameId,
  protocolElement,
  SP,
  SSO,
} from '../../support/saml/messages.ts';
import { gateOf, serviceProvider, signingIdentity } from '../../support/saml/providers.ts';
import { postForm, redirectQuery, signed } from '../../support/saml/sign.ts';

const SECOND = 1000;
const sender = await signingIdentity(fixedRsaKey('sender'));
const { key } = sender;
const metadata = { signingCertificates: [sender.certificate] };
const gate = gateOf(serviceProvider(metadata));
const strict = gateOf(serviceProvider(metadata, { requireSignedRequests: true }));
const door = { address: SSO, kinds: ['AuthnRequest', 'LogoutRequest', 'LogoutResponse', 'AttributeQuery'] as const };

const post = (message: string, at: Gate = gate) => at.post(postForm(message), door);
const signedPost = (message: string, at: Gate = gate) => post(signed(message, { key }), at);
const response = { parameter: 'SAMLResponse' } as const;

async function refuses(judged: Promise<unknown>, code: string, why?: RegExp): Promise<void> {
  await assert.rejects(judged, (error) => {
    assert.ok(error instanceof HubError, String(error));
    assert.equal(error.code, code, String(error.details.why));
    assert.equal(error.status, 400);
    if (why) assert.match(String(error.details.why), why);
    return true;
  });
}

async function authn(options: MessageOptions): Promise<AuthnRequest> {
  const { message } = await gate.post(postForm(authnRequest(options)), { address: SSO, kinds: ['AuthnRequest'] });
  return message;
}

const extensions = (content: string) => protocolElement('Extensions', content);
const attributeList = (content: string) =>
  `<r:RequestedAttributes xmlns:r="${NAMESPACES.reqAttr}">${content}</r:RequestedAttributes>`;
const eidasList = (content: string) =>
  `<eidas:RequestedAttributes xmlns:eidas="${NAMESPACES.eidas}">${content}</eidas:RequestedAttributes>`;
/** @param written further XML attributes, those of ours with the prefix w and last */
function attribute(name: string, written = '', content = ''): string {
  const declared = written.includes(' w:') ? ` xmlns:w="${NAMESPACES.wish}"` : '';
  const head = `<md:RequestedAttribute xmlns:md="${NAMESPACES.metadata}"${declared}`;
  return `${head} Name="${name}"${written}>${content}</md:RequestedAttribute>`;
}

describe('an AuthnRequest', () => {
  it('is read with everything that it asks for', async () => {
    const classes = [
      'urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI',
      'urn:oasis:names:tc:SAML:2.0:ac:classes:X509',
    ];
    const { id, kind, ...read } = await authn({
      attributes: {
        ForceAuthn: 'true',
        IsPassive: '0',
        AssertionConsumerServiceURL: 'https://sp.example/acs?a=1&b=2',
        ProtocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
        AttributeConsumingServiceIndex: '7',
        ProviderName: 'ignored',
      },
      rest:
        protocolElement('Extensions', '<x xmlns="urn:x"><y/></x>') +
        assertionElement(
          'Subject',
          '<saml:NameID Format="urn:f" NameQualifier="q" SPNameQualifier="s">a &amp; b </saml:NameID>',
        ) +
        protocolElement('NameIDPolicy', '', ' AllowCreate="1" Format="urn:f" SPNameQualifier="urn:g"') +
        assertionElement('Conditions', '') +
        protocolElement(
          'RequestedAuthnContext',
          classes.map((each) => assertionElement('AuthnContextClassRef', each)).join('\n'),
          ' Comparison="minimum"',
        ) +
        protocolElement('Scoping', '', ' ProxyCount="0"'),
    });
    assert.deepEqual([id, kind], ['_genuine', 'AuthnRequest']);
    assert.deepEqual(read, {
      issuer: SP,
      issueInstant: NOW,
      isSigned: false,
      forceAuthn: true,
      isPassive: false,
      assertionConsumerServiceUrl: 'https://sp.example/acs?a=1&b=2',
      assertionConsumerServiceIndex: undefined,
      protocolBinding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
      attributeConsumingServiceIndex: 7,
      requestedAttributes: undefined,
      nameIdPolicy: { format: 'urn:f', spNameQualifier: 'urn:g', allowCreate: true },
      requestedAuthnContext: { comparison: 'minimum', classes },
      subject: { value: 'a & b ', format: 'urn:f', nameQualifier: 'q', spNameQualifier: 's' },
    });
  });

  it('asks for nothing when it says nothing', async () => {
    const { forceAuthn, isPassive, nameIdPolicy, requestedAuthnContext, subject } = await authn({});
    assert.deepEqual({ forceAuthn, isPassive }, { forceAuthn: false, isPassive: false });
    assert.deepEqual([nameIdPolicy, requestedAuthnContext, subject], [undefined, undefined, undefined]);
  });

  it('may list the attributes of this request, with the day and the age of each, in two standards’ elements', async () => {
    const listed = attribute('a', ' isRequired="true"') + attribute('b', ' w:MaxAge="60" w:TargetDate="2026-12-01"');
    const restricted = `${attribute('a', '', '<saml:AttributeValue xmlns:saml="urn:x">1</saml:AttributeValue>')}`;
    const expected = [
      { name: 'a', isRequired: true, targetDate: undefined, maxAge: undefined },
      { name: 'b', isRequired: false, targetDate: '2026-12-01', maxAge: 60 },
    ];
    const others = '<x xmlns="urn:x"></x>';
    const signedRequest = authnRequest({ rest: extensions(others + attributeList(listed)) });
    const { message } = await signedPost(signedRequest);
    assert.deepEqual(message.kind === 'AuthnRequest' && message.requestedAttributes, expected);
    const eidas = await authn({ rest: extensions(eidasList(listed.replaceAll('md:', 'eidas:')) + others) });
    assert.deepEqual(eidas.requestedAttributes, expected);
    // Not ours: without a namespace, or in another.
    const foreign = await authn({ rest: extensions(attributeList(attribute('a', ' MaxAge="x" md:MaxAge="x"'))) });
    assert.equal(foreign.requestedAttributes?.[0]?.maxAge, undefined);
    const values = await authn({ rest: extensions(attributeList(restricted)) });
    assert.deepEqual(values.requestedAttributes?.[0], { ...expected[0], isRequired: false });
  });

  const classRef = assertionElement('AuthnContextClassRef', 'urn:c');
  const wrong: Record<string, MessageOptions> = {
    'an index below zero': { attributes: { AssertionConsumerServiceIndex: '-1' } },
    'an index that is too large': { attributes: { AssertionConsumerServiceIndex: '65536' } },
    'an index that is no number': { attributes: { AttributeConsumingServiceIndex: '0x1' } },
    'both an address and an index': {
      attributes: { AssertionConsumerServiceIndex: '0', AssertionConsumerServiceURL: 'https://sp.example/acs' },
    },
    'a flag that is neither': { attributes: { ForceAuthn: 'yes' } },
    'an address that is too long': {
      attributes: { AssertionConsumerServiceURL: `https://sp.example/${'x'.repeat(1024)}` },
    },
    'two policies': { rest: protocolElement('NameIDPolicy') + protocolElement('NameIDPolicy') },
    'an unknown element': { rest: '<x:y xmlns:x="urn:x"></x:y>' },
    'elements out of order': { rest: protocolElement('Scoping') + protocolElement('NameIDPolicy') },
    'an unknown comparison': { rest: protocolElement('RequestedAuthnContext', classRef, ' Comparison="lowest"') },
    'two lists of attributes': { rest: extensions(attributeList(attribute('a')) + eidasList('')) },
    'a list without attributes': { rest: extensions(attributeList('')) },
    'a list with something else in it': { rest: extensions(attributeList(`${attribute('a')}<x xmlns="urn:x"></x>`)) },
    'a list of very many attributes': {
      rest: extensions(attributeList(Array.from({ length: 51 }, (_, place) => attribute(`a${place}`)).join(''))),
    },
    'an attribute twice': { rest: extensions(attributeList(attribute('a') + attribute('a', ' w:MaxAge="1"'))) },
    'an attribute without name': { rest: extensions(attributeList('<md:RequestedAttribute></md:RequestedAttribute>')) },
    'a need that is neither': { rest: extensions(attributeList(attribute('a', ' isRequired="perhaps"'))) },
    'a day that the calendar does not have': {
      rest: extensions(attributeList(attribute('a', ' w:TargetDate="2026-02-30"'))),
    },
    'a day with a time': { rest: extensions(attributeList(attribute('a', ' w:TargetDate="2026-02-03T00:00:00Z"'))) },
    'an age below zero': { rest: extensions(attributeList(attribute('a', ' w:MaxAge="-1"'))) },
    'an age that is no number': { rest: extensions(attributeList(attribute('a', ' w:MaxAge="1e3"'))) },
    'an age of very many digits': { rest: extensions(attributeList(attribute('a', ' w:MaxAge="10000000000"'))) },
    'a context of nothing': { rest: protocolElement('RequestedAuthnContext') },
    'classes and declarations': {
      rest: protocolElement('RequestedAuthnContext', classRef + assertionElement('AuthnContextDeclRef', 'urn:d')),
    },
    'a class of two': {
      rest: protocolElement('RequestedAuthnContext', assertionElement('AuthnContextClassRef', 'a<b></b>c')),
    },
    'two subjects': { rest: assertionElement('Subject', '') + assertionElement('Subject', '') },
    'text beside elements': { rest: 'text' },
    'an empty name': { rest: assertionElement('Subject', '<saml:NameID></saml:NameID>') },
    'a name that is too long': { rest: assertionElement('Subject', `<saml:NameID>${'x'.repeat(1025)}</saml:NameID>`) },
    'a name with an element in it': { rest: assertionElement('Subject', '<saml:NameID>a<b></b>c</saml:NameID>') },
    'a BaseID': { rest: assertionElement('Subject', '<saml:BaseID></saml:BaseID>') },
    'no ID': { attributes: { ID: undefined } },
    'an empty ID': { attributes: { ID: '' } },
    'an ID that begins with a digit': { attributes: { ID: '1' } },
    'an ID of a thousand characters': { attributes: { ID: `_${'x'.repeat(1000)}` } },
    'no version': { attributes: { Version: undefined } },
    'version 1.1': { attributes: { Version: '1.1' } },
    'version 2': { attributes: { Version: '2' } },
    'no IssueInstant': { attributes: { IssueInstant: undefined } },
    'a local time': { attributes: { IssueInstant: '2026-11-30T18:00:00+09:00' } },
    'a day that is none': { attributes: { IssueInstant: '2026-11-31T09:00:00Z' } },
    'a time that is none': { attributes: { IssueInstant: 'now' } },
    'an empty issuer': { issuer: '' },
  };
  for (const [name, options] of Object.entries(wrong)) {
    it(`with ${name} is malformed, signed or not`, async () => {
      await refuses(post(authnRequest(options)), 'saml_malformed');
      await refuses(signedPost(authnRequest(options)), 'saml_malformed');
    });
  }

  it('by an issuer that is no entity is malformed', async () => {
    const format = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
    const message = authnRequest().replace('<saml:Issuer', `<saml:Issuer Format="${format}"`);
    await refuses(post(message), 'saml_malformed');
    assert.ok(await post(message.replace(format, 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity')));
  });

  it('of another namespace is no message', async () => {
    await refuses(post(authnRequest().replace('SAML:2.0:protocol', 'SAML:1.1:protocol')), 'saml_malformed');
  });

  it('with an encrypted subject is refused as that', async () => {
    const rest = assertionElement('Subject', '<saml:EncryptedID></saml:EncryptedID>');
    await refuses(post(authnRequest({ rest })), 'saml_encrypted');
  });

  it('needs no signature unless its sender says that it signs, or the operator asks for it', async () => {
    assert.equal((await post(authnRequest())).message.isSigned, false);
    assert.equal((await gate.redirect(redirectQuery(authnRequest()), door)).message.isSigned, false);
    const says = gateOf(serviceProvider({ ...metadata, authnRequestsSigned: true }));
    for (const at of [strict, says]) {
      await refuses(post(authnRequest(), at), 'saml_service_unknown', /not signed/);
      await refuses(at.redirect(redirectQuery(authnRequest()), door), 'saml_service_unknown', /not signed/);
      assert.equal((await signedPost(authnRequest(), at)).message.isSigned, true);
      assert.equal((await at.redirect(redirectQuery(authnRequest(), { key }), door)).message.isSigned, true);
    }
  });

  it('that is signed though it need not be is verified all the same', async () => {
    const other = fixedRsaKey('somebody').privateKey;
    await refuses(post(signed(authnRequest(), { key: other })), 'saml_service_unknown', /no key/);
    await refuses(gate.redirect(redirectQuery(authnRequest(), { key: other }), door), 'saml_service_unknown', /no key/);
    const keyless = gateOf(serviceProvider());
    await refuses(signedPost(authnRequest(), keyless), 'saml_service_unknown', /no key/);
  });
});

describe('the other messages', () => {
  const cases: [kind: MessageKind, text: string, parameter: 'SAMLRequest' | 'SAMLResponse', rest: object][] = [
    [
      'LogoutRequest',
      logoutRequest({
        rest:
          nameId('x', ' Format="urn:f"') + protocolElement('SessionIndex', 'a') + protocolElement('SessionIndex', 'b'),
      }),
      'SAMLRequest',
      {
        nameId: { value: 'x', format: 'urn:f', nameQualifier: undefined, spNameQualifier: undefined },
        sessionIndexes: ['a', 'b'],
      },
    ],
    [
      'LogoutResponse',
      logoutResponse({
        rest: protocolElement(
          'Status',
          protocolElement('StatusCode', protocolElement('StatusCode', '', ' Value="urn:below"'), ' Value="urn:top"') +
            protocolElement('StatusMessage', 'text'),
        ),
      }),
      'SAMLResponse',
      { inResponseTo: '_asked', statusCodes: ['urn:top', 'urn:below'] },
    ],
    [
      'AttributeQuery',
      attributeQuery(),
      'SAMLRequest',
      {
        nameId: { value: 'genuine-person', format: undefined, nameQualifier: undefined, spNameQualifier: undefined },
        attributes: [{ name: 'urn:oid:2.5.4.42', nameFormat: undefined, targetDate: undefined, maxAge: undefined }],
      },
    ],
  ];
  for (const [kind, text, parameter, rest] of cases) {
    it(`${kind}: is read by every binding, when it is signed`, async () => {
      const expected = { kind, id: '_genuine', issuer: SP, issueInstant: NOW, isSigned: true, ...rest };
      const received: Judged[] = [
        await gate.post(postForm(signed(text, { key }), { parameter, relayState: 'r' }), door),
        await gate.redirect(redirectQuery(text, { key, parameter, relayState: 'r' }), door),
        await gate.soap(Buffer.from(envelope(signed(text, { key }))), door),
      ];
      for (const { message, provider, relayState, binding } of received) {
        assert.deepEqual(message, expected, binding);
        assert.equal(provider.metadata.entityId, SP);
        assert.equal(relayState, binding === 'soap' ? undefined : 'r');
      }
      assert.deepEqual(
        received.map(({ binding }) => binding),
        ['post', 'redirect', 'soap'],
      );
    });

    it(`${kind}: is refused unsigned, by every binding`, async () => {
      const unsigned = [
        gate.post(postForm(text, { parameter }), door),
        gate.redirect(redirectQuery(text, { parameter }), door),
        gate.soap(Buffer.from(envelope(text)), door),
      ];
      for (const each of unsigned) await refuses(each, 'saml_service_unknown', /not signed/);
    });
  }

  it('a query with an empty value is for any, as pysaml2 asks', async () => {
    const rest =
      assertionElement('Subject', '<saml:NameID>a</saml:NameID>') +
      assertionElement('Attribute', '<saml:AttributeValue></saml:AttributeValue>', ' Name="a"');
    const { message } = await signedPost(attributeQuery({ rest }));
    assert.ok(message.kind === 'AttributeQuery');
    const [asked] = message.attributes;
    assert.deepEqual(asked, { name: 'a', nameFormat: undefined, targetDate: undefined, maxAge: undefined });
  });

  const queryFor = (written: string) =>
    attributeQuery({
      rest:
        assertionElement('Subject', '<saml:NameID>a</saml:NameID>') +
        assertionElement('Attribute', '', ` xmlns:w="${NAMESPACES.wish}" Name="a"${written}`),
    });

  it('a query says for which day, and how old', async () => {
    const { message } = await signedPost(queryFor(' w:MaxAge="0" w:TargetDate="2026-12-01"'));
    assert.ok(message.kind === 'AttributeQuery');
    assert.deepEqual([message.attributes[0]?.maxAge, message.attributes[0]?.targetDate], [0, '2026-12-01']);
  });

  const status = (content: string) => protocolElement('Status', content);
  const wrong: Record<string, string> = {
    'a logout of nobody': logoutRequest({ rest: protocolElement('SessionIndex', 'a') }),
    'a logout of two': logoutRequest({ rest: nameId('a') + nameId('b') }),
    'a logout of very many sessions': logoutRequest({
      rest: nameId('a') + protocolElement('SessionIndex', 'x').repeat(101),
    }),
    'a session without a name': logoutRequest({ rest: nameId('a') + protocolElement('SessionIndex') }),
    'a query about nobody': attributeQuery({ rest: assertionElement('Subject', '') }),
    'a query about two': attributeQuery({
      rest: assertionElement('Subject', '<saml:NameID>a</saml:NameID><saml:NameID>b</saml:NameID>'),
    }),
    'a query without subject': attributeQuery({ rest: assertionElement('Attribute', '', ' Name="a"') }),
    'a query for an attribute twice': attributeQuery({
      rest:
        assertionElement('Subject', '<saml:NameID>a</saml:NameID>') +
        assertionElement('Attribute', '', ' Name="a"').repeat(2),
    }),
    'a query for a day that is none': queryFor(' w:TargetDate="today"'),
    'a query for an age that is none': queryFor(' w:MaxAge="young"'),
    'a query for a certain value': attributeQuery({
      rest:
        assertionElement('Subject', '<saml:NameID>a</saml:NameID>') +
        assertionElement('Attribute', '<saml:AttributeValue>b</saml:AttributeValue>', ' Name="a"'),
    }),
  };
  for (const [name, text] of Object.entries(wrong)) {
    it(`${name} is malformed`, () => refuses(signedPost(text), 'saml_malformed'));
  }
  for (const [name, rest] of Object.entries({
    'without status': '',
    'without code': status(''),
    'with a code without value': status(protocolElement('StatusCode')),
    'with two codes': status(protocolElement('StatusCode', '', ' Value="a"').repeat(2)),
  })) {
    it(`a response ${name} is malformed`, async () => {
      const form = postForm(signed(logoutResponse({ rest }), { key }), response);
      await refuses(gate.post(form, door), 'saml_malformed');
    });
  }

  it('a logout with an encrypted name is refused as that', () =>
    refuses(signedPost(logoutRequest({ rest: assertionElement('EncryptedID', '') })), 'saml_encrypted'));
});

describe('the sender', () => {
  it('that nobody knows, and a known one with a wrong signature, get the same answer', async () => {
    const told = async (judged: Promise<unknown>) => {
      const error = await judged.then(() => undefined).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof HubError);
      return { code: error.code, status: error.status, message: error.message };
    };
    const stranger = { issuer: 'https://stranger.example/' };
    const forged = signed(logoutRequest(), { key: fixedRsaKey('somebody').privateKey });
    const answers = await Promise.all([
      told(signedPost(logoutRequest(stranger))),
      told(post(authnRequest(stranger))),
      told(post(forged)),
      told(post(logoutRequest())),
      told(post(authnRequest(), strict)),
      // Neither does what is wrong beside the signature tell them apart.
      told(post(logoutRequest({ attributes: { Destination: 'https://elsewhere.example/' } }))),
      told(post(logoutRequest({ attributes: { IssueInstant: '2020-01-01T00:00:00Z' } }))),
    ]);
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(answers[0]?.code, 'saml_service_unknown');
  });

  it('may sign with either of two keys, as in a rollover', async () => {
    const next = await signingIdentity(fixedRsaKey('next'));
    const both = gateOf(serviceProvider({ signingCertificates: [next.certificate, 'bm8=', sender.certificate] }));
    for (const each of [sender.key, next.key]) {
      assert.ok((await post(signed(logoutRequest(), { key: each }), both)).message.isSigned);
    }
  });

  it('is the one that was looked for, by whatever rule it was found', async () => {
    const careless = createGate({
      providers: { find: async () => serviceProvider(metadata) },
      clock: () => NOW,
      tolerance: 0,
    });
    const message = signed(logoutRequest({ issuer: SP.toUpperCase() }), { key });
    await refuses(post(message, careless), 'saml_service_unknown', /another sender/);
  });

  it('is not the one whose key another sender uses', async () => {
    const second = await signingIdentity(fixedRsaKey('next'));
    const two = gateOf(
      serviceProvider(metadata),
      serviceProvider({ entityId: 'https://second.example/', signingCertificates: [second.certificate] }),
    );
    await refuses(post(signed(logoutRequest(), { key: second.key }), two), 'saml_service_unknown', /no key/);
    const query = redirectQuery(logoutRequest(), { key: second.key });
    await refuses(two.redirect(query, door), 'saml_service_unknown', /no key/);
  });
});

describe('the destination', () => {
  const to = (Destination: string | undefined) => logoutRequest({ attributes: { Destination } });
  for (const other of [
    `${SSO}/`,
    `${SSO}?x`,
    SSO.replace('https', 'http'),
    SSO.replace('hub', 'HUB'),
    SSO.replace('.example', '.example:443'),
    'https://other.example/saml/sso',
    '',
  ]) {
    it(`“${other}” is not where it was received`, async () => {
      await refuses(signedPost(to(other)), 'saml_wrong_destination');
      await refuses(gate.redirect(redirectQuery(to(other), { key }), door), 'saml_wrong_destination');
      await refuses(gate.soap(Buffer.from(envelope(signed(to(other), { key }))), door), 'saml_wrong_destination');
      await refuses(post(authnRequest({ attributes: { Destination: other } })), 'saml_wrong_destination');
    });
  }

  it('must be there by redirect and post when the message is signed, and need not otherwise', async () => {
    await refuses(signedPost(to(undefined)), 'saml_wrong_destination');
    await refuses(gate.redirect(redirectQuery(to(undefined), { key }), door), 'saml_wrong_destination');
    assert.ok(await gate.soap(Buffer.from(envelope(signed(to(undefined), { key }))), door));
    assert.ok(await post(authnRequest({ attributes: { Destination: undefined } })));
  });
});

describe('the time of a message', () => {
  const at = (instant: number, attributes: Record<string, string> = {}) =>
    logoutRequest({ attributes: { IssueInstant: new Date(instant).toISOString(), ...attributes } });

  it('is within five minutes, and not in the future by more than clocks differ', async () => {
    for (const instant of [NOW - 300 * SECOND, NOW, NOW + 15 * SECOND]) assert.ok(await signedPost(at(instant)));
    for (const instant of [NOW - 300 * SECOND - 1, NOW + 15 * SECOND + 1, NOW + 1e9, 0]) {
      await refuses(signedPost(at(instant)), 'saml_request_stale');
    }
  });

  it('counts without fractions, and with more of them than anybody needs', async () => {
    for (const IssueInstant of ['2026-11-30T09:00:00Z', '2026-11-30T09:00:00.1Z', '2026-11-30T09:00:00.123456789Z']) {
      const { message } = await signedPost(logoutRequest({ attributes: { IssueInstant } }));
      assert.equal(new Date(message.issueInstant).toISOString().slice(0, 19), '2026-11-30T09:00:00');
    }
  });

  it('ends where its sender says', async () => {
    const until = (instant: number) => at(NOW, { NotOnOrAfter: new Date(instant).toISOString() });
    assert.ok(await signedPost(until(NOW + SECOND)));
    await refuses(signedPost(until(NOW - 15 * SECOND)), 'saml_request_stale');
  });
});

describe('a door', () => {
  it('takes the kinds that it is for, and no other', async () => {
    const kinds = ['AuthnRequest'] as const;
    await refuses(
      gate.post(postForm(signed(logoutRequest(), { key })), { address: SSO, kinds }),
      'saml_malformed',
      /kind/,
    );
    const query = redirectQuery(logoutRequest(), { key });
    await refuses(gate.redirect(query, { address: SSO, kinds }), 'saml_malformed', /kind/);
    // Nobody is looked up for it.
    const stranger = postForm(logoutRequest({ issuer: 'https://stranger.example/' }));
    await refuses(gate.post(stranger, { address: SSO, kinds }), 'saml_malformed', /kind/);
  });

  it('takes no request as a response, nor the other way round', async () => {
    await refuses(gate.post(postForm(signed(logoutRequest(), { key }), response), door), 'saml_malformed');
    await refuses(gate.post(postForm(signed(logoutResponse(), { key })), door), 'saml_malformed');
    await refuses(gate.redirect(redirectQuery(logoutRequest(), { key, ...response }), door), 'saml_malformed');
  });
});

describe('a form', () => {
  const message = Buffer.from(authnRequest()).toString('base64');
  it('has one message and one RelayState', async () => {
    const wrong = [
      '',
      'SAMLRequest=',
      'RelayState=x',
      `SAMLRequest=${encodeURIComponent(message)}&SAMLRequest=${encodeURIComponent(message)}`,
      `SAMLRequest=${encodeURIComponent(message)}&SAMLResponse=${encodeURIComponent(message)}`,
      `SAMLRequest=${encodeURIComponent(message)}&RelayState=a&RelayState=b`,
      `SAMLRequest=${encodeURIComponent(message.slice(1))}`,
      `SAMLRequest=${encodeURIComponent(`${message}!`)}`,
      `SAMLRequest=${encodeURIComponent(Buffer.from(authnRequest()).toString('base64url'))}x`,
    ];
    for (const form of wrong) await refuses(gate.post(new URLSearchParams(form), door), 'saml_malformed');
  });

  it('may break the lines of base64', async () => {
    const broken = message.replaceAll(/.{64}/g, '$&\r\n');
    assert.ok(await gate.post(new URLSearchParams({ SAMLRequest: broken }), door));
  });
});

describe('a RelayState', () => {
  const relayed = (relayState: string) => [
    () => gate.post(postForm(authnRequest(), { relayState }), door),
    () => gate.redirect(redirectQuery(authnRequest(), { relayState, key }), door),
  ];
  it('comes through as it is, up to 80 octets', async () => {
    for (const relayState of ['', 'x'.repeat(80), 'あ'.repeat(26), '<b>&"\'+ %2B', 'https://sp.example/?a=b&c#d']) {
      for (const receive of relayed(relayState)) assert.equal((await receive()).relayState, relayState);
    }
  });

  it('is refused beyond that, and with control characters', async () => {
    for (const relayState of ['x'.repeat(81), 'あ'.repeat(27), 'a\0', 'a\nb', '\r', 'a\u0085', 'a\u2028', '\u009f']) {
      for (const receive of relayed(relayState)) await refuses(receive(), 'saml_relay_state_invalid');
    }
  });
});
