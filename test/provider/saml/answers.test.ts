import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { SignedXml } from 'xml-crypto';
import { writePostField, writeSoapEnvelope } from '../../../provider/saml/answers/bindings.ts';
import { BINDING_URIS, NAME_ID_FORMATS, NAMESPACES, STATUS } from '../../../provider/saml/names.ts';
import { verifyRedirect } from '../../../provider/saml/signature/redirect_signature.ts';
import { verifyEnveloped } from '../../../provider/saml/signature/verify_enveloped.ts';
import { canonicalize } from '../../../provider/saml/xml/canonical.ts';
import { readXml } from '../../../provider/saml/xml/read_xml.ts';
import { attributeOf, childElements, textOf, type XmlElement } from '../../../provider/saml/xml/xml_element.ts';
import { ecKey, rsaKey } from '../../adapters/sandbox/pki/key_pool.ts';
import { ACS, answeringHub, attributeOfPerson, PERSON, SP, signInResponse } from '../../support/saml/answering_hub.ts';
import { decryptWithXmlsec1, verifiesWithXmlsec1 } from '../../support/saml/verify_with_xmlsec1.ts';

const NOW = Date.UTC(2026, 10, 30, 12, 0, 0, 900);
const { answers, publicKey, certificatePem } = await answeringHub(() => NOW);
const stranger = createPublicKey((await rsaKey('stranger')).privateKey);
const serviceProvider = await rsaKey('service provider');

/** What cannot be told from markup, what line-end and attribute-value normalisation change, and what is two units long. */
const HOSTILE = [
  '<&>"\'',
  ']]>',
  '<!-- a -->',
  '&amp;&#13;',
  'a\r\nb\rc\nd\te',
  '  a  ',
  '𠮷野家',
  'é\u0301',
  '\u2029\u009f',
  '',
];

/** Code points of every plane, halves of surrogate pairs among them. */
const ANYTHING = fc
  .array(fc.oneof(fc.nat({ max: 0x2fff }), fc.nat({ max: 0x10_ffff })), { maxLength: 12 })
  .map((codes) => String.fromCodePoint(...codes));

const read = (xml: string) => readXml(Buffer.from(xml));

/** All elements with this name, wherever they are. */
function every(element: XmlElement, local: string): XmlElement[] {
  const below = childElements(element).flatMap((child) => every(child, local));
  return element.local === local ? [element, ...below] : below;
}

function the(element: XmlElement, local: string): XmlElement {
  const [found, ...more] = every(element, local);
  assert.ok(found && more.length === 0, `one ${local}`);
  return found;
}

const attributesOf = (element: XmlElement) =>
  Object.fromEntries(element.attributes.map(({ local, value }) => [local, value]));

describe('the response to a sign-in', () => {
  it('says who signed in, how and when, to one service provider, at one address and for five minutes', async () => {
    const { id, xml } = await answers.response(
      signInResponse({ authnInstant: NOW - 60_000, sessionNotOnOrAfter: NOW + 3_600_000 }),
    );
    const root = read(xml);
    assert.deepEqual(attributesOf(root), {
      ...{ ID: id, Version: '2.0', IssueInstant: '2026-11-30T12:00:00Z' },
      ...{ Destination: ACS, InResponseTo: '_request1' },
    });
    assert.equal(attributeOf(the(root, 'StatusCode'), 'Value'), STATUS.success);
    const assertion = the(root, 'Assertion');
    assert.deepEqual(
      [root, assertion].map((element) => textOf(childElements(element)[0] as XmlElement)),
      Array(2).fill('https://hub.example/saml/metadata'),
    );
    const nameId = the(assertion, 'NameID');
    assert.deepEqual(attributesOf(nameId), { Format: NAME_ID_FORMATS.persistent, SPNameQualifier: SP });
    assert.equal(textOf(nameId), PERSON);
    assert.deepEqual(attributesOf(the(assertion, 'SubjectConfirmation')), {
      Method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
    });
    assert.deepEqual(attributesOf(the(assertion, 'SubjectConfirmationData')), {
      ...{ InResponseTo: '_request1', NotOnOrAfter: '2026-11-30T12:05:00Z', Recipient: ACS },
    });
    assert.deepEqual(attributesOf(the(assertion, 'Conditions')), {
      ...{ NotBefore: '2026-11-30T11:59:30Z', NotOnOrAfter: '2026-11-30T12:05:00Z' },
    });
    assert.equal(textOf(the(assertion, 'Audience')), SP);
    assert.deepEqual(attributesOf(the(assertion, 'AuthnStatement')), {
      ...{ AuthnInstant: '2026-11-30T11:59:00Z', SessionIndex: 'session-1' },
      SessionNotOnOrAfter: '2026-11-30T13:00:00Z',
    });
    assert.match(textOf(the(assertion, 'AuthnContextClassRef')) ?? '', /SmartcardPKI$/);
    assert.deepEqual(
      every(assertion, 'Attribute').map((each) => [attributesOf(each), childElements(each).map(textOf)]),
      signInResponse().attributes.map(({ name, nameFormat, friendlyName, values }) => [
        { FriendlyName: friendlyName, Name: name, NameFormat: nameFormat },
        values,
      ]),
    );
  });

  it('carries two signatures, each of which verifies with xmlsec1 by the hub’s key and by no other', async () => {
    const { xml } = await answers.response(signInResponse());
    for (const element of ['Response', 'Assertion'] as const) {
      assert.ok(await verifiesWithXmlsec1(xml, element, publicKey), element);
      assert.ok(!(await verifiesWithXmlsec1(xml, element, stranger)), element);
    }
    const changed = xml.replace('doctor', 'Doctor');
    for (const element of ['Response', 'Assertion'] as const) {
      assert.ok(!(await verifiesWithXmlsec1(changed, element, publicKey)), element);
    }
  });

  it('has an assertion that verifies when it is taken out of its response', async () => {
    const { xml } = await answers.response(signInResponse());
    const assertion = /<saml:Assertion.*<\/saml:Assertion>/s.exec(xml)?.[0] ?? '';
    assert.ok(await verifiesWithXmlsec1(assertion, 'Assertion', publicKey));
  });

  it('names no request when there was none', async () => {
    const { xml } = await answers.response(signInResponse({ inResponseTo: undefined }));
    assert.ok(!xml.includes('InResponseTo'));
  });

  it('has no attribute statement when there is nothing to state', async () => {
    const { xml } = await answers.response(signInResponse({ attributes: [] }));
    assert.ok(!xml.includes('AttributeStatement'));
    assert.ok(await verifiesWithXmlsec1(xml, 'Assertion', publicKey));
  });

  it('has identifiers of 160 random bits, another one for each response and each assertion', async () => {
    const messages = await Promise.all([1, 2, 3].map(() => answers.response(signInResponse())));
    const ids = messages.flatMap(({ xml }) => {
      const root = read(xml);
      return [root, the(root, 'Assertion')].map((element) => attributeOf(element, 'ID') ?? '');
    });
    assert.equal(new Set(ids).size, 6);
    for (const id of ids) assert.match(id, /^_[0-9a-f]{40}$/);
  });
});

describe('an encrypted assertion', () => {
  const encryptFor = createPublicKey(serviceProvider.privateKey);

  it('shows nothing of the person, and is decrypted by xmlsec1 to one that verifies', async () => {
    const { xml } = await answers.response(signInResponse({ encryptFor }));
    for (const secret of [PERSON, 'family_name', '見本', 'session-1', 'SmartcardPKI']) assert.ok(!xml.includes(secret));
    assert.ok(await verifiesWithXmlsec1(xml, 'Response', publicKey));
    const decrypted = await decryptWithXmlsec1(xml, serviceProvider.privateKey);
    assert.ok(decrypted.includes(PERSON));
    assert.ok(await verifiesWithXmlsec1(decrypted, 'Assertion', publicKey));
  });

  it('is encrypted under a key and an initialisation vector of its own by AES-256-GCM and RSA-OAEP', async () => {
    const both = await Promise.all([1, 2].map(() => answers.response(signInResponse({ encryptFor }))));
    const ciphers = both.flatMap(({ xml }) => every(read(xml), 'CipherValue').map((element) => textOf(element) ?? ''));
    const [wrapped = '', content = '', wrappedAgain = '', contentAgain = ''] = ciphers;
    assert.notEqual(wrapped, wrappedAgain);
    assert.notEqual(content.slice(0, 16), contentAgain.slice(0, 16));
    const methods = every(read(both[0]?.xml ?? ''), 'EncryptionMethod').map((each) => attributeOf(each, 'Algorithm'));
    assert.deepEqual(methods, [
      'http://www.w3.org/2009/xmlenc11#aes256-gcm',
      'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    ]);
  });

  it('is not made for a key that cannot unwrap', async () => {
    const curve = createPublicKey((await ecKey('curve')).privateKey);
    await assert.rejects(answers.response(signInResponse({ encryptFor: curve })), TypeError);
  });
});

describe('values', () => {
  it('arrive as they are, whatever is in them, with both signatures good in xmlsec1', async () => {
    const response = signInResponse({
      destination: `${ACS}&back=<"a\tb'>`,
      nameId: { value: ' <&>]]> ', format: 'urn:"x"', nameQualifier: 'a\r\n<b>', spNameQualifier: '&' },
      attributes: [attributeOfPerson('<"\t\r\n">', ...HOSTILE)],
    });
    const { xml } = await answers.response(response);
    for (const element of ['Response', 'Assertion'] as const) {
      assert.ok(await verifiesWithXmlsec1(xml, element, publicKey), element);
    }
    const root = read(xml);
    assert.equal(attributeOf(root, 'Destination'), response.destination);
    assert.equal(the(root, 'NameID').children.join(''), ' <&>]]> ');
    assert.equal(attributeOf(the(root, 'NameID'), 'NameQualifier'), 'a\r\n<b>');
    assert.equal(attributeOf(the(root, 'Attribute'), 'FriendlyName'), '<"\t\r\n">');
    assert.deepEqual(
      every(root, 'AttributeValue').map(({ children }) => children.join('')),
      HOSTILE,
    );
  });

  it('that XML cannot hold lose what it cannot hold, and keep nobody out', async () => {
    const { xml } = await answers.response(
      signInResponse({
        attributes: [attributeOfPerson('name', '見\u0000本\u001b\uFFFE', '\uD842', '\uDFB7太郎', 'a\u0085b\u2028c')],
      }),
    );
    assert.ok(await verifiesWithXmlsec1(xml, 'Response', publicKey));
    assert.deepEqual(every(read(xml), 'AttributeValue').map(textOf), [
      ...['見\uFFFD本\uFFFD\uFFFD', '\uFFFD', '\uFFFD太郎', 'a\nb\nc'],
    ]);
  });

  it('of any kind: xml-crypto verifies both signatures and finds in the signed octets what was put in', async () => {
    const piece = fc.oneof(
      ANYTHING,
      fc.constantFrom(...HOSTILE, ...['\u0000', '\uD800', '\uDC00', '\uFFFF', '\u0085', '\u2028', '\r\u0085']),
    );
    const value = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(value, value, fc.array(value, { minLength: 1, maxLength: 3 }), async (name, person, values) => {
        const nameId = { value: person, format: NAME_ID_FORMATS.persistent };
        const { xml } = await answers.response(
          signInResponse({ nameId, attributes: [attributeOfPerson(name, ...values)] }),
        );
        for (const signed of [signedBy(xml, 'Response'), signedBy(xml, 'Assertion')]) {
          const root = read(signed);
          assert.equal(the(root, 'NameID').children.join(''), held(person));
          assert.equal(attributeOf(the(root, 'Attribute'), 'FriendlyName'), held(name));
          const found = every(root, 'AttributeValue').map(({ children }) => children.join(''));
          assert.deepEqual(found, values.map(held));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('of any kind: the hub’s own canonicaliser finds every message in its form already', async () => {
    await fc.assert(
      fc.asyncProperty(ANYTHING, ANYTHING, ANYTHING, async (name, person, content) => {
        const response = signInResponse({
          destination: `${ACS}${name}`,
          nameId: { value: person, format: name, nameQualifier: content, spNameQualifier: name },
          attributes: [attributeOfPerson(name, content)],
        });
        for (const encryptFor of [undefined, createPublicKey(serviceProvider.privateKey)]) {
          const { xml } = await answers.response({ ...response, encryptFor });
          assert.equal(canonicalize(read(xml)).toString(), xml);
        }
      }),
      { numRuns: 40 },
    );
  });

  /** What XML holds of a string: written the other way round from the code, character by character. */
  function held(value: string): string {
    return [...value.toWellFormed()]
      .map((character) => {
        const code = character.codePointAt(0) ?? 0;
        const isControl = code < 0x20 && ![0x9, 0xa, 0xd].includes(code);
        if (code === 0x85 || code === 0x2028) return '\n';
        return isControl || code === 0xfffe || code === 0xffff ? '\uFFFD' : character;
      })
      .join('');
  }

  /** The octets that the signature of this element covers, as xml-crypto canonicalises them. */
  function signedBy(xml: string, element: 'Response' | 'Assertion'): string {
    const pattern = /<ds:Signature .*?<\/ds:Signature>/gs;
    const signatures = xml.match(pattern) ?? [];
    assert.equal(signatures.length, 2);
    const verifier = new SignedXml({ publicCert: certificatePem, getCertFromKeyInfo: () => null });
    verifier.loadSignature(signatures[element === 'Response' ? 0 : 1] ?? '');
    assert.ok(verifier.checkSignature(xml));
    const [signed, ...more] = verifier.getSignedReferences();
    assert.ok(signed && more.length === 0);
    return signed;
  }
});

describe('the answer to an attribute query', () => {
  it('is signed twice, and holds a subject whom nobody can present anywhere', async () => {
    const { nameId, attributes } = signInResponse();
    const { xml } = await answers.attributeResponse({
      ...{ inResponseTo: '_query1', audience: SP, nameId, attributes, encryptFor: undefined },
    });
    for (const element of ['Response', 'Assertion'] as const) {
      assert.ok(await verifiesWithXmlsec1(xml, element, publicKey), element);
    }
    const root = read(xml);
    assert.equal(attributeOf(root, 'InResponseTo'), '_query1');
    assert.equal(attributeOf(root, 'Destination'), undefined);
    assert.equal(textOf(the(root, 'Audience')), SP);
    for (const absent of ['SubjectConfirmation', 'AuthnStatement']) assert.deepEqual(every(root, absent), []);
    const enveloped = writeSoapEnvelope(xml);
    for (const element of ['Response', 'Assertion'] as const) {
      assert.ok(await verifiesWithXmlsec1(enveloped, element, publicKey), 'within its SOAP envelope too');
    }
    const envelope = read(enveloped);
    assert.equal(envelope.namespace, NAMESPACES.soap);
    assert.equal(childElements(the(envelope, 'Body'))[0]?.local, 'Response');
  });
});

describe('a response that says no', () => {
  it('nests the codes from the top, and is signed', async () => {
    const { xml } = await answers.errorResponse({
      ...{ destination: ACS, inResponseTo: '_request1' },
      codes: [STATUS.responder, STATUS.noPassive],
      message: 'a <person> & a card',
    });
    assert.ok(await verifiesWithXmlsec1(xml, 'Response', publicKey));
    const root = read(xml);
    assert.deepEqual(every(root, 'Assertion'), []);
    const [top, second] = every(root, 'StatusCode');
    assert.ok(top && second && childElements(top)[0] === second);
    assert.deepEqual([attributeOf(top, 'Value'), attributeOf(second, 'Value')], [STATUS.responder, STATUS.noPassive]);
    assert.equal(textOf(the(root, 'StatusMessage')), 'a <person> & a card');
  });
});

describe('a logout', () => {
  const nameId = { value: PERSON, format: NAME_ID_FORMATS.persistent, spNameQualifier: SP };
  const slo = 'https://sp.example/slo?binding=r';
  const request = () => answers.logoutRequest({ destination: slo, nameId, sessionIndexes: ['s-1', 's-2'] });

  it('is asked for by name and sessions, for five minutes', async () => {
    const { id, xml } = await answers.sign(request());
    assert.ok(await verifiesWithXmlsec1(xml, 'LogoutRequest', publicKey));
    const root = read(xml);
    assert.deepEqual(attributesOf(root), {
      ...{ ID: id, Version: '2.0', IssueInstant: '2026-11-30T12:00:00Z', NotOnOrAfter: '2026-11-30T12:05:00Z' },
      Destination: slo,
    });
    assert.equal(textOf(the(root, 'NameID')), PERSON);
    assert.deepEqual(every(root, 'SessionIndex').map(textOf), ['s-1', 's-2']);
  });

  it('is answered, partly too', async () => {
    const draft = answers.logoutResponse({
      ...{ destination: slo, inResponseTo: '_logout1', codes: [STATUS.success, STATUS.partialLogout] },
    });
    const { xml } = await answers.sign(draft);
    assert.ok(await verifiesWithXmlsec1(xml, 'LogoutResponse', publicKey));
    const codes = every(read(xml), 'StatusCode').map((code) => attributeOf(code, 'Value'));
    assert.deepEqual(codes, [STATUS.success, STATUS.partialLogout]);
  });

  it('by redirect is signed over the octets of the query, and not within', async () => {
    const relayState = 'a b+c&d=<é>';
    const url = await answers.redirectUrl(request(), relayState);
    assert.ok(url.startsWith(`${slo}&SAMLRequest=`));
    const query = url.slice(slo.length + 1);
    const [, signed = '', signature = ''] = /^(.*)&Signature=(.*)$/.exec(query) ?? [];
    const octets = Buffer.from(decodeURIComponent(signature), 'base64');
    assert.ok(verify('sha256', Buffer.from(signed), publicKey, octets));
    const parameters = new URLSearchParams(query);
    assert.deepEqual([...parameters.keys()], ['SAMLRequest', 'RelayState', 'SigAlg', 'Signature']);
    assert.equal(parameters.get('RelayState'), relayState);
    assert.equal(parameters.get('SigAlg'), 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256');
    const root = readXml(inflateRawSync(Buffer.from(parameters.get('SAMLRequest') ?? '', 'base64')));
    assert.equal(root.local, 'LogoutRequest');
    assert.deepEqual(every(root, 'Signature'), []);
  });

  it('by redirect without RelayState has none, and begins the query where the address has none', async () => {
    const draft = answers.logoutResponse({
      ...{ destination: 'https://sp.example/slo', inResponseTo: '_logout1', codes: [STATUS.success] },
    });
    const url = new URL(await answers.redirectUrl(draft, undefined));
    assert.equal(`${url.origin}${url.pathname}`, 'https://sp.example/slo');
    assert.deepEqual([...url.searchParams.keys()], ['SAMLResponse', 'SigAlg', 'Signature']);
  });

  it('is verified by the hub’s own reader of signatures, by either binding', async () => {
    const { xml } = await answers.sign(request());
    assert.equal(textOf(the(verifyEnveloped(read(xml), [publicKey]), 'NameID')), PERSON);
    assert.throws(() => verifyEnveloped(read(xml), [stranger]), { code: 'saml_signature_invalid' });
    const url = await answers.redirectUrl(request(), 'state');
    const [, signedText = '', algorithm = '', value = ''] =
      /[?&](SAMLRequest=.*&SigAlg=(.*))&Signature=(.*)$/.exec(url) ?? [];
    const signature = {
      signedText,
      algorithm: decodeURIComponent(algorithm),
      value: Buffer.from(decodeURIComponent(value), 'base64'),
    };
    verifyRedirect(signature, [publicKey]);
    assert.throws(() => verifyRedirect(signature, [stranger]), { code: 'saml_signature_invalid' });
  });

  it('by a form is the signed message in base64', async () => {
    const { xml } = await answers.sign(request());
    assert.equal(Buffer.from(writePostField(xml), 'base64').toString(), xml);
    assert.match(BINDING_URIS.post, /HTTP-POST$/);
  });
});
